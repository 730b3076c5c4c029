// Files in directories of strangers: planted links, FIFOs, pipes of others. What we open is what it should be, or is refused at once.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeUsersFifo, openNotifyFifo } from "../../../src/kernel/make-fifo.ts";
import {
  appendRegular,
  readRegular,
  readWhole,
  removeRegular,
  writeRegular,
} from "../../../src/kernel/regular-file.ts";
import { loadTlsSettings } from "../../../src/probe/tls.ts";
import { openJournal } from "../../../src/roles/journal.ts";

const root = mkdtempSync(join(tmpdir(), "lbd-planted-"));
const dir = join(root, "d");
const at = (name: string) => join(dir, name);
const mkfifo = (name: string) => execFileSync("mkfifo", ["-m", "0666", at(name)]);
const STRANGER = 65533;
const NOBODY = 65534;

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  writeFileSync(join(root, "precious"), "keep");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("what is removed is a file or the link itself", () => {
  symlinkSync(join(root, "precious"), at("x"));
  removeRegular(at("x"));
  expect(readFileSync(join(root, "precious"), "utf8")).toBe("keep");
  expect(() => removeRegular(at("x"))).not.toThrow();
  mkfifo("x");
  expect(() => removeRegular(at("x"))).toThrow(`${at("x")} is not a regular file: it stays`);
  expect(() => removeRegular(root)).toThrow("it stays");
  expect(lstatSync(at("x")).isFIFO()).toBe(true);
});

describe("a regular file or nothing", () => {
  const write = () => writeRegular(at("x"), "0\n", { overwrite: true, mode: 0o644 });
  const append = () => appendRegular(at("x"), "0\n", 0o600);
  const readOwn = () => readRegular(at("x"), 100, "refused");

  test("a planted link is not followed", () => {
    symlinkSync(join(root, "precious"), at("x"));
    for (const open of [write, append, readOwn]) expect(open).toThrow("ELOOP");
    expect(readFileSync(join(root, "precious"), "utf8")).toBe("keep");
    expect(readRegular(at("x"), 100, "followed").toString()).toBe("keep");
  });

  test("a planted hard link leads into no other file, and what a stranger made gets no line", () => {
    linkSync(join(root, "precious"), at("x"));
    for (const open of [write, append]) expect(open).toThrow(`${at("x")} has more names than this one (hard links)`);
    expect(readFileSync(join(root, "precious"), "utf8")).toBe("keep");
    rmSync(at("x"));
    writeFileSync(at("x"), "");
    chownSync(at("x"), STRANGER, STRANGER);
    expect(append).toThrow(`${at("x")} belongs to user ${STRANGER}, wanted root or this user`);
    expect(readFileSync(at("x"), "utf8")).toBe("");
  });

  test("a planted FIFO holds nobody up", () => {
    mkfifo("x");
    expect(write).toThrow("ENXIO");
    expect(append).toThrow("ENXIO");
    expect(readOwn).toThrow("not a regular file");
    expect(loadTlsSettings({ certificate: at("x") }, readWhole)).toEqual({
      error: `SSL block: ${at("x")} is not a regular file`,
    });
    expect(openJournal(at("x"), (raw) => raw).read()).toBeUndefined();
    // With somebody at the other end it opens, and is no file all the same.
    const other = openNotifyFifo(at("x"), undefined, undefined);
    expect(write).toThrow("not a regular file");
    other.close();
  });

  test("writes, appends, reads; never more than the bound", () => {
    expect(() => writeRegular(at("y"), "first\n", { overwrite: false, mode: 0o644 })).not.toThrow();
    expect(() => writeRegular(at("y"), "second\n", { overwrite: false, mode: 0o644 })).toThrow("EEXIST");
    writeRegular(at("y"), "2\n", { overwrite: true, mode: 0o644 });
    appendRegular(at("y"), "3\n", 0o600);
    expect(readRegular(at("y"), 4, "refused").toString()).toBe("2\n3\n");
    expect(() => readRegular(at("y"), 3, "refused")).toThrow("longer than 3 bytes");
  });
});

describe("notify FIFOs", () => {
  test("made for its user alone; removed at the end, not what somebody put in its place", () => {
    const fifo = openNotifyFifo(at("f"), "nobody", undefined);
    const { uid, mode } = lstatSync(at("f"));
    expect([uid, mode & 0o7777]).toEqual([NOBODY, 0o600]);
    fifo.close();
    expect(() => lstatSync(at("f"))).toThrow("ENOENT");
    const second = openNotifyFifo(at("f"), undefined, undefined);
    rmSync(at("f"));
    writeFileSync(at("f"), "somebody's");
    second.close();
    expect(readFileSync(at("f"), "utf8")).toBe("somebody's");
  });

  test("a file, a link and a FIFO of a stranger are refused and left as they are", () => {
    writeFileSync(at("file"), "keep");
    expect(() => openNotifyFifo(at("file"), undefined, undefined)).toThrow("not a FIFO");
    expect(readFileSync(at("file"), "utf8")).toBe("keep");
    symlinkSync(join(root, "precious"), at("link"));
    expect(() => openNotifyFifo(at("link"), "nobody", undefined)).toThrow("ELOOP");
    expect(statSync(join(root, "precious")).uid).toBe(0);
    mkfifo("theirs");
    chownSync(at("theirs"), STRANGER, STRANGER);
    for (const user of [undefined, "nobody"])
      expect(() => openNotifyFifo(at("theirs"), user, undefined)).toThrow("a FIFO of uid 65533");
    expect(lstatSync(at("theirs")).uid).toBe(STRANGER);
  });

  test("one of root or of the named user is taken as it is, and stays", () => {
    for (const [name, owner, user] of [
      ["root", 0, undefined],
      ["user", NOBODY, "nobody"],
    ] as const) {
      mkfifo(name);
      chownSync(at(name), owner, 0);
      const fifo = openNotifyFifo(at(name), user, undefined);
      expect(fifo.warning).toBeUndefined();
      fifo.close();
      expect(lstatSync(at(name)).isFIFO()).toBe(true);
    }
  });

  test.each([
    ["everybody's", 0o777, 0, undefined, "others can put another in its place"],
    ["everybody's, sticky", 0o1777, 0, undefined, undefined],
    ["a stranger's", 0o755, STRANGER, undefined, "belongs to uid 65533"],
    ["the named user's", 0o700, NOBODY, "nobody", undefined],
    ["root's", 0o755, 0, "nobody", undefined],
  ] as const)("a directory of others is said: %s", (_why, mode, owner, user, said) => {
    chownSync(dir, owner, 0);
    chmodSync(dir, mode);
    const fifo = openNotifyFifo(at("f"), user, undefined);
    if (said === undefined) expect(fifo.warning).toBeUndefined();
    else expect(fifo.warning).toContain(said);
    fifo.close();
  });

  test("a user's is made for a writer without rights, has its reader's end, and goes as what it was", () => {
    const remove = makeUsersFifo(at("f"), "nobody", undefined);
    expect([lstatSync(at("f")).uid, lstatSync(at("f")).mode & 0o777]).toEqual([NOBODY, 0o600]);
    const writer = openNotifyFifo(at("f"), "nobody", undefined);
    writer.close();
    expect(lstatSync(at("f")).isFIFO()).toBe(true);
    expect(makeUsersFifo(at("f"), "nobody", undefined)).toBeUndefined();
    remove?.();
    expect(() => lstatSync(at("f"))).toThrow("ENOENT");
    writeFileSync(at("f"), "somebody's");
    remove?.();
    expect(readFileSync(at("f"), "utf8")).toBe("somebody's");
    expect(() => makeUsersFifo(at("g"), "nobody-at-all", undefined)).toThrow("nobody-at-all");
  });

  test("an owner is given to the pipe that was made, not to what has its name by then", () => {
    // The exchange itself is a race; what it would leave behind is another name of a pipe that is not ours alone.
    const fifo = openNotifyFifo(at("a"), undefined, undefined);
    linkSync(at("a"), at("b"));
    expect(() => openNotifyFifo(at("b"), "nobody", undefined)).not.toThrow();
    expect(lstatSync(at("b")).uid).toBe(0);
    fifo.close();
  });
});
