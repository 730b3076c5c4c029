import { expect, test } from "bun:test";
import { createLagWatch } from "../../../../src/process/host/lag.ts";

test("each turn counts in the buckets that it fits in, and a turn that came early is not late", () => {
  const lag = createLagWatch("vrrp");
  for (const lateMs of [-0.1, 0.5, 1, 3, 2000]) lag.late(lateMs);
  const values = lag.values();
  const bucket = (limit: string) => values[`lbd_event_loop_lag_seconds_bucket{process="vrrp",le="${limit}"}`];
  expect(["0.001", "0.002", "0.005", "1", "+Inf"].map(bucket)).toEqual([3, 3, 4, 4, 5]);
  expect(values['lbd_event_loop_lag_seconds_count{process="vrrp"}']).toBe(5);
  expect(values['lbd_event_loop_lag_seconds_sum{process="vrrp"}']).toBeCloseTo(2.0045);
});
