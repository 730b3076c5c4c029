// The turns of the vrrp role on a director that tells what it is told to: what comes before what, and when a rehearsal counts.
import { describe, expect, test } from "bun:test";
import type { MonoMs } from "../../../../src/base/clock.ts";
import { createTurns, type Turns } from "../../../../src/roles/vrrp/turns.ts";
import type { VrrpAction } from "../../../../src/vrrp/actions.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { vrrpInstance } from "../../../support/vrrp.ts";
import { words } from "../../../support/vrrp-lab.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Each look at the clock takes so long, so that waiting awake ends. */
const LOOK_MS = 0.01;

const send = (instance: string): VrrpAction => ({
  kind: "send",
  instance,
  config: vrrpInstance(),
  priority: 100,
  datagrams: [],
});
const add = (instance: string): VrrpAction => ({ kind: "addAddresses", instance, config: vrrpInstance() });
const log = (message: string): VrrpAction => ({ kind: "log", line: { level: "info", area: "vrrp", message } });

/** `due`: what the director gives at a time and after it. */
function bench(due: readonly (readonly [MonoMs, (now: MonoMs) => readonly VrrpAction[]])[]) {
  const time = manualClock();
  const clock = {
    ...time,
    now() {
      time.skip(LOOK_MS);
      return time.now();
    },
  };
  const done: string[] = [];
  const begun: number[] = [];
  const waiting = [...due];
  let inSockets: (turns: Turns) => void = () => {};
  const turns = createTurns({
    clock,
    now: () => ({ now: clock.now(), wallMs: clock.wallMs() }),
    awakeUntil(at) {
      while (clock.now() < at);
    },
    begun: (dueAt) => void begun.push(Math.round(dueAt)),
    drain() {
      const read = inSockets;
      inSockets = () => {};
      read(turns);
    },
    reach(actions) {
      const seen = actions.filter(({ kind }) => kind !== "log" && kind !== "imminent");
      if (seen.length > 0) done.push(`reach ${seen.map(words).join(", ")}`);
      return seen.some(({ kind }) => kind === "addAddresses");
    },
    follow(actions, tablesChanged) {
      done.push(`follow ${actions.map(words).join(", ")}${tablesChanged ? " (tables)" : ""}`);
      // As a loss of its addresses would.
      if (actions.some((one) => one.kind === "send" && one.instance === "losing")) turns.perform([send("again")]);
      for (const action of actions) if (action.kind === "imminent") turns.foresee(action.actions, action.due);
    },
    settled: () => void done.push("settled"),
  });
  turns.begin({
    deadline: () => waiting[0]?.[0] ?? NEVER,
    timer({ now }) {
      done.push(`timer ${Math.floor(now)}`);
      const actions: VrrpAction[] = [];
      while (waiting[0] && waiting[0][0] <= now) actions.push(...(waiting.shift()?.[1](now) ?? []));
      return actions;
    },
  });
  turns.perform([]);
  return {
    clock: time,
    turns,
    done,
    /** When each turn could have begun. */
    begun,
    /** Until nothing is due before `ms`. */
    run: (ms: number) => time.advance(ms),
    /** What is in the sockets when they are read next. */
    receive(read: (turns: Turns) => void) {
      inSockets = read;
    },
  };
}

const TAKEOVER = [send("A"), add("A")];
/** Rehearses at 97 what comes at 100. */
const REHEARSAL = [
  97,
  (): VrrpAction[] => [{ kind: "imminent", actions: TAKEOVER, due: { now: 100, wallMs: 0 } }],
] as const;

test("neighbours come before everything else, and one timer stands for all", () => {
  const { done, run } = bench([
    [10, () => [log("x"), send("A"), add("A")]],
    [20, () => [send("A")]],
  ]);
  run(30);
  expect(done).toEqual([
    "timer 10",
    "reach send A 100, add A",
    "follow log info, send A 100, add A (tables)",
    "settled",
    "timer 20",
    "reach send A 100",
    "follow send A 100",
    "settled",
  ]);
});

test("a turn's lateness counts from when it could have begun, not from what was due before anybody knew", () => {
  const { begun, run, turns } = bench([
    [-500, () => [log("x")]],
    [10, () => [log("y")]],
  ]);
  turns.perform([]);
  run(30);
  expect(begun).toEqual([0, 10]);
});

test("actions of actions are settled once, behind all", () => {
  const { done, turns } = bench([]);
  turns.perform([send("losing")]);
  expect(turns.isBusy()).toBe(false);
  expect(done).toEqual([
    "reach send losing 100",
    "follow send losing 100",
    "reach send again 100",
    "follow send again 100",
    "settled",
  ]);
});

describe("what is read in one go", () => {
  test("is carried out as one, behind it, in its order", () => {
    const { done, turns } = bench([]);
    turns.together(() => {
      turns.perform([send("A"), add("A")]);
      turns.perform([]);
      turns.together(() => turns.perform([send("B")]));
      turns.perform(undefined);
      expect(done).toEqual([]);
    });
    expect(done).toEqual([
      "reach send A 100, add A, send B 100",
      "follow send A 100, add A, send B 100 (tables)",
      "settled",
    ]);
  });

  test("is carried out when reading fails in the middle", () => {
    const { done, turns } = bench([]);
    const broken = () =>
      turns.together(() => {
        throw new Error("EBADF");
      });
    expect(broken).toThrow("EBADF");
    turns.perform([send("A")]);
    expect(done[0]).toBe("reach send A 100");
  });

  test("and was nothing: a takeover that was rehearsed is as certain as before", () => {
    const { done, run, receive } = bench([REHEARSAL, [100, () => [log("x"), ...TAKEOVER]]]);
    receive((turns) => {
      turns.together(() => {});
      receive((later) => later.together(() => {}));
    });
    run(97.5);
    expect(done).toContain("reach send A 100, add A");
    expect(done.filter((one) => one.startsWith("reach"))).toHaveLength(1);
  });
});

test("nothing happens after the stop", () => {
  const { done, run, turns } = bench([[10, () => [send("A")]]]);
  turns.stop();
  run(30);
  turns.perform([send("B")]);
  expect(done).toEqual([]);
});

describe("a takeover that was rehearsed", () => {
  test("is done before it is worked out, at its time, once", () => {
    const { done, run } = bench([REHEARSAL, [100, () => [log("x"), ...TAKEOVER]]]);
    run(97.5);
    expect(done.slice(-4)).toEqual([
      "reach send A 100, add A",
      "timer 100",
      "follow log info, send A 100, add A (tables)",
      "settled",
    ]);
    expect(done.filter((one) => one.startsWith("reach"))).toHaveLength(1);
  });

  test("goes before what else is due then", () => {
    const { done, run } = bench([REHEARSAL, [99, () => [send("B")]], [100, () => [...TAKEOVER, send("C")]]]);
    run(97.5);
    expect(done.slice(3)).toEqual([
      "reach send A 100, add A",
      "timer 100",
      "reach send B 100, send C 100",
      "follow send B 100, send A 100, add A, send C 100 (tables)",
      "settled",
    ]);
  });

  test("and what has fallen due in the meantime follows at once", () => {
    const late = 100 + LOOK_MS / 2;
    const { done, run } = bench([REHEARSAL, [100, () => TAKEOVER], [late, () => [send("B")]]]);
    run(97.5);
    expect(done.slice(-4)).toEqual(["timer 100", "reach send B 100", "follow send B 100", "settled"]);
  });

  test.each([
    ["that gave actions", [log("heard")]],
    ["that only moved a timer", []],
    ["that was refused", undefined],
  ] as const)("counts for nothing after a packet %s", (_, actions) => {
    const { done, run, receive } = bench([REHEARSAL, [100, () => [send("other")]]]);
    receive(() => receive((turns) => turns.perform(actions)));
    run(97.5);
    expect(done).not.toContain("reach send A 100, add A");
    expect(done).toContain("reach send other 100");
  });

  test("a second one right behind it is waited for as well", () => {
    const { done, run } = bench([
      REHEARSAL,
      [100, () => [...TAKEOVER, { kind: "imminent", actions: [send("B")], due: { now: 102, wallMs: 0 } }]],
      [102, () => [send("B"), log("x")]],
    ]);
    run(97.5);
    expect(done.slice(-4)).toEqual(["reach send B 100", "timer 102", "follow send B 100, log info", "settled"]);
  });

  test("others have their turn after eight of them", () => {
    const often = Array.from({ length: 12 }, (_, i) => {
      const now = 100 + i;
      const next: VrrpAction = { kind: "imminent", actions: [send("B")], due: { now: now + 1, wallMs: 0 } };
      return [now, () => [send("B"), next]] as const;
    });
    const { done, run } = bench([REHEARSAL, ...often]);
    run(97.5);
    expect(done.filter((one) => one.startsWith("timer"))).toHaveLength(9);
  });

  test("others have their turn sooner where each of them takes long", () => {
    const often = Array.from({ length: 12 }, (_, i) => {
      const now = 100 + 30 * i;
      const next: VrrpAction = { kind: "imminent", actions: [send("B")], due: { now: now + 30, wallMs: 0 } };
      return [now, () => [send("B"), next]] as const;
    });
    const { done, run } = bench([REHEARSAL, ...often]);
    run(97.5);
    expect(done.filter((one) => one.startsWith("timer"))).toHaveLength(4);
  });
});

test("what falls due while a turn takes long counts as late from then on", () => {
  const { begun, run, clock } = bench([
    [
      10,
      () => {
        clock.skip(500);
        return [send("A")];
      },
    ],
    [100, () => [send("B")]],
  ]);
  run(1000);
  expect(begun).toEqual([10, 100]);
});
