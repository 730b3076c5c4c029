// Near misses.
import { describe, expect, test } from "bun:test";
import { damerauDistance, didYouMean, nearest } from "../../../../src/config/findings/suggest.ts";

const WORDS = [
  "quorum",
  "quorum_up",
  "quorum_down",
  "delay_loop",
  "real_server",
  "retry",
  "alpha",
  "weight",
  "TCP_CHECK",
];

describe("nearest", () => {
  test.each([
    ["two letters swapped", "qourum", "quorum"],
    ["a letter left out", "delay_lop", "delay_loop"],
    ["a letter too many", "weightt", "weight"],
    ["another letter", "retri", "retry"],
    ["a dash for an underscore", "real-server", "real_server"],
    ["another case", "tcp_check", "TCP_CHECK"],
    ["far from all", "banana", undefined],
    ["a short word is not near everything", "x", undefined],
    ["empty", "", undefined],
    ["endless", "q".repeat(1000), undefined],
    ["the word itself is no suggestion", "quorum", undefined],
  ])("%s", (_why, word, candidate) => {
    expect(nearest(word, WORDS)).toBe(candidate);
  });

  test("as a hint", () => {
    expect(didYouMean("qourum", WORDS)).toBe("did you mean quorum?");
    expect(didYouMean("banana", WORDS)).toBeUndefined();
  });
});

describe("distance", () => {
  test.each([
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "acb", 1],
    ["abc", "ab", 1],
    ["abc", "abcd", 1],
    ["abc", "xbc", 1],
    ["abcd", "badc", 2],
  ])("%p to %p is %d", (a, b, distance) => {
    expect(damerauDistance(a, b, 5)).toBe(distance);
    expect(damerauDistance(b, a, 5)).toBe(distance);
  });

  test("beyond the limit it only says so", () => {
    expect(damerauDistance("abcdef", "uvwxyz", 2)).toBe(3);
  });
});
