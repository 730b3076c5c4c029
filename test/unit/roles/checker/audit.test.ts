// The look at the kernel's table: what it costs, and when it finds what somebody changed by hand.
import { describe, expect, test } from "bun:test";
import { startAudit } from "../../../../src/roles/checker/audit.ts";
import { manualClock } from "../../../support/manual-clock.ts";

interface AuditOptions {
  readonly services: number;
  readonly destinations: number;
  /** What reading one object takes. */
  readonly objectMs: number;
  readonly watched?: boolean;
}

/** An audit whose reading takes time, beside a table in which keys can be changed. */
function audit({ services, destinations, objectMs, watched = false }: AuditOptions) {
  const clock = manualClock(0);
  const changed = new Map<string, number>();
  const found: { readonly key: string; readonly afterMs: number }[] = [];
  let busyMs = 0;
  let longestMs = 0;
  let turnAt = -1;
  let turnMs = 0;
  let unreadable = false;
  let rounds = 0;
  const keys = Array.from({ length: services }, (_one, i) => `service ${i}`);
  const stop = startAudit({
    clock,
    isWatched: () => watched,
    keys: () => keys,
    look(key) {
      if (unreadable) return undefined;
      const objects = 1 + destinations;
      if (clock.now() !== turnAt) turnMs = 0;
      clock.skip(objects * objectMs);
      turnAt = clock.now();
      busyMs += objects * objectMs;
      turnMs += objects * objectMs;
      longestMs = Math.max(longestMs, turnMs);
      return { objects, drifted: changed.has(key) };
    },
    repair(some) {
      for (const key of some) {
        found.push({ key, afterMs: clock.now() - (changed.get(key) ?? 0) });
        changed.delete(key);
      }
    },
    done() {
      rounds++;
    },
  });
  return {
    clock,
    found,
    stop,
    change: (n: number) => changed.set(`service ${n}`, clock.now()),
    unreadable(is: boolean) {
      unreadable = is;
    },
    get busyMs() {
      return busyMs;
    },
    get longestMs() {
      return longestMs;
    },
    get rounds() {
      return rounds;
    },
  };
}

const MINUTE_MS = 60_000;

describe("what looking costs", () => {
  test.each([
    ["few services", { services: 10, destinations: 4, objectMs: 0.005 }],
    ["1,000 of four servers", { services: 1000, destinations: 4, objectMs: 0.005 }],
    ["10,000 of four servers", { services: 10_000, destinations: 4, objectMs: 0.005 }],
    ["100,000 of four servers", { services: 100_000, destinations: 4, objectMs: 0.005 }],
    ["one of ten thousand servers", { services: 1, destinations: 10_000, objectMs: 0.005 }],
    ["a fast machine", { services: 100_000, destinations: 10, objectMs: 0.001 }],
  ] as const)("%s: half a percent of a core at most", (_why, options) => {
    const a = audit(options);
    a.clock.advance(20 * MINUTE_MS);
    expect(a.busyMs / (20 * MINUTE_MS)).toBeLessThanOrEqual(0.00505);
    expect(a.busyMs).toBeGreaterThan(0);
  });

  test("while somebody reads the counters: two percent, and they are four times as fresh", () => {
    const [plain, watched] = [false, true].map((is) =>
      audit({ services: 50_000, destinations: 4, objectMs: 0.005, watched: is }),
    );
    for (const a of [plain, watched]) a?.clock.advance(20 * MINUTE_MS);
    expect((watched?.busyMs ?? 0) / (20 * MINUTE_MS)).toBeLessThanOrEqual(0.0202);
    expect(watched?.rounds ?? 0).toBeGreaterThanOrEqual(4 * (plain?.rounds ?? 0));
  });

  test.each([
    ["1,000", 1000],
    ["100,000", 100_000],
  ] as const)("%s services: no turn is longer than some milliseconds", (_why, services) => {
    const a = audit({ services, destinations: 4, objectMs: 0.02 });
    a.clock.advance(3 * MINUTE_MS);
    expect(a.longestMs).toBeLessThan(4.2);
  });
});

describe("when it is found", () => {
  test("where something was changed the rest of the round hurries, and the next one does not", () => {
    const a = audit({ services: 100_000, destinations: 4, objectMs: 0.005 });
    a.clock.advance(5100);
    a.change(5000);
    const began = a.clock.now();
    while (a.found.length === 0) a.clock.advance(100);
    const foundMs = a.clock.now() - began;
    while (a.rounds === 0) a.clock.advance(100);
    // What comes behind the change is twenty times as much as what was before it.
    expect(a.clock.now() - began - foundMs).toBeLessThan(foundMs);
    const next = a.clock.now();
    while (a.rounds === 1) a.clock.advance(100);
    expect(a.clock.now() - next).toBeGreaterThan(4 * MINUTE_MS);
  });

  test.each([
    ["10 services", 10, 0.005, 5500],
    ["1,000 services", 1000, 0.005, 15_000],
    ["1,000 services on a machine of a tenth", 1000, 0.05, 15_000],
    ["10,000 services", 10_000, 0.005, 60_000],
    ["10,000 services on a machine of a tenth", 10_000, 0.05, 60_000],
  ] as const)("%s: a change by hand, whichever and whenever", (_why, services, objectMs, withinMs) => {
    const a = audit({ services, destinations: 4, objectMs });
    for (const [n, afterMs] of [
      [0, 7001],
      [services - 1, 70_003],
      [services >> 1, 61_007],
      [0, 90_011],
    ] as const) {
      a.clock.advance(afterMs);
      a.change(n);
      a.clock.advance(withinMs);
      expect(a.found.map(({ key }) => key)).toEqual([`service ${n}`]);
      a.found.length = 0;
    }
  });

  test("everything is gone: the round hurries, in turns that are no longer", () => {
    const a = audit({ services: 10_000, destinations: 4, objectMs: 0.005 });
    a.clock.advance(100_000);
    for (let n = 0; n < 10_000; n++) a.change(n);
    a.clock.advance(5000);
    expect(a.found).toHaveLength(10_000);
    expect(a.longestMs).toBeLessThan(4.2);
  });

  test("a table that can't be read: the next round tries again, five seconds after", () => {
    const a = audit({ services: 100, destinations: 4, objectMs: 0.005 });
    a.unreadable(true);
    a.clock.advance(14_999);
    expect([a.rounds, a.busyMs]).toEqual([2, 0]);
    a.unreadable(false);
    a.clock.advance(2000);
    expect(a.rounds).toBe(3);
    expect(a.busyMs).toBeCloseTo(2.5);
  });

  test("stopped: nothing is left to wake up for", () => {
    const a = audit({ services: 100, destinations: 4, objectMs: 0.005 });
    a.clock.advance(6000);
    a.stop();
    expect(a.clock.nextAt()).toBeUndefined();
  });
});
