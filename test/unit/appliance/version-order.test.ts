// Which of two images is the older one: versions of `git describe`, and times where there are none.
import { expect, test } from "bun:test";
import { isOlder } from "../../../src/appliance/version-order.ts";

test.each([
  ["v1.0.0", "v1.0.1", true],
  ["v1.0.1", "v1.0.0", false],
  ["1.9", "1.10", true],
  ["v2", "v10", true],
  ["1.2", "1.2.0", false],
  ["v1.2", "1.2.0-3-gabcdef0", true],
  ["1.2-12-gabcdef0", "1.2-9-gabcdef0", false],
  ["1.2-9-gabcdef0", "1.3", true],
  ["1.2-rc1", "1.2", true],
  ["1.2-rc2", "1.2-rc10", true],
  ["1.2-beta3", "1.2-rc1", true],
  ["1.2", "1.2-dirty", false],
  ["1.2-dirty", "1.2", false],
  // Names of commits: nothing tells without a time, not even one of digits alone.
  ["69e5dc9a0b1c", "ddc015c50f6f", undefined],
  ["123456789012", "223456789012", undefined],
  ["1.2", "ddc015c50f6f", undefined],
  ["good", "panics", undefined],
  ["ddc015c50f6f", "ddc015c50f6f", false],
] as const)("%s is older than %s: %p", (one, other, expected) =>
  expect(isOlder({ version: one }, { version: other })).toBe(expected),
);

test.each([
  ["ddc015c50f6f", 100, "69e5dc9a0b1c", 200, true],
  ["ddc015c50f6f", 200, "69e5dc9a0b1c", 100, false],
  ["ddc015c50f6f", 100, "69e5dc9a0b1c", 100, false],
  // A correction of an old release is made later than a new one.
  ["1.0.9", 300, "2.0", 200, true],
  ["2.0", 200, "1.0.9", 300, false],
] as const)("%s of %d is older than %s of %d: %p", (one, epoch, other, otherEpoch, expected) =>
  expect(isOlder({ version: one, epoch }, { version: other, epoch: otherEpoch })).toBe(expected),
);
