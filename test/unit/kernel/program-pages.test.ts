import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dropProgramPages, unchangedMappings } from "../../../src/kernel/program-pages.ts";

const entry = (head: string, anonymousKb: number, lockedKb = 0) =>
  `${head}\nSize: 8 kB\nRss: 8 kB\nAnonymous:      ${anonymousKb} kB\nLocked:         ${lockedKb} kB\nVmFlags: rd mr\n`;

test.each([
  ["code", entry("1000-3000 r-xp 00001000 fd:00 7 /usr/sbin/lbd", 0), [{ from: 0x1000, bytes: 0x2000 }]],
  ["what was relocated", entry("1000-3000 r--p 00001000 fd:00 7 /usr/sbin/lbd", 12), []],
  ["what may be written", entry("1000-3000 rw-p 00001000 fd:00 7 /usr/sbin/lbd", 0), []],
  ["what is locked", entry("1000-3000 r-xp 00001000 fd:00 7 /usr/sbin/lbd", 0, 8), []],
  ["another file", entry("1000-3000 r-xp 00001000 fd:00 7 /usr/lib/libc.so.6", 0), []],
  ["a program that was replaced", entry("1000-3000 r-xp 00001000 fd:00 7 /usr/sbin/lbd (deleted)", 0), []],
  ["no file", entry("1000-3000 r-xp 00000000 00:00 0 ", 0), []],
])("%s", (_what, smaps, expected) => {
  const between = entry("9000-a000 rw-p 00000000 00:00 0 [heap]", 4);
  expect(unchangedMappings(between + smaps + between, "/usr/sbin/lbd")).toEqual(expected);
});

test("this program goes on without its pages, and has fewer of them", () => {
  const fileKb = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
  const before = fileKb();
  expect(dropProgramPages()).toBeGreaterThan(0);
  expect(fileKb()).toBeLessThan(before);
});
