// Process layer: how late this process's event loop turns, as a histogram (lbd_event_loop_lag_seconds).
import type { Clock } from "../base/clock.ts";

const EVERY_MS = 1000;
/** How often the counts are reported. */
const REPORT_EVERY = 5;
export const LAG_BUCKETS_MS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Looks once a second how late a timer runs; reports cumulative buckets, sum and count by metric name and labels. */
export function watchLag(clock: Clock, report: (values: Record<string, number>) => void, process: string): void {
  const counts = LAG_BUCKETS_MS.map(() => 0);
  let total = 0;
  let sumMs = 0;

  function next(): void {
    const due = clock.now() + EVERY_MS;
    clock.at(due, () => {
      const lagMs = Math.max(0, clock.now() - due);
      total++;
      sumMs += lagMs;
      for (const [i, limit] of LAG_BUCKETS_MS.entries()) if (lagMs <= limit) counts[i] = (counts[i] ?? 0) + 1;
      if (total % REPORT_EVERY === 0) report(values());
      next();
    });
  }

  function values(): Record<string, number> {
    const name = "lbd_event_loop_lag_seconds";
    const label = `process="${process}"`;
    const out: Record<string, number> = {};
    for (const [i, limit] of LAG_BUCKETS_MS.entries())
      out[`${name}_bucket{${label},le="${limit / 1000}"}`] = counts[i] ?? 0;
    out[`${name}_bucket{${label},le="+Inf"}`] = total;
    out[`${name}_sum{${label}}`] = sumMs / 1000;
    out[`${name}_count{${label}}`] = total;
    return out;
  }

  next();
}
