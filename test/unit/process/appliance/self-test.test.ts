// The judge of a start: what of its time is gone already counts, and so does a question that nobody answers.
import { expect, test } from "bun:test";
import { STEADY_MS, type StartFacts, TRIAL_LIMIT_MS } from "../../../../src/appliance/self-test.ts";
import { startSelfTest } from "../../../../src/process/appliance/self-test.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const WELL: StartFacts = { modules: [], network: [], director: true, api: true };
const BAD: StartFacts = { ...WELL, director: "it does not answer" };
const LOOK_MS = 500;

/** @param answerMs how long each question takes */
function bench({ facts, trial = true, elapsedMs = 0, answerMs = 0 }: BenchOptions) {
  const clock = manualClock();
  const verdicts: string[] = [];
  startSelfTest({
    ...{ clock, trial, elapsedMs, before: [], say: () => {} },
    facts: () => new Promise((resolve) => clock.at(clock.now() + answerMs, () => resolve(facts))),
    good: () => verdicts.push("good"),
    failed: (reason) => verdicts.push(reason),
  });
  /** In steps that leave the promises their turns. */
  const pass = async (ms: number) => {
    for (const end = clock.now() + ms; clock.now() < end; ) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { pass, verdicts };
}

interface BenchOptions {
  readonly facts: StartFacts;
  readonly trial?: boolean;
  readonly elapsedMs?: number;
  readonly answerMs?: number;
}

test("a start is a good one when all has been well for a while", async () => {
  const { pass, verdicts } = bench({ facts: WELL });
  await pass(STEADY_MS - 1000);
  expect(verdicts).toEqual([]);
  await pass(2000);
  expect(verdicts).toEqual(["good"]);
});

test("one on trial has failed after two minutes, however long each answer takes", async () => {
  const answerMs = 5000;
  const { pass, verdicts } = bench({ facts: BAD, answerMs });
  await pass(TRIAL_LIMIT_MS - answerMs);
  expect(verdicts).toEqual([]);
  await pass(2 * (answerMs + LOOK_MS));
  expect(verdicts).toEqual([expect.stringMatching(/^after 12\d s: director: it does not answer$/)]);
});

test("what a life before of this process has used up is gone", async () => {
  const { pass, verdicts } = bench({ facts: BAD, elapsedMs: TRIAL_LIMIT_MS - 5000 });
  await pass(3000);
  expect(verdicts).toEqual([]);
  await pass(4000);
  expect(verdicts.length).toBe(1);
});
