// An update of a pair: which is first, when nothing is done at all, and what a machine's answers mean.
import { describe, expect, test } from "bun:test";
import { firstOfPair, type MachineView, objection, progressOf, takesPart } from "../../../src/appliance/rollout.ts";

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
