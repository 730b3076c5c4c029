// Appliance: FAT file systems as files: the EFI system partition and the configuration partition. Equal content gives equal bytes.
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { type FatOptions, makeFat } from "../src/appliance/disk/fat.ts";

/** @param files content by path, `EFI/BOOT/BOOTX64.EFI` */
export function writeFat(path: string, options: FatOptions, files: ReadonlyMap<string, Uint8Array | string>): void {
  const contents = new Map([...files].map(([name, content]) => [name, Buffer.from(content)]));
  const fd = openSync(path, "w");
  try {
    ftruncateSync(fd, options.bytes);
    for (const { offset, bytes } of makeFat(options, contents)) writeSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
}
