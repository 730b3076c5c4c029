import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalPath, openJournal } from "../../../src/process/journal.ts";
import {
  AlreadyRunning,
  claimRunDir,
  readPidFile,
  runningDirector,
  socketPath,
  writePidFile,
} from "../../../src/process/pidfile.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "lbd-pidfile-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("the run directory is made, its pid file names the holder, and nothing stays behind", () => {
  const path = join(base, "a", "b");
  const claimed = claimRunDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(path, "lbd.pid"), "utf8")).toBe(`${process.pid}\n`);
  expect(runningDirector(path)).toBe(process.pid);
  claimed.release();
  expect(existsSync(join(path, "lbd.pid"))).toBe(false);
  expect(runningDirector(path)).toBeUndefined();
});

test("a second director is told who holds it", () => {
  const claimed = claimRunDir(base);
  expect(() => claimRunDir(base)).toThrow(AlreadyRunning);
  expect(() => claimRunDir(base)).toThrow(`already running: pid ${process.pid} holds ${base}/lbd.pid`);
  claimed.release();
  claimRunDir(base).release();
});

test("a pid file that was left behind keeps nobody out, a stale socket is removed", () => {
  writeFileSync(join(base, "lbd.pid"), "1\n");
  writeFileSync(socketPath(base), "");
  const claimed = claimRunDir(base);
  expect(existsSync(socketPath(base))).toBe(false);
  expect(readFileSync(join(base, "lbd.pid"), "utf8")).toBe(`${process.pid}\n`);
  claimed.release();
});

test("a directory that others may write to is refused", () => {
  chmodSync(base, 0o777);
  expect(() => claimRunDir(base)).toThrow("others may write to it, mode 777");
});

test("a planted symbolic link is not followed", () => {
  const victim = join(base, "victim");
  writeFileSync(victim, "precious");
  const runDir = join(base, "run");
  mkdirSync(runDir);
  symlinkSync(victim, join(runDir, "lbd.pid"));
  expect(() => claimRunDir(runDir)).toThrow("ELOOP");
  symlinkSync(victim, join(base, "other.pid"));
  writePidFile(join(base, "other.pid"), 7);
  expect(readFileSync(victim, "utf8")).toBe("precious");
  expect(readPidFile(join(base, "other.pid"))).toBe(7);
});

test("a pid file that can't be written is named, and leaves nothing half", () => {
  mkdirSync(join(base, "x.pid"));
  expect(() => writePidFile(join(base, "x.pid"), 7)).toThrow(`pid file ${base}/x.pid can't be written: EISDIR`);
  expect(readdirSync(base)).toEqual(["x.pid"]);
});

test.each([
  ["words", "no pid"],
  ["empty", ""],
  ["too long", "12345678901"],
  ["negative", "-1"],
])("a pid file with %s holds no pid", (_what, text) => {
  writeFileSync(join(base, "x.pid"), text);
  expect(readPidFile(join(base, "x.pid"))).toBeUndefined();
});

test("a journal gives back what was written, and nothing of a broken one", () => {
  const journal = openJournal(journalPath(base, "checker"), (raw) => (Array.isArray(raw) ? raw : undefined));
  expect(journal.read()).toBeUndefined();
  journal.write(["192.0.2.1:80/tcp"]);
  expect(journal.read()).toEqual(["192.0.2.1:80/tcp"]);
  expect(statSync(journalPath(base, "checker")).mode & 0o777).toBe(0o600);
  writeFileSync(journalPath(base, "checker"), '["192.0');
  expect(journal.read()).toBeUndefined();
  writeFileSync(journalPath(base, "checker"), "{}");
  expect(journal.read()).toBeUndefined();
  expect(() => openJournal<string>(`${base}/no/x`, () => undefined).write("x")).toThrow("ENOENT");
  journal.clear();
  expect(existsSync(journalPath(base, "checker"))).toBe(false);
});
