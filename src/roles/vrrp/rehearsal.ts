// Role vrrp: when a takeover is rehearsed that does not loom, so that it never finds its code uncompiled and its memory
// cold (docs/decisions/007-takeover-in-time.md). The core says when one looms (vrrp/rehearsal.ts).
import type { Clock } from "../../base/clock.ts";

/** The engine compiles what has run some dozen times, and optimises what has run twice as often. */
const WARM_UPS = 100;
/** Apart, so that packets and timers come in between. */
const WARM_UP_EVERY_MS = 20;
/** What rests for longer is out of the caches, and where the host looks after idle memory, a takeover would take milliseconds. */
const KEEP_WARM_EVERY_MS = 100;
/** It may cost this part of a processor: one that holds a thousand addresses beside goes through them each time. */
const MOST_SHARE = 1 / 300;
/** A director that waits for no master looks this often whether it does now. */
const LOOK_EVERY_MS = 1000;

/**
 * Some dozens of rehearsals within the first seconds, in which a director waits for a master anyway, and some each second for good.
 * `rehearse` gives false when no instance waits.
 */
export function keepWarm(clock: Clock, rehearse: () => boolean, warmUps = WARM_UPS): void {
  const wait = (delayMs: number, left: number) =>
    clock.at(clock.now() + delayMs, () => {
      const began = clock.now();
      const waiting = rehearse();
      const tookMs = clock.now() - began;
      if (!waiting) wait(LOOK_EVERY_MS, left);
      else if (left > 1) wait(WARM_UP_EVERY_MS, left - 1);
      else wait(Math.max(KEEP_WARM_EVERY_MS, tookMs / MOST_SHARE), 0);
    });
  wait(WARM_UP_EVERY_MS, warmUps);
}
