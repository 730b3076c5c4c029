// Layer 0: waiting with a bound.
import type { Clock } from "./clock.ts";

/** Resolves with `work`, or when `limitMs` is over. */
export function firstOf(work: Promise<unknown>, clock: Clock, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.at(clock.now() + limitMs, resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}
