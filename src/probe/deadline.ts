// Adapter: the end of an attempt's time. A process that was held up (a machine that was paused, a long turn) finds its timers due while
// answers lie unread in its sockets: no server is judged by that.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";

/** A timer that runs this late says that the process was held up. */
const HELD_UP_MS = 100;
/** Then what has come in meanwhile is read first. */
const SECOND_LOOK_MS = 100;

/** Runs `expired` at `when`, or a moment after it was held up beyond that. */
export function atDeadline(clock: Clock, when: MonoMs, expired: () => void): Cancel {
  let cancel = clock.at(when, () => {
    const now = clock.now();
    if (now - when < HELD_UP_MS) expired();
    else cancel = clock.at(now + SECOND_LOOK_MS, expired);
  });
  return () => cancel();
}
