import { expect, test } from "bun:test";
import { createLetGo, LOOK_MS, REST_MS } from "../../../../src/process/host/let-go.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  const world = { share: 0, shrunk: 0 };
  const letGo = createLetGo({
    clock,
    cpuMs: () => clock.now() * world.share,
    shrink: () => {
      world.shrunk++;
    },
  });
  return { clock, world, letGo };
}

test("once, when it has rested, and again only after another configuration", () => {
  const { clock, world, letGo } = lab();
  letGo.grown();
  clock.advance(REST_MS - 1);
  expect(world.shrunk).toBe(0);
  clock.advance(1);
  expect([world.shrunk, clock.nextAt()]).toEqual([1, undefined]);
  letGo.grown();
  clock.advance(REST_MS / 2);
  letGo.grown();
  clock.advance(REST_MS - 1);
  expect(world.shrunk).toBe(1);
  clock.advance(1);
  expect(world.shrunk).toBe(2);
});

test("a process that works keeps its code until it rests", () => {
  const { clock, world, letGo } = lab();
  world.share = 0.02;
  letGo.grown();
  clock.advance(10 * REST_MS);
  expect(world.shrunk).toBe(0);
  world.share = 0;
  clock.advance(2 * LOOK_MS);
  expect(world.shrunk).toBe(1);
});
