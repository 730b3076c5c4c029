// Adapter: what a process may have been given by who started it: signals blocked, signals ignored. Both live through exec, so that a
// director started from a careless program would hand them on to every check and notify program.
import { readFileSync } from "node:fs";
import { defaultSignal, unblockSignals } from "../../ffi/signals.ts";

/** kernel: 32 and above are real-time signals, which realtime-signals.ts deals with. */
const LAST_STANDARD = 31;
/** The runtime ignores it in every process: a file that may not grow is an error and no end. Programs have it as usual. */
export const SIGXFSZ = 25;

/** Blocks nothing, and gives every ignored standard signal its default action; handlers stay. Before this process starts another. */
export function shedInheritedSignals(): void {
  unblockSignals();
  for (const signal of ignoredSignals(readFileSync("/proc/self/status", "latin1")))
    if (signal !== SIGXFSZ) defaultSignal(signal);
}

/** Standard signals that are ignored by a text of /proc/PID/status. */
export function ignoredSignals(status: string): number[] {
  const mask = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Array.from({ length: LAST_STANDARD }, (_, bit) => bit + 1).filter((n) => (mask >> BigInt(n - 1)) & 1n);
}
