// Test of the appliance: update files made from an image of `make image`, each with one thing in it that is not as it should be. The kernel and
// the root are the image's; what differs is a second archive behind the root's, which the kernel unpacks over it.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AMD64 } from "../../appliance/architecture.ts";
import { type CpioEntry, cpioArchive } from "../../appliance/cpio.ts";
import { makeSlot } from "../../appliance/disk.ts";
import { fetchPackages } from "../../appliance/packages.ts";
import { text } from "../../appliance/root.ts";
import { DIGEST, type SecretKey, signDigest } from "../../appliance/signing.ts";
import { TOOL_PACKAGES, type Tools, toolsOf } from "../../appliance/tools.ts";
import { describeSlot, updateHead } from "../../src/appliance/update-file.ts";

const CACHE = resolve(import.meta.dirname, "../../.cache/image");
const EPOCH = 1_700_000_000;

export interface Variant {
  readonly version: string;
  /** Over the root of the image. */
  readonly over?: readonly CpioEntry[];
  /** In place of the image's kernel. */
  readonly kernel?: Uint8Array;
}

export const VARIANTS = {
  good: { version: "good" },
  /** The kernel finds no program to begin with: it panics, and starts again after five seconds (`panic=5`). */
  panics: { version: "panics", over: [text("init", "#!/bin/nothing\n", 0o755)] },
  /** GRUB can't start it. */
  unreadable: { version: "unreadable", kernel: new Uint8Array(100_000).fill(65) },
  /** lbd never says a word and arms no watchdog: the first process ends the start (appliance/init.c). */
  hangs: { version: "hangs", over: [text("lbd", "#!/bin/sh\nexec /bin/busybox sleep 1000000\n", 0o755)] },
} as const satisfies Record<string, Variant>;

export function imageTools(): Tools {
  return toolsOf(fetchPackages([...new Set(TOOL_PACKAGES)], AMD64.name, CACHE), EPOCH);
}

/** Writes an update file. `images`: folder with `vmlinuz` and `initrd`. */
export function makeUpdate(
  { images, key, tools }: { readonly images: string; readonly key: SecretKey; readonly tools: Tools },
  { version, over = [], kernel }: Variant,
  path: string,
): void {
  const architecture = AMD64;
  const work = mkdtempSync(join(tmpdir(), "lbd-variant-"));
  try {
    const root = join(work, "initrd");
    const archive = cpioArchive([text("etc/lbd-version", `${version}\n`), ...over]);
    writeFileSync(root, Buffer.concat([aligned(readFileSync(join(images, "initrd"))), archive]));
    const vmlinuz = kernel === undefined ? join(images, "vmlinuz") : join(work, "vmlinuz");
    if (kernel !== undefined) writeFileSync(vmlinuz, kernel);
    const slot = join(work, "slot.squashfs");
    mkdirSync(join(work, "parts"));
    const packages = fetchPackages([...new Set(TOOL_PACKAGES)], architecture.name, CACHE);
    const parts = { tools, packages, architecture, epoch: EPOCH, work: join(work, "parts") };
    makeSlot(parts, slot, { vmlinuz, initrd: root, version });
    const content = readFileSync(slot);
    const list = describeSlot(content, { version, architecture: architecture.name });
    const signature = signDigest(key, createHash(DIGEST).update(list).digest(), `lbd ${version}`);
    writeFileSync(path, Buffer.concat([updateHead(list, signature), content]));
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** kernel: an archive begins at a multiple of four bytes; zeros between two are passed over. */
function aligned(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.byteLength % 4)) % 4)]);
}
