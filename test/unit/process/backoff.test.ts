import { expect, test } from "bun:test";
import { failuresAfter, HEALTHY_AFTER_MS, restartDelayMs } from "../../../src/process/backoff.ts";

test.each([
  [1, 0],
  [2, 1000],
  [3, 2000],
  [4, 4000],
  [5, 5000],
  [1000, 5000],
])("restart number %d in a row waits %d ms", (failures, delayMs) => {
  expect(restartDelayMs(failures)).toBe(delayMs);
});

test("a minute of health starts the count anew", () => {
  expect(failuresAfter(4, HEALTHY_AFTER_MS - 1)).toBe(5);
  expect(failuresAfter(4, HEALTHY_AFTER_MS)).toBe(1);
});
