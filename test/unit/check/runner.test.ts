import { describe, expect, test } from "bun:test";
import { type Health, initialHealth } from "../../../src/check/health.ts";
import { bad, good, type Outcome } from "../../../src/check/outcome.ts";
import { createCheckRunner } from "../../../src/check/runner.ts";
import type { Attempt, Probes, RunningCheck } from "../../../src/check/runner-state.ts";
import type { Check, CheckTiming } from "../../../src/config/model/check.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";
import { httpCheck, httpUrl, tcpCheck, timing } from "../../support/model.ts";

const UP = initialHealth(true);
const FAILED: Outcome = bad("refused", "connection refused");

interface Bench {
  /** `again` of each run: it said the same as the one before. */
  readonly repeated: boolean[];
  readonly clock: ManualClock;
  readonly starts: string[];
  readonly log: string[];
  /** What the next tries come to, by id or `id/part`; good unless said otherwise. */
  readonly answers: Map<string, Outcome | "silence">;
  cancelled: number;
}

function bench(options: { takesMs?: number; random?: number; maxInFlight?: number; atOnce?: boolean } = {}) {
  const { takesMs = 0, random = 0, atOnce = false } = options;
  const clock = manualClock(1_000_000);
  const own: Bench = { clock, starts: [], log: [], answers: new Map(), cancelled: 0, repeated: [] };
  const seconds = () => String((clock.now() - 1_000_000) / 1000);
  const probes: Probes = {
    start({ check, part }: Attempt, done) {
      own.starts.push(`${seconds()} ${check.id}${part > 0 ? `/${part}` : ""}`);
      const answer = own.answers.get(`${check.id}/${part}`) ?? own.answers.get(check.id) ?? good("connected");
      if (atOnce && answer !== "silence") {
        done(answer);
        return () => {};
      }
      if (answer === "silence") return () => own.cancelled++;
      const cancel = clock.at(clock.now() + takesMs, () => done(answer));
      return () => {
        own.cancelled++;
        cancel();
      };
    },
  };
  const runner = createCheckRunner<string>(
    {
      clock,
      probes,
      random: () => random,
      ran({ owner, health }, _outcome, before, again) {
        own.log.push(`${seconds()} ${owner} ${before.up ? "U" : "d"}${health.up ? "U" : "d"}`);
        own.repeated.push(again);
      },
      started: (lateMs) => lateMs > 0 && own.log.push(`late ${lateMs}`),
    },
    options.maxInFlight,
  );
  const added = new Map<string, RunningCheck<string>>();
  const named = (name: string) => {
    const found = added.get(name);
    if (!found) throw new Error(`no check ${name}`);
    return found;
  };
  return {
    ...own,
    runner: {
      add: (name: string, own: Check, health: Health) => added.set(name, runner.add(name, own, health)),
      change: (name: string, next: Check) => runner.change(named(name), name, next),
      remove: (name: string) => runner.remove(named(name)),
      suspend: (name: string) => runner.suspend(named(name)),
      resume: (name: string) => runner.resume(named(name)),
      kick: (name: string) => runner.kick(named(name)),
      state: named,
      stop: runner.stop,
      get inFlight() {
        return runner.inFlight;
      },
      get size() {
        return runner.size;
      },
    },
    get cancelled() {
      return own.cancelled;
    },
  };
}

function check(id: string, part: Partial<CheckTiming> = {}): Check {
  return tcpCheck("10.9.1.1", { id, timing: timing({ delayLoopMs: 2000, ...part }) });
}

describe("when checks run", () => {
  test("a second after the start, then a period after each end", () => {
    const b = bench({ takesMs: 300 });
    b.runner.add("a", check("a"), UP);
    b.clock.advance(6000);
    expect(b.starts).toEqual(["1 a", "3.3 a", "5.6 a"]);
  });

  test.each([
    ["few of a long period share marks of 100 ms", 1, 2049, ["1", "3", "5.1", "7.1"]],
    ["of one second: 50 ms", 1, 1001, ["1", "2", "3", "4"]],
    ["of 301 ms: 10 ms", 1, 301, ["1", "1.3", "1.6", "1.9", "2.21"]],
    ["a short period is kept as it is", 1, 10, ["1", "1.0105", "1.021"]],
    ["where they are many, the marks are closer", 3100, 301, ["1", "1.302", "1.603"]],
  ] as const)("starts stand on marks: %s", (_why, count, delayLoopMs, expected) => {
    const b = bench({ takesMs: 0.5 });
    for (let i = 0; i < count; i++) b.runner.add(`${i}`, check(`${i}`, { delayLoopMs }), UP);
    b.clock.advance(1000 * Number(expected.at(-1)));
    const last = b.starts.filter((start) => start.endsWith(` ${count - 1}`)).map((start) => start.split(" ")[0]);
    expect(last).toEqual([...expected]);
  });

  test("marks do not change how often a check runs", () => {
    const b = bench({ takesMs: 0.5 });
    b.runner.add("a", check("a", { delayLoopMs: 1017 }), UP);
    b.clock.advance(1000 + 200 * 1017.5 + 25);
    expect(b.starts).toHaveLength(201);
    expect(Number(b.starts.at(-1)?.split(" ")[0])).toBeCloseTo(1 + 200 * 1.0175, 1);
  });

  test("a late start does not put off the next one, one that is later than 20 ms only by the rest", () => {
    for (const [heldUpMs, next] of [
      [12, "3"],
      [100, "3.1"],
    ] as const) {
      const b = bench();
      b.runner.add("a", check("a"), UP);
      b.clock.skip(1000 + heldUpMs);
      b.clock.advance(3000);
      expect(b.starts.slice(0, 2)).toEqual([`${1 + heldUpMs / 1000} a`, `${next} a`]);
    }
  });

  test("warm-up spreads the first one", () => {
    const b = bench({ random: 0.5 });
    b.runner.add("a", check("a", { warmupMs: 4000 }), UP);
    b.clock.advance(3100);
    expect(b.starts).toEqual(["3 a"]);
  });

  test("the service stops: retries, then down; one success brings it back (lifecycle.json, tcp-retry)", () => {
    const b = bench();
    b.runner.add("a", check("a", { retry: 2, delayBeforeRetryMs: 500 }), UP);
    b.clock.advance(4000);
    b.answers.set("a", FAILED);
    b.clock.advance(5000);
    b.answers.delete("a");
    b.clock.advance(2000);
    expect(b.log).toEqual(["1 a UU", "3 a UU", "5 a UU", "5.5 a UU", "6 a Ud", "8 a dd", "10 a dU"]);
  });

  test("what could not be tried changes nothing", () => {
    const b = bench();
    b.runner.add("a", check("a"), UP);
    b.answers.set("a", { ok: false, code: "local", reason: "socket: EMFILE", inconclusive: true });
    b.clock.advance(3000);
    expect(b.log).toEqual(["1 a UU", "1.5 a UU", "2 a UU", "2.5 a UU", "3 a UU"]);
    expect(b.runner.state("a")).toMatchObject({ runs: 5, failures: 5, health: { proven: false, failures: 0 } });
  });

  test("urls follow each other in one run; the one that failed goes first the next time", () => {
    const b = bench();
    const urls = [httpUrl(), httpUrl(), httpUrl()];
    b.runner.add("h", httpCheck("10.9.1.1", { id: "h", urls }), UP);
    b.answers.set("h/1", FAILED);
    b.clock.advance(1600);
    b.answers.delete("h/1");
    b.clock.advance(500);
    expect(b.starts).toEqual(["1 h", "1 h/1", "1.5 h/1", "2 h/1", "2 h/2", "2 h"]);
    expect(b.log).toEqual(["1 h Ud", "1.5 h dd", "2 h dU"]);
  });

  test("a weight goes with a success and stays over failures", () => {
    const b = bench();
    b.answers.set("a", { ...good("exit 52"), weight: { set: 50 } });
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1000);
    b.answers.set("a", FAILED);
    b.clock.advance(2000);
    expect(b.runner.state("a").weight).toEqual({ set: 50 });
    b.answers.delete("a");
    b.clock.advance(2000);
    expect(b.runner.state("a").weight).toBeUndefined();
  });
});

describe("what is known of a check", () => {
  test("before its first run nothing but its health and when that comes", () => {
    const b = bench();
    b.runner.add("a", check("a"), UP);
    expect(b.runner.state("a")).toMatchObject({ runs: 0, failures: 0, outcome: undefined, health: UP });
    expect(b.runner.state("a").nextAt).toBe(1_001_000);
  });

  test("how often and how long it ran, when it ended, since when it is as it is", () => {
    const b = bench({ takesMs: 40 });
    const added = b.clock.wallMs();
    const first = added + 1040;
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1020);
    expect(b.runner.state("a").nextAt).toBeUndefined();
    b.clock.advance(30);
    expect(b.runner.state("a")).toMatchObject({
      runs: 1,
      failures: 0,
      durationMs: 40,
      endedWallMs: first,
      sinceWallMs: added,
    });
    b.answers.set("a", FAILED);
    b.clock.advance(2100);
    expect(b.runner.state("a")).toMatchObject({ runs: 2, failures: 1, durationMs: 40, outcome: FAILED });
    const { endedWallMs, sinceWallMs } = b.runner.state("a");
    expect([sinceWallMs - endedWallMs, endedWallMs >= first + 1900]).toEqual([0, true]);
  });

  test.each([
    ["the same word for word", FAILED, { ...FAILED }, true],
    ["another reason", FAILED, { ...FAILED, reason: "no route to host" }, false],
    ["another code", FAILED, { ...FAILED, code: "timeout" }, false],
    ["another end", FAILED, { ...FAILED, ok: true }, false],
    ["it could not be tried", FAILED, { ...FAILED, inconclusive: true }, false],
    ["a weight, which is told each time", { ...FAILED, weight: { set: 1 } }, { ...FAILED, weight: { set: 1 } }, false],
    ["a weight that goes", { ...FAILED, weight: { set: 1 } }, FAILED, false],
    ["a weight that comes", FAILED, { ...FAILED, weight: { set: 1 } }, false],
  ] as const)("again: %s", (_why, before, now, again) => {
    const b = bench();
    b.answers.set("a", before);
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1000);
    b.answers.set("a", now);
    b.clock.advance(2000);
    expect(b.repeated.slice(0, 2)).toEqual([false, again]);
  });

  test.each([
    ["FILE_CHECK", 0],
    ["BFD_CHECK", 0],
    ["TCP_CHECK", 1],
  ] as const)("%s is forgiven %d failures of the one that it may have", (kind, forgiven) => {
    const b = bench();
    b.runner.add("a", { ...check("a", { retry: 1 }), kind } as Check, UP);
    b.clock.advance(1000);
    b.answers.set("a", FAILED);
    b.clock.advance(2000);
    expect(b.runner.state("a").health.up).toBe(forgiven > 0);
  });
});

describe("bounds", () => {
  test("no more at once than the limit; the others follow in order and late", () => {
    const b = bench({ takesMs: 100, maxInFlight: 2 });
    for (const id of ["a", "b", "c", "d", "e"]) b.runner.add(id, check(id), UP);
    b.clock.advance(1250);
    expect(b.starts).toEqual(["1 a", "1 b", "1.1 c", "1.1 d", "1.2 e"]);
    expect(b.log.filter((line) => line.startsWith("late"))).toEqual(["late 100", "late 100", "late 200"]);
    expect(b.runner.inFlight).toBe(1);
  });

  test("a hundred thousand that fail at once do not pile up calls", () => {
    const b = bench({ atOnce: true, maxInFlight: 1 });
    b.answers.set("x", "silence");
    b.runner.add("x", check("x"), UP);
    for (let i = 0; i < 2000; i++) b.runner.add(`a${i}`, check(`a${i}`), UP);
    b.clock.advance(1000);
    expect(b.starts).toEqual(["1 x"]);
    b.runner.remove("x");
    b.clock.advance(100);
    expect(b.starts.length).toBe(2001);
    expect(b.runner.inFlight).toBe(0);
  });

  test("a period of nothing leaves room for others", () => {
    const b = bench({ atOnce: true });
    b.runner.add("a", check("a", { delayLoopMs: 0 }), UP);
    b.clock.advance(1010);
    expect(b.starts.length).toBe(11);
  });
});

describe("changes on the way", () => {
  test("removed: the run under way is cancelled and never reported", () => {
    const b = bench({ takesMs: 500 });
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1100);
    b.runner.remove("a");
    b.clock.advance(10_000);
    expect([b.starts.length, b.log, b.cancelled, b.runner.inFlight]).toEqual([1, [], 1, 0]);
  });

  test("suspended: no runs, health stays; back within a second", () => {
    const b = bench({ random: 0.5 });
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1000);
    b.runner.suspend("a");
    b.clock.advance(60_000);
    expect(b.starts).toEqual(["1 a"]);
    expect(b.runner.state("a").health.up).toBe(true);
    b.runner.resume("a");
    b.clock.advance(500);
    expect(b.starts).toEqual(["1 a", "61.5 a"]);
  });

  test("suspended twice or let go twice is once; a run under way is given up, and a kick does nothing", () => {
    const b = bench({ takesMs: 500 });
    b.runner.add("a", check("a"), UP);
    b.runner.resume("a");
    b.clock.advance(1100);
    expect(b.starts).toEqual(["1 a"]);
    b.runner.suspend("a");
    b.runner.suspend("a");
    expect([b.cancelled, b.runner.inFlight]).toEqual([1, 0]);
    b.runner.kick("a");
    b.clock.advance(3000);
    expect([b.starts, b.log]).toEqual([["1 a"], []]);
    expect(b.runner.state("a").nextAt).toBeUndefined();
    b.runner.resume("a");
    b.clock.advance(0);
    b.runner.resume("a");
    b.clock.advance(0);
    expect(b.starts).toEqual(["1 a", "4.1 a"]);
  });

  test("removed or suspended while it waits for a place: it gets none, the one behind it does", () => {
    const b = bench({ takesMs: 100, maxInFlight: 1 });
    for (const id of ["a", "b", "c", "d"]) b.runner.add(id, check(id), UP);
    b.clock.advance(1050);
    b.runner.remove("b");
    b.runner.suspend("c");
    b.clock.advance(100);
    expect([b.starts, b.runner.inFlight, b.runner.size]).toEqual([["1 a", "1.1 d"], 1, 3]);
  });

  test("a removed check is none any more, whatever is asked of it", () => {
    const b = bench();
    b.runner.add("a", check("a"), UP);
    b.runner.remove("a");
    b.runner.remove("a");
    b.runner.resume("a");
    b.runner.kick("a");
    b.runner.change("a", check("a", { delayLoopMs: 1 }));
    b.clock.advance(10_000);
    expect([b.starts, b.runner.size]).toEqual([[], 0]);
  });

  test("kicked before its time: it runs then and a period later, and not at the time that it had before", () => {
    const b = bench();
    b.runner.add("a", check("a"), UP);
    b.runner.add("b", check("b"), UP);
    b.clock.advance(500);
    b.runner.kick("a");
    b.clock.advance(2000);
    expect(b.starts).toEqual(["0.5 a", "1 b", "2.5 a"]);
  });

  test("kicked while it runs: the run goes on, and there is no second one", () => {
    const b = bench({ takesMs: 100 });
    b.runner.add("a", check("a"), UP);
    b.clock.advance(1050);
    b.runner.kick("a");
    b.clock.advance(100);
    expect([b.starts, b.log]).toEqual([["1 a"], ["1.1 a UU"]]);
  });

  test("a new period counts from the next run on; a shorter one at once", () => {
    const b = bench({ random: 0.5 });
    b.runner.add("a", check("a", { delayLoopMs: 60_000 }), UP);
    b.clock.advance(1500);
    b.runner.change("a", check("a", { delayLoopMs: 2000 }));
    b.clock.advance(4000);
    expect(b.starts).toEqual(["1 a", "2.5 a", "4.5 a"]);
  });

  test("kicked: runs now", () => {
    const b = bench();
    b.runner.add("a", check("a", { delayLoopMs: 60_000 }), UP);
    b.runner.kick("a");
    b.clock.advance(0);
    expect(b.starts).toEqual(["0 a"]);
  });

  test("stopped: nothing is left", () => {
    const b = bench({ takesMs: 100 });
    b.runner.add("a", check("a"), UP);
    b.runner.add("b", check("b"), UP);
    b.clock.advance(1050);
    b.runner.stop();
    expect([b.clock.nextAt(), b.runner.inFlight, b.runner.size, b.log]).toEqual([undefined, 0, 0, []]);
  });
});
