// Adapter: the named pipes of the notify FIFOs (cli-signals.md §6): made if missing, with an owner from the keyword. All that is looked at
// and changed is the opened pipe, never what the path names by then: the directory may be somebody else's.
import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname } from "node:path";
import { EEXIST, SyscallError } from "../../ffi/errno.ts";
import { mkfifo } from "../../ffi/fd.ts";
import { findAccount } from "./accounts.ts";

const FIFO_MODE = 0o600;
const OTHERS_WRITE = 0o022;

export interface OpenFifo {
  /** Open for reading and writing, not blocking. */
  readonly fd: number;
  /** Others could put another pipe in its place; in words. */
  readonly warning?: string;
  /** Closes it; when it was made here and is still there it is removed. Never throws. */
  close(): void;
}

/**
 * Opens a FIFO, made if missing; then it belongs to `user` and `group`, and only to them. One that is there already must be root's (or of
 * whoever runs this) or the user's. Making one for a user needs CAP_CHOWN, which the roles have not: theirs is there before (makeUsersFifo).
 * @throws Error when it can't be made or is no FIFO of ours, or the user or group is unknown
 */
export function openNotifyFifo(path: string, user: string | undefined, group: string | undefined): OpenFifo {
  const { fd, made, warning } = openOwn(path, user, group);
  return {
    fd,
    ...(warning === undefined ? {} : { warning }),
    close() {
      closeSync(fd);
      if (made) removeFifo(path, made);
    },
  };
}

/** `made`: what it was when it was made here. */
function openOwn(path: string, user: string | undefined, group: string | undefined) {
  const owner = user === undefined ? undefined : findAccount(user, group);
  if (owner && !owner.ok) throw new Error(owner.reason);
  const account = owner?.account;
  const made = make(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    const refusal = whyNotOurs(stats, made, account?.uid);
    if (refusal !== undefined) throw new Error(`${path} ${refusal}`);
    if (made && account) fchownSync(fd, account.uid, account.gid);
    const warning = openDirectory(dirname(path), account?.uid);
    return { fd, warning, made: made ? stats : undefined };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** True when it was made now. */
function make(path: string): boolean {
  try {
    mkfifo(path, FIFO_MODE);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === EEXIST) return false;
    throw error;
  }
}

/** Undefined: it is what we made, or an owner's that we trust. */
function whyNotOurs(stats: Stats, made: boolean, user: number | undefined): string | undefined {
  if (!stats.isFIFO()) return "exists and is not a FIFO: remove it or name another path";
  const own = process.geteuid?.() ?? 0;
  if (made)
    // Somebody exchanged it meanwhile for another name of another pipe.
    return stats.uid === own && stats.nlink === 1 && (stats.mode & 0o077) === 0
      ? undefined
      : "is not the FIFO that was made";
  if (stats.uid === 0 || stats.uid === own || stats.uid === user) return undefined;
  return `is a FIFO of uid ${stats.uid}, neither root's nor the named user's: remove it or name its user`;
}

/**
 * Makes a FIFO that belongs to a user, if it is missing, so that one without the right to give files away can open it. What is given back
 * removes it, if it is still the one; undefined: it was there, and stays. The pipe is not kept open: its reader has its end when the writer goes.
 * @throws Error as openNotifyFifo
 */
export function makeUsersFifo(path: string, user: string, group: string | undefined): (() => void) | undefined {
  if (existsSync(path)) return undefined;
  const { fd, made } = openOwn(path, user, group);
  closeSync(fd);
  return made && (() => removeFifo(path, made));
}

function openDirectory(path: string, user: number | undefined): string | undefined {
  const { mode, uid, gid } = statSync(path);
  const own = process.geteuid?.() ?? 0;
  if ((mode & 0o1000) !== 0) return undefined;
  if (uid !== 0 && uid !== own && uid !== user)
    return `its directory ${path} belongs to uid ${uid}, who can put another in its place`;
  const writers = mode & (gid === 0 ? 0o002 : OTHERS_WRITE);
  return writers === 0 ? undefined : `others can put another in its place: they may write to ${path}`;
}

function removeFifo(path: string, made: Stats): void {
  try {
    const there = lstatSync(path);
    // kernel: the number of what was removed is given to the next file, which is no pipe of ours.
    if (there.isFIFO() && there.ino === made.ino && there.dev === made.dev) unlinkSync(path);
  } catch {
    // Somebody removed it, or its directory: it is gone, which was the wish.
  }
}
