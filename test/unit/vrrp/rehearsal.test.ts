// Rehearsals of a takeover: when, of what, and that nothing is left of them.
import { describe, expect, test } from "bun:test";
import type { VrrpGlobal, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { notDone, reachesNeighbours, type VrrpAction } from "../../../src/vrrp/actions.ts";
import { address, HMAC, syncGroup, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab, words } from "../../support/vrrp-lab.ts";
import { reloadAtOnce } from "../../support/vrrp-reload.ts";

const MASTER = "192.0.2.2";
/** Master_Down_Interval of priority 100 at one second, version 3. */
const DOWN_MS = 3609.375;

function backup(more: Partial<VrrpInstance> = {}) {
  const bench = lab([vrrpInstance({ version: 3, advertMs: 1000, ...more })], { rehearse: true });
  bench.hear(MASTER, 200);
  return bench;
}

/** Each backup of the same master. */
function backups(
  count: number,
  more: (index: number) => Partial<VrrpInstance> = () => ({}),
  global: Partial<VrrpGlobal> = {},
) {
  const virtualAddresses = Array.from({ length: 8 }, (_, i) => address(`198.51.100.${i + 1}`));
  const instances = Array.from({ length: count }, (_, i) =>
    vrrpInstance({ name: `V${i + 1}`, vrid: i + 1, version: 3, advertMs: 1000, virtualAddresses, ...more(i) }),
  );
  const bench = lab(vrrpConfig(instances, { global }), { rehearse: true });
  for (const { name } of instances) bench.hear(MASTER, 200, {}, name);
  return bench;
}

const rehearsals = ({ log }: Lab) =>
  log.flatMap(({ at, action }) => (action.kind === "rehearse" ? [{ at, ...action }] : []));
const imminents = ({ log }: Lab) =>
  log.flatMap(({ at, action }) => (action.kind === "imminent" ? [{ at, ...action }] : []));

describe("a good-bye", () => {
  const datagrams = (actions: readonly VrrpAction[]) =>
    actions.flatMap((one) => (one.kind === "send" ? one.datagrams.map(({ bytes }) => [...bytes]) : []));

  test.each([
    ["of one instance", { version: 3 as const }],
    ["by AH, which counts packets", { version: 2 as const, authentication: { type: "AH" as const, password: "x" } }],
  ])("%s is what stop() sends, and leaves no trace", (_what, more) => {
    const bench = lab([vrrpInstance({ advertMs: 1000, ...more })], { rehearse: true });
    bench.run(5000);
    expect(bench.state()).toBe("MASTER");
    const at = { now: bench.now, wallMs: 1e12 };
    const look = () => JSON.stringify([bench.router.instances(), bench.router.deadline()]);
    const before = look();
    const rehearsed = bench.router.farewell(at);
    expect(datagrams(rehearsed)).toHaveLength(1);
    expect(bench.router.farewell(at)).toEqual(rehearsed);
    expect(look()).toBe(before);
    expect(datagrams(bench.router.stop(at))).toEqual(datagrams(rehearsed));
    expect(bench.router.farewell(at)).toEqual([]);
  });

  test("of a backup is nothing", () => {
    const bench = backup();
    expect(bench.router.farewell({ now: bench.now, wallMs: 0 })).toEqual([]);
  });
});

describe("a takeover that looms", () => {
  test("is rehearsed closer and closer to its time, the last time right before", () => {
    const bench = backup();
    const heardAt = bench.now;
    bench.run(DOWN_MS);
    const before = bench.log.filter(({ action }) => action.kind === "rehearse").map(({ at }) => heardAt + DOWN_MS - at);
    expect(before.map((ms) => Math.round(10 * ms) / 10)).toEqual([100, 33.3, 11.1, 3.7, 1.8]);
    expect(bench.state()).toBe("MASTER");
  });

  test.each([1000, 100, 10])("is waited for awake behind the last rehearsal, at an interval of %d ms", (advertMs) => {
    const bench = backup({ advertMs });
    bench.hear(MASTER, 200, { advertMs });
    const downAt = bench.now + 3 * advertMs + (156 * advertMs) / 256;
    bench.run(downAt - bench.now);
    const [imminent, ...others] = imminents(bench);
    expect(others).toEqual([]);
    expect(imminent?.due.now).toBeCloseTo(downAt, 6);
    expect(downAt - (imminent?.at ?? 0)).toBeLessThanOrEqual(3.5);
    expect(imminent?.at).toBe(rehearsals(bench).at(-1)!.at);
    expect(rehearsals(bench).length).toBeGreaterThan(1);
  });

  test("is what comes then", () => {
    const bench = backup();
    bench.run(DOWN_MS);
    const rehearsed = bench.log.flatMap(({ action }) => (action.kind === "rehearse" ? [action.actions] : []));
    const did = bench.log.slice(-rehearsed[0]!.length).map(({ action }) => action);
    for (const actions of rehearsed) expect(actions.map(words)).toEqual(did.map(words));
    const bytes = (actions: typeof did) => actions.flatMap((one) => (one.kind === "send" ? one.datagrams : []));
    expect(bytes([...rehearsed[0]!])).toEqual(bytes(did));
  });

  test.each([
    [
      "authenticated by AH, which counts packets",
      { version: 2, authentication: { type: "AH", password: "secret" } },
      1,
    ],
    ["with a time stamp in its HMAC", { hmac: HMAC }, 1],
    ["of three instances whose announcements are paced", {}, 3],
  ] as const)("is to the byte what comes at its time: %s", (_, more, count) => {
    const bench = backups(count, () => more, { garpIntervalMs: 20 });
    bench.run(4000);
    const [imminent] = imminents(bench);
    const did = bench.log.flatMap(({ at, action }) => (at === imminent?.due.now ? [action] : []));
    const foreseen = (imminent?.actions ?? []).filter(reachesNeighbours);
    expect(foreseen.filter(({ kind }) => kind === "addAddresses")).toHaveLength(count);
    expect(did.filter(reachesNeighbours)).toEqual(foreseen);
    expect(notDone(did, foreseen).filter(reachesNeighbours)).toEqual([]);
  });

  test.each<[string, (bench: Lab) => void]>([
    ["nothing", () => {}],
    ["another source", (bench) => bench.do((router, at) => router.setSource("V1", "192.0.2.9", at))],
    ["an advertisement for one of them", (bench) => bench.hear(MASTER, 200, {}, "V1")],
    [
      "another configuration",
      (bench) =>
        bench.do((router, at) => {
          const virtualAddresses = [address("198.51.100.200")];
          const instances = router.instances().map(({ config }) => ({ ...config, virtualAddresses }));
          return reloadAtOnce(router, vrrpConfig(instances), at);
        }),
    ],
  ])("is still what an earlier rehearsal found, or not foreseen, after %s", (_, change) => {
    // So many that there is no time to rehearse them all again.
    const bench = backups(100);
    bench.run(DOWN_MS - 20);
    change(bench);
    bench.run(20);
    const [imminent] = imminents(bench);
    const did = bench.log.flatMap(({ at, action }) => (at === imminent?.due.now ? [action] : []));
    const foreseen = (imminent?.actions ?? []).filter(reachesNeighbours);
    const others = notDone(did, foreseen);
    expect(did.filter((action) => !others.includes(action))).toEqual(foreseen);
  });

  test("an advertisement calls it off, and the next silence begins anew", () => {
    const bench = backup();
    const count = () => bench.log.filter(({ action }) => action.kind === "rehearse").length;
    bench.run(DOWN_MS - 50);
    expect(count()).toBe(1);
    bench.hear(MASTER, 200);
    bench.run(DOWN_MS - 101);
    expect(count()).toBe(1);
    bench.run(101);
    expect(count()).toBe(6);
  });
});

describe("takeovers of several instances", () => {
  const senders = (actions: readonly VrrpAction[]) =>
    actions.flatMap((action) => (action.kind === "send" ? [action.instance] : []));

  test("that come at one time are rehearsed as one, in the order in which they come", () => {
    const bench = backups(20);
    bench.run(4000);
    const first = rehearsals(bench)[0];
    const took = bench.log.flatMap(({ action }) =>
      action.kind === "transition" && action.to === "MASTER" ? [action.name] : [],
    );
    expect(senders(first?.actions ?? [])).toEqual(took);
    expect(took).toHaveLength(20);
  });

  test("that are more than fit into the time are rehearsed as one when there is time, and left alone then", () => {
    const bench = backups(100);
    bench.run(4000);
    const [imminent, ...others] = imminents(bench);
    expect(others).toEqual([]);
    const downAt = imminent?.due.now ?? Number.NaN;
    const counts = rehearsals(bench).map(({ at, actions }) => [Math.round(downAt - at), senders(actions).length]);
    expect(counts).toEqual([
      [100, 100],
      [33, 100],
    ]);
    // What was found then is still known.
    expect(senders(imminent?.actions ?? [])).toHaveLength(100);
  });

  test("at a short interval are rehearsed as far as there is time", () => {
    const bench = backups(100, () => ({ advertMs: 10 }));
    for (let vrid = 1; vrid <= 100; vrid++) bench.hear(MASTER, 200, { advertMs: 10 }, `V${vrid}`);
    bench.run(100);
    const [first, ...others] = rehearsals(bench).map(({ actions }) => senders(actions).length);
    expect(first).toBeGreaterThan(4);
    expect(first).toBeLessThan(50);
    expect(others.every((count) => count === 0)).toBe(true);
  });

  test("that come one after the other are rehearsed each by itself", () => {
    const bench = backups(3, (index) => ({ priority: 100 - 10 * index }));
    bench.run(5000);
    expect(rehearsals(bench).every(({ actions }) => senders(actions).length === 1)).toBe(true);
    expect(new Set(rehearsals(bench).flatMap(({ actions }) => senders(actions)))).toEqual(new Set(["V1", "V2", "V3"]));
  });

  test("that come a little apart profit from each other: not each of them rehearses each time", () => {
    const instances = Array.from({ length: 100 }, (_, i) =>
      vrrpInstance({ name: `V${i + 1}`, vrid: i + 1, version: 3, advertMs: 1000 }),
    );
    const bench = lab(instances, { rehearse: true });
    // As a master does that advertises for one after the other.
    for (const { name } of instances) {
      bench.hear(MASTER, 200, {}, name);
      bench.run(0.2);
    }
    bench.run(5000);
    const masters = bench.log.filter(({ action }) => action.kind === "transition" && action.to === "MASTER");
    expect(masters).toHaveLength(100);
    const count = rehearsals(bench).filter(({ actions }) => actions.length > 0).length;
    expect(count).toBeGreaterThan(4);
    expect(count).toBeLessThan(100);
  });

  test("loom while they are rehearsed", () => {
    const bench = backups(1);
    bench.run(DOWN_MS - 101);
    expect(bench.router.takeoverLooms()).toBe(false);
    bench.run(50);
    expect(bench.router.takeoverLooms()).toBe(true);
    bench.hear(MASTER, 200);
    expect(bench.router.takeoverLooms()).toBe(false);
  });
});

describe("what is not done yet", () => {
  const instance = vrrpInstance();
  const send = (name: string): VrrpAction => ({
    kind: "send",
    instance: name,
    config: instance,
    priority: 100,
    datagrams: [],
  });
  const add = (name: string): VrrpAction => ({ kind: "addAddresses", instance: name, config: instance });
  const line: VrrpAction = { kind: "log", line: { level: "info", area: "vrrp", message: "" } };

  test.each<[string, VrrpAction[], VrrpAction[], string[]]>([
    ["all of it, when nothing was done", [send("A"), line, add("A")], [], ["send A 100", "log info", "add A"]],
    [
      "what others do not notice stays",
      [send("A"), line, add("A"), line],
      [send("A"), add("A")],
      ["log info", "log info"],
    ],
    ["log lines that were rehearsed do not count", [send("A"), line], [line, send("A")], ["log info"]],
    ["another instance's", [send("B"), send("A"), add("B")], [send("A")], ["send B 100", "add B"]],
    ["the second of two", [send("A"), send("A")], [send("A")], ["send A 100"]],
    ["rather twice than never", [send("B")], [send("A")], ["send B 100"]],
  ])("%s", (_, actions, done, expected) => {
    expect(notDone(actions, done).map(words)).toEqual(expected);
  });
});

describe("nothing is rehearsed", () => {
  test("while the master advertises, at the shortest interval too", () => {
    const bench = backup({ advertMs: 10 });
    for (let i = 0; i < 300; i++) {
      // Every other one is lost.
      bench.run(20);
      bench.hear(MASTER, 200);
    }
    expect(bench.log.filter(({ action }) => action.kind === "rehearse")).toEqual([]);
  });

  test("by a master", () => {
    const bench = backup();
    bench.run(DOWN_MS);
    const from = bench.log.length;
    bench.run(60_000);
    expect(bench.log.slice(from).filter(({ action }) => action.kind === "rehearse")).toEqual([]);
  });
});

test.each([
  ["an instance with AH", [vrrpInstance({ version: 2, authentication: { type: "AH", password: "secret" } })], []],
  ["addresses paced by an interval", [vrrpInstance({ version: 3 })], []],
  [
    "a sync group",
    [vrrpInstance({ name: "A", vrid: 1 }), vrrpInstance({ name: "B", vrid: 2 })],
    [syncGroup("G", ["A", "B"])],
  ],
] as const)("leaves no trace: %s", (why, instances, syncGroups) => {
  const config = vrrpConfig(instances, { syncGroups });
  const paced = why.includes("paced") ? { ...config, global: { ...config.global, garpIntervalMs: 20 } } : config;
  const [plain, rehearsing] = [false, true].map((rehearse) => {
    const bench = lab(paced, { rehearse });
    const name = instances[0].name;
    for (let i = 0; i < 3; i++) {
      bench.hear(MASTER, 200, {}, name);
      bench.run(3580);
      bench.hear(MASTER, 200, {}, name);
      bench.run(10_000);
    }
    const status = bench.router.status(name, { now: bench.now, wallMs: 0 });
    return { status, did: bench.log.filter(({ action }) => !["rehearse", "imminent"].includes(action.kind)) };
  });
  expect(rehearsing).toEqual(plain!);
});
