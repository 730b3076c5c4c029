// A program that is parent and child at once, for the channel's tests: the parent prints what it hears as JSON lines, and each role
// is a child that does one thing to it. Started by its own path, as lbd starts itself.
import { openSync, readdirSync, writeSync } from "node:fs";
import { asFd } from "../../ffi/fd.ts";
import { sendMessage } from "../../ffi/message.ts";
import { SOL_SOCKET } from "../../ffi/socket.ts";
import { encodeFrame } from "../../src/process/frames.ts";
import { ROLE_WORD } from "../../src/process/options.ts";
import { openParentChannel, spawnChild } from "../../src/process/runtime.ts";
import type { RoleName } from "../../src/roles/role.ts";

const CHANNEL_FD = 3;
const SCM_RIGHTS = 1;
const DESCRIPTORS_SENT = 20;

const DEEDS: Readonly<Record<RoleName, () => void>> = {
  /** Says back what it hears. */
  checker() {
    const channel = openParentChannel({
      message: (raw) => channel.send(raw),
      broken: (reason) => channel.send(reason),
      // The parent has closed the channel, and ends this process in a moment.
      closed: () => setTimeout(() => process.exit(0), 5000),
    });
  },
  /** Hands descriptors over. */
  vrrp() {
    const descriptor = new Uint8Array(new Int32Array([openSync("/dev/null", "r")]).buffer);
    for (let at = 0; at < DESCRIPTORS_SENT; at++)
      sendMessage(asFd(CHANNEL_FD), {
        parts: [encodeFrame({ at })],
        control: [{ level: SOL_SOCKET, type: SCM_RIGHTS, data: descriptor }],
      });
    setInterval(() => {}, 1000);
  },
  /** Announces more than may come, and never stops. */
  api() {
    writeSync(CHANNEL_FD, Uint8Array.of(255, 255, 255, 127));
    const rest = new Uint8Array(65_536);
    const more = () => {
      try {
        writeSync(CHANNEL_FD, rest);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) {
          // The parent has closed the channel, and ends this process in a moment.
          setTimeout(() => process.exit(0), 5000);
          return;
        }
      }
      setImmediate(more);
    };
    more();
  },
  /** Takes nothing of what it is sent. */
  starter() {
    setInterval(() => {}, 1000);
  },
  /** Last words, and the end right behind them. */
  bfd() {
    const channel = openParentChannel({ message: () => {}, broken: () => {}, closed: () => {} });
    channel.send("last words");
    process.exit(7);
  },
};

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function nested(levels: number): readonly unknown[] {
  return levels === 1 ? [] : [nested(levels - 1)];
}

function isRole(word: string | undefined): word is RoleName {
  return word !== undefined && word in DEEDS;
}

const [first, second] = process.argv.slice(2);
const role = first === ROLE_WORD ? second : first;
if (!isRole(role)) process.exit(2);
if (first === ROLE_WORD) DEEDS[role]();
else {
  const say = (line: object) => console.log(JSON.stringify(line));
  const before = openDescriptors();
  let heard = 0;
  const child = spawnChild(role, {
    message(raw, bytes) {
      heard++;
      const text = JSON.stringify(raw);
      say({ message: text.length > 100 ? text.length : raw, bytes });
      if (role === "vrrp" && heard === DESCRIPTORS_SENT) {
        // Three of its own: the channel and the two pipes of the child.
        say({ descriptors: openDescriptors() - before });
        child.kill("SIGKILL");
      }
      if (role === "checker" && heard === 2) child.send(nested(40));
    },
    broken(reason) {
      say({ broken: reason });
      child.kill("SIGKILL");
    },
    stderr: (text) => say({ stderr: text }),
    exit: (how) => say({ exit: how }),
  });
  if (role === "starter") {
    const megabyte = "x".repeat(1024 * 1024);
    let taken = 0;
    while (taken < 1000 && child.send(megabyte)) taken++;
    say({ taken });
    child.kill("SIGKILL");
  }
  if (role === "checker") {
    child.send("small");
    child.send("x".repeat(5_000_000));
  }
}
