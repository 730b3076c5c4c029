// Check core: when each check runs. One entry per check; a run goes through its parts (urls, hosts) one after the other and ends
// at the first that fails. Time, chance and the probes are arguments, so a test moves a clock and never waits.
// A period counts from the end of a run to the start of the next one (checkers.md §1).
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { Check } from "../config/model/check.ts";
import { afterRun, delayAfterRun, type Health } from "./health.ts";
import type { Outcome, Verdict, WeightShare } from "./outcome.ts";

/** One try: `part` counts the urls or hosts of the check. */
export interface Attempt {
  readonly check: Check;
  readonly part: number;
}

export interface Probes {
  /** Starts a try; `done` is called once, unless it is cancelled before. It ends by itself within the check's time limit. */
  start(attempt: Attempt, done: (outcome: Outcome) => void): Cancel;
}

export interface CheckState {
  readonly check: Check;
  readonly health: Health;
  readonly sinceWallMs: number;
  /** Latest share in the weight; absent: none. */
  readonly weight?: WeightShare | undefined;
  readonly last?: { readonly verdict: Verdict; readonly atWallMs: number } | undefined;
  readonly runs: number;
  readonly failures: number;
  /** When the next run starts; absent while one is under way or it is suspended. */
  readonly nextAt?: MonoMs | undefined;
}

export interface RunnerPorts {
  readonly clock: Clock;
  readonly probes: Probes;
  /** 0 ≤ n < 1. */
  random(): number;
  /** After each run. `before` is the health that it had; `again`: the run before it said the same, word for word. */
  ran(id: string, before: Health, state: CheckState, verdict: Verdict, again: boolean): void;
  /** At each start: by how much it came later than planned. */
  started?(lateMs: number): void;
}

export interface CheckRunner {
  /** Takes a check on. The first run comes START_DELAY_MS after this plus a random part of its warm-up. */
  add(id: string, check: Check, health: Health, kept?: Partial<CheckState>): void;
  /** Takes new periods or another place in the file for the same check; the timer goes on unless the period got shorter. */
  change(id: string, check: Check): void;
  /** Ends it, and a run that is under way. */
  remove(id: string): void;
  /** No runs until `resume`; a run that is under way is given up. Health stays. */
  suspend(id: string): void;
  resume(id: string): void;
  state(id: string): CheckState | undefined;
  ids(): Iterable<string>;
  /** Runs now, whatever the timer says: something happened (a watched file changed). Does nothing while it runs or is suspended. */
  kick(id: string): void;
  readonly inFlight: number;
  stop(): void;
}

/** keepalived: checks start about a second after the process. */
export const START_DELAY_MS = 1000;
/** Runs under way at once; later ones wait for a place, in order. Keeps descriptors below the usual limit of a service. */
export const MAX_IN_FLIGHT = 16_384;
/** A period or retry delay of nothing at all would let one check fill the loop. */
const MIN_DELAY_MS = 1;
/** After a suspension checks come back within this time, or a period if that is shorter. */
const RESUME_SPREAD_MS = 1000;

/**
 * Starts stand on marks this far apart: checks that are due at nearly the same time share one wake-up of the process, which costs more
 * than a check. Each divides the one before it, and a second, so that marks for many checks are also marks for few.
 */
const GRAINS_MS = [100, 50, 10, 2, 1] as const;
/** Where so many come together anyway, the marks are closer. */
const CHECKS_PER_WAKE = 20;
/** Marks are no farther apart than this part of a delay: no start is moved by more than a thirtieth, and the next one makes it good. */
const GRAINS_PER_DELAY = 15;
/** A start that is late by no more than this does not put off the next one: else checks that were held up together stay together. */
const MAX_MADE_UP_MS = 20;

interface Entry {
  readonly id: string;
  check: Check;
  health: Health;
  sinceWallMs: number;
  weight: WeightShare | undefined;
  last: CheckState["last"] | undefined;
  runs: number;
  failures: number;
  nextAt: MonoMs | undefined;
  /** The part that failed last goes first: it is what decides. */
  firstPart: number;
  suspended: boolean;
  running: boolean;
  /** By how much the run under way, or the last one, started later than planned. */
  lateMs: number;
  /** By how much the mark of the next run, or of the one under way, is later than it would be without marks; below 0: earlier. */
  movedMs: number;
  /** Ends whatever is pending: the timer, the place in the queue, the probe. */
  cancel: Cancel;
}

export function createCheckRunner(ports: RunnerPorts, maxInFlight = MAX_IN_FLIGHT): CheckRunner {
  const { clock, probes } = ports;
  const entries = new Map<string, Entry>();
  const waiting = new Set<Entry>();
  let inFlight = 0;
  let draining = false;
  /** Runs that all checks together want in a second. */
  let perSecond = 0;

  function schedule(entry: Entry, now: MonoMs, delayMs: number): void {
    const grainMs = grainFor(perSecond, delayMs);
    const wished = now + delayMs;
    const when = grainMs === 0 ? wished : Math.round(wished / grainMs) * grainMs;
    entry.movedMs = when - wished;
    entry.nextAt = when;
    entry.cancel = clock.at(when, () => start(entry, when));
  }

  function start(entry: Entry, plannedAt: MonoMs): void {
    if (inFlight >= maxInFlight) {
      waiting.add(entry);
      entry.cancel = () => waiting.delete(entry);
      return;
    }
    const startedAt = clock.now();
    entry.lateMs = Math.max(0, startedAt - plannedAt);
    ports.started?.(startedAt - plannedAt);
    inFlight++;
    entry.nextAt = undefined;
    entry.running = true;
    runPart(entry, 0, startedAt);
  }

  /** `done` parts have succeeded; they count from the one that failed last. */
  function runPart(entry: Entry, done: number, startedAt: MonoMs): void {
    const count = partCount(entry.check);
    const part = (entry.firstPart + done) % count;
    let over = false;
    const finish = (outcome: Outcome) => {
      if (over) return;
      over = true;
      if (outcome.ok && done + 1 < count) {
        runPart(entry, done + 1, startedAt);
        return;
      }
      entry.firstPart = outcome.ok ? 0 : part;
      end(entry, outcome, startedAt);
    };
    const cancelProbe = probes.start({ check: entry.check, part }, finish);
    // A probe that knew at once has moved on already: its way to be cancelled is the newer one.
    if (over) return;
    entry.cancel = () => {
      over = true;
      cancelProbe();
      leave(entry);
    };
  }

  function end(entry: Entry, outcome: Outcome, startedAt: MonoMs): void {
    leave(entry);
    const endedAt = clock.now();
    const verdict: Verdict = { ...outcome, durationMs: endedAt - startedAt };
    const before = entry.health;
    const again = entry.last !== undefined && sameWord(entry.last.verdict, verdict);
    entry.runs++;
    if (!verdict.ok) entry.failures++;
    if (verdict.inconclusive === undefined) entry.health = afterRun(before, verdict.ok, patience(entry.check));
    const now = clock.wallMs();
    if (entry.health.up !== before.up) entry.sinceWallMs = now;
    if (verdict.ok) entry.weight = verdict.weight;
    entry.last = { verdict, atWallMs: now };
    const delayMs = delayAfterRun(entry.health, verdict.ok, entry.check.kind, entry.check.timing);
    const madeUpMs = entry.movedMs + Math.min(entry.lateMs, MAX_MADE_UP_MS, delayMs / 2);
    schedule(entry, endedAt, Math.max(MIN_DELAY_MS, delayMs - madeUpMs));
    ports.ran(entry.id, before, snapshot(entry), verdict, again);
  }

  function leave(entry: Entry): void {
    entry.running = false;
    inFlight--;
    if (waiting.size > 0 && !draining) {
      draining = true;
      clock.at(clock.now(), drain);
    }
  }

  /** In a turn of its own: probes that fail at once would otherwise call each other without end. */
  function drain(): void {
    draining = false;
    for (const next of waiting) {
      if (inFlight >= maxInFlight) return;
      waiting.delete(next);
      start(next, next.nextAt ?? clock.now());
    }
  }

  function add(id: string, check: Check, health: Health, kept: Partial<CheckState> = {}): void {
    const entry: Entry = {
      id,
      check,
      health,
      sinceWallMs: kept.sinceWallMs ?? clock.wallMs(),
      weight: kept.weight,
      last: kept.last,
      runs: kept.runs ?? 0,
      failures: kept.failures ?? 0,
      nextAt: undefined,
      firstPart: 0,
      suspended: false,
      running: false,
      lateMs: 0,
      movedMs: 0,
      cancel: () => {},
    };
    entries.set(id, entry);
    perSecond += rateOf(check);
    schedule(entry, clock.now(), START_DELAY_MS + ports.random() * check.timing.warmupMs);
  }

  function change(id: string, check: Check): void {
    const entry = entries.get(id);
    if (!entry) return;
    perSecond += rateOf(check) - rateOf(entry.check);
    entry.check = check;
    const { nextAt } = entry;
    if (nextAt === undefined || entry.suspended || waiting.has(entry)) return;
    const now = clock.now();
    const longestMs = Math.max(check.timing.delayLoopMs, START_DELAY_MS);
    if (nextAt <= now + longestMs) return;
    entry.cancel();
    schedule(entry, now, ports.random() * longestMs);
  }

  function giveUp(entry: Entry): void {
    entry.cancel();
    entry.cancel = () => {};
    entry.nextAt = undefined;
  }

  return {
    add,
    change,
    remove(id) {
      const entry = entries.get(id);
      if (!entry) return;
      giveUp(entry);
      entries.delete(id);
      perSecond -= rateOf(entry.check);
    },
    suspend(id) {
      const entry = entries.get(id);
      if (!entry || entry.suspended) return;
      entry.suspended = true;
      giveUp(entry);
    },
    resume(id) {
      const entry = entries.get(id);
      if (!entry?.suspended) return;
      entry.suspended = false;
      schedule(entry, clock.now(), ports.random() * Math.min(RESUME_SPREAD_MS, entry.check.timing.delayLoopMs));
    },
    kick(id) {
      const entry = entries.get(id);
      if (!entry || entry.suspended || entry.running || waiting.has(entry)) return;
      entry.cancel();
      schedule(entry, clock.now(), 0);
    },
    state(id) {
      const entry = entries.get(id);
      return entry && snapshot(entry);
    },
    ids: () => entries.keys(),
    get inFlight() {
      return inFlight;
    },
    stop() {
      waiting.clear();
      for (const entry of entries.values()) giveUp(entry);
      entries.clear();
      perSecond = 0;
    },
  };
}

function rateOf({ timing }: Check): number {
  return 1000 / Math.max(MIN_DELAY_MS, timing.delayLoopMs);
}

/** How far apart marks are for a delay; 0: it is too short for any. */
function grainFor(perSecond: number, delayMs: number): number {
  for (const grainMs of GRAINS_MS) {
    const together = (perSecond * grainMs) / 1000;
    if (grainMs * GRAINS_PER_DELAY <= delayMs && (together <= CHECKS_PER_WAKE || grainMs === 1)) return grainMs;
  }
  return 0;
}

/** Failures that a running server is forgiven. Files and BFD sessions say how it is; nothing is gained by asking again. */
function patience(check: Check): number {
  return check.kind === "FILE_CHECK" || check.kind === "BFD_CHECK" ? 0 : check.timing.retry;
}

/** How many urls or hosts a check goes through in one run. */
export function partCount(check: Check): number {
  switch (check.kind) {
    case "HTTP_GET":
    case "SSL_GET":
      return Math.max(1, check.urls.length);
    case "SMTP_CHECK":
      return Math.max(1, check.hosts.length);
    default:
      return 1;
  }
}

function sameWord(one: Outcome, other: Outcome): boolean {
  if (one.weight || other.weight || one.inconclusive !== other.inconclusive) return false;
  return one.ok === other.ok && one.code === other.code && one.reason === other.reason;
}

function snapshot({ check, health, sinceWallMs, runs, failures, weight, last, nextAt }: Entry): CheckState {
  return { check, health, sinceWallMs, runs, failures, weight, last, nextAt };
}
