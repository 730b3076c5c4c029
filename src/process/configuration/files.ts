// Process layer: the files a configuration is read from, synchronously. Nothing here can block: what is no regular file is
// refused before a byte is read, also when it was swapped between the look and the open.

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { type Decoded, err, ok } from "../../base/result.ts";
import type { ConfigFiles, FileError } from "../../config/expand/include.ts";
import type { RoleName } from "../../roles/role.ts";
import { makeHeapRoom } from "../host/heap-room.ts";
import type { FileStamp } from "./settled-files.ts";

/** The file system of this machine; relative names are relative to the current directory. */
export const configFiles: ConfigFiles = {
  read: (path, maxBytes) => readRegularFile(path, maxBytes),
  list(directory) {
    try {
      return readdirSync(directory);
    } catch {
      return undefined;
    }
  },
  exists: existsSync,
  resolve(path) {
    try {
      return realpathSync(path);
    } catch {
      return resolve(path);
    }
  },
};

/** Names under which `lbd check` reads what is handed to it. */
const INPUT_NAMES: ReadonlySet<string> = new Set(["-", "/dev/stdin", "/proc/self/fd/0"]);

/** As configFiles, with `-` for standard input, which is read to its end once; includes are relative to the current directory. */
export const filesWithInput: ConfigFiles = {
  ...configFiles,
  read: (path, maxBytes) => (INPUT_NAMES.has(path) ? readInput(maxBytes) : configFiles.read(path, maxBytes)),
  exists: (path) => INPUT_NAMES.has(path) || configFiles.exists(path),
  resolve: (path) => (INPUT_NAMES.has(path) ? path : configFiles.resolve(path)),
};

function readInput(maxBytes: number): Decoded<Uint8Array, FileError> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const part = new Uint8Array(65_536);
      const count = readSync(0, part);
      if (count === 0) return ok(new Uint8Array(Buffer.concat(parts)));
      bytes += count;
      if (bytes > maxBytes) return err({ kind: "too-large", bytes });
      parts.push(part.subarray(0, count));
    }
  } catch (error) {
    return err({ kind: "unreadable", reason: messageOf(error) });
  }
}

/** A file as it is now, links followed; undefined when it can't be looked at. */
export function stampOf(path: string): FileStamp | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stat) return undefined;
    const { dev: device, ino: inode, size: bytes, mtimeNs: modifiedNs, ctimeNs: changedNs } = stat;
    return { device, inode, bytes, modifiedNs, changedNs };
  } catch {
    return undefined;
  }
}

/** Keywords that name programs, or files that are read for a role; others have these inside them. */
const PROGRAM_WORDS = [
  "vrrp_script",
  "notify",
  "MISC_CHECK",
  "quorum_up",
  "quorum_down",
  "track_file",
  "certificate",
  "startup_script",
  "shutdown_script",
];
/** What is looked at to guess what a configuration is about. */
const GLANCE_BYTES = 16 * 1024 * 1024;

/**
 * Roles whose processes may boot while the file is read, by its words alone: wrong in either direction costs a little time. With
 * included files both are likely.
 */
export function glance(path: string): ReadonlySet<RoleName> {
  const read = readRegularFile(path, GLANCE_BYTES);
  if (!read.ok) return new Set();
  const text = Buffer.from(read.value.buffer, read.value.byteOffset, read.value.byteLength);
  const includes = text.includes("include");
  const likely = new Set<RoleName>();
  if (includes || text.includes("virtual_server")) likely.add("checker");
  if (includes || text.includes("vrrp_instance")) likely.add("vrrp");
  if (includes || PROGRAM_WORDS.some((word) => text.includes(word))) likely.add("starter");
  return likely;
}

/** Whether the main file may say who this director is (`instance`, `net_namespace`), by its words alone; also by way of other files. */
export function mayNameDirector(path: string): boolean {
  const read = readRegularFile(path, GLANCE_BYTES);
  if (!read.ok) return true;
  const text = Buffer.from(read.value.buffer, read.value.byteOffset, read.value.byteLength).toString("latin1");
  return /include|\binstance\b|net_namespace|use_pid_dir|^\s*\$/m.test(text);
}

/** As configFiles reads one, also when it may be executed: a file system without modes shows every file so. */
export function readAnyRegularFile(path: string, maxBytes: number): Decoded<Uint8Array, FileError> {
  return readRegularFile(path, maxBytes, 0);
}

function readRegularFile(path: string, maxBytes: number, refusedMode = 0o111): Decoded<Uint8Array, FileError> {
  if (path.includes("\0")) return err({ kind: "missing" });
  let fd: number;
  try {
    // Non-blocking, so that opening a FIFO returns at once; no controlling terminal.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    return err(openError(error));
  }
  try {
    const stats = fstatSync(fd);
    const odd = oddKind(stats, refusedMode);
    if (odd !== undefined) return err({ kind: "not-a-file", what: odd });
    if (stats.size > maxBytes) return err({ kind: "too-large", bytes: stats.size });
    makeHeapRoom(stats.size);
    return readUpTo(fd, stats.size, maxBytes);
  } catch (error) {
    return err({ kind: "unreadable", reason: reasonOf(error) });
  } finally {
    closeSync(fd);
  }
}

/** What stands in the way of reading it as a configuration; keepalived refuses executable files too. */
function oddKind(stats: Stats, refusedMode: number): string | undefined {
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return "a device";
  if (!stats.isFile()) return "no regular file";
  return (stats.mode & refusedMode) !== 0 ? "executable" : undefined;
}

/** Files of /proc and /sys say size 0, and others may grow: reads to the end, but never more than `maxBytes`. */
function readUpTo(fd: number, expectedBytes: number, maxBytes: number): Decoded<Uint8Array, FileError> {
  let buffer = new Uint8Array(expectedBytes + 1);
  let filled = 0;
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.byteLength - filled, null);
    if (count === 0) return ok(buffer.subarray(0, filled));
    filled += count;
    if (filled > maxBytes) return err({ kind: "too-large", bytes: filled });
    if (filled < buffer.byteLength) continue;
    const larger = new Uint8Array(Math.min(maxBytes + 1, 2 * buffer.byteLength + 4096));
    larger.set(buffer);
    buffer = larger;
  }
}

function openError(error: unknown): FileError {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
  // Opening a socket, or a device without a driver.
  if (code === "ENXIO") return { kind: "not-a-file", what: "no regular file" };
  return { kind: "unreadable", reason: reasonOf(error) };
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === "EACCES" || code === "EPERM") return `no permission (${code})`;
  if (code === "ELOOP") return "symbolic links lead in a circle (ELOOP)";
  return code ?? (error instanceof Error ? error.message : "unknown error");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
