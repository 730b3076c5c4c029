// Test of the appliance: update files made from an image of `make image`, each with one thing in it that is not as it should be. The kernel and
// the root are the image's; what differs is a second archive behind the root's, which the kernel unpacks over it. Those that never come to
// lbd have nothing but that archive: a few MB to send instead of ninety.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AMD64 } from "../../appliance/architecture.ts";
import { type CpioEntry, cpioArchive } from "../../appliance/cpio.ts";
import { makeSlot } from "../../appliance/disk.ts";
import { compileInit } from "../../appliance/initrd.ts";
import { fetchPackages, type Packages } from "../../appliance/packages.ts";
import { file, text } from "../../appliance/root.ts";
import { DIGEST, readSecretKey, signDigest } from "../../appliance/signing.ts";
import { TOOL_PACKAGES, type Tools, toolsOf } from "../../appliance/tools.ts";
import { describeSlot, peekManifest, updateHead } from "../../src/appliance/update-file.ts";
import { FOLDER, IMAGES } from "./appliance-machine.ts";

const CACHE = resolve(import.meta.dirname, "../../.cache/image");
const EPOCH = 1_700_000_000;

interface Bench {
  readonly tools: Tools;
  readonly packages: Packages;
}

interface Variant {
  /** Over the root of the image. */
  readonly over?: (bench: Bench) => readonly CpioEntry[];
  /** There is no root below that. */
  readonly alone?: true;
  /** In place of the image's kernel. */
  readonly kernel?: Uint8Array;
}

const script = (path: string, lines: readonly string[]) => text(path, `${lines.join("\n")}\n`, 0o755);

/** The first process, and beside it what spoils the start. */
function beside(lines: readonly string[]): (bench: Bench) => readonly CpioEntry[] {
  return ({ tools }) => [
    { kind: "file", path: "init.real", mode: 0o755, content: compileInit(tools) },
    script("init", ["#!/bin/busybox sh", ...lines, "exec /init.real"]),
  ];
}

const VARIANTS = {
  good: {},
  /** GRUB can't start it. */
  unreadable: { alone: true, kernel: new Uint8Array(100_000).fill(65) },
  /** The kernel finds no program to begin with: it panics, and starts again after five seconds (`panic=5`). */
  panics: { alone: true, over: () => [text("init", "#!/bin/nothing\n", 0o755)] },
  /** lbd never says a word and arms no watchdog: the first process ends the start (appliance/init.c). */
  hangs: {
    alone: true,
    over: ({ tools, packages }) => [
      { kind: "file", path: "init", mode: 0o755, content: compileInit(tools) },
      file("bin/busybox", join(packages.of("busybox-static").root, "usr/bin/busybox"), 0o755),
      script("lbd", ["#!/bin/busybox sh", "exec /bin/busybox sleep 1000000"]),
    ],
  },
  /** The kernel crashes as soon as lbd has begun. */
  crashes: {
    over: beside([
      "{ while [ ! -e /run/lbd-appliance/start-began ]; do /bin/busybox sleep 1; done",
      "/bin/busybox sleep 2; echo c > /proc/sysrq-trigger; } &",
    ]),
  },
  /** Every director stands still as soon as it is there. */
  stalls: {
    over: beside([
      "while :; do for pid in $(cd /proc && echo [0-9]*); do",
      "/bin/busybox grep -q '[h]old-vrrp' /proc/$pid/cmdline 2>/dev/null && /bin/busybox kill -STOP $pid",
      "done; /bin/busybox sleep 1; done &",
    ]),
  },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof VARIANTS;

/** The update file of a variant, signed with the key that the images were; its version is the variant's name. */
export function updateFile(name: VariantName): Uint8Array {
  const path = join(FOLDER, "updates", `${name}.update`);
  const made = join(IMAGES, "SHA256SUMS");
  // As new as the images that it is made from.
  if (!existsSync(path) || Bun.file(path).lastModified < Bun.file(made).lastModified) {
    mkdirSync(join(FOLDER, "updates"), { recursive: true });
    writeFileSync(path, makeUpdate(name, VARIANTS[name]));
  }
  return readFileSync(path);
}

/** What of an update file goes to the slot. */
export function slotOf(update: Uint8Array): Uint8Array {
  const { bytes } = peekManifest(update) ?? { bytes: 0 };
  return update.subarray(update.byteLength - bytes);
}

function makeUpdate(version: string, { over, alone, kernel }: Variant): Uint8Array {
  const architecture = AMD64;
  const read = readSecretKey(readFileSync(join(FOLDER, "development.key"), "utf8"));
  if (!read.ok) throw new Error(read.error);
  const names = [...new Set([...TOOL_PACKAGES, "busybox-static"])];
  const packages = fetchPackages(names, architecture.name, CACHE);
  const tools = toolsOf(packages, EPOCH);
  const work = mkdtempSync(join(tmpdir(), "lbd-variant-"));
  try {
    const root = join(work, "initrd");
    const entries = [text("etc/lbd-version", `${version}\n`), ...(over?.({ tools, packages }) ?? [])];
    const below = alone ? new Uint8Array() : aligned(readFileSync(join(IMAGES, "initrd")));
    writeFileSync(root, Buffer.concat([below, cpioArchive(entries)]));
    const vmlinuz = kernel === undefined ? join(IMAGES, "vmlinuz") : join(work, "vmlinuz");
    if (kernel !== undefined) writeFileSync(vmlinuz, kernel);
    const slot = join(work, "slot.squashfs");
    mkdirSync(join(work, "parts"));
    const parts = { tools, packages, architecture, epoch: EPOCH, work: join(work, "parts") };
    makeSlot(parts, slot, { vmlinuz, initrd: root, version });
    const content = readFileSync(slot);
    const list = describeSlot(content, { version, architecture: architecture.name });
    const signature = signDigest(read.value, createHash(DIGEST).update(list).digest(), `lbd ${version}`);
    return Buffer.concat([updateHead(list, signature), content]);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** kernel: an archive begins at a multiple of four bytes; zeros between two are passed over. */
function aligned(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.byteLength % 4)) % 4)]);
}
