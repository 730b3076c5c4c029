// Process layer: a process that has come to rest lets go of what only its start needed, or the last change of its configuration: compiled code
// and garbage (a quarter of what it has to itself), and the pages of the program that it read on the way, which are the kernel's to
// keep or not. What it needs again comes back as it is used: rehearsals see to that in the vrrp process (docs/decisions/007).
import type { Cancel, Clock } from "../../base/clock.ts";

/** At rest for so long: by then the engine has collected what it collects by itself. */
export const REST_MS = 40_000;
/** What the process took of the processors is looked at over this time before. */
export const LOOK_MS = 5000;
/** A process that does more is not at rest: its code is in use. */
const REST_SHARE = 0.01;

export interface LetGoPorts {
  readonly clock: Clock;
  /** Time of the processors that this process took so far. */
  cpuMs(): number;
  shrink(): void;
}

export interface LetGo {
  /** The process has started, or taken another configuration. */
  grown(): void;
}

export function createLetGo({ clock, cpuMs, shrink }: LetGoPorts): LetGo {
  let cancel: Cancel = () => {};

  function look(): void {
    const before = cpuMs();
    cancel = clock.at(clock.now() + LOOK_MS, () => {
      if (cpuMs() - before < REST_SHARE * LOOK_MS) shrink();
      else look();
    });
  }

  return {
    grown() {
      cancel();
      cancel = clock.at(clock.now() + REST_MS - LOOK_MS, look);
    },
  };
}

/** Time of the processors that this process took, in ms. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
