import { expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import { FOLD_MS, foldRepeats } from "../../../src/base/log-fold.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  const lines: string[] = [];
  const { log, flush } = foldRepeats(({ message }) => void lines.push(message), clock);
  const say = (message: string, fields?: LogLine["fields"]) =>
    log({ level: "info", area: "test", message, ...(fields && { fields }) });
  return { clock, lines, say, flush };
}

test("the first comes at once, the others as a number when something else comes", () => {
  const { lines, say } = lab();
  for (const message of ["a", "a", "a", "b", "a"]) say(message);
  expect(lines).toEqual(["a", "a (2 times more)", "b", "a"]);
});

test("or after ten seconds, and then it is new again", () => {
  const { lines, say, clock } = lab();
  say("a");
  say("a");
  clock.advance(FOLD_MS - 1);
  expect(lines).toEqual(["a"]);
  clock.advance(1);
  expect(lines).toEqual(["a", "a (once more)"]);
  say("a");
  expect(lines).toHaveLength(3);
});

test("other facts are another line", () => {
  const { lines, say, flush } = lab();
  for (const vrid of [1, 1, 2]) say("a", { vrid });
  flush();
  expect(lines).toEqual(["a", "a (once more)", "a"]);
});

test("at the end nothing is held, and no timer is left", () => {
  const { lines, say, flush, clock } = lab();
  say("a");
  say("a");
  flush();
  flush();
  expect([lines, clock.nextAt()]).toEqual([["a", "a (once more)"], undefined]);
});
