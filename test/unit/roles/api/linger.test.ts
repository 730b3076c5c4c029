import { expect, test } from "bun:test";
import { createLinger } from "../../../../src/roles/api/linger.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  const done: string[] = [];
  const turns: (() => void)[] = [];
  let count = 0;
  const linger = createLinger({
    clock,
    connections: () => count,
    retire: () => void done.push("retire"),
    idle: () => void done.push("idle"),
    later: (run) => void turns.push(run),
  });
  return {
    clock,
    linger,
    done,
    set(next: number) {
      count = next;
      linger.changed();
    },
    turn() {
      for (const run of turns.splice(0)) run();
    },
  };
}

test("it goes so long behind its last connection, and not while there is one", () => {
  const { clock, linger, done, set, turn } = lab();
  linger.begin(1000);
  clock.advance(999);
  set(1);
  clock.advance(5000);
  set(2);
  set(1);
  set(0);
  clock.advance(999);
  expect(done).toEqual([]);
  clock.advance(1);
  expect(done).toEqual(["retire"]);
  turn();
  expect(done).toEqual(["retire", "idle"]);
  expect(clock.nextAt()).toBeUndefined();
});

test("who came in the moment in which it went is served first", () => {
  const { clock, linger, done, set, turn } = lab();
  linger.begin(1000);
  clock.advance(1000);
  set(1);
  turn();
  expect(done).toEqual(["retire"]);
  set(0);
  expect(done).toEqual(["retire", "idle"]);
});

test("it goes only when it may serve", () => {
  const { clock, linger, done, set } = lab();
  set(1);
  set(0);
  expect(clock.nextAt()).toBeUndefined();
  linger.begin(10);
  linger.stop();
  clock.advance(100);
  expect(done).toEqual([]);
});

test("a stop ends it for good, whoever comes or goes behind it; it says that it is idle once", () => {
  const { clock, linger, done, set, turn } = lab();
  linger.begin(1000);
  clock.advance(1000);
  linger.stop();
  turn();
  set(1);
  set(0);
  clock.advance(5000);
  expect(done).toEqual(["retire"]);
  const other = lab();
  other.linger.begin(1000);
  other.clock.advance(1000);
  other.turn();
  other.set(1);
  other.set(0);
  expect(other.done).toEqual(["retire", "idle"]);
});
