// Adapter: wakes the event loop to some ten microseconds: the kernel's timer of this process, told by SIGALRM. The runtime's own timers
// count whole milliseconds (docs/decisions/007-takeover-in-time.md). There is one alarm in a process: kernel/clock.ts has it.
import { setAlarm } from "../../ffi/time.ts";

/** Longer waits are set anew on the way. */
const LONGEST_MS = 0x7fff_ffff;

export interface Alarm {
  /** Rings once, not before `delayMs` are over; replaces the time set before. */
  set(delayMs: number): void;
}

/** The alarm of this process. SIGALRM is handled from here on for the life of the process: without a handler it would end it. */
export function openAlarm(ring: () => void): Alarm {
  process.on("SIGALRM", ring);
  return {
    // Rounded up, and never 0, which would turn it off.
    set: (delayMs) => setAlarm(Math.max(1, Math.ceil(Math.min(delayMs, LONGEST_MS) * 1000))),
  };
}
