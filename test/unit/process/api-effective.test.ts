import { expect, test } from "bun:test";
import { createEffectiveCache, KEEP_MS } from "../../../src/process/roles/api-effective.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  let asked = 0;
  const cache = createEffectiveCache(clock, () => {
    asked++;
  });
  return { clock, cache, asked: () => asked };
}

test("those who ask at one time ask the parent once", async () => {
  const { cache, asked } = lab();
  const answers = [cache.get(), cache.get(), cache.get()];
  cache.take("{}");
  expect(await Promise.all(answers)).toEqual(["{}", "{}", "{}"]);
  expect(await cache.get()).toBe("{}");
  expect(asked()).toBe(1);
});

test("is asked for again after a while, and when another configuration is in force", () => {
  const { cache, asked, clock } = lab();
  cache.take("{}");
  void cache.get();
  expect(asked()).toBe(0);
  clock.advance(KEEP_MS);
  void cache.get();
  expect(asked()).toBe(1);
  cache.take("{}");
  cache.forget();
  void cache.get();
  expect(asked()).toBe(2);
});

test("none yet, and no answer at all, are the same to who asks", async () => {
  const { cache, clock } = lab();
  const none = cache.get();
  cache.take(null);
  expect(await none).toBeUndefined();
  const silent = cache.get();
  clock.advance(KEEP_MS);
  expect(await silent).toBeUndefined();
});
