// Role vrrp: the time as the core takes it.
import type { Clock } from "../../base/clock.ts";
import type { Instant } from "../../vrrp/view.ts";

/** The wall clock tells whole milliseconds: readings of the same distance differ by one. More than that, and it was set. */
const SAME_MS = 2;

/**
 * The monotonic time with the wall clock beside it, at a distance that stays until the wall clock is set: what happened once has one
 * time in every status.
 */
export function createInstants(clock: Clock): () => Instant {
  let distanceMs = Number.NaN;
  return () => {
    const now = clock.now();
    const seen = clock.wallMs() - now;
    if (!(Math.abs(seen - distanceMs) < SAME_MS)) distanceMs = seen;
    return { now, wallMs: now + distanceMs };
  };
}
