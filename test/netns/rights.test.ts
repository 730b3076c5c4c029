// Ring netns: what each process of a running director may do, thread by thread, and that programs keep what the director was given.
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Daemon } from "../support/daemon.ts";
import { exists } from "../support/lbd.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config, has } from "../support/vrrp-host.ts";

const LIMIT_MS = 60_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

const NET = (1 << 12) | (1 << 13);
const NONE = "0000000000000000";
const hex = (set: number) => set.toString(16).padStart(16, "0");
/** What this process, and so the director, was given. */
const ALL = field(readFileSync("/proc/self/status", "utf8"), "CapEff");

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "";
}

/** Each different answer of the threads of a process. */
function threads(pid: number): readonly Record<string, string>[] {
  const seen = new Map<string, Record<string, string>>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    const names = ["CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid"] as const;
    const one = Object.fromEntries(names.map((name) => [name, field(status, name)]));
    seen.set(JSON.stringify(one), one);
  }
  return [...seen.values()];
}

/** Paths of what a process has open; none of one that is gone or not ours to look at yet. */
function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

const rolePid = (lbd: Daemon, file: string) => Number(readFileSync(join(lbd.dir, "run", file), "utf8"));

const service = (misc: string) => `virtual_server 192.0.2.100 80 {
  lb_algo rr
  lb_kind NAT
  protocol TCP
  delay_loop 1
  real_server 192.0.2.9 80 {
    MISC_CHECK {
      misc_path "${misc}"
    }
  }
}
`;

describe.skipIf(reason !== undefined)("rights", () => {
  netTest(
    "every thread of every role has what it needs and no way to more; programs have what the director has",
    async () => {
      using segment = new Segment("a");
      using lbd = new Daemon("lbd", segment.host(0), "");
      const script = join(lbd.dir, "notify.sh");
      const out = join(lbd.dir, "out");
      // An address, a route and a file of another user: what notify programs do.
      writeFileSync(
        script,
        `#!/bin/sh\nip route add 198.51.100.0/24 dev eth0 && touch ${out}.nobody && chown nobody ${out}.nobody && chmod 600 ${out}.nobody && echo x >> ${out}.nobody && cat /proc/self/status > ${out}.new && mv ${out}.new ${out}\n`,
      );
      chmodSync(script, 0o755);
      const asNobody = join(lbd.dir, "nobody");
      writeFileSync(asNobody, "");
      chmodSync(asNobody, 0o666);
      chmodSync(lbd.dir, 0o755);
      const misc = service(`/bin/sh -c 'cat /proc/self/status > ${asNobody}' nobody`).replace(
        /misc_path "(.*) nobody"/,
        'misc_path "$1"\n      user nobody',
      );
      lbd.configure(config({ extra: `notify_master "${script}"` }) + misc);
      lbd.start();
      await until("the address is there", () => has(segment.host(0)), 20_000);
      await until("notify_master has run", () => existsSync(out), 20_000).catch((error) => {
        throw new Error(`${error.message}\n${lbd.output}`);
      });
      await until("the check has run", () => readFileSync(asNobody, "utf8").includes("CapEff"), 20_000);

      expect(await lbd.callApi()).toBe(200);
      const bare = { CapBnd: NONE, NoNewPrivs: "1" };
      const of = (set: number) => ({ CapPrm: hex(set), CapEff: hex(set), ...bare });
      expect(threads(rolePid(lbd, "vrrp.pid"))).toEqual([{ ...of(NET), Seccomp: "2", Uid: "0" }]);
      expect(threads(rolePid(lbd, "checkers.pid"))).toEqual([{ ...of(NET | (1 << 10)), Seccomp: "2", Uid: "0" }]);
      expect(threads(rolePid(lbd, "api.pid"))).toEqual([{ ...of(0), Seccomp: "2", Uid: "65534" }]);
      // Who asks api can't have the kernel end another for want of memory.
      const score = (file: string) => readFileSync(`/proc/${rolePid(lbd, file)}/oom_score_adj`, "latin1").trim();
      const inherited = readFileSync("/proc/self/oom_score_adj", "latin1").trim();
      expect([score("api.pid"), score("vrrp.pid")]).toEqual([`${Math.max(500, Number(inherited))}`, inherited]);
      expect(field(readFileSync(out, "utf8"), "CapEff")).toBe(ALL);
      const nobody = readFileSync(asNobody, "utf8");
      expect(["CapPrm", "CapEff", "CapInh", "CapAmb"].map((name) => field(nobody, name))).toEqual([
        NONE,
        NONE,
        NONE,
        NONE,
      ]);
      // sudo and the like work in programs, as with keepalived.
      expect([field(nobody, "NoNewPrivs"), field(nobody, "CapBnd")]).toEqual(["0", ALL]);
      expect(await lbd.stop()).toBe(0);
    },
  );

  netTest(
    "a reload that names the first tracked file finds it, whoever owns it, and makes it; the role has no right more",
    async () => {
      using segment = new Segment("c");
      using lbd = new Daemon("lbd", segment.host(0), "");
      const dir = join(lbd.dir, "somebodys");
      mkdirSync(dir, { mode: 0o700 });
      writeFileSync(join(dir, "f"), "7\n", { mode: 0o600 });
      for (const path of [dir, join(dir, "f")]) chownSync(path, 65534, 65534);
      lbd.configure(config({ extra: "" }));
      lbd.start();
      await until("master", () => has(segment.host(0)));
      const named = (name: string, init: string) => `track_file ${name} {\n  file ${dir}/${name}\n${init}}\n`;
      lbd.reload(
        named("f", "") +
          named("g", "  init_file 2\n") +
          config({ extra: "track_file {\n    f weight 1\n    g weight 1\n  }" }),
      );
      await until("both count", () => lbd.output.includes("is now 109"), 20_000).catch((error) => {
        throw new Error(`${error.message}\n${lbd.output}`);
      });
      expect(readFileSync(join(dir, "g"), "utf8")).toBe("2\n");
      expect(lbd.output).not.toContain("gave up at its start");
      writeFileSync(join(dir, "f"), "20\n");
      await until("a change counts", () => lbd.output.includes("is now 122"), 20_000);
      // A starter that is killed makes no difference.
      process.kill(rolePid(lbd, "starter.pid"), "SIGKILL");
      writeFileSync(join(dir, "f"), "30\n");
      await until("a change counts again", () => lbd.output.includes("is now 132"), 20_000);
      expect(threads(rolePid(lbd, "vrrp.pid")).map(({ CapEff }) => CapEff)).toEqual([hex(NET)]);
      const warned = lbd.output.split("\n").filter((line) => line.includes("effective priority"));
      expect(warned.map((line) => line.split(": ").at(-1))).toHaveLength(3);
      expect(await lbd.stop()).toBe(0);
    },
  );

  netTest("nobody but a role reaches the starter, and a program hears nothing of it", async () => {
    using segment = new Segment("d");
    using lbd = new Daemon("lbd", segment.host(0), "");
    const ran = join(lbd.dir, "ran");
    lbd.configure(
      service(`/bin/sh -c 'ls -l /proc/self/fd > ${ran}.new && mv ${ran}.new ${ran}'`).replace(
        "MISC_CHECK {",
        "MISC_CHECK {\n      user root",
      ),
    );
    lbd.start();
    await until("the check has run", () => existsSync(ran), 20_000);
    // What the starter has of the others are ends of pairs, which no name leads to; the director listens for callers of the API alone.
    const listening = segment
      .host(0)
      .run("cat", "/proc/net/unix")
      .stdout.split("\n")
      .filter((line) => line.includes(lbd.dir));
    expect(listening.map((line) => line.split("/").at(-1))).toEqual(["api.sock"]);
    const sockets = openFiles(rolePid(lbd, "starter.pid")).filter((file) => file.startsWith("socket:"));
    expect(sockets.length).toBeGreaterThanOrEqual(3);
    expect(readFileSync(ran, "latin1")).not.toContain("socket:");
    expect(await lbd.stop()).toBe(0);
  });

  netTest("a notify FIFO of a user is made and removed for a role that can give no file away", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), "");
    const at = (name: string) => join(lbd.dir, name);
    const named = (name: string) => config({ global: `vrrp_notify_fifo ${at(name)} nobody` });
    lbd.configure(named("first"));
    chmodSync(lbd.dir, 0o755);
    lbd.start();
    await until("master", () => has(segment.host(0)));
    const pid = rolePid(lbd, "vrrp.pid");
    const isNobodys = (name: string) => existsSync(at(name)) && lstatSync(at(name)).uid === 65534;
    expect(isNobodys("first")).toBe(true);
    expect(threads(pid).map(({ CapEff }) => CapEff)).toEqual([hex(NET | (1 << 1))]);
    lbd.reload(named("second"));
    await until("the second is there, and the first is gone", () => isNobodys("second") && !existsSync(at("first")));
    let heard = "";
    const reader = segment.host(0).spawn("setpriv", ["--reuid=65534", "--clear-groups", "cat", at("second")]);
    reader.stdout?.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await until("nobody reads", () => openFiles(reader.pid ?? 0).includes(at("second")));
    expect(await lbd.stop()).toBe(0);
    await until("nobody has read the last state", () => heard.includes('INSTANCE "V1" STOP 100\n'));
    expect(existsSync(at("second"))).toBe(false);
  });

  netTest("programs end with the process that wanted them, whatever they ignore", async () => {
    using segment = new Segment("b");
    using lbd = new Daemon("lbd", segment.host(0), "");
    const pidFile = join(lbd.dir, "pids");
    const stubborn = join(lbd.dir, "stubborn.sh");
    writeFileSync(stubborn, `#!/bin/sh\ntrap "" TERM HUP\necho $$ >> ${pidFile}\nsleep 300\nsleep 300\n`);
    chmodSync(stubborn, 0o755);
    const track = `vrrp_script slow {\n  script ${stubborn}\n  interval 60\n  timeout 60\n}\n`;
    lbd.configure(track + config({ extra: "track_script {\n    slow\n  }" }));
    lbd.start();
    const started = () => (existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim().split("\n").map(Number) : []);
    for (const [round, file] of ["vrrp.pid", "starter.pid"].entries()) {
      await until(`program ${round + 1} runs`, () => started().length === round + 1, 20_000).catch((error) => {
        throw new Error(`${error.message}\n${lbd.output}`);
      });
      const program = started()[round] ?? 0;
      expect(exists(program)).toBe(true);
      process.kill(rolePid(lbd, file), "SIGKILL");
      await until(`it is gone after ${file} was killed`, () => !exists(program), 10_000);
    }
    await until("another one runs", () => started().length === 3, 20_000);
    const last = started()[2] ?? 0;
    expect(await lbd.stop()).toBe(0);
    await until("nothing is left of it", () => !exists(last));
  });
});
