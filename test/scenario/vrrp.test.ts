// Plays every vrrp-*.jsonl of this folder. See vrrp.ts for the lines.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { play } from "./vrrp.ts";

const files = readdirSync(import.meta.dir).filter((name) => name.startsWith("vrrp-") && name.endsWith(".jsonl"));

test.each(files.map((file) => [file] as const))("%s", (file) => {
  const path = join(import.meta.dir, file);
  const { wanted, got } = play(readFileSync(path, "utf8"));
  if (process.env.LBD_SCENARIO_REWRITE === "1") writeFileSync(path, got);
  else expect(got).toBe(wanted);
});

test("there are scenarios", () => {
  expect(files.length).toBeGreaterThan(8);
});
