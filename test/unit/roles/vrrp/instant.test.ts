// The time of something that happened once is the same whenever it is asked for, and follows a wall clock that was set.
import { expect, test } from "bun:test";
import { createInstants } from "../../../../src/roles/vrrp/instant.ts";
import { manualClock } from "../../../support/manual-clock.ts";

test("an earlier moment keeps its wall time, until the wall clock is set", () => {
  let now = 1000;
  let wall = 1_700_000_000_000.3;
  const clock = { ...manualClock(), now: () => now, wallMs: () => Math.floor(wall) };
  const instant = createInstants(clock);
  const timeOf = (moment: number) => {
    const at = instant();
    return Math.round(at.wallMs - (at.now - moment));
  };
  const first = timeOf(1000);
  for (let i = 0; i < 1000; i++) {
    now += 0.37;
    wall += 0.37;
    expect(timeOf(1000)).toBe(first);
  }
  wall += 5000;
  expect(Math.abs(timeOf(1000) - first - 5000)).toBeLessThanOrEqual(1);
});
