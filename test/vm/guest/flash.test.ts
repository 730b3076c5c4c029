// A flashed disk as the kernel sees it: its partitions, the configuration on a FAT that it mounts, and no writing to what is in use.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MS_RDONLY, mount, unmount } from "../../../ffi/machine.ts";
import { kernelModules } from "../../../src/kernel/modules.ts";
import { readFiles } from "../../../src/process/appliance/configuration.ts";
import { flash, openImage } from "../../../src/process/appliance/flash.ts";
import { diskImage } from "../../support/disk-image.ts";

const CONF_SECTORS = 32_768;
let dir = "";
let device = "";
beforeEach(() => {
  const modules = kernelModules();
  for (const name of ["vfat", "nls_cp437", "nls_iso8859_1", "nls_utf8", "nls_ascii"]) modules.load(name);
  modules.load("loop", "max_part=8");
  dir = mkdtempSync(join(tmpdir(), "lbd-flash-"));
  writeFileSync(join(dir, "disk"), Buffer.alloc(1024, 7));
  truncateSync(join(dir, "disk"), 32 * 1024 * 1024);
  device = run("losetup", "-f");
  run("losetup", device, join(dir, "disk"));
});
afterEach(() => {
  run("losetup", "-d", device);
  rmSync(dir, { recursive: true });
});

function run(...[program = "", ...words]: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

const FILES = {
  "keepalived.conf": "global_defs {\n}\n",
  "conf.d/a name of more than thirteen letters ☃.conf": "x".repeat(10_000),
  ...Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`servers/server-number-${n}.conf`, `${n}`])),
};

test("the kernel finds the partitions and reads the configuration; a disk in use is not written", async () => {
  const image = join(dir, "lbd.img");
  writeFileSync(
    image,
    diskImage([
      { name: "lbd-a", sectors: 1000 },
      { name: "lbd-conf", sectors: CONF_SECTORS },
    ]),
  );
  const configuration = new Map(Object.entries(FILES).map(([name, text]) => [name, Buffer.from(text)] as const));
  const request = { image: await openImage(image), device, configuration, progress: () => {} };
  run("dmesg", "-c");
  await flash(request, 1_700_000_000);
  const name = device.slice("/dev/".length);
  expect(readdirSync(`/sys/class/block/${name}`).filter((part) => part.startsWith(`${name}p`))).toEqual([
    `${name}p1`,
    `${name}p2`,
  ]);
  expect(readFileSync(`/sys/class/block/${name}p2/uevent`, "utf8")).toContain("PARTNAME=lbd-conf");
  // «GPT:Primary header thinks Alt. header is not at the end of the disk.»
  expect(run("dmesg")).not.toContain("GPT");

  const at = join(dir, "mounted");
  mkdirSync(at);
  mount(`${device}p2`, at, "vfat", MS_RDONLY, "iocharset=utf8");
  try {
    expect(
      Object.fromEntries([...readFiles(at)].map(([path, content]) => [path, Buffer.from(content).toString()])),
    ).toEqual(FILES);
    await expect(flash(request, 1_700_000_000)).rejects.toThrow(`${device} is in use (EBUSY)`);
  } finally {
    unmount(at);
  }
});
