// Whether a child is alive: how it is asked, when silence counts, and whose fault it is.
import { expect, test } from "bun:test";
import { HEARTBEAT_MS, SILENT_MS, SILENT_WHILE_STARTING_MS, watchSigns } from "../../../src/process/signs-of-life.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab(isAtWork = true) {
  const clock = manualClock();
  const silent: number[] = [];
  let asked = 0;
  let isWatched = true;
  const signs = watchSigns(clock, {
    isWatched: () => isWatched,
    isAtWork: () => isAtWork,
    ask: () => void asked++,
    silent: () => void silent.push(clock.now()),
  });
  return {
    clock,
    signs,
    silent,
    asked: () => asked,
    leave() {
      isWatched = false;
    },
  };
}

test("asked at each heartbeat as long as it answers", () => {
  const { clock, signs, silent, asked, leave } = lab();
  for (let i = 0; i < 6; i++) {
    clock.advance(HEARTBEAT_MS);
    signs.heard();
  }
  expect([asked(), silent, signs.isStuck()]).toEqual([6, [], false]);
  leave();
  clock.advance(HEARTBEAT_MS);
  expect([asked(), clock.nextAt()]).toEqual([6, undefined]);
});

test.each([
  [true, SILENT_MS],
  [false, SILENT_WHILE_STARTING_MS],
])("at work %p: silent for %d ms is stuck, and it is asked once only", (isAtWork, limitMs) => {
  const { clock, signs, silent, asked } = lab(isAtWork);
  clock.advance(limitMs);
  expect([silent, signs.isStuck()]).toEqual([[], false]);
  clock.advance(1000);
  expect([silent, asked(), signs.isStuck()]).toEqual([[limitMs + 1000], 1, false]);
  clock.advance(3000);
  expect(signs.isStuck()).toBe(true);
});

test("when this process itself stood still, its children are not to blame", () => {
  const { clock, signs, silent } = lab();
  clock.advance(HEARTBEAT_MS);
  clock.skip(60_000);
  clock.advance(1);
  expect(silent).toEqual([]);
  clock.advance(1000);
  signs.heard();
  clock.advance(HEARTBEAT_MS);
  expect([silent, signs.isStuck()]).toEqual([[], false]);
});
