import { expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import { LOG_WINDOW_MS, type LogLimit, limitLog, MAX_LOG_KINDS } from "../../../src/base/log-limit.ts";
import { manualClock } from "../../support/manual-clock.ts";

function limited(limit?: LogLimit) {
  const clock = manualClock();
  const lines: LogLine[] = [];
  const log = limitLog((line) => lines.push(line), clock, limit);
  const say = (kind: string, message = kind) => log(kind, { level: "warning", area: "vrrp", message });
  return { clock, lines, say, flush: log.flush };
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

test("a burst of a kind passes line by line, and what is held is said at the end", () => {
  const { clock, lines, say } = limited({ burst: 3, windowMs: 60_000 });
  for (let i = 0; i < 7; i++) say("server a", `change ${i}`);
  say("server b");
  expect(lines.map((line) => line.message)).toEqual(["change 0", "change 1", "change 2", "server b"]);
  clock.advance(60_000);
  expect(lines.at(-1)?.message).toBe("change 6 (4 more in 60 s)");
});

test("all kinds together have a bound in each window, and the next window is free again", () => {
  const { clock, lines, say } = limited({ burst: 10, kinds: 10_000, total: 100 });
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 1000; i++) say(`server ${i}`, `${second}`);
    clock.advance(999);
  }
  expect(lines.length).toBeLessThanOrEqual(101);
  clock.advance(LOG_WINDOW_MS);
  // One line for each kind that was told, and one for all the others.
  expect(lines.length).toBeLessThanOrEqual(202);
  const before = lines.length;
  for (let i = 0; i < 50; i++) say(`server ${i}`);
  expect(lines).toHaveLength(before + 50);
});

test("flush says at once what is held, and nothing is left to say", () => {
  const { clock, lines, say, flush } = limited();
  say("ttl", "one");
  say("ttl", "two");
  flush();
  expect(lines.map((line) => line.message)).toEqual(["one", "two (1 more in 10 s)"]);
  expect(clock.nextAt()).toBeUndefined();
});
