// A clock that only moves when a test says so.
import type { Cancel, Clock, MonoMs } from "../../src/base/clock.ts";

export interface ManualClock extends Clock {
  /** Moves time forward, running everything that falls due on the way, each at its own time and in order. */
  advance(ms: number): void;
  /** Moves time forward while nothing runs: what fell due meanwhile is late. */
  skip(ms: number): void;
  /** Somebody sets the wall clock by this much. */
  setWall(ms: number): void;
  /** When the next thing falls due; undefined when nothing waits. */
  nextAt(): MonoMs | undefined;
}

interface Pending {
  readonly when: MonoMs;
  readonly order: number;
  readonly run: () => void;
}

export function manualClock(startMs = 0, wallStartMs = Date.UTC(2026, 0, 1)): ManualClock {
  let now = startMs;
  let order = 0;
  let wallShift = 0;
  const pending = new Set<Pending>();

  function earliest(): Pending | undefined {
    let first: Pending | undefined;
    for (const item of pending)
      if (!first || item.when < first.when || (item.when === first.when && item.order < first.order)) first = item;
    return first;
  }

  return {
    now: () => now,
    wallMs: () => wallStartMs + wallShift + (now - startMs),
    setWall(ms) {
      wallShift += ms;
    },
    at(when, run): Cancel {
      const item = { when, order: order++, run };
      pending.add(item);
      return () => pending.delete(item);
    },
    advance(ms) {
      const until = now + ms;
      for (let item = earliest(); item && item.when <= until; item = earliest()) {
        pending.delete(item);
        now = Math.max(now, item.when);
        item.run();
      }
      now = until;
    },
    skip(ms) {
      now += ms;
    },
    nextAt: () => earliest()?.when,
  };
}
