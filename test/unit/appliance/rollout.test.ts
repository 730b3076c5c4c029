// An update of a pair: which is first, when nothing is done at all, and what a machine's answers mean.
import { describe, expect, test } from "bun:test";
import {
  firstOfPair,
  HANDOVER_LIMIT_MS,
  handoverOf,
  type MachineView,
  objection,
  progressOf,
  SYNC_STILL_MS,
  takesPart,
  watchSync,
} from "../../../src/appliance/rollout.ts";

const machine = (
  hostname: string,
  states: Readonly<Record<string, string>>,
  more: Partial<MachineView> = {},
): MachineView => ({
  ...{ hostname, version: "v1", slot: "A", good: true },
  instances: Object.entries(states).map(([name, state]) => ({ name, state })),
  ...more,
});
const master = machine("a", { V1: "MASTER", V2: "MASTER" });
const backup = machine("b", { V2: "BACKUP", V1: "BACKUP" });

describe("a pair", () => {
  test.each([
    ["of which each can serve what the other does", master, backup, undefined],
    ["of which one is on trial", master, { ...backup, good: false }, "b has not shown yet"],
    ["of which one is in FAULT", master, machine("b", { V1: "BACKUP", V2: "FAULT" }), "instance V2 is in FAULT"],
    ["of which one is held", master, machine("b", { V1: "INIT", V2: "BACKUP" }), "instance V1 is in INIT"],
    ["that has no instance", machine("a", {}), machine("b", {}), "a has no VRRP instance"],
    ["that has not the same ones", master, machine("b", { V1: "BACKUP" }), "don't have the same"],
    ["that is split", master, machine("b", { V1: "MASTER", V2: "BACKUP" }), "both are master of V1"],
  ] as const)("%s", (_, a, b, why) => {
    const said = objection([a, b]);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(why);
  });

  test("begins with the one that is master of fewer instances", () => {
    expect(firstOfPair([master, backup])).toBe(1);
    expect(firstOfPair([backup, master])).toBe(0);
    expect(
      firstOfPair([machine("a", { V1: "MASTER", V2: "BACKUP" }), machine("b", { V1: "BACKUP", V2: "MASTER" })]),
    ).toBe(0);
  });

  test("is whole again when all instances are in the election", () => {
    expect(takesPart(backup)).toBeTrue();
    expect(takesPart(machine("b", { V1: "INIT" }))).toBeFalse();
  });
});

test.each([
  ["does not answer", undefined, { kind: "waiting" }],
  ["runs it on trial", { ...backup, version: "v2", good: false }, { kind: "waiting" }],
  [
    "has the same one, and has not ended yet",
    { ...backup, version: "v2", pending: { version: "v2" } },
    { kind: "waiting" },
  ],
  ["runs it", { ...backup, version: "v2" }, { kind: "done" }],
  ["has not ended yet", { ...backup, pending: { version: "v2" } }, { kind: "waiting" }],
  ["gave it up", { ...backup, failure: { version: "v2", reason: "x" } }, { kind: "failed", reason: "x" }],
  [
    "gave another one up before",
    { ...backup, failure: { version: "v0", reason: "x" }, pending: { version: "v2" } },
    { kind: "waiting" },
  ],
  ["runs the old one as if there had been no other", backup, { kind: "failed", reason: "it runs v1" }],
] as const)("a machine that %s", (_, view, expected) => expect(progressOf(view, "v2")).toEqual(expected));

test.each([
  ["before the drained one has heard of it", master, backup, 0, "waiting"],
  ["between the two", machine("a", { V1: "FAULT", V2: "FAULT" }), backup, 0, "waiting"],
  [
    "of one instance of two",
    machine("a", { V1: "FAULT", V2: "FAULT" }),
    machine("b", { V1: "MASTER", V2: "BACKUP" }),
    0,
    "waiting",
  ],
  [
    "of all",
    machine("a", { V1: "FAULT", V2: "FAULT" }),
    machine("b", { V1: "MASTER", V2: "MASTER" }),
    HANDOVER_LIMIT_MS,
    "done",
  ],
  ["while both are master", master, machine("b", { V1: "MASTER", V2: "MASTER" }), 0, "waiting"],
  ["of which one is silent", undefined, machine("b", { V1: "MASTER", V2: "MASTER" }), 0, "waiting"],
  ["that nobody takes", machine("a", { V1: "FAULT", V2: "FAULT" }), backup, HANDOVER_LIMIT_MS, "failed"],
] as const)("a handover %s", (_, from, to, elapsedMs, expected) =>
  expect(handoverOf(from, to, elapsedMs)).toBe(expected),
);

describe("connections that one who came back is told of", () => {
  test("are all there is to wait for", () => {
    expect(watchSync(undefined, { open: 0, known: 0 }, 0)).toEqual({ kind: "done", known: 0, left: 0 });
    expect(watchSync(undefined, { open: 5, known: 6 }, 0)).toEqual({ kind: "done", known: 6, left: 0 });
  });

  test("are waited for as long as they become more; who is silent is left", () => {
    const counts = [0, 3, 7, 7];
    let watch: Parameters<typeof watchSync>[0];
    counts.forEach((known, n) => {
      const step = watchSync(watch, { open: 9, known }, n * (SYNC_STILL_MS - 1));
      expect(step.kind).toBe("waiting");
      watch = step.kind === "waiting" ? step.watch : undefined;
    });
    const last = 2 * (SYNC_STILL_MS - 1) + SYNC_STILL_MS;
    expect(watchSync(watch, { open: 9, known: 7 }, last)).toEqual({ kind: "done", known: 7, left: 2 });
  });

  test("that end meanwhile are no progress", () => {
    const first = watchSync(undefined, { open: 9, known: 4 }, 0);
    if (first.kind !== "waiting") throw new Error("it did not wait");
    expect(watchSync(first.watch, { open: 9, known: 3 }, SYNC_STILL_MS)).toEqual({ kind: "done", known: 3, left: 6 });
  });
});
