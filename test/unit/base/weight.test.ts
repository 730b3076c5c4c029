import { expect, test } from "bun:test";
import { clampWeight } from "../../../src/base/weight.ts";

test.each([
  [-5, 0],
  [0, 0],
  [7.9, 7],
  [2 ** 31, 2 ** 31 - 1],
])("weight %p becomes %p", (given, taken) => {
  expect(clampWeight(given)).toBe(taken);
});
