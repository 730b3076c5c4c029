import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installCompat } from "../../../src/cli/install-compat.ts";

const base = mkdtempSync(join(tmpdir(), "lbd-compat-"));
afterAll(() => rmSync(base, { recursive: true }));
let count = 0;

const LINK = "/usr/sbin/keepalived";
const ALIAS = "/etc/systemd/system/keepalived.service";
const UNIT = "/etc/systemd/system/lbd.service";

/** A machine with these files. */
function machine(files: Readonly<Record<string, string>> = { [UNIT]: "" }) {
  const root = join(base, `${count++}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${root}${path}`), { recursive: true });
    writeFileSync(`${root}${path}`, text);
  }
  return {
    root,
    at: (path: string) => (existsSync(`${root}${path}`) || isLink(path) ? readlinkSync(`${root}${path}`) : undefined),
    lay(path: string, target: string) {
      mkdirSync(dirname(`${root}${path}`), { recursive: true });
      symlinkSync(target, `${root}${path}`);
    },
    do: (how: { isTried?: boolean; removes?: boolean; program?: string } = {}) =>
      installCompat({ root, program: "/usr/sbin/lbd", isTried: false, removes: false, ...how }),
  };

  function isLink(path: string): boolean {
    try {
      readlinkSync(`${root}${path}`);
      return true;
    } catch {
      return false;
    }
  }
}

test("the program and the unit have keepalived's names, and a second time changes nothing", () => {
  const one = machine();
  expect(one.do()).toEqual({
    ok: true,
    lines: [
      `${LINK} is now a link to lbd`,
      `${ALIAS} is now a link to ${UNIT}`,
      "next: systemctl daemon-reload, and start it by either name",
    ],
  });
  expect([one.at(LINK), one.at(ALIAS)]).toEqual(["lbd", UNIT]);
  expect(one.do()).toMatchObject({
    ok: true,
    lines: [`${LINK} is already a link to lbd`, `${ALIAS} is already a link to ${UNIT}`, expect.any(String)],
  });
});

test("a program elsewhere is named whole; a link to an earlier place of lbd is replaced", () => {
  const one = machine();
  one.lay(LINK, "/opt/old/lbd");
  expect(one.do({ program: "/opt/lbd/lbd" }).ok).toBe(true);
  expect(one.at(LINK)).toBe("/opt/lbd/lbd");
});

test("--dry-run says what would be done, and does nothing", () => {
  const one = machine();
  expect(one.do({ isTried: true })).toEqual({
    ok: true,
    lines: [`${LINK} would be a link to lbd`, `${ALIAS} would be a link to ${UNIT}`],
  });
  expect([one.at(LINK), one.at(ALIAS)]).toEqual([undefined, undefined]);
});

test("without a unit there is no alias", () => {
  const one = machine({});
  expect(one.do()).toMatchObject({
    ok: true,
    lines: [expect.any(String), expect.any(String), "there is no lbd.service: no alias for it"],
  });
  expect([one.at(LINK), one.at(ALIAS)]).toEqual(["lbd", undefined]);
});

describe("--remove", () => {
  test("takes both away", () => {
    const one = machine();
    one.do();
    expect(one.do({ removes: true, isTried: true })).toMatchObject({
      lines: [`${LINK} would be removed`, `${ALIAS} would be removed`],
    });
    expect(one.do({ removes: true })).toMatchObject({ lines: [`${LINK} is removed`, `${ALIAS} is removed`] });
    expect([one.at(LINK), one.at(ALIAS)]).toEqual([undefined, undefined]);
  });

  test("leaves what is not lbd's", () => {
    const one = machine({ [LINK]: "keepalived itself", [UNIT]: "" });
    one.lay(ALIAS, "/lib/systemd/system/other.service");
    expect(one.do({ removes: true })).toEqual({
      ok: true,
      lines: [`${LINK} is no link of lbd's: it stays as it is`, `${ALIAS} is no link of lbd's: it stays as it is`],
    });
    expect([existsSync(`${one.root}${LINK}`), one.at(ALIAS)]).toEqual([true, "/lib/systemd/system/other.service"]);
  });
});

describe("nothing at all is done", () => {
  test.each<readonly [why: string, files: Readonly<Record<string, string>>, said: string]>([
    [
      "when Debian's keepalived is installed",
      { [UNIT]: "", "/var/lib/dpkg/info/keepalived.list": `/.\n/usr\n${LINK}\n`, [LINK]: "ELF" },
      "apt-get remove keepalived",
    ],
    [
      "when another unit of that name is installed",
      { [UNIT]: "", "/usr/lib/systemd/system/keepalived.service": "" },
      "remove that first",
    ],
    [
      "when somebody's program has the name",
      { [UNIT]: "", [LINK]: "#!/bin/sh\n" },
      `${LINK} is there, and is not lbd's`,
    ],
    [
      "when the operator has a unit of the name",
      { [UNIT]: "", [ALIAS]: "[Service]\n" },
      `${ALIAS} is there, and is not lbd's`,
    ],
  ])("%s", (_why, files, said) => {
    const one = machine(files);
    const done = one.do();
    if (done.ok) throw new Error("it was done");
    expect(done.reasons.join("\n")).toContain(said);
    for (const path of [LINK, ALIAS]) expect(existsSync(`${one.root}${path}`)).toBe(path in files);
  });

  test("when a link of somebody else has the name", () => {
    const one = machine();
    one.lay(LINK, "/etc/alternatives/keepalived");
    expect(one.do()).toEqual({
      ok: false,
      reasons: [`${LINK} is a link to /etc/alternatives/keepalived, and is not lbd's: move it away first`],
    });
  });

  test("after a removal that left the configuration, it is", () => {
    // dpkg keeps the list of what is left.
    const one = machine({
      [UNIT]: "",
      "/var/lib/dpkg/info/keepalived.list": "/etc/keepalived\n/etc/init.d/keepalived\n",
    });
    expect(one.do().ok).toBe(true);
  });
});

test("a program that others could change does not get keepalived's name", () => {
  const one = machine();
  const program = join(base, "open/lbd");
  mkdirSync(dirname(program));
  writeFileSync(program, "");
  chmodSync(dirname(program), 0o777);
  expect(one.do({ program })).toEqual({
    ok: false,
    reasons: [
      `${program} would run as root, but ${dirname(program)} can be written by everybody (mode bit o+w): chmod o-w ${dirname(program)}`,
    ],
  });
  expect(one.at(LINK)).toBeUndefined();
  chmodSync(dirname(program), 0o755);
  expect(one.do({ program }).ok).toBe(true);
  expect(one.at(LINK)).toBe(program);
});
