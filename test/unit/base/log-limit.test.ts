import { expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import { LOG_WINDOW_MS, limitLog, MAX_LOG_KINDS } from "../../../src/base/log-limit.ts";
import { manualClock } from "../../support/manual-clock.ts";

function limited() {
  const clock = manualClock();
  const lines: LogLine[] = [];
  const log = limitLog((line) => lines.push(line), clock);
  const say = (kind: string, message = kind) => log(kind, { level: "warning", area: "vrrp", message });
  return { clock, lines, say };
}

test("the first of a kind passes, the rest of its window is one line with a count", () => {
  const { clock, lines, say } = limited();
  for (let i = 0; i < 1000; i++) say("ttl", `ttl ${i}`);
  expect(lines.map((line) => line.message)).toEqual(["ttl 0"]);
  clock.advance(LOG_WINDOW_MS);
  expect(lines.map((line) => line.message)).toEqual(["ttl 0", "ttl 999 (999 more in 10 s)"]);
  expect(lines[1]?.fields).toEqual({ repeated: 999 });
});

test("a window with one line says nothing more, and the next one passes at once", () => {
  const { clock, lines, say } = limited();
  say("ttl");
  clock.advance(LOG_WINDOW_MS);
  say("ttl");
  expect(lines).toHaveLength(2);
});

test("kinds don't hide each other", () => {
  const { lines, say } = limited();
  say("ttl");
  say("checksum");
  expect(lines).toHaveLength(2);
});

test("kinds made up without end share one window, and the table stays small", () => {
  const { clock, lines, say } = limited();
  for (let i = 0; i < 10 * MAX_LOG_KINDS; i++) say(`kind ${i}`);
  expect(lines).toHaveLength(MAX_LOG_KINDS + 1);
  clock.advance(LOG_WINDOW_MS);
  expect(lines).toHaveLength(MAX_LOG_KINDS + 2);
  expect(clock.nextAt()).toBeUndefined();
});
