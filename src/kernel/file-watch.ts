// Adapter: tracked files (track_file, FILE_CHECK). inotify on the directory hears writing, renaming, creating and deleting; a sweep each second
// hears what it can't: symbolic links elsewhere, directories that come later, file systems without it. A file is read when its writer has
// closed it: between emptying and writing there is no value.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
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
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Readiness } from "./readiness.ts";

const WATCHED = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const SWEEP_MS = 1000;
/** What may be half written is looked at again after this. */
const LOOK_AGAIN_MS = 50;
/** An empty file is one when it has been that long. kernel: a slow disk shows it emptied long before inotify says so. */
const EMPTY_MS = 1000;
/** A writer that neither writes nor closes for so long is no reason to wait any more. */
const WRITER_PATIENCE_MS = 10_000;
/** What is never twice the same is taken as it is after so many sweeps. */
const MAX_UNSETTLED = 5;
/** Rounds of reading events and files in one turn. */
const MAX_ROUNDS = 8;
/** Room for a burst of events; what does not fit is read in the next turn. */
const EVENT_BYTES = 64 * 1024;
/** A number and some blanks: more of a file is never looked at. */
const CONTENT_BYTES = 128;

export interface FileWatch {
  /** What was told last. */
  text(): string | undefined;
  close(): void;
}

export interface FileWatches {
  /** Calls back at once with the text at the start of the file, and at each change; undefined when there is no such file. */
  watch(path: string, onText: (text: string | undefined) => void): FileWatch;
  [Symbol.dispose](): void;
}

interface Look {
  readonly text: string | undefined;
  /** Differs when the file was written or replaced between two looks; empty without a file. */
  readonly version: string;
}

interface Watched {
  readonly path: string;
  readonly onText: (text: string | undefined) => void;
  text: string | undefined;
  /** When a writer that has not closed the file was last heard of. */
  writingAt: MonoMs | undefined;
  /** Sweeps in a row that saw something new and did not trust it. */
  unsettled: number;
  cancelAgain: Cancel | undefined;
}

/** @param blind told when the kernel has no inotify set for us (EMFILE: the user has too many): then the sweep alone sees changes */
export function openFileWatches(readiness: Readiness, clock: Clock, blind: (reason: string) => void): FileWatches {
  const fd = openSet(blind);
  const buffer = new Uint8Array(new ArrayBuffer(EVENT_BYTES));
  const watches = new Set<Watched>();
  const directories = new Map<string, number>();
  /** Who waits for an event; made anew with the first event after a change. */
  let index: WatchIndex<Watched> | undefined;
  let open = true;
  const registration = fd === undefined ? undefined : readiness.add(fd, "read", onReadable);
  let cancelSweep = clock.at(clock.now() + SWEEP_MS, sweep);

  /** Files are read between two readings of events: what was written to meanwhile is not taken. */
  function onReadable(): void {
    const closed = new Map<Watched, Look>();
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      const heard = readEvents();
      if (heard.size === 0) break;
      for (const watched of heard) {
        closed.delete(watched);
        if (watched.writingAt === undefined) closed.set(watched, look(watched.path));
      }
    }
    for (const [watched, seen] of closed) {
      // Emptied by the next writer, who is heard of in a moment, or to stay so.
      if (seen.text === "") lookAgain(watched, seen);
      else take(watched, seen);
    }
  }

  /** Those that something happened to. */
  function readEvents(): ReadonlySet<Watched> {
    const count = fd === undefined ? 0 : read(fd, buffer);
    const heard = new Set<Watched>();
    index ??= watchIndex(watches, directories);
    for (const event of decodeWatchEvents(buffer.subarray(0, count ?? 0))) {
      const lost = (event.mask & IN_Q_OVERFLOW) !== 0;
      for (const watched of lost ? watches : index(event.watch, event.name)) {
        heard.add(watched);
        const writes = (event.mask & IN_MODIFY) !== 0 || ((event.mask & IN_CREATE) !== 0 && !isLink(watched.path));
        watched.writingAt = writes ? clock.now() : undefined;
      }
    }
    return heard;
  }

  function sweep(): void {
    if (!open) return;
    for (const watched of watches) {
      // A directory that was not there, or was replaced: the kernel gives the same number for one that it watches already.
      addDirectory(dirname(watched.path));
      const { writingAt } = watched;
      if (writingAt !== undefined && clock.now() - writingAt < WRITER_PATIENCE_MS) continue;
      const seen = look(watched.path);
      if (seen.text === watched.text) watched.unsettled = 0;
      else if (watched.cancelAgain) continue;
      else if (++watched.unsettled > MAX_UNSETTLED) take(watched, seen);
      else lookAgain(watched, seen);
    }
    cancelSweep = clock.at(clock.now() + SWEEP_MS, sweep);
  }

  /** What is still the same then stands. */
  function lookAgain(watched: Watched, before: Look): void {
    watched.cancelAgain?.();
    const waitMs = before.text === "" ? EMPTY_MS : LOOK_AGAIN_MS;
    watched.cancelAgain = clock.at(clock.now() + waitMs, () => {
      watched.cancelAgain = undefined;
      if (!open || !watches.has(watched)) return;
      onReadable();
      const { writingAt } = watched;
      if (writingAt !== undefined && clock.now() - writingAt < WRITER_PATIENCE_MS) return;
      const seen = look(watched.path);
      if (seen.version === before.version) take(watched, seen);
    });
  }

  function take(watched: Watched, { text }: Look): void {
    watched.unsettled = 0;
    watched.writingAt = undefined;
    if (text === watched.text) return;
    watched.text = text;
    watched.onText(text);
  }

  function addDirectory(path: string): void {
    if (fd === undefined) return;
    try {
      const number = inotifyAdd(fd, path, WATCHED);
      if (directories.get(path) === number) return;
      directories.set(path, number);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      directories.delete(path);
    }
    index = undefined;
  }

  function forget(watched: Watched): void {
    watches.delete(watched);
    index = undefined;
    watched.cancelAgain?.();
    const directory = dirname(watched.path);
    if ([...watches].some((other) => dirname(other.path) === directory)) return;
    const number = directories.get(directory);
    directories.delete(directory);
    if (number === undefined || fd === undefined) return;
    try {
      inotifyRemove(fd, number);
    } catch (error) {
      // The directory is gone, and its watch with it.
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  return {
    watch(path, onText) {
      addDirectory(dirname(path));
      const { text } = look(path);
      const watched: Watched = { path, onText, text, writingAt: undefined, unsettled: 0, cancelAgain: undefined };
      watches.add(watched);
      index = undefined;
      onText(text);
      return { text: () => watched.text, close: () => forget(watched) };
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      cancelSweep();
      for (const { cancelAgain } of watches) cancelAgain?.();
      registration?.remove();
      if (fd !== undefined) close(fd);
    },
  };
}

function openSet(blind: (reason: string) => void): ReturnType<typeof inotifyCreate> | undefined {
  try {
    return inotifyCreate();
  } catch (error) {
    blind(messageOf(error));
    return undefined;
  }
}

/** Those whose file an event is about: number of the directory's watch, and name in it. */
export type WatchIndex<T> = (watch: number, name: string) => readonly T[];

/**
 * kernel: a directory tells of all its files. Where others write to it they decide how many events come, so one that is about none
 * of ours costs a look into a table, however many files are watched.
 */
export function watchIndex<T extends { readonly path: string }>(
  watches: Iterable<T>,
  directories: ReadonlyMap<string, number>,
): WatchIndex<T> {
  const found = new Map<number, Map<string, T[]>>();
  for (const watched of watches) {
    const number = directories.get(dirname(watched.path));
    if (number === undefined) continue;
    const names = found.get(number) ?? new Map<string, T[]>();
    found.set(number, names);
    const name = basename(watched.path);
    names.set(name, [...(names.get(name) ?? []), watched]);
  }
  return (watch, name) => found.get(watch)?.get(name) ?? [];
}

/** Made by a link, a name is complete; a new file gets its content later. */
function isLink(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && (found.isSymbolicLink() || found.nlink > 1);
}

const NOTHING: Look = { text: undefined, version: "" };

/** Text at the start of a file. Never blocks on a FIFO or a device that somebody put there: only regular files count. */
function look(path: string): Look {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return NOTHING;
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) return NOTHING;
    const bytes = new Uint8Array(CONTENT_BYTES);
    const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, CONTENT_BYTES, 0)));
    return { text, version: `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}` };
  } catch {
    return NOTHING;
  } finally {
    closeSync(fd);
  }
}
