// Role starter: which programs run, in a file of the run directory, so that those of a starter that was killed can be ended. A pid
// counts only together with the time at which its process began: numbers are used again.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { SpawnProgram } from "../../kernel/script-runner.ts";
import { isDirectorsChild } from "../../process/host/process-facts.ts";

/** Starts programs as `spawn` does and keeps the list. */
export function recordedSpawn(spawn: SpawnProgram, runDir: string): SpawnProgram {
  const running = new Map<number, string>();
  const write = () => {
    try {
      if (running.size === 0) {
        rmSync(recordPath(runDir), { force: true });
        return;
      }
      writeFileSync(recordPath(runDir), [...running].map(([pid, born]) => `${pid} ${born}\n`).join(""), {
        mode: 0o600,
      });
    } catch {
      // A full disk: programs run all the same.
    }
  };
  return (launch, ended) => {
    const pid = spawn(launch, (end) => {
      running.delete(pid);
      write();
      ended(end);
    });
    const born = bornAt(pid);
    if (born !== undefined) running.set(pid, born);
    write();
    return pid;
  };
}

/**
 * Kills the groups that an earlier starter left running. Roles with fewer rights write in the run directory too: what is named there is
 * ended only when this director can have started it.
 */
export function endLeftovers(runDir: string): void {
  let text: string;
  try {
    text = readFileSync(recordPath(runDir), "utf8");
  } catch {
    return;
  }
  for (const [, pid, born] of text.matchAll(/^(\d+) (\d+)$/gm)) {
    if (bornAt(Number(pid)) !== born || !mayBeEnded(Number(pid))) continue;
    try {
      process.kill(-Number(pid), "SIGKILL");
    } catch {
      // ESRCH: it has ended meanwhile.
    }
  }
}

/** No process of a director, and nothing of other services: what a starter starts stays in its control group. */
export function mayBeEnded(pid: number): boolean {
  // kernel: a group of -1 is every process there is.
  if (pid <= 1 || pid === process.pid || pid === process.ppid) return false;
  return !isDirectorsChild(pid) && cgroupOf(pid) === cgroupOf("self");
}

function cgroupOf(pid: number | "self"): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "latin1");
  } catch {
    return "";
  }
}

function recordPath(runDir: string): string {
  return `${runDir}/programs`;
}

/** proc(5): field 22 of stat, in ticks since the machine started; the name before it may hold anything. */
function bornAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
