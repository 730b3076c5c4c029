// MISC_CHECK's program: one run at a time, and one that is given up is ended, so that the next need not wait for its limit.
import { expect, test } from "bun:test";
import type { ProgramEnd } from "../../../src/check/misc.ts";
import type { Outcome } from "../../../src/check/outcome.ts";
import type { MiscCheck } from "../../../src/config/model/check.ts";
import { createExecutor } from "../../../src/probe/exec.ts";
import { settle } from "../../support/parent-lab.ts";

const ORIGIN = { file: "k.conf", line: 1, column: 1 };
const COMMAND = { argv: ["/bin/slow"], origin: ORIGIN };
const check = (timeoutMs: number): MiscCheck => ({
  ...{ id: "MISC_CHECK", kind: "MISC_CHECK", command: COMMAND, timeoutMs, dynamic: false, origin: ORIGIN },
  timing: { delayLoopMs: 1000, retry: 0, delayBeforeRetryMs: 0, warmupMs: 0, alpha: false, logAllFailures: false },
});

function lab() {
  const runs: { readonly limitMs: number; readonly end: (how: ProgramEnd) => void }[] = [];
  const executor = createExecutor(
    (_command, _args, limitMs, given) =>
      new Promise((resolve) => {
        runs.push({ limitMs, end: resolve });
        given.addEventListener("abort", () => resolve({ kind: "exit", status: 143 } as ProgramEnd));
      }),
  );
  return { runs, executor };
}

test("given up: its program is ended and not reported, and the next one begins behind it with its own limit", async () => {
  const { runs, executor } = lab();
  const told: Outcome[] = [];
  const cancel = executor.start(check(100_000), (outcome) => told.push(outcome));
  await settle();
  cancel();
  executor.start(check(5000), (outcome) => told.push(outcome));
  await settle();
  expect([runs.map(({ limitMs }) => limitMs), told]).toEqual([[100_000, 5000], []]);
});

test("while one runs that nobody gave up, the next of the same program waits", async () => {
  const { runs, executor } = lab();
  executor.start(check(1000), () => {});
  await settle();
  executor.start(check(2000), () => {});
  await settle();
  expect(runs).toHaveLength(1);
  runs[0]?.end({ kind: "exit", status: 0 } as ProgramEnd);
  await settle();
  expect(runs).toHaveLength(2);
});
