// Adapter: what the configuration lets a process ask of the kernel for itself: nice value, real-time priority, locked memory, CPUs,
// and limits. Each is tried; what is refused is said and lived with.

import {
  lockMemoryOnFault,
  MAX_CPUS,
  RLIMIT_NOFILE,
  RLIMIT_RTTIME,
  resourceLimit,
  SCHED_OTHER,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
  setAffinity,
  setNice,
  setResourceLimit,
  setScheduler,
  unlockMemory,
} from "../../ffi/process.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ProcessRights } from "../config/model/global.ts";

/**
 * Least `rlimit_rttime` that is applied. The engine compiles and collects in bursts of tens of milliseconds (runtime.md §4), and
 * the kernel kills a process over the limit; keepalived's default of 10 ms would be deadly.
 */
const RTTIME_FLOOR_US = 1_000_000;

/** Open descriptors that a director may need: checks, sockets, scripts. */
const WANTED_FILES = 65_536n;
const ALL_CPUS: readonly number[] = Array.from({ length: MAX_CPUS }, (_, cpu) => cpu);

/** Gives this process what a configuration says; called anew at each reload. What is refused is a warning, never an error. */
export type TakeRights = (rights: ProcessRights) => void;

/** The rights of this process. What an earlier configuration asked for and the next one does not is given back. */
export function openRights(area: string, log: Log): TakeRights {
  let before: ProcessRights = { noSwap: false };

  function attempt(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      const why = messageOf(error);
      log({ level: "warning", area, message: `${what} is not allowed here, going on without it: ${why}` });
    }
  }

  function takeRealtime(priority: number | undefined, rttimeUs: number | undefined): void {
    if (priority === undefined) {
      if (before.realtimePriority !== undefined)
        attempt("ordinary scheduling", () => setScheduler(SCHED_OTHER | SCHED_RESET_ON_FORK, 0));
      return;
    }
    attempt("rlimit_rttime", () => limitRealtime(rttimeUs, area, log));
    // Children must not inherit it: a runaway script at real-time priority would take the CPU for good.
    attempt(`real-time priority ${priority}`, () =>
      setScheduler(SCHED_RR | SCHED_RESET_ON_FORK, Math.max(1, Math.min(99, priority))),
    );
  }

  return (rights) => {
    attempt("more open files", raiseFileLimit);
    const priority = rights.priority ?? (before.priority === undefined ? undefined : 0);
    if (priority !== undefined) attempt(`priority ${priority}`, () => setNice(priority));
    const cpus = rights.cpuAffinity ?? (before.cpuAffinity === undefined ? [] : ALL_CPUS);
    if (cpus.length > 0) attempt(`cpu affinity ${rights.cpuAffinity?.join(" ") ?? "all"}`, () => setAffinity(cpus));
    if (rights.noSwap) attempt("no_swap (locking memory)", lockMemoryOnFault);
    else if (before.noSwap) attempt("swap (unlocking memory)", unlockMemory);
    takeRealtime(rights.realtimePriority, rights.rlimitRttimeUs);
    before = rights;
  };
}

/** How many files this process may have open, once it has taken its rights. */
export function openFileLimit(): number {
  const { hard } = resourceLimit(RLIMIT_NOFILE);
  return Number(hard < WANTED_FILES ? hard : WANTED_FILES);
}

function raiseFileLimit(): void {
  const { soft, hard } = resourceLimit(RLIMIT_NOFILE);
  const wanted = BigInt(openFileLimit());
  if (soft < wanted) setResourceLimit(RLIMIT_NOFILE, { soft: wanted, hard });
}

function limitRealtime(wantedUs: number | undefined, area: string, log: Log): void {
  if (wantedUs === undefined) return;
  const us = Math.max(wantedUs, RTTIME_FLOOR_US);
  if (us !== wantedUs)
    log({ level: "info", area, message: `rlimit_rttime ${wantedUs} raised to ${us} us: the engine works in bursts` });
  setResourceLimit(RLIMIT_RTTIME, { soft: BigInt(us), hard: BigInt(2 * us) });
}
