// How often a process that looks for lost signals wakes up for it: by a timer when nothing else wakes it, and otherwise never.
import { expect, test } from "bun:test";
import { createSweep } from "../../../src/kernel/sweep.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  let wakeUps = 0;
  let looks = 0;
  const sweep = createSweep({
    now: clock.now,
    after: (ms, run) =>
      clock.at(clock.now() + ms, () => {
        wakeUps++;
        run();
      }),
  });
  const end = sweep.add(() => looks++);
  return { clock, sweep, end, counts: () => ({ wakeUps, looks }) };
}

test("a process that nothing wakes looks by the timer, about once a second", () => {
  const { clock, counts } = lab();
  clock.advance(11_000);
  expect(counts()).toEqual({ wakeUps: 10, looks: 10 });
});

test("what wakes a process every second does its looks, and the timer never comes", () => {
  const { clock, sweep, counts } = lab();
  for (let second = 0; second < 10; second++) {
    clock.advance(1003);
    sweep.inPassing();
  }
  expect(counts()).toEqual({ wakeUps: 0, looks: 10 });
});

test("a hundred signals a second are not a hundred looks", () => {
  const { clock, sweep, counts } = lab();
  for (let signal = 0; signal < 1000; signal++) {
    clock.advance(10);
    sweep.inPassing();
  }
  expect(counts().looks).toBeLessThanOrEqual(11);
  expect(counts().looks).toBeGreaterThanOrEqual(10);
});

test("nobody who looks: no timer, and nothing in passing", () => {
  const { clock, sweep, end, counts } = lab();
  end();
  clock.advance(5000);
  sweep.inPassing();
  expect(counts()).toEqual({ wakeUps: 0, looks: 0 });
});
