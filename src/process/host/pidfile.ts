// Process layer: the run directory, which director holds it, and pid files.

import { chmodSync, lstatSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { type LockAttempt, type LockFile, lockFile, lockHolder } from "../../kernel/lock-file.ts";
import { readTrusted } from "../../kernel/regular-file.ts";
import { KEEPING_ROLES, roleDirectory, socketPath } from "./places.ts";
import { nameOf, runsOurProgram, startedAtMs } from "./process-facts.ts";
import { replaceFile } from "./replace-file.ts";
import { clearRoleDirectory } from "./role-directory.ts";
import { checkDirectory } from "./safe-directory.ts";

/** For everybody to read; who holds the directory is told by the lock, which is root's alone. */
const PID_FILE = "lbd.pid";
const LOCK_FILE = "lbd.lock";
/** Times of files and processes are told by clocks of different grain, and the wall clock may be set a little. */
const CLOCK_SLACK_MS = 2000;
const MAX_PID_FILE_BYTES = 256;

export class AlreadyRunning extends Error {
  constructor(path: string, pid: string) {
    super(`already running: ${pid === "" ? "a director" : `pid ${pid}`} holds ${path}`);
    this.name = "AlreadyRunning";
  }
}

export interface RunDir {
  readonly path: string;
  /** Leaves nothing of ours behind but the directory, then frees the lock. */
  release(): void;
}

export function directorPidFile(runDir: string): string {
  return `${runDir}/${PID_FILE}`;
}

/**
 * Makes the run directory (0755) unless it is there, and takes its lock.
 * @throws AlreadyRunning; Error for a directory that others could write to or exchange, for a lock that somebody else holds, and
 * whatever the file system says
 */
export function claimRunDir(path: string): RunDir {
  try {
    checkDirectory(path);
    makeDirectory(path);
    checkDirectory(path);
  } catch (error) {
    throw new Error(`run directory: ${messageOf(error)}`, { cause: error });
  }
  for (const name of [LOCK_FILE, PID_FILE]) removeDirectory(`${path}/${name}`);
  const attempt = takeLock(path);
  if (!attempt.held) throw whoHolds(`${path}/${LOCK_FILE}`, attempt);
  try {
    // Before the first byte is written: a role may have left no room for it.
    for (const role of KEEPING_ROLES) clearRoleDirectory(path, role);
    writePids(path, attempt.lock);
  } catch (error) {
    release(path, attempt.lock);
    throw error;
  }
  // Left over by one that was killed; nobody answers there, since we hold the lock.
  rmSync(socketPath(path), { force: true, recursive: true });
  for (const role of KEEPING_ROLES) makeRoleDirectory(roleDirectory(path, role));
  return { path, release: () => release(path, attempt.lock) };
}

/** A director that starts is worth more than to know what one before it left in the kernel: journals may fill /run, too. */
function writePids(path: string, lock: LockFile): void {
  const write = () => {
    lock.write(`${process.pid}\n`);
    replaceFile(directorPidFile(path), `${process.pid}\n`, 0o644);
  };
  try {
    write();
  } catch (error) {
    if (!isFull(error)) throw error;
    for (const role of KEEPING_ROLES) clearRoleDirectory(path, role, []);
    write();
  }
}

/** Where no file can be made any more there is no lock's file, so no director that could mind: then what roles left goes first. */
function takeLock(path: string): LockAttempt {
  const file = `${path}/${LOCK_FILE}`;
  try {
    return lockFile(file);
  } catch (error) {
    if (!isFull(error)) throw error;
    for (const role of KEEPING_ROLES) clearRoleDirectory(path, role);
    return lockFile(file);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

/** For the role alone, with the journals that an earlier process of it left there. */
function makeRoleDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

/** Where a file of ours should be; from a role that could write here, on a kernel without Landlock. */
function removeDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) rmSync(path, { recursive: true, force: true });
}

/** With the parts that are missing, for everybody to look into whatever the umask is. */
function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  for (let at = path; first !== undefined && at.length >= first.length; at = dirname(at)) chmodSync(at, 0o755);
}

/** What the lock file names may be a director of long ago, while something else holds the lock. */
function whoHolds(path: string, { named, holders }: LockAttempt & { held: false }): Error {
  const pid = Number(named);
  const unseen = holders.length === 0;
  const director = unseen ? pid > 0 && runsOurProgram(pid) : holders.includes(pid);
  if (director || (named === "" && holders.some(isCalledDirector))) return new AlreadyRunning(path, named);
  const others = holders.map((holder) => `pid ${holder} (${nameOf(holder)})`).join(", ");
  return new Error(
    `${path} is locked by ${others === "" ? "a process that can't be seen" : others}, which is no director`,
  );
}

/** One that has not written its pid yet. */
function isCalledDirector(pid: number): boolean {
  return /^(lbd|keepalived)/.test(nameOf(pid));
}

function release(path: string, lock: LockFile): void {
  rmSync(socketPath(path), { force: true, recursive: true });
  rmSync(directorPidFile(path), { force: true });
  for (const role of KEEPING_ROLES) removeEmpty(roleDirectory(path, role));
  // Removed while still locked: who has it open finds afterwards that it has no name, and opens the new one (lock-file.ts).
  rmSync(`${path}/${LOCK_FILE}`, { force: true });
  lock.release();
}

/** What a killed role left in the kernel stays written down. */
function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // ENOTEMPTY, or it was never made.
  }
}

/** Pid of the director that holds the run directory; undefined when none does. @throws SyscallError EACCES */
export function runningDirector(runDir: string): number | undefined {
  try {
    const holder = lockHolder(`${runDir}/${LOCK_FILE}`);
    return holder !== undefined && /^\d+$/.test(holder) ? Number(holder) : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a pid file of ours. @throws Error ENOSPC, EROFS, EACCES */
export function writePidFile(path: string, pid: number): void {
  try {
    replaceFile(path, `${pid}\n`, 0o644);
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`pid file ${path} can't be written: ${reason}`, { cause: error });
  }
}

/** Writes a pid file in a place that others use too, made if missing. @throws Error as writePidFile(), and when it is a living process's */
export function claimPidFile(path: string, pid: number): void {
  const owner = pidFileOwner(path);
  if (owner !== undefined && owner !== pid && owner !== process.pid)
    throw new Error(`pid file ${path} is that of pid ${owner} (${nameOf(owner)}), which runs: left as it is`);
  makeDirectory(dirname(path));
  writePidFile(path, pid);
}

/** The living process whose pid file this is. One that started after the file was written only has the number of its owner. */
export function pidFileOwner(path: string): number | undefined {
  const file = pidFileAt(path);
  const startedMs = file === undefined ? undefined : startedAtMs(file.pid);
  if (file === undefined || startedMs === undefined) return undefined;
  return startedMs <= file.writtenMs + CLOCK_SLACK_MS ? file.pid : undefined;
}

/** In the run directory, where all is ours. */
export function removePidFile(path: string): void {
  rmSync(path, { force: true, recursive: true });
}

/** Removes a pid file unless it holds another pid than ours meanwhile. */
export function disclaimPidFile(path: string, pid: number): void {
  if (readPidFile(path) === pid) rmSync(path, { force: true });
}

/** The pid in a pid file of root or this user; undefined when there is none or it holds something else. */
export function readPidFile(path: string): number | undefined {
  return pidFileAt(path)?.pid;
}

/** Where others write to the directory, they may have put anything there: it is not waited for, and not believed. */
function pidFileAt(path: string): { readonly pid: number; readonly writtenMs: number } | undefined {
  try {
    const file = readTrusted(path, MAX_PID_FILE_BYTES);
    const text = file?.text.trim() ?? "";
    return file !== undefined && /^\d{1,10}$/.test(text) ? { pid: Number(text), writtenMs: file.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}
