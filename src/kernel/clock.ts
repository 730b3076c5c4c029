// Adapter: the real Clock. However many things wait, the runtime holds one timer for the earliest of them: 10,000 timers of its own
// would cost 5–8 % of a core (runtime.md §4). The rest wait in a binary heap.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";

/** What is due this soon runs now: the runtime counts whole milliseconds, and the next one would be later than this is early. */
const EARLY_MS = 0.2;
/** setTimeout overflows above 2^31 - 1 ms: a longer wait is armed again on the way. */
const LONGEST_TIMER_MS = 0x7fff_ffff;
/** Things run in one turn before sockets get a chance again. */
const MAX_RUNS_PER_TURN = 256;

interface Entry {
  readonly when: MonoMs;
  /** Order of asking, so that equal times run first come, first served. */
  readonly order: number;
  /** Cleared when it ran or was cancelled. */
  run: (() => void) | undefined;
}

/**
 * The clock of this process. A callback that throws is the process's uncaught error; the others still run. `late` hears
 * of each turn how late it runs.
 */
export function systemClock(late: (lateMs: number) => void = () => {}): Clock {
  const heap: Entry[] = [];
  let order = 0;
  let cancelled = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let armedFor = Number.POSITIVE_INFINITY;
  /** When the timer is to run; what is due already counts from when it was asked for. */
  let expectedAt = 0;

  function at(when: MonoMs, run: () => void): Cancel {
    if (Number.isNaN(when)) throw new RangeError("clock: a time that is not a number");
    const entry: Entry = { when, order: order++, run };
    push(heap, entry);
    if (when < armedFor) arm(when);
    return () => cancel(entry);
  }

  function cancel(entry: Entry): void {
    if (!entry.run) return;
    entry.run = undefined;
    cancelled++;
    // A cancelled entry waits for its turn at the top; when most of the heap is such, it is rebuilt without them.
    if (cancelled > 64 && cancelled > heap.length / 2) {
      const live = heap.filter((e) => e.run);
      heap.length = 0;
      for (const e of live) push(heap, e);
      cancelled = 0;
    }
  }

  function arm(when: MonoMs): void {
    if (timer) clearTimeout(timer);
    armedFor = when;
    const now = performance.now();
    expectedAt = Math.min(Math.max(when, now), now + LONGEST_TIMER_MS);
    timer = setTimeout(turn, expectedAt - now);
  }

  function turn(): void {
    timer = undefined;
    // While callbacks run, at() must not arm: the end of this turn does it once.
    armedFor = Number.NEGATIVE_INFINITY;
    late(performance.now() - expectedAt);
    try {
      const due = performance.now() + EARLY_MS;
      for (let runs = 0; runs < MAX_RUNS_PER_TURN; ) {
        const top = heap[0];
        if (!top || top.when > due) break;
        pop(heap);
        const run = top.run;
        if (!run) {
          cancelled--;
          continue;
        }
        top.run = undefined;
        runs++;
        run();
      }
    } finally {
      armedFor = Number.POSITIVE_INFINITY;
      const next = heap[0];
      if (next) arm(next.when);
    }
  }

  return { now: () => performance.now(), wallMs: () => Date.now(), at };
}

function before(a: Entry, b: Entry): boolean {
  return a.when < b.when || (a.when === b.when && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (!parent || !before(entry, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    let child = heap[below];
    if (!child) break;
    const other = heap[below + 1];
    if (other && before(other, child)) {
      child = other;
      below++;
    }
    if (!before(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
}
