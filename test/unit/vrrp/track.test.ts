// Weights and faults (vrrp.md §6 "Weights", language.md §14.2; statements S26, S27, S38, trap T10).
import { describe, expect, test } from "bun:test";
import type { Route, Rule } from "../../../src/config/model/net.ts";
import type { SyncGroup, Tracking, VrrpConfig, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { evaluate, type Fact, type Facts, type TrackDefinitions } from "../../../src/vrrp/track.ts";
import { trackedDevices } from "../../../src/vrrp/track-devices.ts";
import { address, NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { lab } from "../../support/vrrp-lab.ts";

const fact = (up: boolean | null, value?: number): Fact => ({
  up,
  detail: "",
  since: 0,
  ...(value === undefined ? {} : { value }),
});

const DEFINITIONS: TrackDefinitions = {
  scripts: [
    { name: "plain", weight: 0, reverse: false },
    { name: "ten", weight: 10, reverse: false },
  ],
  files: [{ name: "one", weight: 1, reverse: false }],
  processes: [{ name: "web", weight: 0, reverse: false }],
  bfd: [{ name: "session", weight: 0, reverse: false }],
  devices: new Map(),
};

function facts(more: Partial<Record<keyof Facts, Readonly<Record<string, Fact>>>> = {}): Facts {
  const map = (kind: keyof Facts) => new Map(Object.entries(more[kind] ?? {}));
  return {
    interface: new Map([["eth0", fact(true)], ...map("interface")]),
    script: map("script"),
    file: map("file"),
    process: map("process"),
    bfd: map("bfd"),
  };
}

function of(
  tracking: Partial<Tracking>,
  seen: Facts,
  more: { readonly instance?: Partial<VrrpInstance>; readonly group?: SyncGroup } = {},
): [number, string[], string[]] {
  const instance = vrrpInstance({ tracking: { ...NO_TRACKING, ...tracking }, ...more.instance });
  const got = evaluate(instance, more.group, DEFINITIONS, seen);
  return [got.priority, got.faults.map((f) => f.text), got.pending.slice()];
}

const down = { eth1: fact(false) };
const up = { eth1: fact(true) };

describe("S26 weights", () => {
  test.each([
    ["interface +20, up", { interfaces: [use("eth1", 20)] }, { interface: up }, 120],
    ["interface +20, down", { interfaces: [use("eth1", 20)] }, { interface: down }, 100],
    ["interface -20, up", { interfaces: [use("eth1", -20)] }, { interface: up }, 100],
    ["interface -20, down", { interfaces: [use("eth1", -20)] }, { interface: down }, 80],
    ["interface +20 reverse, up", { interfaces: [use("eth1", 20, true)] }, { interface: up }, 80],
    ["interface -20 reverse, down", { interfaces: [use("eth1", -20, true)] }, { interface: down }, 120],
    ["the script's own weight", { scripts: [use("ten")] }, { script: { ten: fact(true) } }, 110],
    ["the use's weight before the script's", { scripts: [use("ten", -50)] }, { script: { ten: fact(false) } }, 50],
    ["a script without result has no share", { scripts: [use("ten", -50)] }, {}, 100],
    ["process +5", { processes: [use("web", 5)] }, { process: { web: fact(true) } }, 105],
    ["bfd -30, down", { bfd: [use("session", -30)] }, { bfd: { session: fact(false) } }, 70],
    ["bfd -30, never seen", { bfd: [use("session", -30)] }, {}, 70],
    ["file: value times weight", { files: [use("one", 2)] }, { file: { one: fact(null, 15) } }, 130],
    ["file: default weight 1", { files: [use("one")] }, { file: { one: fact(null, -7) } }, 93],
    ["file: reverse", { files: [use("one", 2, true)] }, { file: { one: fact(null, 15) } }, 70],
    ["file that is not there", { files: [use("one")] }, {}, 100],
    ["T10 -200 from 100 clamps to 1, no fault", { files: [use("one")] }, { file: { one: fact(null, -200) } }, 1],
    ["product above 253 counts as 253", { files: [use("one", 254)] }, { file: { one: fact(null, 1_000_000) } }, 254],
    ["clamped to 254", { interfaces: [use("eth1", 253)] }, { interface: up }, 254],
    ["clamped to 1", { interfaces: [use("eth1", -253)] }, { interface: down }, 1],
    [
      "sum before the clamp",
      { interfaces: [use("eth1", -253)], files: [use("one")] },
      { interface: down, file: { one: fact(null, 200) } },
      47,
    ],
  ] as const)("%s", (_why, tracking, seen, want) => {
    expect(of(tracking as Partial<Tracking>, facts(seen))).toEqual([want, [], []]);
  });
});

describe("S38 faults", () => {
  test.each([
    ["interface without weight, down", { interfaces: [use("eth1")] }, { interface: down }, "interface eth1 is down"],
    ["interface nobody has seen", { interfaces: [use("eth9")] }, {}, "interface eth9 is down (not there)"],
    [
      "weight 0 in reverse: a fault while up",
      { interfaces: [use("eth1", 0, true)] },
      { interface: up },
      "interface eth1 is up, tracked in reverse",
    ],
    ["script without weight", { scripts: [use("plain")] }, { script: { plain: fact(false) } }, "script plain failed"],
    [
      "weight 0 given over the script's 10",
      { scripts: [use("ten", 0)] },
      { script: { ten: fact(false) } },
      "script ten failed",
    ],
    ["process", { processes: [use("web")] }, { process: { web: fact(false) } }, "process web failed"],
    ["bfd", { bfd: [use("session")] }, { bfd: { session: fact(false) } }, "BFD session session is down"],
    [
      "file with weight 0 and a value",
      { files: [use("one", 0)] },
      { file: { one: fact(null, 3) } },
      "track file one holds 3 with weight 0",
    ],
    [
      "T10 product of -254",
      { files: [use("one", 2)] },
      { file: { one: fact(null, -127) } },
      "track file one holds -127 with weight 2",
    ],
  ] as const)("%s", (_why, tracking, seen, want) => {
    expect(of(tracking as Partial<Tracking>, facts(seen))).toEqual([100, [want], []]);
  });

  test("file with weight 0 and value 0 is sound", () => {
    expect(of({ files: [use("one", 0)] }, facts({ file: { one: fact(null, 0) } }))).toEqual([100, [], []]);
  });

  test("a script or process without a result is waited for", () => {
    expect(of({ scripts: [use("plain")], processes: [use("web")] }, facts())).toEqual([100, [], ["plain", "web"]]);
  });

  test("the own interface, unless dont_track_primary; but it has to exist", () => {
    const lost = { ...facts(), interface: new Map([["eth0", fact(false)]]) };
    expect(of({}, lost)[1]).toEqual(["interface eth0 is down"]);
    expect(of({}, lost, { instance: { dontTrackPrimary: true } })[1]).toEqual([]);
    const gone = { ...facts(), interface: new Map<string, Fact>() };
    expect(of({}, gone, { instance: { dontTrackPrimary: true } })[1]).toEqual(["interface eth0 is down (not there)"]);
  });
});

describe("interfaces that an instance depends on without tracking them", () => {
  const ORIGIN = { file: "test.conf", line: 1, column: 1 };
  const route = (device: string, more: Partial<Route> = {}): Route => ({
    family: 4,
    type: "unicast",
    destination: { ip: "203.0.113.0", prefix: 24 },
    device,
    onlink: false,
    metrics: {},
    nextHops: [],
    noTrack: false,
    origin: ORIGIN,
    ...more,
  });
  const rule = (more: Partial<Rule>): Rule => ({
    family: 4,
    invert: false,
    l3mdev: false,
    preference: 100,
    action: { kind: "table", table: 100 },
    noTrack: false,
    origin: ORIGIN,
    ...more,
  });
  const devices = (instance: Partial<VrrpInstance>, more: Partial<VrrpConfig> = {}) => {
    const { global: _, ...rest } = more;
    return [...(trackedDevices(vrrpConfig([vrrpInstance(instance)], rest)).get("VI_1") ?? [])];
  };

  test.each<[string, Partial<VrrpInstance>, string[]]>([
    ["of an address", { virtualAddresses: [address("192.0.2.100", { device: "eth1" })] }, ["eth1"]],
    ["of an excluded address", { excludedAddresses: [address("192.0.2.101", { device: "eth1" })] }, ["eth1"]],
    ["the own one, named by an address", { virtualAddresses: [address("192.0.2.100", { device: "eth0" })] }, []],
    ["no_track", { virtualAddresses: [address("192.0.2.100", { device: "eth1", noTrack: true })] }, []],
    ["of a route", { routes: [route("eth2"), route("eth3", { noTrack: true })] }, ["eth2"]],
    [
      "of a rule, both ways",
      { rules: [rule({ iif: "eth2", oif: "eth3" }), rule({ iif: "eth4", noTrack: true })] },
      ["eth2", "eth3"],
    ],
  ])("%s", (_why, instance, names) => {
    expect(devices(instance)).toEqual(names);
  });

  test("of static things, for the instances of their track_group", () => {
    const statics = {
      trackGroups: [{ name: "T", instances: ["VI_1"] }],
      staticAddresses: [
        address("198.51.100.1", { device: "eth1", trackGroup: "T" }),
        address("198.51.100.2", { device: "eth5" }),
      ],
      staticRoutes: [route("eth2", { trackGroup: "T" }), route("eth6", { trackGroup: "T", noTrack: true })],
      staticRules: [rule({ iif: "eth3", trackGroup: "T" }), rule({ iif: "eth7", trackGroup: "other" })],
    };
    expect(devices({}, statics)).toEqual(["eth1", "eth2", "eth3"]);
  });

  test("losing one is a fault, and a weight for it is not taken; the own interface can't be tracked with a weight", () => {
    const instance = vrrpInstance({ tracking: { ...NO_TRACKING, interfaces: [use("eth1", 20), use("eth0", 20)] } });
    const known = { ...DEFINITIONS, devices: new Map([["VI_1", new Set(["eth1"])]]) };
    const judged = (seen: Facts) => {
      const { priority, faults } = evaluate(instance, undefined, known, seen);
      return [priority, faults.map(({ text }) => text)];
    };
    expect(judged(facts({ interface: up }))).toEqual([100, []]);
    expect(judged(facts({ interface: down }))).toEqual([100, ["interface eth1 is down"]]);
  });
});

describe("where weights are not allowed", () => {
  const group = syncGroup("G", ["VI_1", "VI_2"]);
  const weighted: Partial<Tracking> = {
    interfaces: [use("eth1", -20)],
    scripts: [use("ten")],
    files: [use("one", 2)],
    bfd: [use("session", -30)],
  };
  const bad = facts({
    interface: down,
    script: { ten: fact(false) },
    file: { one: fact(null, 50) },
    bfd: { session: fact(false) },
  });

  test("S27 priority 255 ignores weights; the interface is dropped", () => {
    expect(of(weighted, bad, { instance: { priority: 255 } })).toEqual([255, [], []]);
  });

  test("in a sync group an interface becomes a fault, scripts, files and BFD are dropped", () => {
    expect(of(weighted, bad, { group })).toEqual([100, ["interface eth1 is down"], []]);
  });

  test("a file with its default weight of 1 becomes a fault", () => {
    expect(of({ files: [use("one")] }, bad, { group })).toEqual([100, ["track file one holds 50 with weight 0"], []]);
  });

  test("process weights are left alone in a group", () => {
    expect(of({ processes: [use("web", -5)] }, facts({ process: { web: fact(false) } }), { group })).toEqual([
      95,
      [],
      [],
    ]);
  });

  test.each(["trackingWeight", "globalTracking"] as const)("%s allows them", (key) => {
    expect(of(weighted, bad, { group: { ...group, [key]: true } })).toEqual([100 - 20 + 100 - 30, [], []]);
  });

  test("trackers of the group hold for each member, once", () => {
    const shared = { ...group, tracking: { ...NO_TRACKING, interfaces: [use("eth1")], scripts: [use("plain")] } };
    const got = of({ interfaces: [use("eth1")] }, facts({ interface: down, script: { plain: fact(false) } }), {
      group: shared,
    });
    expect(got).toEqual([100, ["interface eth1 is down", "script plain failed"], []]);
  });
});

describe("a director with trackers", () => {
  const tracked = (tracking: Partial<Tracking>, more: Partial<VrrpInstance> = {}) =>
    vrrpConfig([vrrpInstance({ priority: 150, tracking: { ...NO_TRACKING, ...tracking }, ...more })], {
      scripts: [scriptOf("chk", -60)],
    });

  test("S26 a weight changes the advertised priority with the next regular advertisement", () => {
    const bench = lab(tracked({ interfaces: [use("eth1", -60)] }), { hold: true });
    bench.fact("interface", "eth0", true);
    bench.fact("interface", "eth1", true);
    bench.do((d, at) => d.setSource("VI_1", "192.0.2.1", at));
    bench.do((d, at) => d.start(at));
    bench.run(10_000);
    const from = bench.now;
    expect(bench.moves(() => bench.fact("interface", "eth1", false))).toEqual([]);
    bench.run(1000);
    expect(bench.adverts("VI_1", from).map(([, priority]) => priority)).toEqual([90]);
  });

  test("S26 a backup's running timer moves by the difference", () => {
    const bench = lab(tracked({ scripts: [use("chk")] }));
    bench.fact("script", "chk", true);
    bench.hear("192.0.2.2", 200);
    const start = bench.now;
    bench.run(3000);
    bench.fact("script", "chk", false);
    expect(bench.router.deadline() - start).toBeCloseTo(3000 + (166 / 256) * 1000, 6);
  });

  test("notify_priority_changes", () => {
    const bench = lab(tracked({ scripts: [use("chk")] }, { notifyPriorityChanges: true }));
    bench.run(10_000);
    expect(bench.does(() => bench.fact("script", "chk", false))).toEqual([
      "log info",
      "event priority VI_1 90",
      "notify VI_1 MASTER_PRIORITY 90",
    ]);
    bench.hear("192.0.2.2", 200);
    expect(bench.does(() => bench.fact("script", "chk", true))).toEqual([
      "log info",
      "event priority VI_1 150",
      "notify VI_1 BACKUP_PRIORITY 150",
    ]);
  });

  test("S42 an instance waits in INIT for a script that has not run, then starts with its result", () => {
    const config = tracked({ scripts: [use("chk", 0)] }, { priority: 255 });
    const bench = lab(config);
    bench.run(60_000);
    expect(bench.state()).toBe("INIT");
    bench.fact("script", "chk", true);
    expect(bench.state()).toBe("MASTER");
    const failing = lab(config);
    expect(failing.does(() => failing.fact("script", "chk", false))[0]).toBe("VI_1 INIT>FAULT fault");
    failing.fact("script", "chk", true);
    expect(failing.state()).toBe("BACKUP");
  });

  test("S38 a failing script of weight 0: FAULT with priority 0, back through BACKUP", () => {
    const bench = lab(tracked({ scripts: [use("chk", 0)] }));
    bench.fact("script", "chk", true);
    bench.run(10_000);
    expect(bench.moves(() => bench.fact("script", "chk", false))).toEqual([
      "VI_1 MASTER>FAULT fault",
      "send VI_1 0",
      "remove VI_1",
    ]);
    expect(bench.moves(() => bench.fact("script", "chk", true))).toEqual(["VI_1 FAULT>BACKUP fault-cleared"]);
  });

  test("all faults have to clear", () => {
    const bench = lab([vrrpInstance()]);
    bench.fact("interface", "eth0", false);
    bench.do((d, at) => d.setFault("VI_1", "duplicate-vrid", "VRID 51 twice on eth0", at));
    bench.fact("interface", "eth0", true);
    expect(bench.state()).toBe("FAULT");
    expect(bench.router.status("VI_1", { now: 0, wallMs: 0 })?.faults).toEqual(["VRID 51 twice on eth0"]);
    bench.do((d, at) => d.setFault("VI_1", "duplicate-vrid", undefined, at));
    expect(bench.state()).toBe("BACKUP");
  });

  test("each tracker's share is shown", () => {
    const bench = lab(tracked({ scripts: [use("chk")] }));
    bench.fact("script", "chk", false);
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    expect([status?.priority.base, status?.priority.effective]).toEqual([150, 90]);
    expect(status?.priority.trackers.map((t) => [t.kind, t.name, t.up, t.share])).toEqual([
      ["interface", "eth0", true, null],
      ["script", "chk", false, -60],
    ]);
  });
});

function scriptOf(name: string, weight: number) {
  return {
    name,
    origin: { file: "test.conf", line: 1, column: 1 },
    command: { argv: ["/bin/true"], origin: { file: "test.conf", line: 1, column: 1 } },
    intervalMs: 1000,
    timeoutMs: 1000,
    weight,
    reverse: false,
    rise: 1,
    fall: 1,
    initFail: false,
  };
}
