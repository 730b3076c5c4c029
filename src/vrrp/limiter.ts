// VRRP core: log lines that packets from outside cause. Each kind is logged once, then again only after the state or the master has
// changed, or with a count after a while: a flood can't fill a log.
import type { MonoMs } from "../base/clock.ts";

/** Least time between two lines of one kind, whatever changes. */
export const LOG_SPACING_MS = 10_000;
/** While a kind goes on without a change: one line with a count this often. */
export const LOG_SUMMARY_MS = 60_000;
/** Kinds remembered; the code names them all, so this is never reached. */
const MAX_KINDS = 64;

interface Seen {
  loggedAt: MonoMs;
  suppressed: number;
  epoch: number;
}

export interface LogLimiter {
  /** May a line of this kind be logged? Then the number of those that were not since the last one; else undefined. */
  allow(kind: string, now: MonoMs): number | undefined;
  /** The state or the master changed. */
  changed(): void;
}

export function logLimiter(): LogLimiter {
  const kinds = new Map<string, Seen>();
  let epoch = 0;
  return {
    allow(kind, now) {
      const seen = kinds.get(kind);
      if (!seen) {
        if (kinds.size >= MAX_KINDS) return undefined;
        kinds.set(kind, { loggedAt: now, suppressed: 0, epoch });
        return 0;
      }
      const needMs = seen.epoch === epoch ? LOG_SUMMARY_MS : LOG_SPACING_MS;
      if (now - seen.loggedAt < needMs) {
        seen.suppressed++;
        return undefined;
      }
      const { suppressed } = seen;
      seen.loggedAt = now;
      seen.suppressed = 0;
      seen.epoch = epoch;
      return suppressed;
    },
    changed() {
      epoch++;
    },
  };
}
