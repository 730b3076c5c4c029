// The configuration partition: what is copied with which rights, and what is said of a folder.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { putFiles, readFiles, readFolder, withDirectorFile } from "../../../../src/process/appliance/configuration.ts";

/** As the appliance puts what it read where the director reads it. */
const takeCopy = (from: string, to: string) => putFiles(readFiles(from), to);

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-folder-"));
  mkdirSync(join(dir, "disk/scripts"), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (name: string, content: string | Uint8Array) =>
  writeFileSync(join(dir, "disk", name), content, { mode: 0o777 });
const modeOf = (name: string) => statSync(join(dir, "copy", name)).mode & 0o7777;

describe("a copy", () => {
  test("takes everything along; only what begins as a program is one", () => {
    put("keepalived.conf", "global_defs {\n}\n");
    put("scripts/check.sh", "#!/bin/sh\nexit 0\n");
    put("scripts/probe", Buffer.from("\x7fELF\x02\x01", "latin1"));
    put("scripts/notes.txt", "#no program\n");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    expect(readFileSync(join(dir, "copy/keepalived.conf"), "utf8")).toBe("global_defs {\n}\n");
    expect([
      modeOf("keepalived.conf"),
      modeOf("scripts/check.sh"),
      modeOf("scripts/probe"),
      modeOf("scripts/notes.txt"),
      modeOf("scripts"),
    ]).toEqual([0o600, 0o755, 0o755, 0o600, 0o755]);
  });

  test("takes the place of an older one as a whole", () => {
    put("old.conf", "");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    rmSync(join(dir, "disk/old.conf"));
    put("new.conf", "");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    expect([existsSync(join(dir, "copy/old.conf")), existsSync(join(dir, "copy/new.conf"))]).toEqual([false, true]);
  });

  test("of more than memory has room for leaves the older one", () => {
    put("good.conf", "");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    put("image.img", "");
    truncateSync(join(dir, "disk/image.img"), 2 ** 32);
    expect(() => takeCopy(join(dir, "disk"), join(dir, "copy"))).toThrow("more than 48 MiB: image.img is too much");
    expect([existsSync(join(dir, "copy/good.conf")), existsSync(join(dir, "copy/image.img"))]).toEqual([true, false]);
  });

  test("of what can't be read leaves the older one", () => {
    put("good.conf", "");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    expect(() => takeCopy(join(dir, "nothing"), join(dir, "copy"))).toThrow();
    expect(existsSync(join(dir, "copy/good.conf"))).toBe(true);
  });
});

test("an empty folder has the defaults, and says what is missing", () => {
  const { network, settings, findings, missing } = readFolder(join(dir, "disk"));
  expect([network.links, settings.hostname, findings]).toEqual([[], "lbd", []]);
  expect(missing).toEqual(["network.yaml", "appliance.yaml", "keepalived.conf"]);
});

test("findings of both files stand in one list, and the rest of each is taken", () => {
  put("network.yaml", "network: {version: 2, ethernets: {eth0: {mtu: 1}}}\n");
  put("appliance.yaml", "hostname: director1\nstrickt: true\n");
  put("keepalived.conf", "");
  const { network, settings, findings, missing } = readFolder(join(dir, "disk"));
  expect(findings.map(({ span, code }) => `${span?.file.name}:${span?.line} ${code}`)).toEqual([
    "network.yaml:1 bad-value",
    "appliance.yaml:2 unknown-key",
  ]);
  expect([network.links.length, settings.hostname, missing]).toEqual([1, "director1", []]);
});

describe("a folder for the director", () => {
  test("gets an empty file where there is none, even if there is no folder", () => {
    withDirectorFile(join(dir, "copy"));
    expect([modeOf("keepalived.conf"), readFileSync(join(dir, "copy/keepalived.conf"), "utf8")]).toEqual([
      0o600,
      "# The configuration partition has no keepalived.conf.\n",
    ]);
  });

  test("keeps the one that it has", () => {
    put("keepalived.conf", "global_defs {\n}\n");
    takeCopy(join(dir, "disk"), join(dir, "copy"));
    withDirectorFile(join(dir, "copy"));
    expect(readFileSync(join(dir, "copy/keepalived.conf"), "utf8")).toBe("global_defs {\n}\n");
  });
});

test("a YAML file of gigabytes is not read", () => {
  put("network.yaml", "");
  truncateSync(join(dir, "disk/network.yaml"), 2 ** 32);
  const { network, findings } = readFolder(join(dir, "disk"));
  expect([network.links, findings.map(({ code }) => code)]).toEqual([[], ["file-unreadable"]]);
});
