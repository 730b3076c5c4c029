// Adapter: how a descriptor made by FFI wakes the event loop (runtime.md §0, §1). All of them are in one epoll set per process and
// send SIGIO; the signal handler drains the set. A sweep (sweep.ts) makes good a signal that was lost.
// Contract: handlers get level-triggered events: what they leave unread is reported again.
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  epollAdd,
  epollCreate,
  epollDelete,
  epollEvents,
  epollModify,
} from "../../ffi/epoll.ts";
import { ENOENT, SyscallError } from "../../ffi/errno.ts";
import { close, type Fd, setSignalled } from "../../ffi/fd.ts";
import { ownSweep } from "./sweep.ts";

/** What is asked for; errors and hang-ups are always told. */
export type Interest = "read" | "write" | "read-write";

export interface Ready {
  readonly readable: boolean;
  readonly writable: boolean;
  /** EPOLLERR or EPOLLHUP: the next call on the descriptor tells which. */
  readonly failed: boolean;
}

export interface Registration {
  setInterest(interest: Interest): void;
  /** Stops watching. Must come before the descriptor is closed; calling it twice does nothing. */
  remove(): void;
  /** Stops watching a descriptor that the caller closes right after this: then the kernel forgets it by itself. */
  leave(): void;
}

export interface Readiness {
  /**
   * Watches a descriptor and makes it non-blocking. One registration per descriptor.
   * @throws SyscallError EPERM for a file that can't be waited for, EEXIST when it is watched already
   */
  add(fd: Fd, interest: Interest, handler: (ready: Ready) => void): Registration;
  /**
   * As add(), for a non-blocking descriptor that is ready soon or not for long: it sends signals only from when it was looked
   * at in vain. A connection on the same network stands before that, and 10,000 of them a second save two calls each.
   * @throws SyscallError EPERM, EEXIST
   */
  addBrief(fd: Fd, interest: Interest, handler: (ready: Ready) => void): Registration;
  /** How many descriptors are watched. */
  watched(): number;
  [Symbol.dispose](): void;
}

/** Events taken from the kernel at a time. */
const EVENTS_PER_WAIT = 64;
/** After this many events the loop gets a turn before more are taken. */
const MAX_EVENTS_PER_WAKE = 256;

const INTEREST = { read: EPOLLIN, write: EPOLLOUT, "read-write": EPOLLIN | EPOLLOUT } as const;

interface Watch {
  readonly fd: Fd;
  /** Slot and generation: an event of the one who had the slot before is told by its old tag. */
  readonly tag: number;
  readonly handler: (ready: Ready) => void;
  /** The drain before which it was added, or in which it last had an event. */
  heardIn: number;
}

/** Lower bits of a tag; the upper ones count how often the slot was given away. */
const SLOT_BITS = 20;
const SLOT_MASK = 2 ** SLOT_BITS - 1;

function nextTag(tag: number): number {
  return (tag + 2 ** SLOT_BITS) >>> 0;
}

/**
 * The readiness of this process. `onError` hears what a handler throws; without it the error is the process's uncaught one.
 * SIGIO is handled from here on for the life of the process: without a handler it would end it.
 */
export function openReadiness(onError: (error: unknown) => void = rethrowLater): Readiness {
  const watches: (Watch | undefined)[] = [];
  /** Tags of free slots. */
  const free: number[] = [];
  /** Watches that send no signals yet. */
  let silent: Watch[] = [];
  let drains = 0;
  const events = epollEvents(EVENTS_PER_WAIT);
  let count = 0;
  let open = true;
  let continuation = false;

  // Before any descriptor may signal.
  signalled.add(wake);
  handleSignal();
  const set = epollCreate();
  const endSweep = ownSweep.add(wake);

  function wake(): void {
    if (open && !continuation) drain();
  }

  function drain(): void {
    continuation = false;
    drains++;
    for (let taken = 0; open; ) {
      const ready = events.wait(set, 0);
      for (let i = 0; i < ready; i++) dispatch(events.tag(i), events.events(i));
      taken += ready;
      if (ready < EVENTS_PER_WAIT) {
        if (silent.length > 0) signalSilent();
        return;
      }
      if (taken >= MAX_EVENTS_PER_WAKE) {
        again();
        return;
      }
    }
  }

  /** Those that this drain looked at in vain send signals from now on; the next one sees what they missed. */
  function signalSilent(): void {
    const left = silent;
    silent = [];
    for (const one of left) {
      if (!isWatched(one)) continue;
      again();
      if (one.heardIn === drains) silent.push(one);
      else setSignalled(one.fd, process.pid);
    }
  }

  function again(): void {
    if (continuation) return;
    continuation = true;
    setImmediate(drain);
  }

  function dispatch(tag: number, bits: number): void {
    const one = watches[tag & SLOT_MASK];
    // Removed by an earlier handler of the same batch; its slot may be another's by now.
    if (one?.tag !== tag) return;
    one.heardIn = drains;
    try {
      one.handler({
        readable: (bits & EPOLLIN) !== 0,
        writable: (bits & EPOLLOUT) !== 0,
        failed: (bits & (EPOLLERR | EPOLLHUP)) !== 0,
      });
    } catch (error) {
      onError(error);
    }
    // Level-triggered interest that a handler left unread makes no new signal.
    if (isWatched(one)) again();
  }

  function isWatched(one: Watch): boolean {
    return watches[one.tag & SLOT_MASK] === one;
  }

  function watch(fd: Fd, interest: Interest, handler: (ready: Ready) => void): Watch {
    const tag = free.pop() ?? watches.length;
    try {
      epollAdd(set, fd, INTEREST[interest], tag);
    } catch (error) {
      watches[tag & SLOT_MASK] = undefined;
      free.push(tag);
      throw error;
    }
    const added: Watch = { fd, tag, handler, heardIn: drains };
    watches[tag & SLOT_MASK] = added;
    count++;
    // What is ready already sent its signal before it was watched, if it sends any.
    again();
    return added;
  }

  function forget({ tag }: Watch): void {
    watches[tag & SLOT_MASK] = undefined;
    count--;
    free.push(nextTag(tag));
  }

  function registration(own: Watch): Registration {
    return {
      setInterest(next) {
        if (!isWatched(own)) return;
        epollModify(set, own.fd, INTEREST[next], own.tag);
        again();
      },
      remove() {
        if (!isWatched(own)) return;
        forget(own);
        try {
          epollDelete(set, own.fd);
        } catch (error) {
          if (!(error instanceof SyscallError && error.errno === ENOENT)) throw error;
        }
      },
      leave() {
        if (isWatched(own)) forget(own);
      },
    };
  }

  return {
    add(fd, interest, handler) {
      setSignalled(fd, process.pid);
      return registration(watch(fd, interest, handler));
    },
    addBrief(fd, interest, handler) {
      const added = watch(fd, interest, handler);
      silent.push(added);
      return registration(added);
    },
    watched: () => count,
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      endSweep();
      signalled.delete(wake);
      close(set);
    },
  };
}

const signalled = new Set<() => void>();
let handled = false;

function handleSignal(): void {
  if (handled) return;
  handled = true;
  process.on("SIGIO", () => {
    for (const wake of signalled) wake();
    ownSweep.inPassing();
  });
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
