import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { close } from "../../../ffi/fd.ts";
import { AF_UNIX } from "../../../ffi/sockaddr.ts";
import { bind, recv, SOCK_DGRAM, SOCK_NONBLOCK, socket } from "../../../ffi/socket.ts";
import { monotonicMicroseconds } from "../../../ffi/time.ts";
import { ignoredSignals } from "../../../src/kernel/inherited-signals.ts";
import { takeServiceManager } from "../../../src/kernel/service-manager.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-notify-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function listener(path: string) {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  bind(fd, { family: "unix", path });
  const room = new Uint8Array(4096);
  return {
    heard: () => new TextDecoder().decode(room.subarray(0, recv(fd, room) ?? 0)),
    [Symbol.dispose]: () => close(fd),
  };
}

test("words go to a path and to an abstract name, and no variable stays", () => {
  const name = `lbd-test-${process.pid}`;
  const places = [
    [join(dir, "notify"), join(dir, "notify")],
    [`@${name}`, `\0${name}`],
  ] as const;
  for (const [variable, path] of places) {
    using socket = listener(path);
    const environment = { NOTIFY_SOCKET: variable, WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42", PATH: "/bin" };
    const manager = takeServiceManager(environment, 42);
    expect(manager?.send(["READY=1", "MAINPID=42"])).toBe(true);
    expect(socket.heard()).toBe("READY=1\nMAINPID=42");
    expect(manager?.watchdogMs).toBe(30_000);
    expect(environment as object).toEqual({ PATH: "/bin" });
  }
});

test.each([
  ["another process is watched", { WATCHDOG_USEC: "1000000", WATCHDOG_PID: "43" }, undefined],
  ["nobody is named", { WATCHDOG_USEC: "1000000" }, 1000],
  ["nobody watches", {}, undefined],
  ["no number", { WATCHDOG_USEC: "soon" }, undefined],
])("%s", (_why, variables, expected) => {
  expect(takeServiceManager({ NOTIFY_SOCKET: join(dir, "s"), ...variables }, 42)?.watchdogMs).toBe(expected as number);
});

test("nobody listens: it is no error; a name that is none is one; without a name there is no manager", () => {
  expect(takeServiceManager({ NOTIFY_SOCKET: join(dir, "nobody") }, 1)?.send(["READY=1"])).toBe(false);
  expect(() => takeServiceManager({ NOTIFY_SOCKET: "relative" }, 1)).toThrow("NOTIFY_SOCKET: expected a path or @name");
  expect(takeServiceManager({}, 1)).toBeUndefined();
});

test("the kernel's monotonic clock, as /proc/uptime has it at least", async () => {
  const uptimeS = Number((await Bun.file("/proc/uptime").text()).split(" ")[0]);
  // uptime counts time asleep, this clock does not.
  expect(monotonicMicroseconds() / 1e6).toBeLessThan(uptimeS + 1);
  const first = monotonicMicroseconds();
  expect(monotonicMicroseconds()).toBeGreaterThanOrEqual(first);
});

test.each([
  ["none", "SigIgn:\t0000000000000000\n", []],
  ["HUP and INT", "SigBlk:\t00\nSigIgn:\t0000000000000003\nSigCgt:\t01\n", [1, 2]],
  ["CHLD, and a real-time one, which is not for here", "SigIgn:\t0000000200010000\n", [17]],
])("ignored by /proc: %s", (_which, status, expected) => {
  expect(ignoredSignals(status)).toEqual(expected);
});
