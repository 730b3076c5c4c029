// Ring netns: lbd in the places that keepalived has on a machine: its pid files and names, several directors, what a service manager
// and an init process would see. Each machine is a mount namespace with a /run of its own.
import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { close } from "../../ffi/fd.ts";
import { AF_UNIX } from "../../ffi/sockaddr.ts";
import { bind, recv, SOCK_DGRAM, SOCK_NONBLOCK, socket } from "../../ffi/socket.ts";
import { ignoredSignals, SIGXFSZ } from "../../src/kernel/inherited-signals.ts";
import { EXIT } from "../../src/process/options.ts";
import { CALM_RUNTIME } from "../../src/process/role-variables.ts";
import { engineVariables } from "../../src/process/runtime-again.ts";
import { lbdBinary } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

/** The C library keeps these signals to itself: no program can change them by it, and whoever started the tests may have them ignored. */
const RESERVED: readonly number[] = [32, 33];

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

  /** A director is up when it says how it is. */
  async answers(runDir: string): Promise<void> {
    const ask = () => this.run(lbdBinary(), "status", "--run-dir", runDir);
    await until(`${runDir} answers`, () => ask().status === 0, 20_000);
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
    await until(`it says ${text}`, () => this.output.includes(text), 20_000).catch((error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
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
    const lbd = machine.start(keepalived(), "-n", "-l", "-f", file(CHECKED), "--api", "off");
    await lbd.says("checker runs");
    expect(machine.read("/run/keepalived.pid")).toBe(`${lbd.pid}\n`);
    expect(machine.read("/run/checkers.pid")).toBe(machine.read("/run/lbd/checkers.pid"));
    expect(readFileSync(`/proc/${lbd.pid}/comm`, "utf8")).toBe("keepalived\n");
    const second = machine.start(keepalived(), "-n", "-l", "-f", file(CHECKED), "--api", "off");
    expect(await second.exited).toBe(0);
    expect(second.output).toContain(`already running: pid ${lbd.pid} holds /run/keepalived.pid`);
    expect(await lbd.stop()).toBe(0);
    expect(machine.files()).toEqual(["lbd"]);
  });

  hostTest("who signals all that are called keepalived reloads it, and ends it in order", async () => {
    using machine = await new Machine().up();
    const lbd = machine.start(keepalived(), "-n", "-l", "-f", file(CHECKED), "--api", "off");
    await lbd.says("checker runs");
    const checker = Number(machine.read("/run/checkers.pid"));
    const named = () => [lbd.pid, checker].map((pid) => readFileSync(`/proc/${pid}/comm`, "utf8"));
    await until("both are called so", () => named().join("") === "keepalived\nkeepalived\n");
    // As killall and pkill do: in the order of pids.
    for (const pid of [lbd.pid, checker]) process.kill(pid, "SIGHUP");
    await lbd.says("reload done");
    expect(Number(machine.read("/run/checkers.pid"))).toBe(checker);
    for (const pid of [lbd.pid, checker]) process.kill(pid, "SIGTERM");
    expect(await lbd.exited).toBe(0);
    expect(machine.files()).toEqual(["lbd"]);
  });

  hostTest("instance, use_pid_dir", async () => {
    using machine = await new Machine().up();
    const web = machine.start(keepalived(), "-n", "-l", "-f", file(`instance web\n${SYSTEM}`), "--api", "off");
    const plain = machine.start(keepalived(), "-n", "-l", "-f", file(`use_pid_dir\n${SYSTEM}`), "--api", "off");
    const holds = (name: string, lbd: Started) => machine.read(`/run/keepalived/${name}.pid`) === `${lbd.pid}\n`;
    await until("each has its pid file", () => holds("keepalived_web", web) && holds("keepalived", plain));
    for (const runDir of ["/run/lbd/web", "/run/lbd"]) await machine.answers(runDir);
    for (const lbd of [web, plain]) expect(await lbd.stop()).toBe(0);
  });

  hostTest("a pid file of a program that runs is left alone, and not removed at the end", async () => {
    using machine = await new Machine().up();
    const other = machine.start("sleep", "1000");
    machine.write("/run/vrrp.pid", `${other.pid}\n`);
    const text = `${SYSTEM}vrrp_instance V {\n interface lo\n virtual_router_id 9\n virtual_ipaddress {\n 192.0.2.77\n }\n}\n`;
    const lbd = machine.start(keepalived(), "-n", "-l", "-f", file(text), "--api", "off");
    await lbd.says(`pid file /run/vrrp.pid is that of pid ${other.pid} (sleep), which runs: left as it is`);
    expect(await lbd.stop()).toBe(0);
    expect(machine.read("/run/vrrp.pid")).toBe(`${other.pid}\n`);
  });

  hostTest("called lbd it writes none of them", async () => {
    using machine = await new Machine().up();
    const lbd = machine.start(lbdBinary(), "-f", file(SYSTEM), "--api", "off");
    await machine.answers("/run/lbd");
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
    for (const runDir of ["/run/lbd/web", "/run/lbd/run+router%2Epid"]) await machine.answers(runDir);
    const refused = machine.run(lbdBinary(), "status");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`--run-dir /run/lbd/run+router%2Epid (pid ${router.pid})`);
    expect(refused.stderr).toContain(`--run-dir /run/lbd/web (pid ${web.pid})`);

    const plain = machine.start(lbdBinary(), "-f", usual, "--api", "off");
    await machine.answers("/run/lbd");
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
    expect(machine.run(lbdBinary(), "reload", "--pid", `${web.pid}`)).toMatchObject({ status: 0 });
    expect(machine.run(lbdBinary(), "reload", "--pid", "1")).toMatchObject({ status: 3 });
    expect(await web.stop()).toBe(0);
  });

  hostTest("the same twice is still refused", async () => {
    using machine = await new Machine().up();
    const text = file(`instance web\n${SYSTEM}`);
    const first = machine.start(lbdBinary(), "-f", text, "--api", "off");
    await machine.answers("/run/lbd/web");
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
        expect(ignoredSignals(status).filter((signal) => signal !== SIGXFSZ && !RESERVED.includes(signal))).toEqual([]);
      }
      const inProgram = readFileSync(out, "utf8");
      expect(inProgram).toContain("SigBlk:\t0000000000000000\n");
      expect(ignoredSignals(inProgram).filter((signal) => !RESERVED.includes(signal))).toEqual([]);
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
      await lbd.says("checker runs");
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

describe.skipIf(reason !== undefined)("conf/lbd.service", () => {
  const unit = readFileSync("conf/lbd.service", "utf8");
  /** All values of a setting. */
  const settings = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const setting = (name: string) => settings(name).at(-1) ?? "";
  const limits = [
    `--nofile=${setting("LimitNOFILE")}`,
    `--rtprio=${setting("LimitRTPRIO")}`,
    "--memlock=unlimited:unlimited",
    "--nice=40:40",
    `--core=${setting("LimitCORE")}`,
  ];
  /** A machine that lets nobody raise limits stands in for them by the rights that they spare. */
  const mayRaise = spawnSync("prlimit", [...limits, "true"]).status === 0;
  if (!mayRaise) console.log("conf/lbd.service: limits not run here, for want of CAP_SYS_RESOURCE");

  /** What can be had without systemd: rights, limits, mask, a read-only /usr. */
  function asUnit(...words: string[]): string[] {
    const names = [
      ...setting("CapabilityBoundingSet").split(" "),
      ...(mayRaise ? [] : ["CAP_SYS_NICE", "CAP_IPC_LOCK"]),
    ];
    const rights = names.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`);
    const script = `mount --bind /usr /usr && mount -o remount,bind,ro /usr && umask ${setting("UMask")} && exec "$@"`;
    const drop = ["setpriv", `--bounding-set=-all,${rights.join(",")}`, "--"];
    const limited = mayRaise ? ["prlimit", ...limits, "--"] : [];
    return ["unshare", "-m", "sh", "-ec", script, "sh", ...limited, ...drop, ...words];
  }

  hostTest("notify programs and checks do what they do under keepalived's unit", async () => {
    const out = mkdtempSync(join(tmpdir(), "lbd-unit-"));
    const theirs = join(out, "theirs");
    const done = join(out, "done");
    writeFileSync(theirs, "");
    chownSync(theirs, 65533, 65533);
    const program = (...lines: string[]) => {
      const path = join(out, `${serial++}.sh`);
      writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
      return path;
    };
    // A port below 1024, mode and owner of somebody else's file, a flag where other services look.
    const notify = program(
      "busybox nc -l -p 81 -e true & sleep 0.2",
      `grep -q ':0051 .* 0A ' /proc/net/tcp /proc/net/tcp6 && echo port >> ${done}`,
      "kill $!",
      `chmod 600 ${theirs} && chown 65532 ${theirs} && echo file >> ${done}`,
      `touch ${out}/flag && echo flag >> ${done}`,
      `echo end >> ${done}`,
    );
    const asUser = program(`id -u > ${out}/uid.new && mv ${out}/uid.new ${out}/uid`);
    chmodSync(out, 0o777);
    const server = `real_server 127.0.0.1 8098 {\n TCP_CHECK {\n bind_port 82\n connect_timeout 1\n }\n MISC_CHECK {\n misc_path "${asUser}"\n user nobody\n }\n }\n`;
    const text = file(
      `global_defs {\n script_user root\n vrrp_rt_priority 50\n vrrp_no_swap\n checker_priority -5\n}\n` +
        `virtual_server 127.0.0.1 8099 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n delay_loop 3\n ${server}}\n` +
        `vrrp_instance V {\n interface link0\n virtual_router_id 9\n priority 150\n advert_int 0.1\n notify_master "${notify}"\n virtual_ipaddress {\n 192.0.2.77\n }\n}\n`,
    );
    using machine = await new Machine().up();
    const links = ["link add link0 type veth peer name link1", "link set link0 up", "link set link1 up"];
    for (const words of [...links, "addr add 192.0.2.1/24 dev link0"]) machine.run("ip", ...words.split(" "));
    machine.start("busybox", "nc", "-ll", "-p", "8098", "-e", "true");
    const lbd = machine.start(...asUnit(lbdBinary(), "-f", text, "--api", "off"));
    await lbd.says("BACKUP to MASTER");
    await until("the program is done", () => existsSync(done) && readFileSync(done, "utf8").includes("end"));
    expect(readFileSync(done, "utf8")).toBe("port\nfile\nflag\nend\n");
    await until("the check ran as its user", () => existsSync(join(out, "uid")), 20_000);
    expect(readFileSync(join(out, "uid"), "utf8")).toBe("65534\n");
    const seen: unknown[] = [];
    await until("the check from a port below 1024 went through", () => {
      const { stdout, stderr } = machine.run(lbdBinary(), "status", "--json");
      const checks = stdout === "" ? stderr : JSON.parse(stdout).virtualServers?.[0]?.realServers?.[0]?.checks;
      seen.push(checks);
      return Array.isArray(checks) && checks.length === 2 && checks.every(({ healthy }) => healthy);
    }).catch((error) => {
      throw new Error(`${error.message}\n${JSON.stringify(seen.at(-1))}\n${lbd.output}`);
    });
    const vrrp = machine.read("/run/lbd/vrrp.pid")?.trim();
    expect(readFileSync(`/proc/${vrrp}/sched`, "latin1")).toMatch(/^policy +: +2$/m);
    expect(lbd.output).not.toMatch(/not permitted|EPERM|EACCES|not allowed/);
    expect(await lbd.stop()).toBe(0);
    rmSync(out, { recursive: true });
    const beyond = "SystemCallFilter, RestrictNamespaces, RestrictAddressFamilies, PrivateDevices and most of Protect*";
    console.log(`conf/lbd.service: not run here, it takes systemd: ${beyond}`);
  });

  const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
  if (!hasAnalyze) console.log("skipped: systemd-analyze is not installed (Debian's systemd)");
  test.skipIf(!hasAnalyze)("is as closed as systemd-analyze wants it, and valid", () => {
    const judged = spawnSync("systemd-analyze", ["security", "--offline=1", "conf/lbd.service"], { encoding: "utf8" });
    const level = Number(/exposure level for lbd.service: ([\d.]+)/.exec(judged.stdout)?.[1]);
    expect(level).toBeLessThanOrEqual(4);
    const verified = spawnSync("systemd-analyze", ["verify", "conf/lbd.service"], { encoding: "utf8" });
    // The program is not installed here.
    const complaints = verified.stderr.split("\n").filter((line) => line.includes("lbd"));
    expect(complaints.filter((line) => !line.includes("/usr/sbin/lbd is not executable"))).toEqual([]);
  });

  test("says what fits the program", () => {
    const final = [EXIT.configuration, EXIT.alreadyRunning, EXIT.permission];
    expect(setting("RestartPreventExitStatus")).toBe(final.join(" "));
    for (const name of ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "NODE_OPTIONS", "LD_PRELOAD"])
      expect(setting("UnsetEnvironment").split(" ")).toContain(name);
    const calm = Object.entries(CALM_RUNTIME).map(([name, value]) => `${name}=${value}`);
    expect(setting("Environment").split(" ")).toEqual(calm);
    expect(engineVariables(CALM_RUNTIME)).toEqual([]);
    expect(settings("EnvironmentFile")).toContain("-/etc/default/lbd");
    expect(setting("ExecStart")).toContain("$LBD_OPTIONS");
    expect(unit).not.toMatch(/^(MemoryMax|PrivateTmp|MemoryDenyWriteExecute)=/m);
  });
});
