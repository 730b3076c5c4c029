// Adapter: real-time signals. keepalived takes two of them (63: statistics to zero, 36: dump as JSON), and its exporters send them;
// their default action ends a process, and the runtime accepts a handler for them that it never calls (runtime.md §1).
import { read } from "../../ffi/fd.ts";
import { ignoreSignal } from "../../ffi/process.ts";
import { pipeSignal } from "../../ffi/signals.ts";
import type { Readiness } from "./readiness.ts";

/** kernel: 32 and 33 are real-time signals too, but belong to the C library's threads. */
const FIRST = 34;
/** keepalived: SIGRTMIN+2 and SIGRTMAX-1, as the C library counts them. */
export const JSON_DUMP = 36;
export const STATS_CLEAR = 63;
const LAST = 64;
/** kernel: as much as a pipe holds. */
const PIPE_BYTES = 65_536;

/** From now on none of them ends this process. What it starts has their default action again: the runtime sees to that. */
export function ignoreRealtimeSignals(): void {
  for (let signal = FIRST; signal <= LAST; signal++) ignoreSignal(signal);
}

/**
 * `taker` is called when the signal has come, once for several in a row. Early in the life of a process: the descriptor of its number has to
 * be free. @throws Error when it can't be had; it is ignored as before
 */
export function takeRealtimeSignal(readiness: Readiness, signal: number, taker: () => void): void {
  const pipe = pipeSignal(signal);
  const bytes = new Uint8Array(PIPE_BYTES);
  readiness.add(pipe, "read", () => {
    if ((read(pipe, bytes) ?? 0) > 0) taker();
  });
}
