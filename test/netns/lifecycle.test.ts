// Ring netns: the life of the whole program with an address to lose: options of the command line, signals, killed and stuck processes,
// namespaces. What stays on the interface afterwards is what counts.
import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, lbdBinary } from "../support/daemon.ts";
import { exists } from "../support/lbd.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { addLink, config, has } from "../support/vrrp-host.ts";

const LIMIT_MS = 60_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

/** With a virtual server the checker process runs too; without IPVS in the kernel it says so and checks all the same. */
const SERVICES = `virtual_server 192.0.2.100 80 {
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 192.0.2.9 80 {
  }
}
`;

async function master(segment: Segment, lbd: Daemon): Promise<void> {
  await until("the address is there", () => has(segment.host(0)), 20_000).catch((error) => {
    throw new Error(`${error.message}\n${lbd.output}`);
  });
}

function pidIn(path: string): number | undefined {
  return existsSync(path) ? Number(readFileSync(path, "utf8")) : undefined;
}

function rolePid(lbd: Daemon, file: string): number {
  const pid = pidIn(join(lbd.dir, "run", file));
  if (pid === undefined) throw new Error(`no ${file}`);
  return pid;
}

describe.skipIf(reason !== undefined)("options", () => {
  netTest("-p, -r and -c name pid files, --umask is the processes', and nothing of it stays", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config() + SERVICES);
    const file = (name: string) => join(lbd.dir, name);
    lbd.start("-p", file("p"), "-r", file("r"), "-c", file("c"), "--umask", "027");
    await master(segment, lbd);
    expect(pidIn(file("p"))).toBe(lbd.pid);
    expect(pidIn(file("r"))).toBe(rolePid(lbd, "vrrp.pid"));
    expect(pidIn(file("c"))).toBe(rolePid(lbd, "checkers.pid"));
    for (const name of ["p", "r", "c"])
      expect(readFileSync(`/proc/${pidIn(file(name))}/status`, "utf8")).toContain("\nUmask:\t0027\n");
    expect(await lbd.stop()).toBe(0);
    for (const name of ["p", "r", "c"]) expect(existsSync(file(name))).toBe(false);
  });

  netTest("-V leaves the addresses at the stop", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start("-V");
    await master(segment, lbd);
    expect(await lbd.stop()).toBe(0);
    expect(has(segment.host(0))).toBe(true);
  });

  netTest("--ignore-sigint", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start("--ignore-sigint");
    await master(segment, lbd);
    lbd.signal("SIGINT");
    lbd.signal("SIGHUP");
    await until("it goes on, and has reloaded", () => lbd.output.includes("reload done"));
    expect(has(segment.host(0))).toBe(true);
    expect(await lbd.stop()).toBe(0);
  });
});

describe.skipIf(reason !== undefined)("what goes wrong leaves nothing behind", () => {
  netTest("the parent is killed: its children stop in order", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start();
    await master(segment, lbd);
    expect(await lbd.callApi()).toBe(200);
    const children = [rolePid(lbd, "vrrp.pid"), rolePid(lbd, "api.pid")];
    lbd.signal("SIGKILL");
    await until("the address is gone", () => !has(segment.host(0)));
    await until("the children have ended", () => !children.some(exists));
  });

  netTest("the vrrp process hangs when the stop comes", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), `child_wait_time 1\n${config()}`).start();
    await master(segment, lbd);
    process.kill(rolePid(lbd, "vrrp.pid"), "SIGSTOP");
    expect(await lbd.stop()).toBe(0);
    expect(has(segment.host(0))).toBe(false);
    await until("it is told", () => lbd.output.includes("vrrp: a new process takes away what the killed one left"));
  });

  netTest("the vrrp process dies again and again, and a stop comes while none runs", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start();
    await master(segment, lbd);
    const first = rolePid(lbd, "vrrp.pid");
    process.kill(first, "SIGKILL");
    const second = await until("another one", () => {
      const pid = pidIn(join(lbd.dir, "run/vrrp.pid"));
      return pid !== first && pid;
    });
    // The end of one that never ran would be the same news once more.
    await until("it runs", () => lbd.output.includes(`vrrp runs, pid ${second}`));
    process.kill(second, "SIGKILL");
    await until("the parent waits before the next start", () => lbd.output.includes("next start in"));
    expect(await lbd.stop()).toBe(0);
    expect(has(segment.host(0))).toBe(false);
  });

  netTest("a process that was paused goes on", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start();
    await master(segment, lbd);
    const pid = rolePid(lbd, "vrrp.pid");
    process.kill(pid, "SIGSTOP");
    await until("it stands", () => / T /.test(readFileSync(`/proc/${pid}/stat`, "latin1")));
    process.kill(pid, "SIGCONT");
    lbd.signal("SIGHUP");
    await until("it has reloaded", () => lbd.output.includes("reload done"));
    expect(rolePid(lbd, "vrrp.pid")).toBe(pid);
    expect(await lbd.stop()).toBe(0);
    expect(has(segment.host(0))).toBe(false);
  });
});

describe.skipIf(reason !== undefined)("reload", () => {
  netTest("an interface that is not there keeps its own instance down, and touches no other", async () => {
    using segment = new Segment("a");
    using lbd = new Daemon("lbd", segment.host(0), config()).start();
    await master(segment, lbd);
    const before = lbd.output.length;
    lbd.reload(
      `${config()}vrrp_instance elsewhere {\n interface nowhere0\n virtual_router_id 99\n priority 100\n virtual_ipaddress {\n 192.0.2.99\n }\n}\n`,
    );
    await until("it is taken", () => lbd.output.includes("reload done"));
    await until("the new one says why", () => /elsewhere: INIT to FAULT.*nowhere0/.test(lbd.output));
    expect(lbd.output.slice(before)).not.toContain("MASTER to");
    expect(has(segment.host(0))).toBe(true);
    expect(await lbd.stop()).toBe(0);
  });
});

describe.skipIf(reason !== undefined)("network namespaces", () => {
  /** A host with a link that no other has, so that a director outside could do nothing to it. */
  function island(): Namespace {
    const host = new Namespace("island");
    addLink(host, "island0");
    host.ip("addr add 192.0.2.1/24 dev island0");
    return host;
  }

  async function runsInside(host: Namespace, text: string, ...options: readonly string[]): Promise<void> {
    using lbd = new Daemon("lbd", host, text);
    const args = ["-f", lbd.configPath, "--run-dir", join(lbd.dir, "run"), "--api", "127.0.0.1:812", ...options];
    // Outside, where the test is.
    const child = spawn(lbdBinary(), args, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    let output = "";
    child.stderr.on("data", (data) => {
      output += data;
    });
    try {
      await until("the address is there", () => has(host), 20_000).catch((error) => {
        throw new Error(`${error.message}\n${output}`);
      });
      const inside = () =>
        host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:812/readyz").stdout;
      await until("it is ready there", () => inside() === "200", 20_000);
    } finally {
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    }
    expect(has(host)).toBe(false);
  }

  netTest("net_namespace: VRRP and the API are in it, the parent need not be", async () => {
    using host = island();
    await runsInside(host, `net_namespace ${host.name}\n${config({ interface: "island0" })}`);
  });

  netTest("-s beats net_namespace", async () => {
    using host = island();
    const text = `net_namespace lbd-nowhere\n${config({ interface: "island0" })}`;
    await runsInside(host, text, "-s", host.name);
  });
});
