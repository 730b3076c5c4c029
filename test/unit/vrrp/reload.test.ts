// Reload (vrrp.md §8; statements S29 to S31): instances are matched by what they are on the wire, and what did not change is not touched.
import { describe, expect, test } from "bun:test";
import { inOneGo } from "../../../src/base/steps.ts";
import type { TrackScript, VrrpConfig, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { planReload } from "../../../src/vrrp/reload.ts";
import { address, NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";
import { reloadAtOnce } from "../../support/vrrp-reload.ts";

const CHK: TrackScript = {
  name: "chk",
  origin: { file: "test.conf", line: 1, column: 1 },
  command: { argv: ["/bin/true"], origin: { file: "test.conf", line: 2, column: 1 } },
  intervalMs: 1000,
  timeoutMs: 1000,
  weight: 0,
  reverse: false,
  rise: 1,
  fall: 1,
  initFail: false,
};
const moved = { file: "other.conf", line: 99, column: 7 };

describe("plan", () => {
  const base = vrrpInstance();
  test.each([
    ["nothing changed", base, "keep"],
    [
      "moved within the file",
      { ...base, origin: moved, virtualAddresses: [{ ...address("192.0.2.100"), origin: moved }] },
      "keep",
    ],
    ["another name", { ...base, name: "other" }, "keep"],
    ["priority", { ...base, priority: 120 }, "change"],
    ["addresses", { ...base, virtualAddresses: [address("192.0.2.101")] }, "change"],
    ["interval", { ...base, advertMs: 2000 }, "change"],
    ["password", { ...base, authentication: { type: "PASS", password: "x" } }, "change"],
    ["VRID", { ...base, vrid: 52 }, "restart"],
    ["interface", { ...base, interface: "eth1" }, "restart"],
    ["version", { ...base, version: 3 }, "restart"],
    ["family", vrrpInstance({ family: 6 }), "restart"],
    ["group", { ...base, multicastGroup: "224.0.0.99" }, "restart"],
    ["use_vmac", { ...base, vmac: { kind: "macvlan", xmitBase: false } }, "restart"],
    [
      "unicast",
      {
        ...base,
        unicast: {
          peers: [{ ip: "192.0.2.2", minTtl: 0, maxTtl: 255 }],
          checkSource: false,
          faultWithoutPeer: false,
          oldChecksum: "auto",
        },
      },
      "restart",
    ],
  ] as const)("%s: %s", (_why, next, want) => {
    const plan = inOneGo(planReload([base], [next]));
    const got = plan.keep.length
      ? "keep"
      : plan.change.length
        ? "change"
        : plan.remove.length && plan.add.length
          ? "restart"
          : "?";
    expect(got).toBe(want);
  });
});

function master(config: VrrpConfig = vrrpConfig([vrrpInstance({ priority: 150 })])): Lab {
  const bench = lab(config);
  bench.run(30_000);
  return bench;
}

function reload(bench: Lab, config: VrrpConfig): readonly string[] {
  return bench.does(() => bench.do((d, at) => reloadAtOnce(d, config, at)));
}

describe("an instance", () => {
  test("untouched: no packet, no action", () => {
    const bench = master();
    const before = bench.router.deadline();
    expect(reload(bench, vrrpConfig([vrrpInstance({ priority: 150, origin: moved })]))).toEqual([]);
    expect(bench.router.deadline()).toBe(before);
  });

  test("S29 changed: mastership stays, no priority 0, the new priority goes out at once", () => {
    const bench = master();
    expect(reload(bench, vrrpConfig([vrrpInstance({ priority: 120 })]))).toEqual([
      "log info",
      "event priority VI_1 120",
      "sync VI_1",
      "send VI_1 120",
    ]);
    expect(bench.state()).toBe("MASTER");
  });

  test("S31 a new address: set and announced, now and after the delay (as recorded in reload-add-vip)", () => {
    const two = [address("192.0.2.100"), address("192.0.2.101")];
    const bench = master();
    const done = reload(bench, vrrpConfig([vrrpInstance({ priority: 150, virtualAddresses: two })]));
    expect(done).toEqual(["sync VI_1", "send VI_1 150", "announce VI_1 5x 192.0.2.100,192.0.2.101"]);
    const sync = bench.log.find((event) => event.action.kind === "syncAddresses")?.action;
    if (sync?.kind !== "syncAddresses") throw new Error("no sync");
    expect([sync.previous.virtualAddresses.length, sync.config.virtualAddresses.length]).toEqual([1, 2]);
    const mark = bench.log.length;
    bench.run(6000);
    expect(bench.log.slice(mark).map((event) => event.text)).toContain("announce VI_1 5x 192.0.2.100,192.0.2.101");
  });

  test("S31 an address less: removed, nothing to announce", () => {
    const two = [address("192.0.2.100"), address("192.0.2.101")];
    const bench = master(vrrpConfig([vrrpInstance({ priority: 150, virtualAddresses: two })]));
    expect(reload(bench, vrrpConfig([vrrpInstance({ priority: 150 })]))).toEqual(["sync VI_1", "send VI_1 150"]);
  });

  test.each([
    ["FAULT, for programs that know no DELETED", {}, "FAULT"],
    ["DELETED with notify_deleted", { deleted: true }, "DELETED"],
  ] as const)("S30 removed: priority 0, cleanup, %s", (_why, notify, told) => {
    const bench = master(vrrpConfig([vrrpInstance({ priority: 150, notify })]));
    expect(reload(bench, vrrpConfig([]))).toEqual([
      "VI_1 MASTER>STOP deleted",
      "log info",
      "send VI_1 0",
      "remove VI_1",
      `notify VI_1 ${told} 150`,
    ]);
    expect(bench.does(() => bench.run(60_000))).toEqual([]);
    expect(bench.router.sockets()).toEqual([]);
  });

  test("a new one begins as what it finds: backup, or the faults it has; it is told of nothing else", () => {
    const bench = master();
    const config = vrrpConfig([
      vrrpInstance({ priority: 150 }),
      vrrpInstance({ name: "B", vrid: 52 }),
      vrrpInstance({ name: "C", vrid: 53 }),
    ]);
    const arrivals = new Map([
      ["B", { source: "192.0.2.1", faults: {} }],
      ["C", { source: "192.0.2.1", faults: { socket: "no socket" } }],
    ]);
    const done = bench.does(() => bench.do((d, at) => reloadAtOnce(d, config, at, arrivals)));
    expect(done.filter((text) => !text.startsWith("log"))).toEqual([
      "remove B",
      "B INIT>BACKUP start",
      "notify B BACKUP 100",
      "remove C",
      "C INIT>FAULT fault",
      "notify C FAULT 100",
    ]);
  });

  test("S30 those that leave can resign before anything else of a reload happens, once", () => {
    const bench = master();
    const [piece, ...more] = inOneGo(bench.router.beginReload(vrrpConfig([]), []));
    if (!piece) throw new Error("no piece");
    expect(more).toEqual([]);
    expect(bench.moves(() => bench.do((d, at) => d.retire(piece, at)))).toEqual([
      "VI_1 MASTER>STOP deleted",
      "send VI_1 0",
      "remove VI_1",
    ]);
    expect(bench.does(() => bench.do((d, at) => d.take(piece, at)))).toEqual([]);
  });

  test("another VRID: the old one resigns, the new one starts as backup", () => {
    const bench = master();
    const done = reload(bench, vrrpConfig([vrrpInstance({ priority: 150, vrid: 99 })]));
    expect(done).toContain("send VI_1 0");
    bench.do((d, at) => d.setSource("VI_1", "192.0.2.1", at));
    expect(bench.state()).toBe("BACKUP");
  });

  test("renamed: state, counters and AH sequence stay", () => {
    const bench = master();
    const sent = bench.router.instances()[0]?.counters.advert_sent ?? 0;
    expect(reload(bench, vrrpConfig([vrrpInstance({ priority: 150, name: "new" })]))).toEqual([]);
    expect(bench.state("new")).toBe("MASTER");
    bench.run(1000);
    expect(bench.router.instances()[0]?.counters.advert_sent).toBe(sent + 1);
  });

  test("a backup takes the new priority and interval without starting its wait anew", () => {
    const bench = lab([vrrpInstance()]);
    const started = bench.now;
    bench.run(2000);
    expect(reload(bench, vrrpConfig([vrrpInstance({ priority: 200, downTimerAdverts: 2 })]))).toEqual([
      "log info",
      "event priority VI_1 200",
    ]);
    expect(bench.router.deadline() - started).toBeCloseTo(2000 + (56 / 256) * 1000, 6);
  });

  test("made an address owner: master at once", () => {
    const bench = lab([vrrpInstance()]);
    bench.hear("192.0.2.2", 150);
    reload(bench, vrrpConfig([vrrpInstance({ priority: 255 })]));
    bench.run(0);
    expect(bench.state()).toBe("MASTER");
  });
});

describe("groups", () => {
  const a = vrrpInstance({ name: "A", vrid: 1 });
  const b = vrrpInstance({ name: "B", vrid: 2 });
  const grouped = vrrpConfig([a, b], { syncGroups: [syncGroup("G", ["A", "B"])] });

  test("a new member follows a group that is master, without a gap", () => {
    const bench = master(vrrpConfig([a], { syncGroups: [syncGroup("G", ["A"])] }));
    const config = vrrpConfig([a, b], { syncGroups: [syncGroup("G", ["A", "B"])] });
    const arrivals = new Map([["B", { source: "192.0.2.1", faults: {} }]]);
    const moves = bench.moves(() => bench.do((d, at) => reloadAtOnce(d, config, at, arrivals)));
    expect(moves).toEqual(expect.arrayContaining(["B BACKUP>MASTER group", "send B 100", "add B"]));
    expect(moves.some((text) => text.includes("A MASTER>"))).toBe(false);
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "MASTER"]);
    // The group is what it was: nobody is told of it.
    expect(moves.filter((text) => /\bG\b/.test(text))).toEqual([]);
  });

  test("a new member whose script has not run yet follows a group that runs: it is not waited for", () => {
    const bench = master(vrrpConfig([a], { syncGroups: [syncGroup("G", ["A"])] }));
    const waits = vrrpInstance({ name: "B", vrid: 2, tracking: { ...NO_TRACKING, scripts: [use("chk")] } });
    const config = vrrpConfig([a, waits], { scripts: [CHK], syncGroups: [syncGroup("G", ["A", "B"])] });
    const arrivals = new Map([["B", { source: "192.0.2.1", faults: {} }]]);
    bench.do((d, at) => reloadAtOnce(d, config, at, arrivals));
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "MASTER"]);
  });

  test("taking instances of different states together never leaves a split", () => {
    const bench = lab(vrrpConfig([a, b]));
    for (let i = 0; i < 10; i++) {
      bench.run(1000);
      bench.hear("192.0.2.2", 150, {}, "B");
    }
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "BACKUP"]);
    const done = reload(bench, grouped);
    expect(done).toContain("send A 0");
    expect([bench.state("A"), bench.state("B")]).toEqual(["BACKUP", "BACKUP"]);
  });

  test("a group dissolved: the members go on by themselves", () => {
    const bench = master(grouped);
    reload(bench, vrrpConfig([a, b]));
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "MASTER"]);
    bench.hear("192.0.2.2", 200, {}, "B");
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "BACKUP"]);
  });

  test("a member that was held may go once it is by itself", () => {
    const bench = lab(grouped);
    for (let i = 0; i < 5; i++) {
      bench.run(1000);
      bench.hear("192.0.2.2", 150, {}, "B");
    }
    expect(bench.state("A")).toBe("BACKUP");
    bench.do((d, at) => reloadAtOnce(d, vrrpConfig([a, b]), at));
    bench.run(0);
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "BACKUP"]);
  });

  test("a member removed: it resigns, the group goes on", () => {
    const bench = master(grouped);
    const done = reload(bench, vrrpConfig([a], { syncGroups: [syncGroup("G", ["A"])] }));
    expect(done).toContain("send B 0");
    expect(done).not.toContain("send A 0");
    expect(bench.state("A")).toBe("MASTER");
  });
});

describe("what a reload left alone", () => {
  const other = (name: string, vrid: number, more: Partial<VrrpInstance> = {}) => vrrpInstance({ name, vrid, ...more });
  const config = (instances: readonly VrrpInstance[], more: Partial<VrrpConfig> = {}) => ({
    ...shared,
    instances,
    ...more,
  });
  // As they come from the parent: the parts that are the same are the same objects.
  const shared = vrrpConfig([]);
  const reloaded = (bench: Lab, next: VrrpConfig) =>
    bench.does(() => bench.do((router, at) => reloadAtOnce(router, next, at)));

  test("the very same parts: nothing is done, no timer moves, the new objects are in force", () => {
    const [a, b] = [other("A", 1), other("B", 2, { priority: 255 })];
    const bench = lab(config([a, b]));
    bench.run(500);
    const before = bench.router.deadline();
    expect(reloaded(bench, config([a, b]))).toEqual([]);
    expect(bench.router.deadline()).toBe(before);
    expect(bench.router.instances().map(({ config: one }) => one)).toEqual([a, b]);
  });

  test.each([
    ["one that is another", (a: VrrpInstance, b: VrrpInstance) => [{ ...a, advertMs: 2000 }, b], ["send A 255"]],
    ["another order", (a: VrrpInstance, b: VrrpInstance) => [b, a], []],
  ] as const)("%s: the others are not touched", (_what, change, sent) => {
    const [a, b] = [other("A", 1, { priority: 255 }), other("B", 2, { priority: 255 })];
    const bench = lab(config([a, b]));
    bench.run(500);
    const next = change(a, b);
    expect(reloaded(bench, config(next)).filter((word) => word.startsWith("send"))).toEqual([...sent]);
    expect(bench.router.instances().map(({ name }) => name)).toEqual(next.map(({ name }) => name));
  });

  test("another weight of a script moves those that track it, though they are the same objects", () => {
    const tracking = { ...NO_TRACKING, scripts: [use("chk")] };
    const a = other("A", 1, { priority: 100, tracking });
    const script = (weight: number) => ({ scripts: [{ ...CHK, weight }] });
    const bench = lab(config([a], script(-10)));
    bench.fact("script", "chk", false);
    expect(bench.router.instance("A")?.state.priority).toBe(90);
    reloaded(bench, config([a], script(-30)));
    expect(bench.router.instance("A")?.state.priority).toBe(70);
  });

  test("another group around the same members: they agree in it", () => {
    const [a, b] = [other("A", 1, { priority: 255 }), other("B", 2, { priority: 100 })];
    const bench = lab(config([a, b]));
    bench.run(100);
    expect([bench.state("A"), bench.state("B")]).toEqual(["MASTER", "BACKUP"]);
    reloaded(bench, config([a, b], { syncGroups: [syncGroup("G", ["A", "B"])] }));
    expect([bench.state("A"), bench.state("B")]).toEqual(["BACKUP", "BACKUP"]);
  });

  test("another address in the same place of a static route's group: the interface is tracked", () => {
    const a = other("A", 1, { priority: 100 });
    const trackGroups = [{ name: "T", instances: ["A"] }];
    const bench = lab(config([a], { trackGroups }));
    const route = (device: string) => ({
      staticAddresses: [address("198.51.100.1", { device, trackGroup: "T" })],
      trackGroups,
    });
    reloaded(bench, config([a], route("eth7")));
    expect(bench.state("A")).toBe("FAULT");
    bench.fact("interface", "eth7", true);
    expect(bench.state("A")).toBe("BACKUP");
    reloaded(bench, config([a], route("eth8")));
    expect(bench.state("A")).toBe("FAULT");
  });
});

test("sessions of BFD that are defined otherwise, and then as before, count each time as they are defined", () => {
  const much = [{ name: "B", weight: -30, reverse: false }];
  const little = [{ name: "B", weight: -10, reverse: false }];
  const bench = lab([vrrpInstance({ tracking: { ...NO_TRACKING, bfd: [use("B")] } })], { bfd: much });
  const same = vrrpConfig([vrrpInstance({ tracking: { ...NO_TRACKING, bfd: [use("B")] } })]);
  bench.fact("bfd", "B", false);
  const priorities = [much, little, much].map((bfd) => {
    bench.do((router, at) => reloadAtOnce(router, same, at, undefined, bfd));
    return bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.priority.effective;
  });
  expect(priorities).toEqual([70, 90, 70]);
});

test("before the start nothing that is told has a consequence; the start counts it all", () => {
  const bench = lab([vrrpInstance({ priority: 255 })], { hold: true });
  const early = bench.does(() => {
    bench.fact("interface", "eth0", true);
    bench.do((router, at) => router.setHeld(true, at));
    bench.do((router, at) => router.setHeld(false, at));
    bench.do((router, at) => router.setSource("VI_1", "192.0.2.1", at));
    bench.do((router, at) => router.setFault("VI_1", "socket", "EPERM", at));
  });
  expect(early).toEqual([]);
  expect(bench.moves(() => bench.do((router, at) => router.start(at)))).toEqual([
    "remove VI_1",
    "VI_1 INIT>FAULT fault",
  ]);
});

test("a master that joins or leaves a sync group has no new addresses: nothing is announced", () => {
  const one = vrrpInstance({ priority: 255 });
  const bench = lab([one]);
  bench.run(20_000);
  const grouped = vrrpConfig([one], { syncGroups: [syncGroup("G", ["VI_1"])] });
  for (const next of [grouped, vrrpConfig([one])]) {
    const moves = bench.moves(() => bench.do((router, at) => reloadAtOnce(router, next, at)));
    expect(moves.filter((move) => move.startsWith("announce"))).toEqual([]);
    expect(bench.state()).toBe("MASTER");
  }
});
