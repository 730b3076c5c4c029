// Time finer than the runtime has it: the wall clock with fractions, and the alarm of this process.
import { check } from "./fd.ts";
import { libc } from "./index.ts";
import { fixed } from "./memory.ts";

const CLOCK_REALTIME = 0;
const ITIMER_REAL = 0;

/** struct timespec: seconds and nanoseconds, both 64 bits here; what they hold fits 53. */
export const TIMESPEC_BYTES = 16;
const now = fixed(TIMESPEC_BYTES);
const nowView = new DataView(now.buffer);

/** Wall-clock time in milliseconds since 1970, to some tenths of a microsecond. */
export function wallClockMs(): number {
  check(libc.clock_gettime(CLOCK_REALTIME, now), "clock_gettime", "CLOCK_REALTIME");
  return timespecMs(nowView);
}

/** A struct timespec in milliseconds, to some tenths of a microsecond while it is one of the wall clock. */
export function timespecMs(view: DataView): number {
  return (view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32) * 1000 + view.getUint32(8, true) / 1e6;
}

/** struct itimerval: two struct timeval of seconds and microseconds, the repetition and the time to go. */
const timer = fixed(32);
const timerView = new DataView(timer.buffer);

/** Has SIGALRM come once, in so many microseconds, instead of the time set before; 0: not at all. Below 2^32 seconds. */
export function setAlarm(microseconds: number): void {
  timerView.setUint32(16, Math.floor(microseconds / 1e6), true);
  timerView.setUint32(24, microseconds % 1e6, true);
  check(libc.setitimer(ITIMER_REAL, timer, null), "setitimer", `${microseconds} us`);
}
