// Process layer: how late this process's event loop turns, as a histogram (lbd_event_loop_lag_seconds). It needs no timer of its own: the
// clock says of each turn that something waited for how late it came.

const NAME = "lbd_event_loop_lag_seconds";
const BUCKETS_S: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

export interface LagWatch {
  /** A turn of the loop came so late. */
  late(lateMs: number): void;
  /** Cumulative buckets, sum and count by metric name and labels. */
  values(): Record<string, number>;
}

export function createLagWatch(process: string): LagWatch {
  /** Turns by the first bucket that they fit in; the last is for those that fit in none. */
  const turns = new Float64Array(BUCKETS_S.length + 1);
  let sumMs = 0;
  const labels = `process="${process}"`;

  return {
    late(lateMs) {
      const lateS = lateMs / 1000;
      let at = 0;
      while (at < BUCKETS_S.length && lateS > (BUCKETS_S[at] ?? 0)) at++;
      turns[at] = (turns[at] ?? 0) + 1;
      sumMs += Math.max(0, lateMs);
    },
    values() {
      const values: Record<string, number> = {};
      let count = 0;
      for (const [at, limit] of [...BUCKETS_S, "+Inf"].entries()) {
        count += turns[at] ?? 0;
        values[`${NAME}_bucket{${labels},le="${limit}"}`] = count;
      }
      values[`${NAME}_sum{${labels}}`] = sumMs / 1000;
      values[`${NAME}_count{${labels}}`] = count;
      return values;
    },
  };
}
