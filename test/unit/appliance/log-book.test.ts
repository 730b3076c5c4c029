// The kept lines of the log: bounded, numbered, without control characters; and how a line of the director becomes one.
import { describe, expect, test } from "bun:test";
import {
  createLogBook,
  type KeptLine,
  MAX_LINE_CHARS,
  MAX_LINES,
  readLogLine,
} from "../../../src/appliance/log-book.ts";
import { renderJson } from "../../../src/base/log.ts";

const AT = "2026-12-01T08:00:00.000Z";
const line = (message: string) => ({ level: "info", area: "vrrp", message }) as const;

test("the newest lines behind a number, the oldest of them first", () => {
  const book = createLogBook();
  for (let i = 1; i <= MAX_LINES + 3; i++) book.add(line(`${i}`), AT);
  expect(book.after(0, MAX_LINES)).toHaveLength(MAX_LINES);
  expect(book.after(0, MAX_LINES)[0]?.id).toBe(4);
  expect(book.after(MAX_LINES, 2).map(({ message }) => message)).toEqual([`${MAX_LINES + 2}`, `${MAX_LINES + 3}`]);
  expect(book.after(MAX_LINES + 3, 10)).toEqual([]);
  expect(book.after(0, 0)).toEqual([]);
});

test("long lines are cut, and many of them push older ones out sooner", () => {
  const book = createLogBook();
  for (let i = 0; i < MAX_LINES; i++) book.add(line("x".repeat(3 * MAX_LINE_CHARS)), AT);
  const kept = book.after(0, MAX_LINES);
  expect(kept.length).toBeLessThan(600);
  expect(kept[0]?.message).toHaveLength(MAX_LINE_CHARS + 1);
});

test("who follows gets each line once, escaped, until he leaves", () => {
  const book = createLogBook();
  const got: KeptLine[] = [];
  const leave = book.follow((one) => got.push(one));
  book.add(line("a\u001b[2Jb"), AT);
  leave();
  book.add(line("c"), AT);
  expect(got.map(({ message }) => message)).toEqual(["a\\x1b[2Jb"]);
});

describe("a line of the director", () => {
  test("comes back as it was logged", () => {
    const logged = { level: "error", area: "checker", message: 'a "quoted" one', fields: { n: 1 } } as const;
    expect(readLogLine(renderJson(logged, 0))).toEqual({ level: "error", area: "checker", message: 'a "quoted" one' });
  });

  test.each(["panic: out of memory", "{", '{"level":"info"}', '{"level":"shout","message":"x"}', "[1]", ""])(
    "that is none, %p, is told as it is",
    (text) => expect(readLogLine(text)).toEqual({ level: "warning", area: "director", message: text }),
  );
});
