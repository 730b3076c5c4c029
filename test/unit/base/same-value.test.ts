// Plain data compared by what it says.
import { expect, test } from "bun:test";
import { sameValue } from "../../../src/base/same-value.ts";

const but = new Set(["origin"]);

test.each([
  ["texts", "a", "a", true],
  ["another text", "a", "b", false],
  ["a number and its text", 1, "1", false],
  ["what is no number", { a: Number.NaN }, { a: Number.NaN }, true],
  ["null and nothing", null, undefined, false],
  ["null and an object", null, {}, false],
  ["the order of fields", { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ["an undefined field and a missing one", { a: 1, b: undefined }, { a: 1 }, true],
  ["a missing field and an undefined one", { a: 1 }, { a: 1, b: undefined }, true],
  ["a field more", { a: 1 }, { a: 1, b: 2 }, false],
  ["a field less", { a: 1, b: 2 }, { a: 1 }, false],
  ["lists", [1, [2]], [1, [2]], true],
  ["the order of a list", [1, 2], [2, 1], false],
  ["a longer list", [1], [1, 2], false],
  ["a list and an object", [1], { 0: 1 }, false],
  ["an object and a list", { 0: 1 }, [1], false],
  ["an empty list and an empty object", [], {}, false],
  ["deep inside", { a: [{ b: { c: 1 } }] }, { a: [{ b: { c: 2 } }] }, false],
  ["what is left out", { a: 1, origin: 1 }, { a: 1, origin: 2 }, true],
  ["what is left out and missing", { a: 1 }, { a: 1, origin: 2 }, true],
  ["what is left out deep inside", [{ a: [{ origin: 1 }] }], [{ a: [{ origin: 2 }] }], true],
])("%s", (_what, a, b, same) => {
  expect(sameValue(a, b, but)).toBe(same);
});

test("without a list of what to leave out everything counts", () => {
  expect(sameValue({ origin: 1 }, { origin: 2 })).toBe(false);
});
