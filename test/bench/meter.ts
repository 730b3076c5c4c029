// What processes cost, as the kernel counts it: CPU time, wake-ups, memory. Those that ended are not in it.
import { readdirSync, readFileSync } from "node:fs";
import { check } from "../../ffi/fd.ts";
import { libc } from "../../ffi/index.ts";
import { fixed } from "../../ffi/memory.ts";
import { TIMESPEC_BYTES, timespecMs } from "../../ffi/time.ts";

/** kernel: include/linux/posix-timers.h, the clock of all threads of a process, by what the scheduler gave them. */
const CPUCLOCK_SCHED = 2;

export interface Memory {
  /** Resident pages, those that several processes share counted in each of them. */
  readonly rssMb: number;
  /** The same, shared ones divided by those who share them. */
  readonly pssMb: number;
  /** Pages of no file: what it costs to run one more. */
  readonly anonymousMb: number;
}

/** CPU time of each process in milliseconds, threads that ended included. */
export type CpuTimes = ReadonlyMap<number, number>;

export function cpuTimes(pids: readonly number[]): CpuTimes {
  const time = fixed(TIMESPEC_BYTES);
  const times = new Map<number, number>();
  for (const pid of pids) {
    check(libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, time), "clock_gettime", `CPU time of process ${pid}`);
    times.set(pid, timespecMs(new DataView(time.buffer)));
  }
  return times;
}

/** Milliseconds since `before`, or since they were started; what ended since is not in it. */
export function cpuMs(pids: readonly number[], before: CpuTimes = new Map()): number {
  return [...cpuTimes(pids)].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0);
}

/** How often their threads have slept, that is been woken, since they began. */
export function wakeUps(pids: readonly number[]): number {
  const threads = pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`));
  return threads.reduce((sum, path) => sum + field(`${path}/status`, "voluntary_ctxt_switches"), 0);
}

export function memoryOf(pids: readonly number[]): Memory {
  const sum = (name: string) => pids.reduce((total, pid) => total + field(`/proc/${pid}/smaps_rollup`, name), 0) / 1024;
  return { rssMb: sum("Rss"), pssMb: sum("Pss"), anonymousMb: sum("Anonymous") };
}

function field(path: string, name: string): number {
  const value = new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(readFileSync(path, "utf8"))?.[1];
  if (value === undefined) throw new Error(`${path} has no ${name}`);
  return Number(value);
}
