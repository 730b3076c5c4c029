// VRRP core: when the router has to be called next. Asked after every packet, so it is only worked out anew after a timer event.
import type { MonoMs } from "../../base/clock.ts";
import { announceDeadline } from "../announce/bursts.ts";
import { pacingDeadline } from "../announce/pacing.ts";
import { rehearsalAt } from "../rehearsal.ts";
import { timesOf, type UnitRuntime } from "../runtime.ts";
import type { RouterState } from "./state.ts";

/** When timer() has something to do; Infinity when it never has. May be too early, never too late. */
export function deadline(state: RouterState): MonoMs {
  if (state.dueAt !== undefined) return state.dueAt;
  let earliest = pacingDeadline(state.pacing);
  for (const unit of state.units) earliest = Math.min(earliest, unitDueAt(state, unit));
  for (const runtime of state.runtimes.values())
    earliest = Math.min(earliest, announceDeadline(runtime.timers), runtime.sightings.deadline());
  state.dueAt = earliest;
  return earliest;
}

/** Something is due at `when`. A deadline that has moved back is only noticed when it comes: a timer event too early does no harm. */
export function dueBy(state: RouterState, when: MonoMs): void {
  if (state.dueAt !== undefined) state.dueAt = Math.min(state.dueAt, when);
}

/** A timer of a member or the next rehearsal. */
export function unitDueAt({ rehearses }: RouterState, unit: UnitRuntime): MonoMs {
  const times = timesOf(unit);
  return rehearses ? Math.min(times.dueAt, rehearsalAt(times, unit.rehearsed)) : times.dueAt;
}
