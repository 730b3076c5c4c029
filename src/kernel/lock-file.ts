// Adapter: a lock file. The lock is the kernel's (flock): it ends with the process, however that ends, so a file that was left behind
// never keeps anybody out. flock(2) asks for no more than a descriptor to read by, so nobody else may open the file.
import { constants, fchmodSync, fstatSync, ftruncateSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { close, type Fd, flock, LOCK_EX, LOCK_NB, O_CREAT, O_RDWR, open } from "../../ffi/fd.ts";

const MAX_HOLDER_BYTES = 32;
const MAX_ATTEMPTS = 10;

export type LockAttempt =
  | { readonly held: true; readonly lock: LockFile }
  /** `named` is what the last director wrote: its pid, or empty; `holders` are the processes that hold the lock, as far as they can be seen. */
  | { readonly held: false; readonly named: string; readonly holders: readonly number[] };

export interface LockFile {
  /** Replaces the content. @throws Error ENOSPC */
  write(text: string): void;
  /** Gives the lock back; the file stays unless it was removed before. */
  release(): void;
}

/**
 * Takes the lock on `path`, which is made if missing, for its owner alone.
 * @throws SyscallError ELOOP for a symbolic link, EACCES; Error for what is no file, or another user's
 */
export function lockFile(path: string): LockAttempt {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const fd = open(path, O_RDWR | O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      checkFile(fd, path);
      if (!flock(fd, LOCK_EX | LOCK_NB)) {
        const attempt = { held: false, named: readAll(fd), holders: holdersOf(fd) } as const;
        close(fd);
        return attempt;
      }
      if (isAt(fd, path)) return { held: true, lock: held(fd) };
    } catch (error) {
      close(fd);
      throw error;
    }
    // The holder removed its file between our open and our lock: what we hold has no name any more.
    close(fd);
  }
  throw new Error(`lock: the file was replaced ${MAX_ATTEMPTS} times meanwhile (${path})`);
}

function checkFile(fd: Fd, path: string): void {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new Error(`lock: not a regular file (${path})`);
  if (stat.uid !== 0 && stat.uid !== process.getuid?.()) throw new Error(`lock: belongs to user ${stat.uid} (${path})`);
  if ((stat.mode & 0o077) !== 0) fchmodSync(fd, 0o600);
}

function held(fd: Fd): LockFile {
  return {
    write(text) {
      ftruncateSync(fd, 0);
      writeSync(fd, text, 0);
    },
    release: () => close(fd),
  };
}

function isAt(fd: Fd, path: string): boolean {
  const ours = fstatSync(fd);
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === ours.ino && named.dev === ours.dev;
}

/** What another process that holds the lock wrote into the file; undefined when nobody holds it. @throws SyscallError ENOENT, EACCES */
export function lockHolder(path: string): string | undefined {
  const fd = open(path, O_RDWR | constants.O_NOFOLLOW);
  try {
    return flock(fd, LOCK_EX | LOCK_NB) ? undefined : readAll(fd);
  } finally {
    close(fd);
  }
}

/** Processes with a flock on the file, by the kernel's list; those of other pid namespaces are not in it. */
function holdersOf(fd: Fd): number[] {
  const { ino } = fstatSync(fd, { bigint: true });
  const lines = readFileSync("/proc/locks", "latin1").split("\n");
  return lines.flatMap((line) => {
    const [, pid, inode] = /^\d+: FLOCK +\S+ +\S+ (\d+) [^:]+:[^:]+:(\d+) /.exec(line) ?? [];
    return pid !== undefined && inode === `${ino}` ? [Number(pid)] : [];
  });
}

function readAll(fd: Fd): string {
  const bytes = new Uint8Array(MAX_HOLDER_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, MAX_HOLDER_BYTES, 0))).trim();
}
