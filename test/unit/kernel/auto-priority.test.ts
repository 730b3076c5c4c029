// max_auto_priority and min_auto_priority_delay: one step for each late timer, up to the limit, kept over reloads.
import { expect, test } from "bun:test";
import { createAutoPriority } from "../../../src/kernel/auto-priority.ts";

function lab(refuse = false) {
  const set: number[] = [];
  const said: string[] = [];
  const auto = createAutoPriority(
    "vrrp",
    (line) => said.push(line.message),
    (priority) => {
      if (refuse) throw new Error("EPERM");
      set.push(priority);
    },
  );
  return { auto, set, said };
}

test("a timer that is later than min_auto_priority_delay raises by one step, up to max_auto_priority", () => {
  const { auto, set, said } = lab();
  auto.configure({ max: 3, minDelayUs: 100_000 }, 0);
  auto.late(100);
  expect(set).toEqual([]);
  for (let i = 0; i < 5; i++) auto.late(101);
  expect(set).toEqual([1, 2, 3]);
  expect(said[0]).toBe("timers ran 101 ms late: real-time priority is now 1");
});

test("starts from the configured priority, and a reload keeps what was raised within the new limit", () => {
  const { auto, set } = lab();
  auto.configure({ max: 20, minDelayUs: 1000 }, 10);
  auto.late(2);
  auto.late(2);
  auto.configure({ max: 20, minDelayUs: 1000 }, 10);
  auto.configure({ max: 11, minDelayUs: 1000 }, 10);
  auto.configure({ max: 20, minDelayUs: 1000 }, 15);
  auto.late(2);
  expect(set).toEqual([11, 12, 12, 11, 16]);
});

test.each([
  ["never asked for", { max: 0, minDelayUs: 1000 }],
  ["-1", { max: -1, minDelayUs: 1000 }],
  ["no settings", undefined],
])("%s: stays", (_why, wish) => {
  const { auto, set } = lab();
  auto.configure(wish, 0);
  auto.late(5000);
  expect(set).toEqual([]);
});

test("a refusal is said once and ends it", () => {
  const { auto, said } = lab(true);
  auto.configure({ max: 3, minDelayUs: 1000 }, 0);
  auto.late(2);
  auto.late(2);
  expect(said).toEqual(["max_auto_priority: real-time priority 1 is not allowed here: EPERM"]);
});
