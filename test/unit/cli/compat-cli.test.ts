import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { SURFACE } from "../../../src/cli/compat-cli.ts";

const rows = Object.entries(SURFACE).flatMap(([section, all]) => all.map((row) => [section, row] as const));

test.each(rows)("%s: %j is shown by the test that it names, or says why not", (_section, row) => {
  if ("reason" in row) return expect(row.reason.length).toBeGreaterThan(20);
  expect(existsSync(row.test)).toBe(true);
  expect(readFileSync(row.test, "utf8")).toContain(row.says);
});

test("no row stands twice", () => {
  const what = rows.map(([, row]) => row.what);
  expect(new Set(what).size).toBe(what.length);
});
