// Adapter: a file that says who holds it. The lock is the kernel's (flock): it ends with the process, however that ends, so a file
// that was left behind never keeps anybody out.
import { fstatSync, ftruncateSync, readSync, statSync, writeSync } from "node:fs";
import { close, type Fd, flock, LOCK_EX, LOCK_NB, O_CREAT, O_RDWR, open } from "../../ffi/fd.ts";

/** open(2): the last part of the path must not be a symbolic link. */
const O_NOFOLLOW = 0o400000;
const MAX_HOLDER_BYTES = 32;
const MAX_ATTEMPTS = 10;

export type LockAttempt =
  | { readonly held: true; readonly lock: LockFile }
  /** `holder` is what the other wrote: its pid, or empty when it has not written yet. */
  | { readonly held: false; readonly holder: string };

export interface LockFile {
  /** Replaces the content. @throws Error ENOSPC */
  write(text: string): void;
  /** Gives the lock back; the file stays unless it was removed before. */
  release(): void;
}

/** Takes the lock on `path`, which is made if missing. @throws SyscallError ELOOP for a symbolic link, EACCES; Error for no file */
export function lockFile(path: string): LockAttempt {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
    try {
      if (!fstatSync(fd).isFile()) throw new Error(`lock: not a regular file (${path})`);
      if (!flock(fd, LOCK_EX | LOCK_NB)) {
        const holder = readAll(fd);
        close(fd);
        return { held: false, holder };
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

/** The content of a lock file that another process holds; undefined when nobody does. @throws SyscallError ENOENT, EACCES */
export function lockHolder(path: string): string | undefined {
  const fd = open(path, O_RDWR | O_NOFOLLOW);
  try {
    return flock(fd, LOCK_EX | LOCK_NB) ? undefined : readAll(fd);
  } finally {
    close(fd);
  }
}

function readAll(fd: Fd): string {
  const bytes = new Uint8Array(MAX_HOLDER_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, MAX_HOLDER_BYTES, 0))).trim();
}
