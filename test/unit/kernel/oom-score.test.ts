import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** What a process has afterwards that was started with `inherited`. */
function scoreAfter(inherited: number): string {
  const module = resolve(import.meta.dir, "../../../src/kernel/oom-score.ts");
  const child = Bun.spawnSync([
    process.execPath,
    "-e",
    `const { readFileSync, writeFileSync } = require("node:fs");
     writeFileSync("/proc/self/oom_score_adj", "${inherited}");
     require(${JSON.stringify(module)}).goFirst();
     console.log(readFileSync("/proc/self/oom_score_adj", "latin1").trim());`,
  ]);
  expect(child.stderr.toString()).toBe("");
  return child.stdout.toString().trim();
}

test("a process that goes first is raised, and one that would go sooner still stays so", () => {
  const own = Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
  expect([scoreAfter(Math.max(own, 0)), scoreAfter(800)]).toEqual(["500", "800"]);
});
