// Time finer than the runtime has it: the wall clock with fractions, and the alarm of this process.
import { check } from "./fd.ts";
import { libc } from "./index.ts";
import { layout, u32 } from "./layout.ts";
import { fixed } from "./memory.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const ITIMER_REAL = 0;

/** struct timespec: seconds and nanoseconds, both 64 bits here; the latter stay below 2^30. */
const TIMESPEC = layout({ seconds: u32(0), secondsHigh: u32(4), nanoseconds: u32(8) }, 16);
export const TIMESPEC_BYTES = TIMESPEC.sizeBytes;
const now = fixed(TIMESPEC_BYTES);
const nowView = new DataView(now.buffer);

/** Wall-clock time in milliseconds since 1970, to some tenths of a microsecond. */
export function wallClockMs(): number {
  check(libc.clock_gettime(CLOCK_REALTIME, now), "clock_gettime", "CLOCK_REALTIME");
  return timespecMs(nowView);
}

/** The kernel's monotonic clock in whole microseconds; the runtimes' own count from the start of the process. */
export function monotonicMicroseconds(): number {
  check(libc.clock_gettime(CLOCK_MONOTONIC, now), "clock_gettime", "CLOCK_MONOTONIC");
  return Math.floor(timespecMs(nowView) * 1000);
}

/** A struct timespec in milliseconds, to some tenths of a microsecond while it is one of the wall clock. */
export function timespecMs(view: DataView): number {
  const { seconds, secondsHigh, nanoseconds } = TIMESPEC.fields;
  return (seconds.read(view) + secondsHigh.read(view) * 2 ** 32) * 1000 + nanoseconds.read(view) / 1e6;
}

/** struct itimerval: two struct timeval, the repetition (none here) and the time to go, of seconds and microseconds in 64 bits each. */
const ITIMERVAL = layout({ seconds: u32(16), microseconds: u32(24) }, 32);
const timer = fixed(ITIMERVAL.sizeBytes);
const timerView = new DataView(timer.buffer);

/** Has SIGALRM come once, in so many microseconds, instead of the time set before; 0: not at all. Below 2^32 seconds. */
export function setAlarm(microseconds: number): void {
  ITIMERVAL.fields.seconds.write(timerView, Math.floor(microseconds / 1e6));
  ITIMERVAL.fields.microseconds.write(timerView, microseconds % 1e6);
  check(libc.setitimer(ITIMER_REAL, timer, null), "setitimer", `${microseconds} us`);
}
