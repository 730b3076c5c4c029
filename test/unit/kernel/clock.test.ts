import { describe, expect, test } from "bun:test";
import { openAlarm } from "../../../src/kernel/alarm.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { until } from "../../support/until.ts";

describe.each([
  ["the runtime's timer", {}],
  ["the kernel's alarm", { openAlarm }],
] as const)("by %s, a clock", (_what, options) => {
  test("runs things in the order of their times, equal times in the order of asking", async () => {
    const clock = systemClock(options);
    const start = clock.now();
    const seen: string[] = [];
    // 300 in a scrambled order exercise the heap.
    for (let i = 0; i < 300; i++) {
      const place = (i * 7) % 300;
      clock.at(start + 5 + (place >> 1) * 0.05, () => seen.push(`${place >> 1}`));
    }
    await until("all ran", () => seen.length === 300);
    expect(seen).toEqual([...seen].sort((a, b) => Number(a) - Number(b)));
  });

  test("runs nothing before its time, and a time in the past in the next turn", async () => {
    const clock = systemClock(options);
    const start = clock.now();
    let early = 0;
    let late = 0;
    clock.at(start - 1000, () => late++);
    for (let ms = 1; ms <= 20; ms++) clock.at(start + ms, () => (early += clock.now() < start + ms - 0.5 ? 1 : 0));
    expect(late).toBe(0);
    let done = false;
    clock.at(start + 21, () => (done = true));
    await until("the last ran", () => done);
    expect([early, late]).toEqual([0, 1]);
  });

  test("what is cancelled never runs, also in large numbers and from another callback", async () => {
    const clock = systemClock(options);
    const start = clock.now();
    let wrong = 0;
    let right = 0;
    for (let i = 0; i < 5000; i++) {
      const cancel = clock.at(start + 5 + (i % 10), () => (i % 5 === 0 ? right++ : wrong++));
      if (i % 5 !== 0) cancel();
      if (i % 5 !== 0) cancel();
    }
    const cancelLater = clock.at(start + 20, () => wrong++);
    clock.at(start + 1, cancelLater);
    let done = false;
    clock.at(start + 25, () => (done = true));
    await until("the end", () => done);
    expect([wrong, right]).toEqual([0, 1000]);
  });

  test("those that stay keep their order when others are taken out from among them", async () => {
    const clock = systemClock(options);
    const start = clock.now();
    const seen: number[] = [];
    const cancels = Array.from({ length: 500 }, (_, i) => {
      const place = (i * 173) % 500;
      return clock.at(start + 10 + place * 0.02, () => seen.push(place));
    });
    const taken = Array.from({ length: 300 }, (_, i) => (i * 77) % 500);
    for (const i of taken) cancels[i]?.();
    let done = false;
    clock.at(start + 25, () => (done = true));
    await until("the end", () => done);
    expect(seen.length).toBe(200);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("a callback may ask for more, also for now, without holding the loop", async () => {
    const clock = systemClock(options);
    let ticks = 0;
    let loopTurns = 0;
    const again = () => {
      if (++ticks < 2000) clock.at(clock.now(), again);
    };
    clock.at(clock.now(), again);
    const turn = () => {
      loopTurns++;
      if (ticks < 2000) setImmediate(turn);
    };
    setImmediate(turn);
    await until("all ticks", () => ticks === 2000);
    expect(loopTurns).toBeGreaterThan(1);
  });
});

test("the alarm never rings before its time", async () => {
  const clock = systemClock({ openAlarm });
  const early: number[] = [];
  let count = 0;
  const next = () => {
    const when = clock.now() + (count % 50) / 10;
    clock.at(when, () => {
      if (clock.now() < when) early.push(when - clock.now());
      if (++count < 500) next();
    });
  };
  next();
  await until("500 have rung", () => count === 500);
  expect(early).toEqual([]);
});

test("what came due while something else ran is late", async () => {
  const lates: number[] = [];
  const clock = systemClock({ late: (lateMs) => lates.push(lateMs) });
  const start = clock.now();
  clock.at(start + 5, () => {
    while (clock.now() < start + 80);
  });
  let done = false;
  clock.at(start + 20, () => {
    done = true;
  });
  await until("both have run", () => done);
  expect(Math.max(...lates)).toBeGreaterThan(50);
});

test("what a callback that takes long asks for then, and was due meanwhile, is late", async () => {
  const lates: number[] = [];
  const clock = systemClock({ late: (lateMs) => lates.push(lateMs) });
  const start = clock.now();
  let done = false;
  clock.at(start + 5, () => {
    while (clock.now() < start + 80);
    clock.at(start + 20, () => {
      done = true;
    });
  });
  await until("both have run", () => done);
  expect(lates.at(-1)).toBeGreaterThan(50);
});

test("what was due before it was asked for is not", async () => {
  const lates: number[] = [];
  const clock = systemClock({ late: (lateMs) => lates.push(lateMs) });
  let done = false;
  clock.at(clock.now() - 10_000, () => {
    done = true;
  });
  await until("it has run", () => done);
  expect(Math.max(...lates)).toBeLessThan(5000);
});

test("what is due now runs in the next turn of the loop, not with the next millisecond", async () => {
  const clock = systemClock();
  const order: string[] = [];
  clock.at(clock.now(), () => order.push("clock"));
  setImmediate(() => order.push("turn"));
  await until("both have run", () => order.length === 2);
  expect(order).toEqual(["clock", "turn"]);
});
