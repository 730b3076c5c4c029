// Sync groups as one machine: members change together, a fault of one takes all, a held member does not advertise (S24, S25).
import { describe, expect, test } from "bun:test";
import type { SyncGroup, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";

const PEER = "192.0.2.2";

function pair(a: Partial<VrrpInstance> = {}, b: Partial<VrrpInstance> = {}, group: Partial<SyncGroup> = {}): Lab {
  return lab(
    vrrpConfig(
      [vrrpInstance({ name: "A", vrid: 1, ...a }), vrrpInstance({ name: "B", vrid: 2, interface: "eth1", ...b })],
      { syncGroups: [syncGroup("G", ["A", "B"], group)] },
    ),
    { hold: true },
  );
}

function started(bench: Lab): Lab {
  bench.do((d, at) =>
    d.setFacts(
      ["eth0", "eth1"].map((name) => ({ kind: "interface" as const, name, up: true, detail: "", since: 0 })),
      at,
    ),
  );
  for (const name of ["A", "B"]) bench.do((d, at) => d.setSource(name, "192.0.2.1", at));
  bench.do((d, at) => d.start(at));
  return bench;
}

const states = (bench: Lab) => [
  bench.state("A"),
  bench.state("B"),
  bench.router.groupStatus("G", { now: bench.now, wallMs: 0 })?.state,
];

function notified(bench: Lab): string[] {
  return bench.log.filter((event) => event.action.kind === "notify").map((event) => event.text);
}

describe("S24 members change together", () => {
  test("the start: group first, then members; master with the last who wants it first (as keepalived reports it)", () => {
    const bench = pair({ priority: 120 }, { priority: 100 });
    started(bench).run(10_000);
    bench.do((d, at) => d.stop(at));
    expect(notified(bench)).toEqual([
      "notify group G BACKUP 0",
      "notify A BACKUP 120",
      "notify B BACKUP 100",
      "notify B MASTER 100",
      "notify A MASTER 120",
      "notify group G MASTER 0",
      "notify A STOP 120",
      "notify B STOP 100",
      "notify group G STOP 0",
    ]);
  });

  test("a member that wants to be master is held, and does not advertise", () => {
    const bench = started(pair());
    for (let i = 0; i < 30; i++) {
      bench.run(1000);
      bench.hear(PEER, 150, {}, "B");
    }
    expect(states(bench)).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
    expect(bench.adverts("A")).toEqual([]);
    bench.run(3610);
    expect(states(bench)).toEqual(["MASTER", "MASTER", "MASTER"]);
    expect(bench.router.status("A", { now: bench.now, wallMs: 0 })?.lastTransition?.cause).toBe(
      "sync group G goes to MASTER with B: no advertisement from 192.0.2.2 (priority 150) for 3609 ms",
    );
  });

  test("a held member that hears a better master again no longer wants", () => {
    const bench = started(pair());
    bench.run(3000);
    bench.hear(PEER, 150, {}, "B");
    bench.run(2000);
    bench.hear(PEER, 150, {}, "A");
    bench.run(1000);
    bench.hear(PEER, 150, {}, "A");
    bench.run(1500);
    expect(states(bench)).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
  });

  test("losing one member takes the others along; only they say goodbye", () => {
    const bench = started(pair());
    bench.run(10_000);
    expect(bench.moves(() => bench.hear(PEER, 200, {}, "B"))).toEqual([
      "B MASTER>BACKUP higher-priority",
      "remove B",
      "A MASTER>BACKUP group",
      "send A 0",
      "remove A",
      "G MASTER>BACKUP higher-priority",
    ]);
    expect(bench.router.status("A", { now: bench.now, wallMs: 0 })?.lastTransition?.cause).toBe(
      "sync group G: B is BACKUP: 192.0.2.2 has priority 200, we have 100",
    );
  });

  test("state MASTER shortens the first wait of a member to an interval and a skew", () => {
    const bench = started(pair({ initialState: "MASTER" }, { initialState: "MASTER" }));
    bench.run(1003.9);
    expect(states(bench)[2]).toBe("BACKUP");
    bench.run(0.1);
    expect(states(bench)[2]).toBe("MASTER");
  });

  test("an owner in a group waits for the others", () => {
    const bench = started(pair({ priority: 255 }));
    bench.run(3600);
    expect(states(bench)[2]).toBe("BACKUP");
    bench.run(20);
    expect(states(bench)).toEqual(["MASTER", "MASTER", "MASTER"]);
    const owners = started(pair({ priority: 255 }, { priority: 255 }));
    owners.run(0);
    expect(states(owners)[2]).toBe("MASTER");
  });

  test("lower priority heard by one member: the others announce too (G06)", () => {
    const bench = started(pair());
    bench.run(30_000);
    expect(bench.moves(() => bench.hear(PEER, 50, {}, "A"))).toEqual([
      "send A 100",
      "announce A 5x 192.0.2.100",
      "announce B 5x 192.0.2.100",
    ]);
  });
});

describe("S25 faults", () => {
  test("a fault of one member takes the group to FAULT, each member says goodbye once", () => {
    const bench = started(pair());
    bench.run(10_000);
    expect(bench.moves(() => bench.fact("interface", "eth1", false))).toEqual([
      "B MASTER>FAULT fault",
      "send B 0",
      "remove B",
      "A MASTER>FAULT group",
      "send A 0",
      "remove A",
      "G MASTER>FAULT fault",
    ]);
    expect(bench.router.status("A", { now: bench.now, wallMs: 0 })?.faults).toEqual([
      "sync group G: B is in FAULT: interface eth1 is down (failed)",
    ]);
  });

  test("it is over when all are sound: BACKUP, a whole interval", () => {
    const bench = started(pair());
    bench.run(10_000);
    bench.fact("interface", "eth1", false);
    bench.fact("interface", "eth0", false);
    bench.run(5000);
    expect(bench.moves(() => bench.fact("interface", "eth1", true))).toEqual([]);
    expect(states(bench)).toEqual(["FAULT", "FAULT", "FAULT"]);
    expect(bench.moves(() => bench.fact("interface", "eth0", true))).toEqual([
      "A FAULT>BACKUP fault-cleared",
      "B FAULT>BACKUP fault-cleared",
      "G FAULT>BACKUP fault-cleared",
    ]);
    bench.run(3609);
    expect(states(bench)[2]).toBe("BACKUP");
    bench.run(1);
    expect(states(bench)[2]).toBe("MASTER");
  });

  test("a fault at the start holds all", () => {
    const bench = pair();
    bench.fact("interface", "eth0", true);
    for (const name of ["A", "B"]) bench.do((d, at) => d.setSource(name, "192.0.2.1", at));
    bench.do((d, at) => d.start(at));
    expect(states(bench)).toEqual(["FAULT", "FAULT", "FAULT"]);
    bench.fact("interface", "eth1", true);
    expect(states(bench)).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
  });

  test("S42 a script of one member that has not run keeps the group in INIT", () => {
    const tracking = { ...NO_TRACKING, scripts: [use("chk", 0)] };
    const bench = started(pair({ tracking }));
    bench.run(60_000);
    expect(states(bench)).toEqual(["INIT", "INIT", "INIT"]);
    bench.fact("script", "chk", true);
    expect(states(bench)).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
    // No longer the start, so keepalived reports the group behind its members.
    expect(notified(bench)).toEqual(["notify A BACKUP 100", "notify B BACKUP 100", "notify group G BACKUP 0"]);
  });

  test("at the stop groups are reported behind all instances (as keepalived does)", () => {
    const alone = vrrpInstance({ name: "C", vrid: 53 });
    const members = [vrrpInstance({ name: "A" }), vrrpInstance({ name: "B", vrid: 52 })];
    const bench = lab([...members, alone], { groups: [syncGroup("G", ["A", "B"])] });
    bench.run(5000);
    const mark = notified(bench).length;
    bench.do((d, at) => d.stop(at));
    expect(notified(bench).slice(mark)).toEqual([
      "notify A STOP 100",
      "notify B STOP 100",
      "notify C STOP 100",
      "notify group G STOP 0",
    ]);
  });

  test("a tracker of the group is everybody's", () => {
    const tracking = { ...NO_TRACKING, interfaces: [use("eth9")] };
    const bench = started(pair({}, {}, { tracking }));
    expect(states(bench)).toEqual(["FAULT", "FAULT", "FAULT"]);
    bench.fact("interface", "eth9", true);
    expect(states(bench)).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
  });
});

test("a group of one member reports as a group too", () => {
  const bench = lab([vrrpInstance()], { groups: [syncGroup("G", ["VI_1"])] });
  bench.run(5000);
  expect(notified(bench)).toEqual([
    "notify group G BACKUP 0",
    "notify VI_1 BACKUP 100",
    "notify VI_1 MASTER 100",
    "notify group G MASTER 0",
  ]);
});
