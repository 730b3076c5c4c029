// What somebody else takes away: left first, then put back, counted, told once, with who did it as far as the kernel says.
import { describe, expect, test } from "bun:test";
import type { NetRule } from "../../../../src/net/model.ts";
import type { Wish } from "../../../../src/net/parts.ts";
import type { NetEvent } from "../../../../src/net/seen.ts";
import { createLosses } from "../../../../src/roles/vrrp/losses.ts";

/** Only its preference tells a rule of these tests from another. */
const rule = (priority: number) => ({ priority }) as unknown as NetRule;
const event = (change: "added" | "removed", priority: number, more: Partial<NetEvent> = {}): NetEvent =>
  ({ kind: "rule", change, rule: rule(priority), ours: false, ...more }) as NetEvent;

function bench(wishes: Readonly<Record<number, Partial<Wish>>>) {
  const did: string[] = [];
  let now = 1000;
  const losses = createLosses({
    log: (line) => did.push(`log ${line.message}`),
    now: () => now,
    ownerOf(of) {
      const priority = of.kind === "rule" ? (of.rule as unknown as { priority: number }).priority : -1;
      const wish = wishes[priority];
      return wish && { owner: undefined, what: `rule ${priority}`, key: `${priority}`, noTrack: false, ...wish };
    },
    leave: ({ what }) => did.push(`leave ${what}`),
    removed: (instance, what, by) => did.push(`removed ${instance} ${what} by ${by}`),
    restoreStatic: () => did.push("restore static"),
    drift: (subject, to, reason) => did.push(`drift ${subject} ${to}: ${reason}`),
    processName: (pid) => (pid === 77 ? "ip" : undefined),
  });
  return {
    losses,
    did,
    pass(ms: number) {
      now += ms;
    },
  };
}

test("D3: all of a batch is left before anything is put back, in whatever order it went", () => {
  const wishes = { 1: { owner: "V1" }, 2: { owner: "V1", noTrack: true }, 3: {}, 4: { noTrack: true } };
  for (const order of [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
    [3, 1, 4, 2],
  ]) {
    const { losses, did } = bench(wishes);
    losses.take(order.map((priority) => event("removed", priority)))();
    const acts = did.filter((text) => /^(leave|removed|restore)/.test(text)).map((text) => text.split(" ")[0]);
    expect(acts.slice(0, 2)).toEqual(["leave", "leave"]);
    expect(acts.slice(2).sort()).toEqual(["removed", "restore"]);
  }
});

test("no_track: left, said and told as an event, a static thing as one of its own; again and again it is told once", () => {
  const { losses, did, pass } = bench({ 1: { owner: "V1", noTrack: true }, 2: { noTrack: true } });
  const words = (what: string, by = "") => `${what} was removed by somebody else, left so: no_track${by}`;
  losses.take([event("removed", 1, { by: 77 }), event("removed", 2)])();
  expect(did.splice(0)).toEqual([
    "leave rule 1",
    `log ${words("rule 1", ": it was process 77 (ip)")}`,
    `drift V1 left: ${words("rule 1", ": it was process 77 (ip)")}`,
    "leave rule 2",
    `log ${words("rule 2")}`,
    `drift static left: ${words("rule 2")}`,
  ]);
  losses.take([event("removed", 1)])();
  expect(did.splice(0)).toEqual(["leave rule 1", `log ${words("rule 1")}`]);
  pass(10_000);
  losses.take([event("removed", 1)])();
  expect(did.at(-1)).toBe(`drift V1 left: ${words("rule 1")}`);
  expect(losses.metrics()).toEqual({ 'lbd_drift_detected_total{kind="rule"}': 4 });
});

describe("who did it", () => {
  test.each([
    [77, "process 77 (ip)"],
    [78, "process 78 (it has ended)"],
    [0, undefined],
    [undefined, undefined],
    [0xf000_0001, undefined],
  ])("netlink port %p: %s", (by, words) => {
    const { losses, did } = bench({ 1: { owner: "V1" } });
    losses.take([event("removed", 1, by === undefined ? {} : { by })])();
    expect(did).toEqual([`removed V1 rule 1 by ${words}`]);
  });
});

test("what is back is counted and told, with how long it was away; one that is taken again and again is told once", () => {
  const { losses, did, pass } = bench({ 1: { owner: "V1" } });
  for (let i = 0; i < 5; i++) {
    losses.take([event("removed", 1, { by: 77 })])();
    pass(12);
    losses.take([event("added", 1, { ours: true })])();
    pass(100);
  }
  expect(did.filter((text) => text.startsWith("drift"))).toEqual([
    "drift V1 repaired: rule 1 was removed by process 77 (ip), put back after 12 ms",
  ]);
  expect(losses.metrics()).toEqual({
    'lbd_drift_detected_total{kind="rule"}': 5,
    'lbd_drift_repaired_total{kind="rule"}': 5,
  });
});

test("what nobody wants, our own changes and links are no loss; what is not wanted any more is forgotten", () => {
  const { losses, did } = bench({ 1: { owner: "V1" } });
  losses.take([event("removed", 9), event("removed", 1, { ours: true })])();
  expect(did).toEqual([]);
  losses.take([event("removed", 1)])();
  losses.prune(() => false);
  losses.take([event("added", 1, { ours: true })])();
  expect(did.filter((text) => text.startsWith("drift"))).toEqual([]);
});
