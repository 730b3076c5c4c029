// Variables that the engine acts on: which a director starts again without, and which it does not start under.
import { expect, test } from "bun:test";
import { clearedVariables, engineVariables } from "../../../src/process/runtime-again.ts";

test("what the engine acts on is found, once", () => {
  const environment = { PATH: "/bin", NODE_OPTIONS: "-r x", BUN_JSC_useJIT: "0", BUN_GC_TIMER_INTERVAL: "10000" };
  expect(engineVariables(environment)).toEqual(["NODE_OPTIONS", "BUN_JSC_useJIT"]);
  expect(engineVariables({ ...environment, LBD_CLEARED: "" })).toEqual([]);
});

test.each([
  ["nothing", {}, [], []],
  ["a setting that was taken away", { LBD_CLEARED: "BUN_JSC_useJIT" }, [], ["BUN_JSC_useJIT"]],
  ["code of somebody else, though it is gone", { LBD_CLEARED: "NODE_OPTIONS,BUN_X" }, ["NODE_OPTIONS"], ["BUN_X"]],
  ["a setting that could not be taken away", { BUN_JSC_useJIT: "0" }, ["BUN_JSC_useJIT"], []],
  ["a name that means nothing to the engine", { LBD_CLEARED: "PATH" }, [], []],
])("%s", (_what, environment: NodeJS.ProcessEnv, refused, removed) => {
  const mine = { ...environment };
  expect(clearedVariables(mine)).toEqual({ refused, removed });
  // No child inherits the mark: it would not look for itself.
  expect(Object.keys(mine)).not.toContain("LBD_CLEARED");
});
