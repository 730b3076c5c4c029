// Process layer: what /proc says about other processes, to tell a living one from a number in a file.
import { readFileSync, readlinkSync } from "node:fs";

/** The kernel counts in these, whatever its own tick is (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Wall-clock time when a process started, in milliseconds; undefined when it is not there, or dead and not waited for. */
export function startedAtMs(pid: number): number | undefined {
  const ticks = startedAtTicks(pid);
  if (ticks === undefined) return undefined;
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    return (Number(boot) + ticks / TICKS_PER_SECOND) * 1000;
  } catch {
    return undefined;
  }
}

/** The same in ticks since the start of the machine, which no setting of the clock changes: with the pid it names one process for good. */
export function startedAtTicks(pid: number): number | undefined {
  try {
    // Behind the name, which may hold anything: state is the first field, start time the twentieth.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

/**
 * Whether a process runs the same program as this one, as far as may be known. kernel: the program of a process that leaves no core
 * files is told only to CAP_SYS_PTRACE; without it the answer is yes, and the caller's other evidence decides.
 */
export function runsOurProgram(pid: number): boolean {
  try {
    return programOf(pid) === programOf("self");
  } catch (error) {
    return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
  }
}

/** Whether a process is one that a director started of itself: they are called `lbd-` and what they do (runtime.ts). */
export function isDirectorsChild(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("lbd-") && runsOurProgram(pid);
  } catch {
    return false;
  }
}

/** What ps calls it; empty when it is not there. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trim();
  } catch {
    return "";
  }
}

/** The file of the program, also after it was replaced or removed. */
function programOf(pid: number | "self"): string {
  return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
}
