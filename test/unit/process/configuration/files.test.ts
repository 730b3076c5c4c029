// Files as a director reads them: what is taken for a configuration and for a key, and the operator's word before a reload.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineContext } from "../../../../src/process/configuration/bind-context.ts";
import { configFiles, readAnyRegularFile } from "../../../../src/process/configuration/files.ts";
import { giveWord, takeWord } from "../../../../src/process/configuration/words-given.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-files-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function file(content: string | Uint8Array, mode = 0o600): string {
  const path = join(dir, "f");
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test.each<[string, () => string, object]>([
  ["a regular file", () => file("text"), { ok: true }],
  ["one that is as large as may be", () => file("x".repeat(100)), { ok: true }],
  ["one that is larger", () => file("x".repeat(101)), { error: { kind: "too-large", bytes: 101 } }],
  [
    "an executable file, as keepalived",
    () => file("text", 0o700),
    { error: { kind: "not-a-file", what: "executable" } },
  ],
  ["a directory", () => dir, { error: { kind: "not-a-file", what: "a directory" } }],
  [
    "a FIFO, which would never end",
    () => {
      execFileSync("mkfifo", [join(dir, "p")]);
      return join(dir, "p");
    },
    { error: { kind: "not-a-file", what: "a FIFO" } },
  ],
  ["a device", () => "/dev/null", { error: { kind: "not-a-file", what: "a device" } }],
  ["nothing", () => join(dir, "none"), { error: { kind: "missing" } }],
  ["a name with a NUL", () => "/etc\0/passwd", { error: { kind: "missing" } }],
  [
    "a file of the kernel, which says that it is empty and is larger",
    () => "/proc/self/maps",
    { error: { kind: "too-large" } },
  ],
])("read as a configuration: %s", (_what, make, is) => {
  expect(configFiles.read(make(), 100)).toMatchObject(is);
});

test("reading leaves no descriptor open, whatever comes of it; a file system without modes has executable files", () => {
  const path = file("text", 0o700);
  expect(readAnyRegularFile(path, 100).ok).toBe(true);
  const count = () => readdirSync("/proc/self/fd").length;
  const before = count();
  for (let i = 0; i < 50; i++)
    for (const one of [path, dir, "/dev/null", "/proc/self/maps"]) configFiles.read(one, 100);
  expect(count()).toBeLessThan(before + 10);
});

test.each<[string, () => string, boolean]>([
  ["its owner's alone", () => file("key"), true],
  ["the group's too", () => file("key", 0o640), false],
  ["everybody's", () => file("key", 0o604), false],
  ["too large for a key", () => file("k".repeat(4097)), false],
  ["no file", () => dir, false],
  ["not there", () => join(dir, "none"), false],
])("a key file: %s", (_what, make, isTaken) => {
  const read = machineContext().readKeyFile(make());
  expect(read === undefined ? undefined : Buffer.from(read).toString()).toBe(isTaken ? "key" : undefined);
});

test("the word that a reload may take everything away holds once, and not for long", () => {
  const now = Date.now();
  expect(takeWord(dir, "allow-empty", now)).toBe(false);
  giveWord(dir, "allow-empty");
  const [name = ""] = readdirSync(dir);
  expect([takeWord(dir, "allow-empty", Date.now()), takeWord(dir, "allow-empty", Date.now())]).toEqual([true, false]);
  giveWord(dir, "allow-empty");
  utimesSync(join(dir, name), new Date(now - 11_000), new Date(now - 11_000));
  expect([takeWord(dir, "allow-empty", now), existsSync(join(dir, name))]).toEqual([false, false]);
  // Only a file says it.
  mkdirSync(join(dir, name));
  expect([takeWord(dir, "allow-empty", Date.now()), existsSync(join(dir, name))]).toEqual([false, false]);
});
