// Ring netns: lbd in the places that keepalived has on a machine: its pid files and names, several directors, what a service manager
// and an init process would see. Each machine is a mount namespace with a /run of its own.
import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { close } from "../../ffi/fd.ts";
import { AF_UNIX } from "../../ffi/sockaddr.ts";
import { bind, recv, SOCK_DGRAM, SOCK_NONBLOCK, socket } from "../../ffi/socket.ts";
import { ignoredSignals, SIGXFSZ } from "../../src/kernel/inherited-signals.ts";
import { lbdBinary } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 60_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const hostTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

const base = mkdtempSync(join(tmpdir(), "lbd-host-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function file(text: string): string {
  const path = join(base, `${serial++}.conf`);
  writeFileSync(path, text);
  return path;
}

/** A /run of its own, in which programs are started; the shell that holds it ends with everything below it. */
class Machine {
  readonly #holder: ChildProcess;
  readonly #started: ChildProcess[] = [];

  constructor() {
    const script = "mount -t tmpfs -o mode=755 none /run && ip link set lo up && echo up && exec sleep 1000";
    this.#holder = spawn("unshare", ["-mn", "sh", "-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  }

  async up(): Promise<this> {
    await until("/run is mounted", () => this.run("findmnt", "-n", "/run").stdout.includes("mode=755"));
    return this;
  }

  #enter(): string[] {
    return ["-t", `${this.#holder.pid}`, "-m", "-n", "--"];
  }

  run(...words: string[]) {
    return spawnSync("nsenter", [...this.#enter(), ...words], { encoding: "utf8" });
  }

  start(...words: string[]): Started {
    const child = spawn("nsenter", [...this.#enter(), ...words], { stdio: ["ignore", "pipe", "pipe"] });
    this.#started.push(child);
    return new Started(child);
  }

  files(): string[] {
    const root = `/proc/${this.#holder.pid}/root/run`;
    return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  }

  read(path: string): string | undefined {
    const full = `/proc/${this.#holder.pid}/root${path}`;
    return existsSync(full) ? readFileSync(full, "utf8") : undefined;
  }

  write(path: string, text: string): void {
    writeFileSync(`/proc/${this.#holder.pid}/root${path}`, text);
  }

  [Symbol.dispose](): void {
    for (const child of this.#started) child.kill("SIGKILL");
    this.#holder.kill("SIGKILL");
  }
}

class Started {
  readonly #child: ChildProcess;
  output = "";
  readonly exited: Promise<number | null>;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (this.output += data));
    this.exited = new Promise((resolve) => child.once("exit", resolve));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async says(text: string): Promise<void> {
    await until(`it says ${text}\n${this.output}`, () => this.output.includes(text), 20_000);
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.exited;
  }
}

const CHECKED =
  "virtual_server 127.0.0.1 8099 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 127.0.0.2 80 {\n }\n}\n";
const SYSTEM = "global_defs {\n router_id here\n}\n";

describe.skipIf(reason !== undefined)("called as keepalived", () => {
  function keepalived(): string {
    const directory = mkdtempSync(join(base, "bin-"));
    symlinkSync(lbdBinary(), join(directory, "keepalived"));
    return join(directory, "keepalived");
  }

  hostTest("its pid files are where keepalived's are, its name is keepalived, and nothing of it stays", async () => {
    using machine = await new Machine().up();
    const lbd = machine.start(keepalived(), "-f", file(CHECKED), "--api", "off");
    await lbd.says("checker runs");
    expect(machine.read("/run/keepalived.pid")).toBe(`${lbd.pid}\n`);
    expect(machine.read("/run/checkers.pid")).toBe(machine.read("/run/lbd/checkers.pid"));
    expect(readFileSync(`/proc/${lbd.pid}/comm`, "utf8")).toBe("keepalived\n");
    const second = machine.start(keepalived(), "-f", file(CHECKED), "--api", "off");
    expect(await second.exited).toBe(3);
    expect(second.output).toContain(`already running: pid ${lbd.pid} holds /run/keepalived.pid`);
    expect(await lbd.stop()).toBe(0);
    expect(machine.files()).toEqual(["lbd"]);
  });

  hostTest("instance, use_pid_dir", async () => {
    using machine = await new Machine().up();
    const web = machine.start(keepalived(), "-f", file(`instance web\n${SYSTEM}`), "--api", "off");
    const plain = machine.start(keepalived(), "-f", file(`use_pid_dir\n${SYSTEM}`), "--api", "off");
    for (const lbd of [web, plain]) await lbd.says("api runs");
    expect(machine.read("/run/keepalived/keepalived_web.pid")).toBe(`${web.pid}\n`);
    expect(machine.read("/run/keepalived/keepalived.pid")).toBe(`${plain.pid}\n`);
    for (const lbd of [web, plain]) expect(await lbd.stop()).toBe(0);
  });

  hostTest("a pid file of a program that runs is left alone, and not removed at the end", async () => {
    using machine = await new Machine().up();
    const other = machine.start("sleep", "1000");
    machine.write("/run/vrrp.pid", `${other.pid}\n`);
    const text = `${SYSTEM}vrrp_instance V {\n interface lo\n virtual_router_id 9\n virtual_ipaddress {\n 192.0.2.77\n }\n}\n`;
    const lbd = machine.start(keepalived(), "-f", file(text), "--api", "off");
    await lbd.says(`pid file /run/vrrp.pid is that of pid ${other.pid} (sleep), which runs: left as it is`);
    expect(await lbd.stop()).toBe(0);
    expect(machine.read("/run/vrrp.pid")).toBe(`${other.pid}\n`);
  });

  hostTest("called lbd it writes none of them", async () => {
    using machine = await new Machine().up();
    const lbd = machine.start(lbdBinary(), "-f", file(SYSTEM), "--api", "off");
    await lbd.says("api runs");
    expect(machine.files().filter((name) => !name.startsWith("lbd"))).toEqual([]);
    expect(await lbd.stop()).toBe(0);
  });
});

describe.skipIf(reason !== undefined)("several directors on one machine", () => {
  hostTest("by instance, -p and nothing: each has its own, and commands find them", async () => {
    using machine = await new Machine().up();
    const usual = file(SYSTEM);
    const web = machine.start(lbdBinary(), "-f", file(`instance web\n${SYSTEM}`), "--api", "off");
    const router = machine.start(lbdBinary(), "-f", usual, "-p", "/run/router.pid", "--api", "off");
    for (const lbd of [web, router]) await lbd.says("api runs");
    const refused = machine.run(lbdBinary(), "status");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`--run-dir /run/lbd/run+router%2Epid (pid ${router.pid})`);
    expect(refused.stderr).toContain(`--run-dir /run/lbd/web (pid ${web.pid})`);

    const plain = machine.start(lbdBinary(), "-f", usual, "--api", "off");
    await plain.says("api runs");
    const reloaded = machine.run(lbdBinary(), "reload");
    expect(reloaded).toMatchObject({ status: 0, stdout: expect.stringContaining("reloaded") });
    expect(reloaded.stderr).toContain(`this is /run/lbd; there run also: --run-dir /run/lbd/run+router`);
    await plain.says("reload done");
    expect(web.output + router.output).not.toContain("reload done");
    const json = machine.run(lbdBinary(), "status", "--json", "--run-dir", "/run/lbd/web");
    expect(JSON.parse(json.stdout).director.pid).toBe(web.pid);
    for (const lbd of [plain, router]) expect(await lbd.stop()).toBe(0);
    // The only one that is left is meant.
    expect(machine.run(lbdBinary(), "reload")).toMatchObject({ status: 0, stderr: "" });
    await web.says("reload done");
    expect(await web.stop()).toBe(0);
  });

  hostTest("the same twice is still refused", async () => {
    using machine = await new Machine().up();
    const text = file(`instance web\n${SYSTEM}`);
    const first = machine.start(lbdBinary(), "-f", text, "--api", "off");
    await first.says("api runs");
    const second = machine.start(lbdBinary(), "-f", text, "--api", "off");
    expect(await second.exited).toBe(3);
    expect(second.output).toContain(`pid ${first.pid} holds /run/lbd/web/lbd.lock`);
    expect(await first.stop()).toBe(0);
  });
});

describe.skipIf(reason !== undefined)("who started it", () => {
  /** A check every second, which writes what it was given, and leaves a child behind. */
  function services(script: string): string {
    const program = join(base, `check-${serial++}.sh`);
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file(
      `global_defs {\n script_user root\n}\nvirtual_server 127.0.0.1 8099 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n delay_loop 1\n real_server 127.0.0.2 80 {\n MISC_CHECK {\n misc_path "${program}"\n }\n }\n}\n`,
    );
  }

  hostTest("as process 1 it waits for the orphans of programs, and its own ends are still told", async () => {
    const text = services("(sleep 0.2) &");
    const words = [
      "--pid",
      "--fork",
      "--mount-proc",
      lbdBinary(),
      "-f",
      text,
      "--run-dir",
      join(base, "one"),
      "--api",
      "off",
    ];
    using machine = await new Machine().up();
    const lbd = machine.start("unshare", ...words);
    await lbd.says("checker runs");
    // The host's list, by parent: the director is the child of unshare(1).
    const children = (pid: number) =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
    const [director = 0] = children(lbd.pid);
    const seen = new Set<number>();
    const zombies = () => children(director).filter((pid) => stateOf(pid) === "Z");
    await until(
      "three orphans have come and gone",
      () => {
        for (const pid of zombies()) seen.add(pid);
        return seen.size >= 3 && zombies().length <= 1;
      },
      20_000,
    );
    const [checker = 0] = children(director).filter((pid) =>
      /@role.checker/s.test(readFileSync(`/proc/${pid}/cmdline`, "latin1")),
    );
    process.kill(checker, "SIGKILL");
    await lbd.says("checker ended with signal SIGKILL");
    process.kill(director, "SIGTERM");
    expect(await lbd.exited).toBe(0);
  });

  hostTest(
    "signals that were blocked or ignored before it was started are neither here nor in its programs",
    async () => {
      const out = join(base, `signals-${serial++}`);
      const text = services(`grep -E '^Sig(Blk|Ign):' /proc/self/status > ${out}.new && mv ${out}.new ${out}`);
      using machine = await new Machine().up();
      const lbd = machine.start(
        "env",
        "--block-signal=TERM,USR1,CHLD",
        "--ignore-signal=CHLD,QUIT,TSTP,HUP,INT,TERM",
        lbdBinary(),
        "-f",
        text,
        "--run-dir",
        join(base, "signals"),
        "--api",
        "off",
      );
      await until("the check ran", () => existsSync(out), 20_000);
      const children = readFileSync(`/proc/${lbd.pid}/task/${lbd.pid}/children`, "latin1").split(" ").filter(Boolean);
      for (const pid of [lbd.pid, ...children.map(Number)]) {
        const status = readFileSync(`/proc/${pid}/status`, "latin1");
        expect(status).toContain("SigBlk:\t0000000000000000\n");
        expect(ignoredSignals(status).filter((signal) => signal !== SIGXFSZ)).toEqual([]);
      }
      expect(readFileSync(out, "utf8")).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
      lbd.signal("SIGHUP");
      await lbd.says("reload done");
      expect(await lbd.stop()).toBe(0);
    },
  );

  hostTest(
    "a service manager hears of readiness, reload, state and stop, and no program speaks in its place",
    async () => {
      const path = join(base, `notify-${serial++}`);
      const out = join(base, `variables-${serial++}`);
      const text = services(`env > ${out}.new && mv ${out}.new ${out}`);
      using heard = notifySocket(path);
      using machine = await new Machine().up();
      const lbd = machine.start(
        "env",
        `NOTIFY_SOCKET=${path}`,
        "WATCHDOG_USEC=400000",
        lbdBinary(),
        "-f",
        text,
        "--run-dir",
        join(base, "manager"),
        "--api",
        "off",
      );
      await until("it is ready", () => heard.all().includes(`READY=1\nMAINPID=${lbd.pid}`), 20_000);
      expect(lbd.output).toContain("checker runs");
      lbd.signal("SIGHUP");
      await until("it has reloaded", () => heard.all().filter((text) => text === "READY=1").length === 1);
      expect(heard.all().some((text) => /^RELOADING=1\nMONOTONIC_USEC=\d+$/.test(text))).toBe(true);
      writeFileSync(text, "");
      lbd.signal("SIGHUP");
      await until("it is refused", () => heard.all().some((text) => text.startsWith("STATUS=reload refused: ")));
      await until("signs of life", () => heard.all().filter((text) => text === "WATCHDOG=1").length >= 3);
      await until("the check ran", () => existsSync(out), 20_000);
      expect(readFileSync(out, "utf8")).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
      const children = readFileSync(`/proc/${lbd.pid}/task/${lbd.pid}/children`, "latin1").split(" ").filter(Boolean);
      for (const pid of children)
        expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
      expect(await lbd.stop()).toBe(0);
      expect(heard.all().some((text) => /^STOPPING=1\nEXTEND_TIMEOUT_USEC=\d+$/.test(text))).toBe(true);
    },
  );

  function stateOf(pid: number): string | undefined {
    try {
      return readFileSync(`/proc/${pid}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .charAt(0);
    } catch {
      return undefined;
    }
  }

  function notifySocket(path: string) {
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    bind(fd, { family: "unix", path });
    const room = new Uint8Array(4096);
    const messages: string[] = [];
    return {
      all() {
        for (let count = recv(fd, room); count !== undefined; count = recv(fd, room))
          messages.push(new TextDecoder().decode(room.subarray(0, count)));
        return messages;
      },
      [Symbol.dispose]: () => close(fd),
    };
  }
});
