// When takeovers are rehearsed that do not loom.
import { expect, test } from "bun:test";
import { createWarmth } from "../../../../src/roles/vrrp/rehearsal.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** How often in each of the next seconds, when the process is awake every so many milliseconds. */
function counted(seconds: number, everyMs: number, answer: (nowMs: number) => boolean): number[] {
  const clock = manualClock();
  let count = 0;
  const warmth = createWarmth(clock, () => {
    count++;
    return answer(clock.now());
  });
  return Array.from({ length: seconds }, () => {
    const before = count;
    for (let ms = 0; ms < 1000; ms += everyMs) {
      warmth.awake();
      clock.advance(everyMs);
    }
    return count - before;
  });
}

test("a hundred in the first two seconds of waiting, then one whenever the process is awake anyway", () => {
  expect(counted(5, 1000, () => true)).toEqual([51, 49, 0, 1, 1]);
});

test("however often it is awake, ten a second at most", () => {
  expect(counted(5, 10, () => true).slice(2)).toEqual([10, 10, 10]);
});

test("at rest nothing wakes it", () => {
  const clock = manualClock();
  const warmth = createWarmth(clock, () => true);
  warmth.awake();
  clock.advance(5000);
  expect(clock.nextAt()).toBeUndefined();
  const other = createWarmth(clock, () => false);
  other.awake();
  clock.advance(1);
  expect(clock.nextAt()).toBeUndefined();
});

test("the more one takes, the fewer: at most a 300th of a processor", () => {
  const clock = manualClock();
  let count = 0;
  const warmth = createWarmth(clock, () => {
    clock.skip(5);
    count++;
    return true;
  });
  const run = (seconds: number) => {
    for (let ms = 0; ms < seconds * 1000; ms += 100) {
      warmth.awake();
      clock.advance(100);
    }
  };
  run(10);
  count = 0;
  run(60);
  expect(count).toBeWithin(35, 41);
});

test("without a master to wait for there are none but a look; the hundred come when there is one", () => {
  const waits = counted(6, 1000, (now) => now > 2500);
  expect(waits.slice(0, 3)).toEqual([1, 1, 1]);
  expect(waits.slice(3, 5).every((count) => count >= 49)).toBe(true);
});

test("stopped, it does nothing", () => {
  const clock = manualClock();
  let count = 0;
  const warmth = createWarmth(clock, () => ++count > 0);
  warmth.awake();
  warmth.stop();
  warmth.awake();
  clock.advance(1000);
  expect(count).toBe(0);
});
