// Layer 0: bounds what the network can make us write. Every message that a packet or a peer causes goes through a limited log:
// the first of a kind passes, the rest of its window is counted, and one line at the end says how many there were.
import type { Cancel, Clock } from "./clock.ts";
import type { Log, LogLine } from "./log.ts";

/** Length of a window in milliseconds. */
export const LOG_WINDOW_MS = 10_000;
/** Kinds that are told apart at one time; further ones share a window of their own. */
export const MAX_LOG_KINDS = 256;

const OVERFLOW_KIND = "\u0000other kinds";

/** Logs `line` unless a line of the same `kind` was logged in this window. `kind` must not hold text from the network. */
export type LimitedLog = (kind: string, line: LogLine) => void;

interface Window {
  readonly cancel: Cancel;
  held: number;
  last: LogLine;
}

export function limitLog(log: Log, clock: Clock, windowMs = LOG_WINDOW_MS): LimitedLog {
  const windows = new Map<string, Window>();

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

  return (asked, line) => {
    const kind = windows.has(asked) || windows.size < MAX_LOG_KINDS ? asked : OVERFLOW_KIND;
    const window = windows.get(kind);
    if (window) {
      window.held++;
      window.last = line;
      return;
    }
    windows.set(kind, { cancel: clock.at(clock.now() + windowMs, () => close(kind)), held: 0, last: line });
    log(line);
  };
}
