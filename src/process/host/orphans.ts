// Process layer: children that nobody waits for. As the first process of a container, or after an exec() by a program that had children,
// a director is given orphans, and each that ends would keep its place in the process table for ever. The runtime waits only for what
// it started itself.
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";

/** The runtime waits for its own children within milliseconds: what is still there this much later is nobody's. */
export const PATIENCE_MS = 500;

export interface OrphanPorts {
  readonly clock: Clock;
  /** Children of this process that have ended and were not waited for. */
  zombies(): readonly number[];
  reap(pid: number): void;
}

export interface Orphans {
  /** Some child has ended. */
  look(): void;
}

export function createOrphans({ clock, zombies, reap }: OrphanPorts): Orphans {
  let seen: ReadonlySet<number> = new Set();
  let isDue = false;

  function lookLater(): void {
    if (isDue) return;
    isDue = true;
    clock.at(clock.now() + PATIENCE_MS, () => {
      isDue = false;
      const now = zombies();
      for (const pid of now) if (seen.has(pid)) reap(pid);
      seen = new Set(now.filter((pid) => !seen.has(pid)));
      if (seen.size > 0) lookLater();
    });
  }

  return { look: lookLater };
}

/** By /proc; without CONFIG_PROC_CHILDREN every process is looked at. */
export function zombieChildren(): number[] {
  return childrenOfThis().filter((pid) => statOf(pid)?.state === "Z");
}

function childrenOfThis(): number[] {
  try {
    const lists = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/children`, "latin1"));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  } catch {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.map(Number).filter((pid) => statOf(pid)?.parent === process.pid);
  }
}

function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    const [state = "", parent] = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
