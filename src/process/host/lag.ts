// Process layer: how late this process's event loop turns, as a histogram (lbd_event_loop_lag_seconds).
import type { Clock } from "../../base/clock.ts";
import { observe } from "../../base/histogram.ts";

const EVERY_MS = 1000;
/** How often the counts are reported. */
const REPORT_EVERY = 5;
const BUCKETS_S: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** Looks once a second how late a timer runs; reports cumulative buckets, sum and count by metric name and labels. */
export function watchLag(clock: Clock, report: (values: Record<string, number>) => void, process: string): void {
  const counters: Record<string, number> = {};
  let looks = 0;

  function next(): void {
    const due = clock.now() + EVERY_MS;
    clock.at(due, () => {
      const lagS = Math.max(0, clock.now() - due) / 1000;
      observe(counters, "lbd_event_loop_lag_seconds", `process="${process}"`, BUCKETS_S, lagS);
      if (++looks % REPORT_EVERY === 0) report({ ...counters });
      next();
    });
  }

  next();
}
