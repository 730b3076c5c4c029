// What processes cost, as the kernel counts it: CPU time, wake-ups, memory.
import { readdirSync, readFileSync } from "node:fs";
import { check } from "../../ffi/fd.ts";
import { libc } from "../../ffi/index.ts";
import { fixed } from "../../ffi/memory.ts";
import { TIMESPEC_BYTES, timespecMs } from "../../ffi/time.ts";

/** kernel: include/linux/posix-timers.h, the clock of all threads of a process, by what the scheduler gave them. */
const CPUCLOCK_SCHED = 2;
const MS_PER_TICK = 10;

export interface Memory {
  /** Resident pages, those that several processes share counted in each of them. */
  readonly rssMb: number;
  /** The same, shared ones divided by those who share them. */
  readonly pssMb: number;
  /** Pages of no file: what it costs to run one more. */
  readonly anonymousMb: number;
}

/**
 * CPU time of processes and of all below them that have ended, in milliseconds: what a short-lived child did stays in the sum, its parent
 * has it then (to 10 ms). So the difference of two sums is what was used between them, whoever came and went.
 */
export function cpuMs(pids: readonly number[]): number {
  const time = fixed(TIMESPEC_BYTES);
  return pids.reduce((sum, pid) => {
    check(libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, time), "clock_gettime", `CPU time of process ${pid}`);
    return sum + timespecMs(new DataView(time.buffer)) + endedChildrenMs(pid);
  }, 0);
}

/** proc(5): cutime and cstime, fields 16 and 17. */
function endedChildrenMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK;
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
