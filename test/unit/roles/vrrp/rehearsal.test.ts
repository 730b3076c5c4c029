// When takeovers are rehearsed that do not loom.
import { expect, test } from "bun:test";
import { keepWarm } from "../../../../src/roles/vrrp/rehearsal.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** How often in each of the next seconds. */
function counted(seconds: number, answer: (nowMs: number) => boolean): number[] {
  const clock = manualClock();
  let count = 0;
  keepWarm(clock, () => {
    count++;
    return answer(clock.now());
  });
  return Array.from({ length: seconds }, () => {
    const before = count;
    clock.advance(1000);
    return count - before;
  });
}

test("a hundred in the first two seconds, ten in each second after them", () => {
  expect(counted(5, () => true)).toEqual([50, 50, 10, 10, 10]);
});

test("the more one takes, the fewer: at most a 300th of a processor", () => {
  const clock = manualClock();
  let count = 0;
  keepWarm(clock, () => {
    clock.skip(5);
    count++;
    return true;
  });
  clock.advance(10_000);
  count = 0;
  clock.advance(60_000);
  expect(count).toBe(40);
});

test("without a master to wait for, one look a second; the hundred come when there is one", () => {
  const waits = counted(6, (now) => now > 2500);
  expect(waits.slice(0, 3)).toEqual([1, 1, 1]);
  expect(waits.slice(3, 5).every((count) => count >= 49)).toBe(true);
});
