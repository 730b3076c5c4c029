import { expect, test } from "bun:test";
import * as v from "valibot";
import { readToStarter } from "../../../../src/roles/programs/messages.ts";

test.each([
  ["words that are none", { kind: "run", id: 1, pool: "checks", argv: Array(20_000).fill(1), args: [], limitMs: null }],
  ["files that are none", { kind: "watch", files: Array(20_000).fill({}) }],
])("%s are a mistake, and the first is enough", (_what, message) => {
  let mistakes = 0;
  v.setGlobalMessage(() => `${++mistakes}`);
  try {
    expect(readToStarter(JSON.stringify(message))).toBeUndefined();
  } finally {
    v.deleteGlobalMessage();
  }
  expect(mistakes).toBeGreaterThan(0);
  expect(mistakes).toBeLessThan(10);
});
