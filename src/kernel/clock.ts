// Adapter: the real Clock. However many things wait, the runtime holds one timer for the earliest of them: 10,000 timers of its own
// would cost 5–8 % of a core (runtime.md §4). The rest wait in a binary heap. Where tenths of a millisecond count, the timer is the
// kernel's alarm.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { Alarm } from "./alarm.ts";
import { ownSweep } from "./sweep.ts";

/** What is due this soon runs now: the runtime counts whole milliseconds, and the next one would be later than this is early. */
const EARLY_MS = 0.2;
/** setTimeout overflows above 2^31 - 1 ms: a longer wait is armed again on the way. */
const LONGEST_TIMER_MS = 0x7fff_ffff;
/** Things run in one turn before sockets get a chance again. */
const MAX_RUNS_PER_TURN = 256;

interface Entry {
  readonly when: MonoMs;
  /** What is due already counts from when it was asked for, in a callback from when that began. */
  readonly dueAt: MonoMs;
  /** Order of asking, so that equal times run first come, first served. */
  readonly order: number;
  readonly run: () => void;
  /** Its place in the heap; GONE when it ran or was cancelled: most time limits are, long before their time. */
  at: number;
}

const GONE = -1;

export interface ClockOptions {
  /** Hears of each turn how late it runs. */
  readonly late?: (lateMs: number) => void;
  /** Exact to some ten microseconds instead of a millisecond, at the price of a signal for each turn. */
  readonly openAlarm?: (ring: () => void) => Alarm;
}

/** The clock of this process. A callback that throws is the process's uncaught error; the others still run. */
export function systemClock({ late = () => {}, openAlarm }: ClockOptions = {}): Clock {
  const heap: Entry[] = [];
  const timer = openAlarm ? alarmTimer(openAlarm, turn) : timeoutTimer(turn);
  let order = 0;
  let armedFor = Number.POSITIVE_INFINITY;
  /** When the earliest could have run. */
  let expectedAt = 0;
  /** While callbacks run: since when. */
  let turnSince: MonoMs | undefined;

  function at(when: MonoMs, run: () => void): Cancel {
    if (Number.isNaN(when)) throw new RangeError("clock: a time that is not a number");
    // What falls due while a callback runs waits for the end of it, and is late however late it was asked for.
    const dueAt = Math.max(when, turnSince ?? performance.now());
    const entry: Entry = { when, dueAt, order: order++, run, at: heap.length };
    heap.push(entry);
    rise(heap, entry);
    if (when < armedFor) arm(when, entry.dueAt);
    return () => remove(heap, entry);
  }

  function arm(when: MonoMs, dueAt: MonoMs): void {
    armedFor = when;
    expectedAt = dueAt;
    timer.set(Math.max(0, when - performance.now()));
  }

  function turn(): void {
    const now = performance.now();
    const due = now + timer.earlyMs;
    // Rung too soon: setTimeout may be by a millisecond, and the longest waits go by stages.
    if (armedFor > due) {
      if (armedFor < Number.POSITIVE_INFINITY) arm(armedFor, expectedAt);
      return;
    }
    // While callbacks run, at() must not arm: the end of this turn does it once.
    armedFor = Number.NEGATIVE_INFINITY;
    turnSince = now;
    late(now - expectedAt);
    try {
      for (let runs = 0; runs < MAX_RUNS_PER_TURN; ) {
        const top = heap[0];
        if (!top || top.when > due) break;
        remove(heap, top);
        runs++;
        top.run();
      }
    } finally {
      turnSince = undefined;
      armedFor = Number.POSITIVE_INFINITY;
      const next = heap[0];
      if (next) arm(next.when, next.dueAt);
    }
  }

  return { now: () => performance.now(), wallMs: () => Date.now(), at };
}

interface Timer {
  /** Runs `turn` after so many milliseconds, instead of what was set before. */
  set(delayMs: number): void;
  /** What is due this soon runs now. */
  readonly earlyMs: number;
}

function timeoutTimer(turn: () => void): Timer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let immediate: ReturnType<typeof setImmediate> | undefined;
  return {
    earlyMs: EARLY_MS,
    set(delayMs) {
      clearTimeout(timer);
      clearImmediate(immediate);
      timer = immediate = undefined;
      // setTimeout takes a millisecond at least: what is due now, such as the rule of a server that failed, waits for one turn.
      if (delayMs > EARLY_MS) timer = setTimeout(turn, Math.min(delayMs, LONGEST_TIMER_MS));
      else immediate = setImmediate(turn);
    },
  };
}

function alarmTimer(openAlarm: (ring: () => void) => Alarm, turn: () => void): Timer {
  const alarm = openAlarm(() => {
    turn();
    ownSweep.inPassing();
  });
  let immediate: ReturnType<typeof setImmediate> | undefined;
  ownSweep.add(turn);
  return {
    earlyMs: 0,
    set(delayMs) {
      clearImmediate(immediate);
      immediate = undefined;
      if (delayMs > 0) alarm.set(delayMs);
      else immediate = setImmediate(turn);
    },
  };
}

function before(a: Entry, b: Entry): boolean {
  return a.when < b.when || (a.when === b.when && a.order < b.order);
}

function remove(heap: Entry[], entry: Entry): void {
  const { at } = entry;
  if (at === GONE) return;
  entry.at = GONE;
  const last = heap.pop();
  if (!last || last === entry) return;
  put(heap, last, at);
  rise(heap, last);
  sink(heap, last);
}

function put(heap: Entry[], entry: Entry, at: number): void {
  heap[at] = entry;
  entry.at = at;
}

function rise(heap: Entry[], entry: Entry): void {
  let { at } = entry;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (!parent || !before(entry, parent)) break;
    put(heap, parent, at);
    at = above;
  }
  put(heap, entry, at);
}

function sink(heap: Entry[], entry: Entry): void {
  let { at } = entry;
  for (;;) {
    let below = 2 * at + 1;
    let child = heap[below];
    if (!child) break;
    const other = heap[below + 1];
    if (other && before(other, child)) {
      child = other;
      below++;
    }
    if (!before(child, entry)) break;
    put(heap, child, at);
    at = below;
  }
  put(heap, entry, at);
}
