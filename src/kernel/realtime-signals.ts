// Adapter: real-time signals. keepalived takes two of them (63: statistics to zero, 36: dump as JSON), and its exporters send them;
// their default action ends a process, and the runtime accepts a handler for them that it never calls (runtime.md §1).
import { ignoreSignal } from "../../ffi/process.ts";

/** kernel: 32 and 33 are real-time signals too, but belong to the C library's threads. */
const FIRST = 34;
const LAST = 64;

/** From now on none of them ends this process. What it starts has their default action again: the runtime sees to that. */
export function ignoreRealtimeSignals(): void {
  for (let signal = FIRST; signal <= LAST; signal++) ignoreSignal(signal);
}
