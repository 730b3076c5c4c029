// An act that is asked for while it runs: once more, however often.
import { expect, test } from "bun:test";
import { oneWaiting } from "../../../src/base/one-waiting.ts";

test("those who ask while it runs share the next one", async () => {
  const ends: (() => void)[] = [];
  const ask = oneWaiting(() => new Promise<void>((resolve) => ends.push(resolve)));
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const first = ask();
  await turn();
  let over = 0;
  const others = Array.from({ length: 100 }, () => ask().then(() => over++));
  ends[0]?.();
  await first;
  await turn();
  expect([ends.length, over]).toEqual([2, 0]);
  // It has begun: who asks now wants another.
  const last = ask();
  ends[1]?.();
  await Promise.all(others);
  await turn();
  expect([ends.length, over]).toEqual([3, 100]);
  ends[2]?.();
  await last;
});
