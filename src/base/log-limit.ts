// Layer 0: bounds what the network can make us write. Every message that a packet, a peer or a server causes goes through a limited
// log: the first of a kind pass, the rest of its window is counted, and one line at the end says how many there were.
import type { Cancel, Clock } from "./clock.ts";
import type { Log, LogLine } from "./log.ts";

/** Length of a window in milliseconds. */
export const LOG_WINDOW_MS = 10_000;
/** Kinds that are told apart at one time; further ones share a window of their own. */
export const MAX_LOG_KINDS = 256;

/** For what comes and goes because others want it so, a kind each: half a line a second for good, and not all of them at once. */
export const FLAP_LOG: LogLimit = { windowMs: 60_000, burst: 30, kinds: 4096, total: 2000 };

const OVERFLOW_KIND = "\u0000other kinds";

export interface LogLimit {
  readonly windowMs?: number;
  /** Lines of one kind that pass in a window. */
  readonly burst?: number;
  /** Kinds that are told apart. */
  readonly kinds?: number;
  /** Lines of all kinds together that pass in a window. */
  readonly total?: number;
}

export interface LimitedLog {
  /** Logs `line` unless enough of the same `kind` were logged in this window. `kind` must not hold text from the network. */
  (kind: string, line: LogLine): void;
  /** Says now what was held back. */
  flush(): void;
}

interface Window {
  readonly cancel: Cancel;
  passed: number;
  held: number;
  last: LogLine;
}

export function limitLog(log: Log, clock: Clock, limit: LogLimit = {}): LimitedLog {
  const { windowMs = LOG_WINDOW_MS, burst = 1, kinds = MAX_LOG_KINDS, total = Number.POSITIVE_INFINITY } = limit;
  const windows = new Map<string, Window>();
  /** Lines of all kinds that passed since the time beside it. */
  let passed = 0;
  let passedSince = clock.now();

  function close(kind: string): void {
    const window = windows.get(kind);
    windows.delete(kind);
    if (!window || window.held === 0) return;
    const { last, held } = window;
    log({
      ...last,
      message: `${last.message} (${held} more in ${windowMs / 1000} s)`,
      fields: { ...last.fields, repeated: held },
    });
  }

  function open(kind: string, line: LogLine): Window {
    const cancel = clock.at(clock.now() + windowMs, () => close(kind));
    const window = { cancel, passed: 0, held: 0, last: line };
    windows.set(kind, window);
    return window;
  }

  function isFull(): boolean {
    if (clock.now() - passedSince >= windowMs) {
      passedSince = clock.now();
      passed = 0;
    }
    return passed >= total;
  }

  function write(asked: string, line: LogLine): void {
    // When all kinds together are too many, what is new is held with the others: a line for each would be no bound.
    const own = windows.get(asked);
    const full = isFull();
    const kind = own || (!full && windows.size < kinds) ? asked : OVERFLOW_KIND;
    const window = windows.get(kind) ?? open(kind, line);
    if (window.passed >= burst || (full && (own || window.passed > 0))) {
      window.held++;
      window.last = line;
      return;
    }
    window.passed++;
    passed++;
    log(line);
  }

  return Object.assign(write, {
    flush() {
      for (const [kind, { cancel }] of windows) {
        cancel();
        close(kind);
      }
    },
  });
}
