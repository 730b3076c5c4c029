// Writing an image to a disk, on plain files: what arrives, what is refused, what is left after a failure.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { type FlashStep, flash, openImage } from "../../../../src/process/appliance/flash.ts";
import { diskImage, readFat, tableFault } from "../../../support/disk-image.ts";

const CONF_SECTORS = 32_768;
/** More than one part of the stream, and none of them whole. */
const IMAGE = diskImage([
  { name: "lbd-a", sectors: 10_001 },
  { name: "lbd-conf", sectors: CONF_SECTORS },
]);
const CONF_AT = (64 + 10_001) * 512;
const NOW = 1_700_000_000;

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-flash-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function file(name: string, content: Uint8Array, bytes = content.byteLength): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  truncateSync(path, bytes);
  return path;
}

/** A used disk: nothing of it is zero. */
const disk = (bytes: number) => file("disk", Buffer.alloc(bytes, "old "));

async function flashed(image: string, device: string, configuration?: Readonly<Record<string, string>>) {
  const steps: FlashStep[] = [];
  await flash(
    {
      image: await openImage(image),
      device,
      progress: (step) => steps.push(step),
      ...(configuration && {
        configuration: new Map(Object.entries(configuration).map(([name, text]) => [name, Buffer.from(text)])),
      }),
    },
    NOW,
  );
  return steps;
}

describe("an image", () => {
  test.each([
    ["raw", (): string => file("lbd.img", IMAGE)],
    ["packed", (): string => file("lbd.img.zst", zstdCompressSync(IMAGE))],
  ])(
    "%s, arrives on a larger disk with its table at the end, and the configuration in its place",
    async (_kind, image) => {
      const bytes = IMAGE.length + 3_000_000 - ((IMAGE.length + 3_000_000) % 512);
      const device = disk(bytes);
      const steps = await flashed(image(), device, { "keepalived.conf": "a", "conf.d/b.conf": "b" });
      const written = readFileSync(device);
      expect(tableFault(written)).toBeUndefined();
      // The table's copy of the image was behind its last partition, and is no longer of any use there.
      expect(Buffer.compare(written.subarray(64 * 512, CONF_AT), IMAGE.subarray(64 * 512, CONF_AT))).toBe(0);
      const conf = readFat(written.subarray(CONF_AT, CONF_AT + CONF_SECTORS * 512));
      expect([...conf].map(([name, content]) => `${name}: ${content}`)).toEqual([
        "conf.d/b.conf: b",
        "keepalived.conf: a",
      ]);
      expect(steps.map(({ kind }) => kind).filter((kind, n, all) => kind !== all[n - 1])).toEqual(["write", "compare"]);
      for (const kind of ["write", "compare"])
        expect(steps.filter((step) => step.kind === kind).at(-1)).toEqual({
          kind: kind as "write",
          doneBytes: IMAGE.length,
          allBytes: IMAGE.length,
        });
    },
  );

  test("without a configuration keeps its own, and a disk of its size is large enough", async () => {
    const device = disk(IMAGE.length);
    await flashed(file("lbd.img", IMAGE), device);
    expect(Buffer.compare(readFileSync(device), IMAGE)).toBe(0);
  });
});

describe("nothing is written of", () => {
  const untouched = (device: string) => readFileSync(device).every((byte, n) => byte === "old ".charCodeAt(n % 4));

  test("an image that is cut off", async () => {
    const image = file("lbd.img", IMAGE, IMAGE.length - 512);
    await expect(openImage(image)).rejects.toThrow(
      `its table asks for ${IMAGE.length} bytes, and it has ${IMAGE.length - 512}`,
    );
  });

  test("a file that is no image", async () => {
    await expect(openImage(file("notes.txt", Buffer.alloc(100_000, "text")))).rejects.toThrow(
      "is no disk image of lbd",
    );
    await expect(openImage(file("empty", new Uint8Array()))).rejects.toThrow("is no disk image of lbd");
    await expect(openImage(file("other.img", diskImage([{ name: "EFI", sectors: 100 }])))).rejects.toThrow(
      "is no disk image of lbd",
    );
  });

  test("an image for a disk that is too small, or a configuration that does not fit", async () => {
    const device = disk(IMAGE.length - 512);
    await expect(flashed(file("lbd.img", IMAGE), device)).rejects.toThrow(
      `has ${IMAGE.length - 512} bytes, and the image needs ${IMAGE.length}`,
    );
    await expect(flashed(file("lbd.img", IMAGE), device, { large: "x".repeat(CONF_SECTORS * 512) })).rejects.toThrow(
      "the files need more",
    );
    expect(untouched(device)).toBe(true);
  });
});

test("a packed image that breaks off leaves a disk that does not start", async () => {
  const packed = zstdCompressSync(IMAGE);
  const device = disk(IMAGE.length);
  const image = file("lbd.img.zst", packed, packed.byteLength - 20);
  await expect(flashed(image, device)).rejects.toThrow(/lbd\.img\.zst/);
  expect(
    readFileSync(device)
      .subarray(0, 1024 * 1024)
      .every((byte) => byte === 0),
  ).toBe(true);
});

test("a disk that keeps something else is said, with the place", async () => {
  const device = disk(IMAGE.length);
  const image = await openImage(file("lbd.img", IMAGE));
  // Somebody writes to it between the two passes.
  const steps: FlashStep["kind"][] = [];
  const spoil = ({ kind }: FlashStep) => {
    if (kind === "compare" && steps.at(-1) !== "compare") {
      const bytes = readFileSync(device);
      bytes[5_000_000] = 0;
      writeFileSync(device, bytes);
    }
    steps.push(kind);
  };
  await expect(flash({ image, device, progress: spoil }, NOW)).rejects.toThrow("from byte 5000000 on: it is damaged");
});
