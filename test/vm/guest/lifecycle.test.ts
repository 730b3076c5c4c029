// Ring vm, in the guest: the table through the life of the program: stop, reload, crash, strangers, hands that change it; and step by
// step beside Debian's keepalived through the same faults.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Daemon, type Kind, lbdBinary } from "../../support/daemon.ts";
import { kernelView } from "../../support/kernel-view.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import { Lab, VIP } from "./lab.ts";

interface Settings {
  readonly weights?: readonly number[];
  readonly scheduler?: string;
  readonly extra?: string;
  readonly vip?: string;
  readonly realExtra?: string;
}

function virtualServer({
  weights = [1, 1],
  scheduler = "wrr",
  extra = "",
  vip = VIP,
  realExtra = "",
}: Settings = {}): string {
  const reals = weights.map(
    (weight, i) => `  real_server 198.51.100.${11 + i} 80 {
    weight ${weight}
    ${realExtra}
    TCP_CHECK {
      connect_timeout 1
    }
  }`,
  );
  return `virtual_server ${vip} 80 {
  delay_loop 1
  retry 1
  delay_before_retry 0.2
  warmup 0
  lb_algo ${scheduler}
  lb_kind NAT
  protocol TCP
  ${extra}
${reals.join("\n")}
}
`;
}

const FULL = [
  `-A -t ${VIP}:80 -s wrr`,
  `-a -t ${VIP}:80 -r 198.51.100.11:80 -m -w 1`,
  `-a -t ${VIP}:80 -r 198.51.100.12:80 -m -w 1`,
];

function same(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join("\n") === [...b].sort().join("\n");
}

describe("life of the program", () => {
  let lab: Lab;
  beforeAll(() => {
    lab = new Lab(2);
  });
  beforeEach(() => lab.serve(0, 1));
  afterEach(() => lab.director.run("ipvsadm", "-C"));
  afterAll(() => lab[Symbol.dispose]());

  test("SIGTERM removes what is ours; strangers' services stay", async () => {
    lab.director.run("ipvsadm", "-A", "-t", "192.0.2.50:22", "-s", "lc");
    lab.director.run("ipvsadm", "-a", "-t", "192.0.2.50:22", "-r", "198.51.100.99", "-m");
    const stranger = lab.table();
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("ours beside theirs", () => same(lab.table(), [...stranger, ...FULL]), 30_000);
    expect(await director.stop()).toBe(0);
    expect(lab.table()).toEqual(stranger);
  });

  test("-I leaves the table at the stop", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start("-I");
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    expect(await director.stop()).toBe(0);
    expect(same(lab.table(), FULL)).toBe(true);
  });

  test("a checker that hangs when the stop comes leaves nothing", async () => {
    using director = new Daemon("lbd", lab.director, `child_wait_time 1\n${virtualServer()}`).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    process.kill(Number(readFileSync(`${director.dir}/run/checkers.pid`, "utf8")), "SIGSTOP");
    expect(await director.stop(30_000)).toBe(0);
    expect(lab.table()).toEqual([]);
  });

  test("left-over entries of ours are corrected at start, foreign servers in our service go", async () => {
    for (const words of [
      ["-A", "-t", `${VIP}:80`, "-s", "lc", "-p", "100"],
      ["-a", "-t", `${VIP}:80`, "-r", "198.51.100.11", "-g", "-w", "9"],
      ["-a", "-t", `${VIP}:80`, "-r", "198.51.100.77", "-m"],
    ])
      lab.director.run("ipvsadm", ...words);
    using _director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("corrected", () => same(lab.table(), FULL), 30_000);
  });

  test("after kill -9 of everything the table stands, and a new start adopts it without removing anything", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    await lab.ask({ transport: "tcp", host: VIP, port: 80, count: 4 });
    director.kill();
    expect(same(lab.table(), FULL)).toBe(true);
    // Of each service and server how many connections it had; the last packets of one may come later. The kernel's counters lag behind by its estimator.
    const stats = () => [...lab.director.run("ipvsadm", "-Ln", "--stats").stdout.matchAll(/ \S+:80 +\d+/g)].join();
    const before = await until("the counters settled", () => /192\.0\.2\.100:80 +4\b/.test(stats()) && stats());
    director.start();
    await until(
      "it runs again",
      () =>
        lab.director.run("curl", "-sf", "--unix-socket", `${director.dir}/run/api.sock`, "http://lbd/readyz").status ===
        0,
      30_000,
    );
    // Counters start anew when a destination is removed and added.
    expect(stats()).toBe(before);
    expect(await director.stop()).toBe(0);
    expect(lab.table()).toEqual([]);
  });

  test("a restart in place leaves the table, its counters, and a server that is down", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    await lab.ask({ transport: "tcp", host: VIP, port: 80, count: 4 });
    await lab.kill(1);
    const left = FULL.slice(0, 2);
    await until("the second server is out", () => same(lab.table(), left), 30_000);
    const stats = () => [...lab.director.run("ipvsadm", "-Ln", "--stats").stdout.matchAll(/ \S+:80 +\d+/g)].join();
    const before = await until("the counters settled", () => /192\.0\.2\.100:80 +4\b/.test(stats()) && stats());
    const { status, stdout } = lab.director.run(lbdBinary(), "restart", "--run-dir", `${director.dir}/run`);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^goes on as lbd /)]);
    await until("its checker runs", () => director.output.match(/checker runs/g)?.length === 2, 30_000);
    expect(stats()).toBe(before);
    expect(same(lab.table(), left)).toBe(true);
    await lab.serve(1);
    await until("the second server is back", () => same(lab.table(), FULL), 30_000);
    expect(await director.stop()).toBe(0);
    expect(lab.table()).toEqual([]);
  });

  test("a dead checker comes back and the table stands meanwhile", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    const before = director.processes();
    for (const pid of before.slice(1)) process.kill(pid, "SIGKILL");
    expect(same(lab.table(), FULL)).toBe(true);
    await until(
      "all children are back",
      () =>
        director.processes().length === before.length &&
        director
          .processes()
          .slice(1)
          .every((pid) => !before.includes(pid)),
      30_000,
    );
    await lab.kill(0);
    await until("and checks go on", () => lab.table().length === 2, 30_000);
  });

  test("SIGHUP applies the difference in place; a bad file changes nothing", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    await lab.ask({ transport: "tcp", host: VIP, port: 80, count: 4 });
    director.reload("virtual_server 192.0.2.100 80 {\n  real_server\n");
    await until("it says what is wrong", () => /keepalived\.conf:\d+:\d+/.test(director.output));
    expect(same(lab.table(), FULL)).toBe(true);
    director.reload(virtualServer({ weights: [7, 1], scheduler: "wlc" }));
    await until("weight and scheduler changed", () => {
      const table = lab.table();
      return table.includes(`-A -t ${VIP}:80 -s wlc`) && table.includes(`-a -t ${VIP}:80 -r 198.51.100.11:80 -m -w 7`);
    });
    await until("and connections were kept", () =>
      /192\.0\.2\.100:80 +4 /.test(lab.director.run("ipvsadm", "-Ln", "--stats").stdout),
    );
    director.reload(virtualServer({ realExtra: "uthreshold 50\n    lthreshold 10" }));
    await until("thresholds alone reach the kernel", () =>
      /198\.51\.100\.11:80 +50 +10/.test(lab.director.run("ipvsadm", "-Ln", "--thresholds").stdout),
    );
  });

  test("what a hand removes or changes is repaired and said", async () => {
    using director = new Daemon("lbd", lab.director, virtualServer()).start();
    await until("programmed", () => same(lab.table(), FULL), 30_000);
    lab.director.run("ipvsadm", "-d", "-t", `${VIP}:80`, "-r", "198.51.100.11:80");
    lab.director.run("ipvsadm", "-e", "-t", `${VIP}:80`, "-r", "198.51.100.12:80", "-m", "-w", "50");
    await until("repaired", () => same(lab.table(), FULL), 20_000);
    lab.director.run("ipvsadm", "-C");
    await until("repaired from nothing", () => same(lab.table(), FULL), 20_000);
    await until("it is said", () => /198\.51\.100\.11:80/.test(director.output));
  });
});

test("checker_priority and its like: the checker process has them, the others do not", async () => {
  using lab = new Lab(1);
  await lab.serve(0);
  const rights = [
    "checker_priority -7",
    "checker_no_swap",
    "checker_rt_priority 30",
    "checker_rlimit_rttime 3000000",
    "checker_cpu_affinity 1",
  ];
  const text = virtualServer({ weights: [1] });
  using director = new Daemon("lbd", lab.director, `global_defs {\n${rights.join("\n")}\n}\n${text}`).start();
  await until("programmed", () => lab.table().length === 2, 30_000);
  const viewOf = (comm: string) => {
    const pid = director.processes().find((one) => readFileSync(`/proc/${one}/comm`, "utf8") === `${comm}\n`);
    return pid === undefined ? undefined : kernelView(pid);
  };
  expect(await director.callApi()).toBe(200);
  const plain = { nice: 0, realtime: 0, cpus: "0-1", memoryLocked: false, rttimeUs: "unlimited" };
  expect([viewOf("lbd-checker"), viewOf("lbd-api")]).toEqual([
    { nice: -7, realtime: 30, cpus: "1", memoryLocked: true, rttimeUs: "3000000" },
    plain,
  ]);
  director.reload(text);
  await until(
    "given back",
    () => JSON.stringify(viewOf("lbd-checker")) === JSON.stringify({ ...plain, rttimeUs: "3000000" }),
  );
});

describe("settings of the way to the kernel", () => {
  const shown = (host: Namespace, ...words: readonly string[]) => host.run(words[0] ?? "", ...words.slice(1)).stdout;

  test("net_namespace_ipvs: the table is that of another namespace, of the default one without a name", async () => {
    using here = new Namespace("here");
    using there = new Namespace("there");
    const table = (host: Namespace) => shown(host, "ipvsadm", "-Sn").split("\n").length - 1;
    // Nothing answers here.
    const unchecked = virtualServer().replaceAll(/TCP_CHECK \{[^}]*\}/g, "");
    using named = new Daemon("lbd", here, `net_namespace_ipvs ${there.name}\n${unchecked}`).start("-C");
    await until("the table is there", () => table(there) === 3, 30_000);
    expect(table(here)).toBe(0);
    expect(await named.stop()).toBe(0);
    expect(table(there)).toBe(0);
    using unnamed = new Daemon("lbd", here, `net_namespace_ipvs\n${unchecked}`).start("-C");
    const ours = () => spawnSync("ipvsadm", ["-Sn"], { encoding: "utf8" }).stdout.split("\n").length - 1;
    await until("the table is in the machine's own namespace", () => ours() === 3, 30_000);
    expect(table(here)).toBe(0);
    expect(await unnamed.stop()).toBe(0);
    expect(ours()).toBe(0);
  });

  test("lvs_netlink_cmd_rcv_bufs and lvs_netlink_monitor_rcv_bufs, beyond the system's limit", async () => {
    using host = new Namespace("bufs");
    spawnSync("modprobe", ["netlink_diag"]);
    const MIB = 1024 * 1024;
    const buffers = `global_defs {
  lvs_netlink_cmd_rcv_bufs ${4 * MIB}
  lvs_netlink_cmd_rcv_bufs_force
  lvs_netlink_monitor_rcv_bufs ${3 * MIB}
  lvs_netlink_monitor_rcv_bufs_force true
}
`;
    using _director = new Daemon("lbd", host, buffers + virtualServer({ extra: "ha_suspend" })).start("-C");
    // kernel: it shows twice what was asked for.
    for (const bytes of [8 * MIB, 6 * MIB])
      await until(
        `a netlink socket has ${bytes}`,
        () => shown(host, "ss", "-f", "netlink", "-m").includes(`rb${bytes},`),
        30_000,
      );
  });
});

test("nftables_ipvs: table and packet filter are keepalived's, and clients of every address are served", async () => {
  using lab = new Lab(2);
  await lab.serve(0, 1);
  const others = ["192.0.2.111", "192.0.2.112"];
  lab.director.batch(...others.map((ip) => `addr add ${ip} dev eth0`));
  const group = `global_defs {
  nftables_ipvs
  nftables_ipvs_start_fwmark 2000
}
virtual_server_group web {
  ${VIP} 80
  192.0.2.111-112 80
}
`;
  const text = group + virtualServer().replace(`${VIP} 80`, "group web");
  const filter = () => shownLines(lab.director.run("nft", "list", "ruleset").stdout);
  const seen: Record<Kind, unknown> = { keepalived: undefined, lbd: undefined };
  for (const kind of ["keepalived", "lbd"] as const) {
    using director = new Daemon(kind, lab.director, text);
    director.start(...(kind === "keepalived" ? ["-C"] : []));
    await until(`${kind}: the table`, () => lab.table().length === 3 && filter().length > 0, 30_000);
    seen[kind] = [lab.table().sort(), filter()];
    for (const host of [VIP, ...others])
      expect([kind, host, await lab.ask({ transport: "tcp", host, port: 80, count: 4 })]).toEqual([
        kind,
        host,
        { real1: 2, real2: 2 },
      ]);
    await director.stop();
    await until(`${kind}: nothing is left`, () => lab.table().length === 0 && filter().length === 0);
  }
  expect(seen.lbd).toEqual(seen.keepalived);
});

/** Lines and elements of nft(8), in one order. */
function shownLines(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .sort();
}

describe("beside Debian's keepalived, step by step", () => {
  const config = virtualServer({ weights: [3, 1], extra: "quorum 1\n  sorry_server 198.51.100.13 80" });

  /** The tables that one director shows through the story. */
  async function story(lab: Lab, kind: Kind): Promise<string[][]> {
    await lab.serve(0, 1, 2);
    const steps: string[][] = [];
    const settle = async (what: string, lines: number, with_: string) => {
      await until(
        `${kind}: ${what}`,
        () => lab.table().length === lines && lab.table().join("\n").includes(with_),
        30_000,
      );
      steps.push(lab.table().sort());
    };
    using director = new Daemon(kind, lab.director, config);
    director.start(...(kind === "keepalived" ? ["-C"] : []));
    await settle("start", 3, "198.51.100.12:80");
    await lab.kill(0);
    await settle("first server died", 2, "198.51.100.12:80");
    await lab.kill(1);
    await settle("both died", 2, "198.51.100.13:80");
    await lab.serve(1);
    await settle("second came back", 2, "198.51.100.12:80");
    await lab.serve(0);
    await settle("first came back", 3, "198.51.100.11:80");
    director.reload(
      virtualServer({ weights: [3, 5], scheduler: "wlc", extra: "quorum 1\n  sorry_server 198.51.100.13 80" }),
    );
    await settle("reload", 3, "-w 5");
    await director.stop();
    await until(`${kind}: stop`, () => lab.table().length === 0);
    steps.push(lab.table());
    return steps;
  }

  test("the tables are the same", async () => {
    using lab = new Lab(3);
    expect(await story(lab, "lbd")).toEqual(await story(lab, "keepalived"));
  });
});
