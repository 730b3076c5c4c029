// Disks: tables of partitions, FAT, and what a packed image says of itself; read again by readers that are not the product's.
import { describe, expect, test } from "bun:test";
import { constants, crc32 as zlibCrc32, zstdCompressSync } from "node:zlib";
import { type FatOptions, makeFat } from "../../../src/appliance/disk/fat.ts";
import { crc32, fitted, GPT_START_BYTES, readGpt } from "../../../src/appliance/disk/gpt.ts";
import { overlay, type Piece } from "../../../src/appliance/disk/pieces.ts";
import { isZstd, zstdContentBytes } from "../../../src/appliance/disk/zstd.ts";
import { diskImage, readFat, tableFault } from "../../support/disk-image.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

const FAT: FatOptions = { bytes: 16 * 1024 * 1024, label: "LBD-CONF", serial: 0x1bd0_0002, epochS: 1_700_000_000 };

function written(bytes: number, pieces: readonly Piece[]): Buffer {
  const image = Buffer.alloc(bytes);
  for (const piece of pieces) image.set(piece.bytes, piece.offset);
  return image;
}

function fatOf(files: Readonly<Record<string, string>>, options: Partial<FatOptions> = {}): Buffer {
  const all = { ...FAT, ...options };
  return written(all.bytes, makeFat(all, new Map(Object.entries(files).map(([name, text]) => [name, bytesOf(text)]))));
}

describe("FAT", () => {
  test.each([
    ["nothing", {}],
    ["short names and long ones", { "README.TXT": "a", "keepalived.conf": "b", "a name of blanks.conf": "c" }],
    [
      "names that differ behind the eighth letter",
      { "keepalived-1.conf": "1", "keepalived-2.conf": "2", "KEEPALIV.CON": "3" },
    ],
    ["thirteen letters, which end a part, and 26", { thirteenchars: "13", abcdefghijklmnopqrstuvwxyz: "26" }],
    ["letters of other scripts", { "zürich-☃.conf": "x", "日本.conf": "y" }],
    ["folders in folders", { "a/b/c/d.conf": "deep", "a/b/e": "", "conf.d/x.conf": "x" }],
    ["an empty file and one of several clusters", { empty: "", large: "0123456789".repeat(5000) }],
    [
      "a folder of several clusters",
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`many/server-number-${n}`, `${n}`])),
    ],
  ])("%s", (_what, files: Record<string, string>) => {
    const read = readFat(fatOf(files));
    expect(Object.fromEntries([...read].map(([name, content]) => [name, content.toString()]))).toEqual(files);
  });

  test("is what its sectors say, with label, number and dates", () => {
    const image = fatOf({ A: "1" }, { hiddenSectors: 2048 });
    expect(image.toString("latin1", 43, 54)).toBe("LBD-CONF   ");
    expect([image.readUInt32LE(39), image.readUInt32LE(28), image.readUInt16LE(19)]).toEqual([
      0x1bd0_0002, 2048, 32_768,
    ]);
    const root = (image.readUInt16LE(14) + 2 * image.readUInt16LE(22)) * 512;
    // 14 November 2023, 22:13:20.
    expect([image.readUInt16LE(root + 32 + 24), image.readUInt16LE(root + 32 + 22)]).toEqual([
      (43 << 9) | (11 << 5) | 14,
      (22 << 11) | (13 << 5) | 10,
    ]);
    expect(fatOf({ A: "1" }, { bytes: 64 * 1024 * 1024 }).readUInt32LE(32)).toBe(131_072);
  });

  test("is the same for the same content in another order", () => {
    expect(Buffer.compare(fatOf({ b: "1", "a/c": "2" }), fatOf({ "a/c": "2", b: "1" }))).toBe(0);
  });

  test.each([
    ["a name with a colon", { "a:b": "" }, `FAT can't have the name "a:b" (of a:b)`],
    ["a folder above", { "../a": "" }, `FAT can't have the name ".." (of ../a)`],
    ["two names that are one", { "conf.d/A": "", "conf.d/a": "" }, "FAT can't tell conf.d/a from A"],
    ["a file that is a folder", { a: "", "a/b": "" }, "a/b: a is a file"],
    [
      "a root of too many",
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`server-number-${n}`, ""])),
      "the first folder has room for 512 entries, and its names need more: use folders",
    ],
  ])("%s is refused", (_what, files, message) => {
    expect(() => fatOf(files)).toThrow(message);
  });

  test("more than it has room for is refused", () => {
    const files = new Map([["large", new Uint8Array(17 * 1024 * 1024)]]);
    expect(() => makeFat(FAT, files)).toThrow(/^there is room for \d+ bytes, and the files need more$/);
    expect(() => makeFat({ ...FAT, bytes: 1024 * 1024 }, new Map())).toThrow("FAT16 has 8 MiB to 2 GiB");
  });
});

describe("a table of partitions", () => {
  const image = diskImage([
    { name: "lbd-a", sectors: 100 },
    { name: "lbd-conf", sectors: 50 },
  ]);
  const start = (of: Buffer) => new Uint8Array(of.subarray(0, GPT_START_BYTES));

  test("is read", () => {
    expect(readGpt(start(image))).toEqual({
      partitions: [
        { number: 1, name: "lbd-a", offset: 64 * 512, bytes: 100 * 512 },
        { number: 2, name: "lbd-conf", offset: 164 * 512, bytes: 50 * 512 },
      ],
      diskBytes: image.length,
    });
  });

  test.each([
    ["an empty disk", (bytes: Buffer) => bytes.fill(0)],
    ["a wrong sum of the header", (bytes: Buffer) => bytes.writeUInt8(7, 512 + 60)],
    ["a wrong sum of the entries", (bytes: Buffer) => bytes.writeUInt8(7, 1024 + 60)],
    ["a count that nothing has", (bytes: Buffer) => bytes.writeUInt32LE(0xffff_ffff, 512 + 80)],
  ])("%s is none", (_what, damage) => {
    const bytes = Buffer.from(image);
    damage(bytes);
    expect([readGpt(start(bytes)), fitted(start(bytes), 1 << 20)]).toEqual([undefined, undefined]);
    expect(readGpt(start(bytes).subarray(0, 1024))).toBeUndefined();
  });

  test.each([
    ["a larger disk", image.length + 1000 * 512],
    ["one of the image's size", image.length],
  ])("fits %s, with its copy at the end", (_what, bytes) => {
    const disk = Buffer.alloc(bytes);
    image.copy(disk);
    const pieces = fitted(start(image), bytes) ?? [];
    for (const piece of pieces) disk.set(piece.bytes, piece.offset);
    expect(tableFault(disk)).toBeUndefined();
    expect(readGpt(start(disk))).toEqual({ ...readGpt(start(image)), diskBytes: bytes } as never);
    // The last sector of an odd disk may be cut.
    expect(fitted(start(image), bytes + 100)).toEqual(pieces);
  });

  test("has the sum that zlib has", () => {
    for (const text of ["", "a", "123456789", "x".repeat(1000)]) expect(crc32(bytesOf(text))).toBe(zlibCrc32(text));
  });
});

test.each([
  ["before it", 0, "abcdefgh"],
  ["over its start", 8, "YZcdefgh"],
  ["within it", 12, "abXYZfgh"],
  ["over its end", 15, "abcdefXY"],
  ["behind it", 18, "abcdefgh"],
] as const)("a piece lies %s", (_where, at, expected) => {
  const offset = { 0: 0, 8: 9, 12: 12, 15: 16, 18: 18 }[at];
  const chunk = bytesOf("abcdefgh");
  overlay(chunk, 10, [{ offset, bytes: bytesOf("XYZ") }]);
  expect(new TextDecoder().decode(chunk)).toBe(expected);
});

describe("a packed image", () => {
  test.each([10, 200, 300, 70_000, 5_000_000])("of %d bytes says so", (bytes) => {
    const packed = zstdCompressSync(new Uint8Array(bytes), {
      params: { [constants.ZSTD_c_contentSizeFlag]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
    });
    expect([isZstd(packed), zstdContentBytes(packed)]).toEqual([true, bytes]);
  });

  test("that does not say, and what is none", () => {
    const head = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, ...new Uint8Array(20)]);
    expect([isZstd(head), zstdContentBytes(head)]).toEqual([true, undefined]);
    expect([isZstd(bytesOf("EFI PART")), zstdContentBytes(bytesOf("x".repeat(20)))]).toEqual([false, undefined]);
    expect(isZstd(new Uint8Array())).toBe(false);
  });
});
