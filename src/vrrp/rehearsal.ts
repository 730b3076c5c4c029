// VRRP core: when a backup rehearses the takeover that looms, and what fits into the time. What a machine has not done for seconds it does
// slowly at first: code and data are in no cache, functions are not compiled, processors sleep. So when advertisements fail to come,
// the driver goes through all that it is about to do, once some time ahead and again closer and closer to the time
// (docs/decisions/007-takeover-in-time.md).
import type { MonoMs } from "../base/clock.ts";
import type { Unit } from "./group.ts";

/** The first rehearsal is so long before the time, but in the last part of an interval, when the master is late for sure. */
const LEAD_MS = 100;
const LEAD_SHARE = 0.4;
/** Each further one when this part of the time is left. */
const SHARE_LEFT = 1 / 3;
/** The last one begins at most so long before the time, so that a collection of garbage in it makes nothing late; what is left is waited for awake. */
const LAST_LEFT_MS = 3.5;
/** Takeovers so close to each other are one for the driver: one change of its tables, one round of announcements. */
const TOGETHER_MS = 1;
/** What a rehearsal takes, for each unit and each of its addresses. */
const UNIT_COST_MS = 0.05;
const ADDRESS_COST_MS = 0.01;
/** One that was so short a while ago, as a part of the time that is left, does for other units as well. */
const RECENT_SHARE = 1 / 6;
/** Of the time that is left, a rehearsal may take this part: it must never make the takeover late. */
const COST_SHARE = 0.5;

/** What was rehearsed for a takeover at `downAt`: another advertisement moves that time, and it begins anew. */
export interface Rehearsed {
  readonly downAt: MonoMs;
  /** Infinity: this was the last one. */
  readonly nextAt: MonoMs;
}

/** A takeover that will come when nothing is heard. */
export interface Takeover {
  /** When the unit takes its master for dead; Infinity: it waits for none. */
  readonly downAt: MonoMs;
  /** The master's interval. */
  readonly advertMs: number;
}

/** When the next rehearsal of a unit is due; Infinity when it waits for nothing. */
export function rehearsalAt({ downAt, advertMs }: Takeover, rehearsed: Rehearsed | undefined): MonoMs {
  if (downAt === Number.POSITIVE_INFINITY) return downAt;
  if (rehearsed?.downAt === downAt) return rehearsed.nextAt;
  return downAt - Math.min(LEAD_MS, LEAD_SHARE * advertMs);
}

/** What is known after a rehearsal at `now` for a takeover at `downAt`. */
export function rehearsedAt(downAt: MonoMs, now: MonoMs): Rehearsed {
  const left = downAt - now;
  if (left <= LAST_LEFT_MS) return { downAt, nextAt: Number.POSITIVE_INFINITY };
  return { downAt, nextAt: downAt - Math.max(left * SHARE_LEFT, LAST_LEFT_MS / 2) };
}

/** The units that take over together with the first of them to do so, in the order of time; all of them are backups that wait. */
export function togetherWithFirst<T>(units: readonly T[], takeoverAt: (unit: T) => MonoMs): readonly T[] {
  const first = Math.min(...units.map(takeoverAt));
  const together = units.filter((unit) => takeoverAt(unit) - first <= TOGETHER_MS);
  return together.toSorted((a, b) => takeoverAt(a) - takeoverAt(b));
}

/** As many of them, from the first on, as can be rehearsed in `leftMs`. `addresses`: how many a unit has. */
export function fitting<T>(units: readonly T[], addresses: (unit: T) => number, leftMs: number): readonly T[] {
  let cost = 0;
  const tooMany = units.findIndex((unit) => {
    cost += UNIT_COST_MS + ADDRESS_COST_MS * addresses(unit);
    return cost > COST_SHARE * leftMs;
  });
  // One unit always: most directors have no more, and warm it takes a fraction of that.
  return tooMany < 0 ? units : units.slice(0, Math.max(1, tooMany));
}

/** Another unit rehearsed at `lastAt`: then `now` there is no need to for a takeover at `downAt`. */
export function isRecent(lastAt: MonoMs, downAt: MonoMs, now: MonoMs): boolean {
  return now - lastAt < RECENT_SHARE * (downAt - now);
}

export function nextTakeover(unit: Unit): Takeover {
  let downAt = Number.POSITIVE_INFINITY;
  let advertMs = 0;
  for (const { state } of unit.members) {
    if (state.kind !== "backup" || state.wantsMaster || state.masterDownAt >= downAt) continue;
    downAt = state.masterDownAt;
    advertMs = state.masterAdvertMs;
  }
  return { downAt, advertMs };
}
