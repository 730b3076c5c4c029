// Appliance: the disk image. A GPT that BIOS and UEFI start from: GRUB's core for BIOS, the EFI system partition with Debian's signed shim
// and GRUB, two slots that each hold a kernel and its root, and the configuration partition, which a laptop mounts by itself.
// Slots are raw squashfs without compression (what they hold is compressed): an update writes one as a whole and reads it back.
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { FIRST_ENVIRONMENT, writeEnvironment } from "../src/appliance/boot.ts";
import { CONFIGURATION_FAT } from "../src/appliance/disk/fat.ts";
import { PLACE_BYTES } from "../src/appliance/history.ts";
import type { Architecture } from "./architecture.ts";
import { writeFat } from "./fat.ts";
import type { Packages } from "./packages.ts";
import type { Tools } from "./tools.ts";

const MIB = 1024 * 1024;
const SECTOR = 512;
/** Twice of what a slot holds today, and what the kernel and lbd may grow to: it can't be changed in the field. */
const SLOT_MIB = 256;
const ESP_MIB = 16;
const CONF_MIB = 64;
/** Where the BIOS's part of GRUB lies; the partition is one MiB. */
const CORE_LBA = 2048;
const CORE_MODULES =
  "biosdisk part_gpt fat squash4 normal configfile regexp loadenv test echo sleep linux boot reboot serial terminal minicmd ls cat halt".split(
    " ",
  );

/** GUIDs are fixed, so that two builds are the same; whoever starts from a disk looks for partitions on that disk only. */
const GUID = (n: number) => `1BD00000-0000-4000-8000-00000000000${n}`;
const TYPE = {
  bios: "21686148-6449-6E6F-744E-656564454649",
  esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  /** Microsoft basic data: Windows and macOS show it. */
  data: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
} as const;

export interface Partition {
  readonly name: string;
  readonly type: string;
  readonly sizeMib: number;
}

/** In this order from the first MiB; grub.cfg names the slots by their numbers 3 and 4. */
export const PARTITIONS: readonly Partition[] = [
  { name: "lbd-bios", type: TYPE.bios, sizeMib: 1 },
  { name: "lbd-esp", type: TYPE.esp, sizeMib: ESP_MIB },
  { name: "lbd-a", type: TYPE.linux, sizeMib: SLOT_MIB },
  { name: "lbd-b", type: TYPE.linux, sizeMib: SLOT_MIB },
  { name: "lbd-conf", type: TYPE.data, sizeMib: CONF_MIB },
];

export interface DiskParts {
  readonly architecture: Architecture;
  readonly tools: Tools;
  readonly packages: Packages;
  readonly epoch: number;
  /** A folder for what is made on the way. */
  readonly work: string;
}

/** A slot's file system: `vmlinuz`, `initrd`, `VERSION`. */
export function makeSlot(
  { tools, work, epoch }: DiskParts,
  path: string,
  files: { vmlinuz: string; initrd: string; version: string },
): void {
  const folder = join(work, "slot");
  mkdirSync(folder, { recursive: true });
  copyFileSync(files.vmlinuz, join(folder, "vmlinuz"));
  copyFileSync(files.initrd, join(folder, "initrd"));
  writeFileSync(join(folder, "VERSION"), `${files.version}\n`);
  for (const name of ["vmlinuz", "initrd", "VERSION", ""]) {
    chmodSync(join(folder, name), name === "" ? 0o755 : 0o644);
    utimesSync(join(folder, name), epoch, epoch);
  }
  const uncompressed = ["-noI", "-noId", "-noD", "-noF", "-noX"];
  tools.run("mksquashfs", [
    folder,
    path,
    "-noappend",
    "-all-root",
    ...uncompressed,
    "-no-xattrs",
    "-no-fragments",
    "-no-progress",
    "-quiet",
    "-processors",
    "1",
  ]);
}

/** @param conf content of the configuration partition by path */
export function makeDisk(
  parts: DiskParts,
  path: string,
  slot: string,
  conf: ReadonlyMap<string, Uint8Array | string>,
): void {
  const { tools, work, epoch } = parts;
  const esp = join(work, "esp.img");
  const fat = (name: string, sizeMib: number) => ({
    bytes: sizeMib * MIB,
    epochS: epoch,
    hiddenSectors: (startOf(name) * MIB) / SECTOR,
  });
  writeFat(esp, { ...fat("lbd-esp", ESP_MIB), label: "LBD-ESP", serial: 0x1bd0_0001 }, espFiles(parts));
  const confImage = join(work, "conf.img");
  writeFat(confImage, { ...fat("lbd-conf", CONF_MIB), ...CONFIGURATION_FAT }, conf);

  const total = 1 + PARTITIONS.reduce((sum, { sizeMib }) => sum + sizeMib, 0) + 1;
  writeFileSync(path, "");
  truncateSync(path, total * MIB);
  tools.run("sfdisk", ["-q", path], { input: tableOf() });
  const put = (name: string, content: Uint8Array) => writeAt(path, content, startOf(name) * MIB);
  put("lbd-esp", readFileSync(esp));
  put("lbd-a", readFileSync(slot));
  put("lbd-conf", readFileSync(confImage));
  installBiosLoader(parts, path);
}

function tableOf(): string {
  const lines = PARTITIONS.map(
    ({ name, type, sizeMib }, n) =>
      `${n === 0 ? `start=${CORE_LBA}, ` : ""}size=${sizeMib}MiB, type=${type}, name=${name}, uuid=${GUID(n + 1)}`,
  );
  return `label: gpt\nlabel-id: ${GUID(0)}\n${lines.join("\n")}\n`;
}

/** MiB from the start of the disk. */
export function startOf(name: string): number {
  const index = PARTITIONS.findIndex((partition) => partition.name === name);
  if (index < 0) throw new Error(`the image has no partition ${name}`);
  return 1 + PARTITIONS.slice(0, index).reduce((sum, { sizeMib }) => sum + sizeMib, 0);
}

function espFiles(parts: DiskParts): Map<string, Uint8Array | string> {
  const config = readFileSync(join(import.meta.dirname, "grub.cfg"), "utf8");
  return new Map<string, Uint8Array | string>([
    ...signedLoaders(parts),
    // The signed GRUB reads this one, on the partition that it was started from.
    ["EFI/debian/grub.cfg", "configfile /grub/grub.cfg\n"],
    ["grub/grub.cfg", config.replaceAll("console=ttyS0,115200", `console=${parts.architecture.serial}`)],
    ["grub/grubenv", writeEnvironment(FIRST_ENVIRONMENT)],
    ["grub/grubenv.2", writeEnvironment(FIRST_ENVIRONMENT)],
    // What lbd writes over in place later (src/appliance/history.ts): the file system itself is never changed.
    ["lbd/starts.1", " ".repeat(PLACE_BYTES)],
    ["lbd/starts.2", " ".repeat(PLACE_BYTES)],
  ]);
}

/** Debian's shim, which firmware with Microsoft's keys starts, and its GRUB, which the shim starts; by their places on an EFI system partition. */
export function signedLoaders(
  { packages, architecture: { name, efi, signedGrub } }: DiskParts,
  grub = `grub${efi}.efi.signed`,
): Map<string, Uint8Array | string> {
  const signed = (from: string, path: string) => readFileSync(join(packages.of(from).root, path));
  return new Map<string, Uint8Array | string>([
    [`EFI/BOOT/BOOT${efi.toUpperCase()}.EFI`, signed("shim-signed", `usr/lib/shim/shim${efi}.efi.signed`)],
    [`EFI/BOOT/grub${efi}.efi`, signed(`grub-efi-${name}-signed`, join(signedGrub, grub))],
  ]);
}

/** Puts GRUB's first sector before the table and its core into its partition, as grub-install would, with the sectors' numbers in both. */
function installBiosLoader({ tools, packages, work }: DiskParts, disk: string): void {
  const folder = join(packages.of("grub-pc-bin").root, "usr/lib/grub/i386-pc");
  const corePath = join(work, "core.img");
  tools.run("grub-mkimage", ["-d", folder, "-O", "i386-pc", "-p", "(,gpt2)/grub", "-o", corePath, ...CORE_MODULES]);
  const boot = Buffer.from(readFileSync(join(folder, "boot.img")));
  const core = Buffer.from(readFileSync(corePath));
  if (core.length > MIB) throw new Error(`GRUB's core of ${core.length} bytes does not fit its partition`);
  // grub-core/boot/i386/pc/boot.S: kernel_sector at 0x5c; the jump at 0x66 is for floppy disks only.
  boot.writeBigUInt64LE(BigInt(CORE_LBA), 0x5c);
  boot.writeUInt16LE(0x9090, 0x66);
  // diskboot.S: the list of blocks at the end of the first sector: where the rest begins, how many sectors it has.
  const sectors = Math.ceil(core.length / SECTOR);
  core.writeBigUInt64LE(BigInt(CORE_LBA + 1), 0x1f4);
  core.writeUInt16LE(sectors - 1, 0x1fc);
  // The last 72 bytes of the first sector are the protective table of the GPT.
  writeAt(disk, boot.subarray(0, 440), 0);
  writeAt(disk, core, CORE_LBA * SECTOR);
}

function writeAt(path: string, content: Uint8Array, offset: number): void {
  const fd = openSync(path, "r+");
  try {
    // Parts that are all zero stay holes.
    for (let at = 0; at < content.length; at += MIB) {
      const piece = content.subarray(at, at + MIB);
      if (piece.some((byte) => byte !== 0)) writeSync(fd, piece, 0, piece.length, offset + at);
    }
  } finally {
    closeSync(fd);
  }
}
