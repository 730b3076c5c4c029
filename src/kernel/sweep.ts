// Adapter: once a second everything is looked at that a lost signal would leave undone (the queue of a changing owner, a debugger): for
// the whole process together, and in a turn that something else has woken it for when there is one, so that it needs no wake-up of its own.
const SWEEP_MS = 1000;
/** The timer is for a process that nothing else wakes: what comes every second comes before it. */
const SLACK_MS = 100;

export interface SweepPorts {
  now(): number;
  /** Runs something once; what it gives calls that off. */
  after(ms: number, run: () => void): () => void;
}

export interface Sweep {
  /** Calls `look` about once a second, with all others. What it gives ends that. */
  add(look: () => void): () => void;
  /** A signal was handled: the process is awake, so the sweep that is due soon is done with it. */
  inPassing(): void;
}

/** With time and timer handed in. */
export function createSweep({ now, after }: SweepPorts): Sweep {
  const looks = new Set<() => void>();
  let cancel: (() => void) | undefined;
  let sweptAt = 0;

  function rest(): void {
    sweptAt = now();
    cancel?.();
    cancel = after(SWEEP_MS + SLACK_MS, sweepAll);
  }

  function sweepAll(): void {
    rest();
    for (const look of looks) look();
  }

  return {
    add(look) {
      looks.add(look);
      if (!cancel) rest();
      return () => {
        looks.delete(look);
        if (looks.size > 0) return;
        cancel?.();
        cancel = undefined;
      };
    },
    inPassing() {
      if (cancel && now() - sweptAt > SWEEP_MS - SLACK_MS) sweepAll();
    },
  };
}

/** That of this process. It takes the runtime's own timer: the kernel's alarm is one of the signals that may be lost. */
export const ownSweep: Sweep = createSweep({
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});
