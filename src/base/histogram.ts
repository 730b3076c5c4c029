// Base: counters of a histogram as they stand in /metrics: cumulative buckets, sum and count, by name with labels.

/**
 * Counts one value. `labels` as in the exposition format, without braces: `kind="ipvs"`; empty: none. `limits` are the upper ends of
 * the buckets, ascending, in the unit of the value.
 */
export function observe(
  counters: Record<string, number>,
  name: string,
  labels: string,
  limits: readonly number[],
  value: number,
): void {
  const add = (key: string, amount: number) => {
    counters[key] = (counters[key] ?? 0) + amount;
  };
  const before = labels === "" ? "" : `${labels},`;
  const own = labels === "" ? "" : `{${labels}}`;
  for (const limit of limits) add(`${name}_bucket{${before}le="${limit}"}`, value <= limit ? 1 : 0);
  add(`${name}_bucket{${before}le="+Inf"}`, 1);
  add(`${name}_sum${own}`, value);
  add(`${name}_count${own}`, 1);
}
