// What a terminal can do, and what a full disk is not.
import { afterEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { takesSequences } from "../../../src/cli/terminal.ts";

const term = process.env.TERM;
afterEach(() => {
  if (term === undefined) delete process.env.TERM;
  else process.env.TERM = term;
});

test.each([
  ["dumb", false],
  ["xterm", true],
  ["linux", true],
])("TERM=%s takes escape sequences: %p", (name, takes) => {
  process.env.TERM = name;
  expect(takesSequences()).toBe(takes);
});

test("a disk that is full is said, and is no wrong command line", () => {
  const full = openSync("/dev/full", "w");
  const main = `${import.meta.dirname}/../../../src/main.ts`;
  const done = spawnSync(process.execPath, [main, "explain", "priority"], {
    stdio: ["ignore", full, "pipe"],
    encoding: "utf8",
  });
  closeSync(full);
  expect(done.stderr).toContain("ENOSPC");
  expect(done.stderr).not.toContain("Try:");
  expect(done.status).toBe(1);
});

test("a value that an option does not take is named in plain text", () => {
  const main = `${import.meta.dirname}/../../../src/main.ts`;
  const done = spawnSync(process.execPath, [main, "check", "--format", "xml"], { encoding: "utf8" });
  expect(done.stderr).toContain("--format (xml). Expected one of: text, json, sarif");
  expect(done.stderr).not.toContain("x1b");
  expect(done.status).toBe(2);
});
