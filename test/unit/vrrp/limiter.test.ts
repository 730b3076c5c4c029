// Log lines that packets from outside cause: one of a kind, then few with a count.
import { expect, test } from "bun:test";
import { LOG_SPACING_MS, LOG_SUMMARY_MS, logLimiter } from "../../../src/vrrp/limiter.ts";

test("of a kind that goes on: the first line, then one a minute with the number of those in between", () => {
  const limiter = logLimiter();
  const logged: [number, number][] = [];
  for (let now = 0; now <= 3 * LOG_SUMMARY_MS; now += 1000) {
    const suppressed = limiter.allow("ttl", now);
    if (suppressed !== undefined) logged.push([now, suppressed]);
  }
  expect(logged).toEqual([
    [0, 0],
    [LOG_SUMMARY_MS, 59],
    [2 * LOG_SUMMARY_MS, 59],
    [3 * LOG_SUMMARY_MS, 59],
  ]);
});

test("after a change of the state or the master sooner, but not at once", () => {
  const limiter = logLimiter();
  expect(limiter.allow("ttl", 0)).toBe(0);
  limiter.changed();
  expect(limiter.allow("ttl", LOG_SPACING_MS - 1)).toBeUndefined();
  expect(limiter.allow("ttl", LOG_SPACING_MS)).toBe(1);
  expect(limiter.allow("ttl", 2 * LOG_SPACING_MS)).toBeUndefined();
});

test("each kind by itself, and no more of them than there is room for", () => {
  const limiter = logLimiter();
  expect([limiter.allow("a", 0), limiter.allow("b", 0), limiter.allow("a", 0)]).toEqual([0, 0, undefined]);
  const kinds = Array.from({ length: 100 }, (_, i) => limiter.allow(`kind ${i}`, 0));
  expect(kinds.filter((one) => one === 0)).toHaveLength(62);
});
