// `lbd appliance flash`: which disks may be written, what is said of the others, and how far it is.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createSecretKey, DIGEST, signDigest, writePublicKey } from "../../../appliance/signing.ts";
import { listOf, refusalOf, sizeText } from "../../../src/cli/flash.ts";
import { progressText } from "../../../src/cli/progress.ts";
import { readDisks, wholeDiskOf } from "../../../src/kernel/disks.ts";
import { diskImage } from "../../support/disk-image.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-flash-cli-"));
afterAll(() => rmSync(dir, { recursive: true }));

const places = { sys: join(dir, "sys"), proc: join(dir, "proc"), dev: join(dir, "dev") };
function put(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
  return join(dir, path);
}
function block(name: string, number: string, bytes: number, more: Readonly<Record<string, string>> = {}) {
  put(`sys/devices/${name}/dev`, `${number}\n`);
  put(`sys/devices/${name}/size`, `${bytes / 512}\n`);
  for (const [path, text] of Object.entries(more)) put(`sys/devices/${name}/${path}`, text);
  put(`dev/${name.split("/").at(-1)}`, "");
  mkdirSync(join(places.sys, "block"), { recursive: true });
  mkdirSync(join(places.sys, "class/block"), { recursive: true });
  if (
    !name
      .split("/")
      .at(-1)
      ?.match(/^(sd|nvme\d+n\d+p).*\d$/)
  )
    symlinkSync(`../devices/${name}`, join(places.sys, "block", name.split("/").at(-1) ?? ""));
  symlinkSync(`../../devices/${name}`, join(places.sys, "class/block", name.split("/").at(-1) ?? ""));
}

const GB = 1_000_000_512;
block("pci/sda", "8:0", 500 * GB, { "device/vendor": "ATA     ", "device/model": "Disk One  \n" });
block("pci/sda/sda1", "8:1", GB, { partition: "1\n", uevent: "PARTNAME=boot\n" });
block("pci/sda/sda2", "8:2", GB, { partition: "2\n", "holders/dm-0/dev": "253:0\n" });
block("virtual/dm-0", "253:0", GB);
block("usb1/1-1/sdb", "8:16", 16 * GB, { "device/vendor": "Maker", "device/model": "Stick" });
block("usb1/1-1/sdb/sdb1", "8:17", 16 * GB, { partition: "1\n" });
block("pci/sdc", "8:32", GB, { ro: "1\n" });
block("pci/sdd", "8:48", GB, {});
block("pci/sde", "8:64", GB, {});
block("pci/nvme0n1", "259:0", 2000 * GB, {});
block("virtual/loop0", "7:0", GB);
block("pci/sdf", "8:80", 0);
put(
  "proc/self/mountinfo",
  [
    "22 1 253:0 / / rw - ext4 /dev/mapper/root rw",
    "23 22 8:1 / /boot rw - ext4 /dev/sda1 rw",
    `24 22 0:44 / /mnt/my\\040disk rw - btrfs ${join(places.dev, "sdd")} rw`,
    "25 22 0:5 / /proc rw - proc proc rw",
    "",
  ].join("\n"),
);
put("proc/swaps", `Filename Type Size Used Priority\n${join(places.dev, "sde")} partition 1 0 -2\n`);
const vfat = Buffer.alloc(66_000);
vfat.write("FAT32   ", 82, "latin1");
put("dev/sdb1", vfat);

test("disks are told apart by what uses them, also from above", () => {
  expect(
    readDisks(places).map(({ name, model, usb, contents, uses }) => ({ name, model, usb, contents, uses })),
  ).toEqual([
    { name: "nvme0n1", model: "", usb: false, contents: [], uses: [] },
    {
      name: "sda",
      model: "Disk One",
      usb: false,
      contents: ["sda1 boot", "sda2"],
      uses: ["sda1 is mounted on /boot", "dm-0 is the running system's own (/)"],
    },
    { name: "sdb", model: "Maker Stick", usb: true, contents: ["sdb1 vfat"], uses: [] },
    { name: "sdc", model: "", usb: false, contents: [], uses: ["it can only be read"] },
    { name: "sdd", model: "", usb: false, contents: [], uses: ["sdd is mounted on /mnt/my disk"] },
    { name: "sde", model: "", usb: false, contents: [], uses: ["sde is swap space in use"] },
  ]);
  expect([wholeDiskOf("sdb1", places), wholeDiskOf("sdb", places), wholeDiskOf("sdz", places)]).toEqual([
    "sdb",
    undefined,
    undefined,
  ]);
});

test("the list names what may be written first", () => {
  const lines = listOf(readDisks(places)).split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "disks that can be written:",
    "  /dev/nvme0n1  2.0 TB  disk  nothing known on it",
    "  /dev/sdb  16.0 GB  Maker Stick (USB)  sdb1 vfat",
  ]);
  expect(lines).toContain(
    "  /dev/sda  500.0 GB  Disk One  sda1 boot, sda2  — sda1 is mounted on /boot; dm-0 is the running system's own (/)",
  );
  expect(listOf([])).toBe("no disk here can be written");
});

describe("refused is", () => {
  test("what is not there, and what is no disk", () => {
    expect(refusalOf(join(dir, "gone"), [])?.message).toBe(`there is no ${join(dir, "gone")}`);
    expect(refusalOf("/dev/null", [])?.message).toBe("/dev/null is no disk");
    expect(refusalOf(dir, [])?.message).toBe(`${dir} is no disk`);
    expect(refusalOf(put("a.img", ""), [])).toBeUndefined();
  });
});

test.each([
  [
    { kind: "write", doneBytes: 100e6, allBytes: 400e6 },
    2000,
    "write    100.0 of 400.0 MB  25 %  50.0 MB/s  0:06 left",
  ],
  [
    { kind: "compare", doneBytes: 400e6, allBytes: 400e6 },
    61_000,
    "compare  400.0 of 400.0 MB  100 %  6.6 MB/s  0:00 left",
  ],
  [{ kind: "write", doneBytes: 4e6, allBytes: 4000e6 }, 1000, "write    4.0 of 4000.0 MB  0 %  4.0 MB/s  16:39 left"],
  [{ kind: "write", doneBytes: 4e6, allBytes: 4000e6 }, 0, "write    4.0 of 4000.0 MB  0 %  0.0 MB/s"],
  [{ kind: "write", doneBytes: 4e6, allBytes: undefined }, 1000, "write    4.0 MB  4.0 MB/s"],
] as const)("%j after %d ms", (step, elapsedMs, expected) => {
  expect(progressText(step, elapsedMs)).toBe(expected);
});

test("sizes are those on the label of a disk", () => {
  expect([15_931_539_456, 2_000_398_934_016, 536_870_912].map(sizeText)).toEqual(["15.9 GB", "2.0 TB", "537 MB"]);
});

describe("the command", () => {
  const IMAGE = diskImage([{ name: "lbd-conf", sectors: 32_768 }]);
  const lbd = (input: string, ...words: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(import.meta.dir, "../../../src/main.ts"), "appliance", ...words],
      { input, encoding: "utf8" },
    );
    return { status, stdout, said: stderr };
  };
  const disk = () => put("target.img", Buffer.alloc(IMAGE.length, 1));
  const isUntouched = () => readFileSync(join(dir, "target.img")).every((byte) => byte === 1);

  test("writes when the name was typed, and not when another one was", () => {
    const [image, device] = [put("images/lbd.img", IMAGE), disk()];
    expect(lbd("target.imq\n", "flash", image, device)).toMatchObject({
      status: 1,
      said: expect.stringContaining("nothing was written"),
    });
    expect(lbd("", "flash", image, device).status).toBe(1);
    expect(isUntouched()).toBe(true);
    const done = lbd("target.img\n", "flash", image, device);
    expect([done.status, done.stdout]).toEqual([0, expect.stringContaining("Copy keepalived.conf, network.yaml")]);
    expect(Buffer.compare(readFileSync(device), IMAGE)).toBe(0);
  });

  test("refuses a folder with errors unless it is forced", () => {
    const [image, device] = [put("images/lbd.img", IMAGE), disk()];
    put("folder/network.yaml", "network: {version: 2, ethernets: {eth0: {mtu: 1}}}\n");
    put("folder/keepalived.conf", "");
    const refused = lbd("", "flash", image, device, "--yes", "--config", join(dir, "folder"));
    expect([refused.status, isUntouched()]).toEqual([2, true]);
    expect(refused.said).toContain("network.yaml:1:47: error[bad-value]");
    expect(lbd("", "flash", image, device, "--yes", "--config", join(dir, "folder"), "--force").status).toBe(0);
    expect(lbd("", "flash", image, device, "--yes", "--force", "--config", join(dir, "nowhere")).status).toBe(2);
  });

  test("believes a list of sums that lies beside the image", () => {
    const [image, device] = [put("summed/lbd.img", IMAGE), disk()];
    put("summed/SHA256SUMS", `${"0".repeat(64)}  lbd.img\n`);
    const refused = lbd("", "flash", image, device, "--yes");
    expect([refused.status, isUntouched()]).toEqual([1, true]);
    expect(refused.said).toContain("lbd.img is damaged or another one: its SHA-256 is ");
    put("summed/SHA256SUMS", `${createHash("sha256").update(IMAGE).digest("hex")}  lbd.img\n`);
    expect(lbd("", "flash", image, device, "--yes").status).toBe(0);
  });

  describe("judges the image by what lies beside it and by a key", () => {
    const [own, other] = [createSecretKey(), createSecretKey()];
    const list = `${createHash("sha256").update(IMAGE).digest("hex")}  lbd.img\n`;
    const signatureOf = (text: string, key = own) =>
      signDigest(key, createHash(DIGEST).update(text).digest(), "lbd 1.2, all files");
    /** A folder with the image and these files. */
    function lay(name: string, files: Readonly<Record<string, string | Uint8Array>>) {
      rmSync(join(dir, name), { recursive: true, force: true });
      const all = { "lbd.img": IMAGE, SHA256SUMS: list, "SHA256SUMS.minisig": signatureOf(list), ...files };
      for (const [file, content] of Object.entries(all)) if (content !== "") put(`${name}/${file}`, content);
      return join(dir, name, "lbd.img");
    }
    const [trusted, foreign] = [own, other].map((key, n) => put(`keys/${n}.pub`, writePublicKey(key.publicKey)));
    const cut = IMAGE.subarray(0, IMAGE.length - 1);
    const changed = Buffer.from(IMAGE);
    changed[IMAGE.length / 2] = (changed[IMAGE.length / 2] ?? 0) ^ 1;

    const otherText = `${"0".repeat(64)}  other.img\n`;
    const foreignList = { SHA256SUMS: otherText, "SHA256SUMS.minisig": signatureOf(otherText) };

    test.each([
      [
        "a key that is trusted",
        {},
        trusted,
        /^its SHA-256 is that of .*SHA256SUMS; signed by key [0-9A-F]+: lbd 1\.2, all files$/m,
      ],
      [
        "the key beside it",
        { "update.pub": writePublicKey(own.publicKey) },
        undefined,
        /; signed by key .*the key lies beside it: --key FILE judges/,
      ],
      ["no key", {}, undefined, /; SHA256SUMS\.minisig can't be judged without a key: --key FILE$/m],
      [
        "no signature",
        { "SHA256SUMS.minisig": "" },
        undefined,
        /; no SHA256SUMS\.minisig lies beside it: nobody vouches/,
      ],
      [
        "no list",
        { SHA256SUMS: "", "SHA256SUMS.minisig": "" },
        undefined,
        /^no SHA256SUMS lies beside .*: nobody vouches for the image$/m,
      ],
    ] as const)("%s: it is written, and said how far it was judged", (_, files, key, said) => {
      const done = lbd(
        "",
        "flash",
        lay("judged", files),
        disk(),
        "--yes",
        ...(key === undefined ? [] : ["--key", key]),
      );
      expect(done.stdout).toMatch(said);
      expect(done.status).toBe(0);
      expect(Buffer.compare(readFileSync(join(dir, "target.img")), IMAGE)).toBe(0);
    });

    test.each([
      ["one byte changed", { "lbd.img": changed }, undefined, /is damaged or another one: its SHA-256 is/],
      ["one byte too few", { "lbd.img": cut }, trusted, /lbd\.img is cut off/],
      [
        "a list for another image, signed by nobody who is trusted",
        { SHA256SUMS: list, "SHA256SUMS.minisig": signatureOf(list, other) },
        trusted,
        /SHA256SUMS: it is signed with key [0-9A-F]+, which this machine does not trust/,
      ],
      [
        "a list that was changed",
        { SHA256SUMS: `${list}${"0".repeat(64)}  more\n` },
        trusted,
        /SHA256SUMS: its signature by key [0-9A-F]+ does not fit: it was changed/,
      ],
      [
        "a list that does not fit the key beside it",
        { "update.pub": writePublicKey(other.publicKey) },
        undefined,
        /which this machine does not trust/,
      ],
      ["another key", {}, foreign, /which this machine does not trust/],
      [
        "a key, and no list",
        { SHA256SUMS: "", "SHA256SUMS.minisig": "" },
        trusted,
        /no SHA256SUMS lies beside .*: --key has nothing to judge/,
      ],
      [
        "a key, and no signature",
        { "SHA256SUMS.minisig": "" },
        trusted,
        /no SHA256SUMS\.minisig lies beside it: --key has nothing to judge/,
      ],
      ["a key, and no line for the image", foreignList, trusted, /has no line for lbd\.img: --key has nothing/],
      ["a key that is none", {}, "/dev/null", /\/dev\/null is no public key of minisign/],
    ] as const)("%s: nothing is written", (_, files, key, said) => {
      const refused = lbd(
        "",
        "flash",
        lay("refused", files),
        disk(),
        "--yes",
        ...(key === undefined ? [] : ["--key", key]),
      );
      expect(refused.said).toMatch(said);
      expect([refused.status, isUntouched()]).toEqual([1, true]);
    });
  });

  test("without a disk says which there are; no machine but an image's becomes an appliance", () => {
    expect(lbd("", "flash").status).toBe(0);
    expect(lbd("", "flash", "lbd.img")).toMatchObject({
      status: 2,
      said: expect.stringContaining("which disk is it to be?"),
    });
    expect(lbd("", "flash", "lbd.img", "/dev/null")).toMatchObject({
      status: 2,
      said: expect.stringContaining("/dev/null is no disk"),
    });
    expect(lbd("")).toMatchObject({ status: 1, said: expect.stringContaining("this machine is no appliance") });
  });
});
