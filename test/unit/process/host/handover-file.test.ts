// What a director leaves for the program in its place: found once, soon, and only when it can be read.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leaveHandover, takeHandover } from "../../../../src/process/host/handover-file.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-handover-"));
afterAll(() => rmSync(dir, { recursive: true }));
const WORD = { masters: ["web"], spokeAtMs: 7 };

test("it is for the next program, once, and root alone reads it", () => {
  leaveHandover(dir, WORD, 1000);
  expect(statSync(join(dir, "handover.json")).mode & 0o777).toBe(0o600);
  expect([takeHandover(dir, 1200), takeHandover(dir, 1200), readdirSync(dir)]).toEqual([WORD, undefined, []]);
});

test("without masters it is a word all the same", () => {
  leaveHandover(dir, undefined, 1000);
  expect(takeHandover(dir, 1200)).toBeNull();
});

test.each([
  [29_999, WORD],
  [30_000, undefined],
  [-1, undefined],
])("one of %d ms ago", (ageMs, expected) => {
  leaveHandover(dir, WORD, 1000);
  expect(takeHandover(dir, 1000 + ageMs)).toEqual(expected);
  expect(readdirSync(dir)).toEqual([]);
});

test.each(["", "{}", "null", "[", '["x", 1]'])("%j is none", (text) => {
  writeFileSync(join(dir, "handover.json"), text);
  expect(takeHandover(dir, 1000)).toBeUndefined();
});
