// Process layer, appliance: where a configuration folder outlives the machine's start: the partition that a laptop sees, and beside the boot
// loader the last folder that was good. Both are FAT, which has no journal, and mounted for the moment of reading or writing only.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, mount, unmount } from "../../../ffi/machine.ts";
import { packFolder, unpackFolder } from "../../appliance/folder/copy.ts";
import { type Files, PENDING } from "../../appliance/folder/parts.ts";
import { readFiles } from "./configuration.ts";
import { writeSafely } from "./partition.ts";

const GOOD = "lbd/good";
/** The partition beside the loader has 16 MiB, a third of them its own, and two copies are there for a moment. */
const MAX_GOOD_BYTES = 4 * 1024 * 1024;
/** Of a copy that is read: a folder is no larger (configuration.ts). */
const MAX_FOLDER_BYTES = 64 * 1024 * 1024;
const SAFE = MS_NODEV | MS_NOSUID | MS_NOEXEC;

/** What a folder on a device does for as long as `act` runs. */
export type WithFolder = <T>(how: "read" | "write", act: (folder: string) => T) => T;

/** @throws SyscallError ENODEV, EINVAL of a damaged file system, EROFS */
export function mounted(device: string, at: string): WithFolder {
  return (how, act) => {
    mkdirSync(at, { recursive: true });
    mount(device, at, "vfat", how === "read" ? SAFE | MS_RDONLY : SAFE);
    try {
      return act(at);
    } finally {
      unmount(at);
    }
  };
}

/** The folder; one that was being written when the power went is written to its end first. @throws Error when it can't be read */
export function readPartition(withFolder: WithFolder): Files {
  const read = withFolder("read", (folder) => ({ files: readFiles(folder), pending: readPending(folder) }));
  if (!read.pending) return read.files;
  const { pending } = read;
  return withFolder("write", (folder) => {
    finish(folder, read.files, pending);
    return readFiles(folder);
  });
}

/**
 * Replaces the folder. First the whole of it goes to one file, with its sum; from then on a power cut ends with the new one, before that
 * with the old one.
 * @throws Error ENOSPC, EROFS, EIO: the old one is still there
 */
export function replacePartition(withFolder: WithFolder, files: Files): void {
  withFolder("write", (folder) => {
    const before = readFiles(folder);
    try {
      writeSafely(join(folder, PENDING), packFolder(files));
    } catch (error) {
      rmSync(join(folder, `${PENDING}.new`), { force: true });
      throw error;
    }
    finish(folder, before, files);
  });
}

function readPending(folder: string): Files | undefined {
  const path = join(folder, PENDING);
  return existsSync(path) ? unpackFolder(readFileSync(path)) : undefined;
}

function finish(folder: string, before: Files, after: Files): void {
  // What goes makes room for what comes.
  for (const path of before.keys()) if (!after.has(path)) rmSync(join(folder, path), { force: true });
  for (const [path, content] of after) {
    const old = before.get(path);
    if (!old || Buffer.compare(old, content) !== 0) writeSafely(join(folder, path), content);
  }
  rmSync(join(folder, PENDING), { force: true });
}

/** The last folder that was good, of whichever copy is whole; undefined: none is. @throws Error when there is nothing to read from */
export function readGood(withFolder: WithFolder): Files | undefined {
  return withFolder("read", (folder) => {
    for (const name of [GOOD, `${GOOD}.new`, `${GOOD}.old`]) {
      try {
        const files = unpackFolder(gunzipSync(readFileSync(join(folder, name)), { maxOutputLength: MAX_FOLDER_BYTES }));
        if (files) return files;
      } catch {
        // Not there, or cut off.
      }
    }
    return undefined;
  });
}

/** @throws RangeError when it is too large, Error when it can't be written; the one before stays */
export function writeGood(withFolder: WithFolder, files: Files): void {
  const bytes = gzipSync(packFolder(files));
  if (bytes.byteLength > MAX_GOOD_BYTES)
    throw new RangeError(
      `the folder has ${bytes.byteLength} bytes packed, and ${MAX_GOOD_BYTES} have room beside the loader`,
    );
  withFolder("write", (folder) => {
    const path = join(folder, GOOD);
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(`${path}.new`, "w", 0o600);
    try {
      for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (existsSync(path)) renameSync(path, `${path}.old`);
    renameSync(`${path}.new`, path);
  });
}
