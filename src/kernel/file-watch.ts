// Adapter: tracked files (track_file, FILE_CHECK). inotify on the directory hears writing, renaming, creating and deleting; a sweep each second
// hears what it can't: symbolic links elsewhere, directories that come later, file systems without it.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { SyscallError } from "../../ffi/errno.ts";
import { close, read } from "../../ffi/fd.ts";
import {
  decodeWatchEvents,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
  inotifyAdd,
  inotifyCreate,
  inotifyRemove,
} from "../../ffi/inotify.ts";
import type { Clock } from "../base/clock.ts";
import type { Readiness } from "./readiness.ts";

const WATCHED = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const SWEEP_MS = 1000;
/** Room for a burst of events; what does not fit is read in the next turn. */
const EVENT_BYTES = 64 * 1024;
/** A number and some blanks: more of a file is never looked at. */
const CONTENT_BYTES = 128;

export interface FileWatches {
  /** Calls back at once with the text at the start of the file, and at each change; undefined when there is no such file. */
  watch(path: string, onText: (text: string | undefined) => void): { close(): void };
  [Symbol.dispose](): void;
}

interface Watched {
  readonly path: string;
  readonly onText: (text: string | undefined) => void;
  text: string | undefined;
}

/** @throws SyscallError EMFILE when the user has too many inotify sets */
export function openFileWatches(readiness: Readiness, clock: Clock): FileWatches {
  const fd = inotifyCreate();
  const events = new Uint8Array(new ArrayBuffer(EVENT_BYTES));
  const watches = new Set<Watched>();
  const directories = new Map<string, number>();
  let open = true;
  const registration = readiness.add(fd, "read", onReadable);
  let cancelSweep = clock.at(clock.now() + SWEEP_MS, sweep);

  function onReadable(): void {
    const count = read(fd, events);
    if (count === undefined) return;
    const changed = new Set<string>();
    for (const event of decodeWatchEvents(events.subarray(0, count))) {
      if (event.mask & IN_Q_OVERFLOW) {
        for (const watched of watches) look(watched);
        return;
      }
      changed.add(`${event.watch} ${event.name}`);
    }
    for (const watched of watches) {
      const number = directories.get(dirname(watched.path));
      if (number !== undefined && changed.has(`${number} ${basename(watched.path)}`)) look(watched);
    }
  }

  function sweep(): void {
    if (!open) return;
    for (const watched of watches) {
      // A directory that was not there, or was replaced: the kernel gives the same number for one that it watches already.
      addDirectory(dirname(watched.path));
      look(watched);
    }
    cancelSweep = clock.at(clock.now() + SWEEP_MS, sweep);
  }

  function addDirectory(path: string): void {
    try {
      directories.set(path, inotifyAdd(fd, path, WATCHED));
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      directories.delete(path);
    }
  }

  function look(watched: Watched): void {
    const text = readStart(watched.path);
    if (text === watched.text) return;
    watched.text = text;
    watched.onText(text);
  }

  return {
    watch(path, onText) {
      addDirectory(dirname(path));
      const watched: Watched = { path, onText, text: readStart(path) };
      watches.add(watched);
      onText(watched.text);
      return {
        close() {
          watches.delete(watched);
          const directory = dirname(path);
          if ([...watches].some((other) => dirname(other.path) === directory)) return;
          const number = directories.get(directory);
          directories.delete(directory);
          if (number === undefined) return;
          try {
            inotifyRemove(fd, number);
          } catch (error) {
            // The directory is gone, and its watch with it.
            if (!(error instanceof SyscallError)) throw error;
          }
        },
      };
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      cancelSweep();
      registration.remove();
      close(fd);
    },
  };
}

/** Text at the start of a file. Never blocks on a FIFO or a device that somebody put there: only regular files count. */
export function readStart(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = new Uint8Array(CONTENT_BYTES);
    return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, CONTENT_BYTES, 0)));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
