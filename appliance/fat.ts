// Appliance: FAT file systems as files, by mtools: the EFI system partition and the configuration partition. Equal content gives equal bytes.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Tools } from "./tools.ts";

const MIB = 1024 * 1024;

export interface FatOptions {
  /** Where the file system is made. */
  readonly path: string;
  readonly sizeMib: number;
  /** Up to 11 letters, as a laptop shows it. */
  readonly label: string;
  /** Volume serial number, eight hexadecimal digits. */
  readonly serial: string;
  /** Seconds of 1970 that every file is dated with. */
  readonly epoch: number;
}

/** @param files content by path, `EFI/BOOT/BOOTX64.EFI` */
export function makeFat(
  tools: Tools,
  { path, sizeMib, label, serial, epoch }: FatOptions,
  files: ReadonlyMap<string, Uint8Array | string>,
): void {
  writeFileSync(path, "");
  truncateSync(path, sizeMib * MIB);
  tools.run("mformat", ["-i", path, "-N", serial, "-v", label, "::"]);
  const folder = mkdtempSync(`${path}.tree-`);
  try {
    const names = [...files.keys()].sort();
    for (const name of names) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, files.get(name) ?? "");
    }
    for (const name of allFolders(names)) {
      utimesSync(join(folder, name), epoch, epoch);
      tools.run("mmd", ["-i", path, `::/${name}`]);
    }
    for (const name of names) {
      utimesSync(join(folder, name), epoch, epoch);
      tools.run("mcopy", ["-i", path, "-m", join(folder, name), `::/${name}`]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every folder before what is in it. */
function allFolders(names: readonly string[]): string[] {
  const folders = names.flatMap((name) => {
    const parts = name.split("/").slice(0, -1);
    return parts.map((_, n) => parts.slice(0, n + 1).join("/"));
  });
  return [...new Set(folders)].sort();
}
