// Process layer, appliance: single files that the machine itself writes to the configuration partition, which is mounted for that moment. FAT
// has no journal: each file is written anew, put on the disk, and renamed over the old one, so a power cut leaves the one or the other.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mount, unmount } from "../../../ffi/machine.ts";

/** @param device the partition; @param at an empty folder. @throws SyscallError or Error when it can't be written */
export function keepOnPartition(device: string, at: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(at, { recursive: true });
  mount(device, at, "vfat", MS_NODEV | MS_NOSUID | MS_NOEXEC);
  try {
    for (const [name, text] of files) writeSafely(join(at, name), text);
  } finally {
    unmount(at);
  }
}

/** What was there stays until the new one is whole on the disk. @throws Error ENOSPC, EROFS */
export function writeSafely(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.new`;
  const file = openSync(fresh, "w", 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let written = 0; written < bytes.byteLength; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
