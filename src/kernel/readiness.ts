// Adapter: how a descriptor made by FFI wakes the event loop (runtime.md §0, §1). All of them are in one epoll set per process and
// send SIGIO; the signal handler drains the set. A sweep every second makes good a signal that was lost.
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
}

export interface Readiness {
  /**
   * Watches a descriptor and makes it non-blocking. One registration per descriptor.
   * @throws SyscallError EPERM for a file that can't be waited for, EEXIST when it is watched already
   */
  add(fd: Fd, interest: Interest, handler: (ready: Ready) => void): Registration;
  /** How many descriptors are watched. */
  watched(): number;
  [Symbol.dispose](): void;
}

/** Events taken from the kernel at a time. */
const EVENTS_PER_WAIT = 64;
/** After this many events the loop gets a turn before more are taken. */
const MAX_EVENTS_PER_WAKE = 256;
/** A signal could be lost (the queue of a changing owner, a debugger): look anyway. */
const SWEEP_MS = 1000;

const INTEREST = { read: EPOLLIN, write: EPOLLOUT, "read-write": EPOLLIN | EPOLLOUT } as const;

interface Watch {
  readonly fd: Fd;
  readonly handler: (ready: Ready) => void;
}

/**
 * The readiness of this process. `onError` hears what a handler throws; without it the error is the process's uncaught one.
 * SIGIO is handled from here on for the life of the process: without a handler it would end it.
 */
export function openReadiness(onError: (error: unknown) => void = rethrowLater): Readiness {
  const watches: (Watch | undefined)[] = [];
  const free: number[] = [];
  const retired: number[] = [];
  const events = epollEvents(EVENTS_PER_WAIT);
  let count = 0;
  let open = true;
  let continuation = false;
  let dispatching = false;

  // Before any descriptor may signal.
  signalled.add(wake);
  handleSignal();
  const set = epollCreate();
  const sweep = setInterval(wake, SWEEP_MS);

  function wake(): void {
    if (open && !continuation) drain();
  }

  function drain(): void {
    continuation = false;
    for (let taken = 0; open; ) {
      const ready = events.wait(set, 0);
      dispatching = true;
      for (let i = 0; i < ready; i++) dispatch(events.tag(i), events.events(i));
      dispatching = false;
      // Only now: a later event of the same batch would have reached the new owner of the tag.
      for (const tag of retired.splice(0)) free.push(tag);
      taken += ready;
      if (ready < EVENTS_PER_WAIT) {
        // Level-triggered interest that a handler left unread makes no new signal.
        if (ready > 0) again();
        return;
      }
      if (taken >= MAX_EVENTS_PER_WAKE) {
        again();
        return;
      }
    }
  }

  function again(): void {
    if (continuation) return;
    continuation = true;
    setImmediate(drain);
  }

  function dispatch(tag: number, bits: number): void {
    // Removed by an earlier handler of the same batch.
    const watch = watches[tag];
    if (!watch) return;
    try {
      watch.handler({
        readable: (bits & EPOLLIN) !== 0,
        writable: (bits & EPOLLOUT) !== 0,
        failed: (bits & (EPOLLERR | EPOLLHUP)) !== 0,
      });
    } catch (error) {
      onError(error);
    }
  }

  return {
    add(fd, interest, handler) {
      const tag = free.pop() ?? watches.length;
      const watch: Watch = { fd, handler };
      try {
        setSignalled(fd, process.pid);
        epollAdd(set, fd, INTEREST[interest], tag);
      } catch (error) {
        watches[tag] = undefined;
        free.push(tag);
        throw error;
      }
      watches[tag] = watch;
      count++;
      // What is ready already sent its signal before it was watched.
      again();
      return {
        setInterest(next) {
          if (watches[tag] !== watch) return;
          epollModify(set, fd, INTEREST[next], tag);
          again();
        },
        remove() {
          if (watches[tag] !== watch) return;
          watches[tag] = undefined;
          count--;
          (dispatching ? retired : free).push(tag);
          try {
            epollDelete(set, fd);
          } catch (error) {
            if (!(error instanceof SyscallError && error.errno === ENOENT)) throw error;
          }
        },
      };
    },
    watched: () => count,
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      clearInterval(sweep);
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
  });
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
