// A dump's file: whole or not there, through no link, and no reader of a FIFO is waited for.
import { afterAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  lstatSync,
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
import { openNewFile } from "../../../src/kernel/dump-file.ts";

const base = mkdtempSync(join(tmpdir(), "lbd-dump-file-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function folder(): string {
  const path = join(base, `${serial++}`);
  mkdirSync(path);
  return path;
}

function write(path: string, text: string, mode = 0o600): string | undefined {
  const file = openNewFile(path, mode);
  file.write(text);
  return file.done();
}

test("readers see the dump before or the whole new one", () => {
  const path = join(folder(), "keepalived.data");
  expect(write(path, "one\n")).toBeUndefined();
  const file = openNewFile(path, 0o600);
  file.write("tw");
  expect(readFileSync(path, "utf8")).toBe("one\n");
  file.write("o\n");
  file.done();
  expect(readFileSync(path, "utf8")).toBe("two\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("the mode is the one that was asked for, whatever the umask", () => {
  const path = join(folder(), "keepalived.data");
  write(path, "x", 0o644);
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

test("a symbolic link is replaced; where it leads nothing is written", () => {
  const here = folder();
  const [path, elsewhere] = [join(here, "keepalived.data"), join(here, "precious")];
  writeFileSync(elsewhere, "precious");
  symlinkSync(elsewhere, path);
  expect(write(path, "dump")).toBe("a symbolic link");
  expect([readFileSync(elsewhere, "utf8"), readFileSync(path, "utf8")]).toEqual(["precious", "dump"]);
  expect(lstatSync(path).isFile()).toBe(true);
});

test("a FIFO that nobody reads holds nobody up", () => {
  const path = join(folder(), "keepalived.data");
  execFileSync("mkfifo", [path]);
  expect(write(path, "dump")).toBe("something that is no regular file");
  expect(readFileSync(path, "utf8")).toBe("dump");
});

test("a directory stays, with a reason, and nothing is left beside it", () => {
  const here = folder();
  const path = join(here, "keepalived.data");
  mkdirSync(path);
  const file = openNewFile(path, 0o600);
  file.write("dump");
  expect(() => file.done()).toThrow("EISDIR");
  file.drop();
  expect(readdirSync(here)).toEqual(["keepalived.data"]);
});

test("what was given up leaves nothing, and the dump before stays", () => {
  const here = folder();
  const path = join(here, "keepalived.data");
  write(path, "one");
  const file = openNewFile(path, 0o600);
  file.write("half");
  file.drop();
  expect([readdirSync(here), readFileSync(path, "utf8")]).toEqual([["keepalived.data"], "one"]);
});

test("a directory that is not there is an error", () => {
  expect(() => openNewFile(join(folder(), "none", "x"), 0o600)).toThrow("ENOENT");
});
