// Process layer: the run directory, which director holds it, and the pid files that init scripts look for.
import { constants, lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { type LockFile, lockFile, lockHolder } from "../kernel/lock-file.ts";
import { replaceFile } from "./replace-file.ts";

const PID_FILE = "lbd.pid";
const SOCKET_FILE = "api.sock";

export class AlreadyRunning extends Error {
  readonly pid: number | undefined;

  constructor(path: string, holder: string) {
    super(`already running: ${holder === "" ? "a director" : `pid ${holder}`} holds ${path}`);
    this.name = "AlreadyRunning";
    this.pid = /^\d+$/.test(holder) ? Number(holder) : undefined;
  }
}

export interface RunDir {
  readonly path: string;
  /** Leaves nothing of ours behind but the directory and the lock file's name, then frees the lock. */
  release(): void;
}

export function socketPath(runDir: string): string {
  return `${runDir}/${SOCKET_FILE}`;
}

/**
 * Makes the run directory (0755) unless it is there, and takes its lock.
 * @throws AlreadyRunning; Error for a directory that others could write to, and whatever the file system says
 */
export function claimRunDir(path: string): RunDir {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new Error(`run directory: not a directory (${path})`);
  if (stat.uid !== process.getuid?.() && stat.uid !== 0)
    throw new Error(`run directory: belongs to user ${stat.uid}, wanted root or this user (${path})`);
  if ((stat.mode & (constants.S_IWGRP | constants.S_IWOTH)) !== 0)
    throw new Error(`run directory: others may write to it, mode ${(stat.mode & 0o7777).toString(8)} (${path})`);
  const attempt = lockFile(`${path}/${PID_FILE}`);
  if (!attempt.held) throw new AlreadyRunning(`${path}/${PID_FILE}`, attempt.holder);
  try {
    attempt.lock.write(`${process.pid}\n`);
  } catch (error) {
    release(path, attempt.lock);
    throw error;
  }
  // Left over by one that was killed; nobody answers there, since we hold the lock.
  rmSync(socketPath(path), { force: true });
  return { path, release: () => release(path, attempt.lock) };
}

function release(path: string, lock: LockFile): void {
  rmSync(socketPath(path), { force: true });
  // Removed while still locked: who has it open finds afterwards that it has no name, and opens the new one (lock-file.ts).
  rmSync(`${path}/${PID_FILE}`, { force: true });
  lock.release();
}

/** Pid of the director that holds the run directory; undefined when none does. @throws SyscallError EACCES */
export function runningDirector(runDir: string): number | undefined {
  try {
    const holder = lockHolder(`${runDir}/${PID_FILE}`);
    return holder !== undefined && /^\d+$/.test(holder) ? Number(holder) : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a pid file beside the lock (`-p`, or the pid of a role). @throws Error ENOSPC, EROFS, EACCES */
export function writePidFile(path: string, pid: number): void {
  try {
    replaceFile(path, `${pid}\n`, 0o644);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`pid file ${path} can't be written: ${reason}`, { cause: error });
  }
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

/** The pid in a pid file; undefined when there is none or it holds something else. */
export function readPidFile(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
