// inotify(7): watches on files and directories.
import { check, checkFd, type Fd, O_CLOEXEC, O_NONBLOCK } from "./fd.ts";
import { libc } from "./index.ts";
import { cString, readCString } from "./memory.ts";

export const IN_MODIFY = 0x2;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_Q_OVERFLOW = 0x4000;

const EVENT_HEADER_BYTES = 16;

export interface WatchEvent {
  /** What inotifyAdd gave; -1 with IN_Q_OVERFLOW. */
  readonly watch: number;
  readonly mask: number;
  /** Ties IN_MOVED_FROM to IN_MOVED_TO. */
  readonly cookie: number;
  /** File in the watched directory; empty for the watched thing itself. */
  readonly name: string;
}

/** A non-blocking set of watches. @throws SyscallError EMFILE when the user has too many */
export function inotifyCreate(): Fd {
  return checkFd(libc.inotify_init1(O_NONBLOCK | O_CLOEXEC), "inotify_init1", "a new set");
}

/** Watches a path; the same number again for a file watched already. @throws SyscallError ENOENT, ENOSPC */
export function inotifyAdd(fd: Fd, path: string, mask: number): number {
  return check(libc.inotify_add_watch(fd, cString(path), mask), "inotify_add_watch", path);
}

/** @throws SyscallError EINVAL when the watch is gone already */
export function inotifyRemove(fd: Fd, watch: number): void {
  check(libc.inotify_rm_watch(fd, watch), "inotify_rm_watch", `watch ${watch}`);
}

/** Splits what read() gave into events; stops at an incomplete one. Never throws. */
export function decodeWatchEvents(bytes: Uint8Array): WatchEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: WatchEvent[] = [];
  for (let at = 0; at + EVENT_HEADER_BYTES <= bytes.byteLength; ) {
    const nameBytes = view.getUint32(at + 12, true);
    const end = at + EVENT_HEADER_BYTES + nameBytes;
    if (end > bytes.byteLength) break;
    events.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      cookie: view.getUint32(at + 8, true),
      name: readCString(bytes.slice(at + EVENT_HEADER_BYTES, end)),
    });
    at = end;
  }
  return events;
}
