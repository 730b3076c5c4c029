import { expect, test } from "bun:test";
import { observe } from "../../../src/base/histogram.ts";

test("buckets are cumulative, with sum and count, by labels", () => {
  const counters: Record<string, number> = {};
  for (const value of [0.05, 0.1, 5]) observe(counters, "took", 'kind="x"', [0.1, 1], value);
  observe(counters, "took", "", [1], 2);
  expect(counters).toEqual({
    'took_bucket{kind="x",le="0.1"}': 2,
    'took_bucket{kind="x",le="1"}': 2,
    'took_bucket{kind="x",le="+Inf"}': 3,
    'took_sum{kind="x"}': 0.05 + 0.1 + 5,
    'took_count{kind="x"}': 3,
    'took_bucket{le="1"}': 0,
    'took_bucket{le="+Inf"}': 1,
    took_sum: 2,
    took_count: 1,
  });
});
