// Check core: when each check runs. One record per check; a run goes through its parts (urls, hosts) one after the other and ends
// at the first that fails. Time, chance and the probes are arguments, so a test moves a clock and never waits.
// A period counts from the end of a run to the start of the next one (checkers.md §1).
import type { MonoMs } from "../base/clock.ts";
import type { Check } from "../config/model/check.ts";
import { afterRun, delayAfterRun, type Health } from "./health.ts";
import type { Outcome, WeightShare } from "./outcome.ts";
import type { Entry, Runner, RunnerPorts, RunningCheck } from "./runner-state.ts";
import { MIN_DELAY_MS, planStart, rateOf } from "./starts.ts";

export interface CheckRunner<Owner> {
  /** Takes a check on. The first run comes START_DELAY_MS after this plus a random part of its warm-up. */
  add(owner: Owner, check: Check, health: Health, weight?: WeightShare): RunningCheck<Owner>;
  /**
   * Takes new periods or another place in the file for the same check, and perhaps another owner; the timer goes on unless the
   * period got shorter.
   */
  change(check: RunningCheck<Owner>, owner: Owner, next: Check): void;
  /** Ends it, and a run that is under way. */
  remove(check: RunningCheck<Owner>): void;
  /** No runs until `resume`; a run that is under way is given up. Health stays. */
  suspend(check: RunningCheck<Owner>): void;
  resume(check: RunningCheck<Owner>): void;
  /** Runs now, whatever the timer says: something happened (a watched file changed). Does nothing while it runs or is suspended. */
  kick(check: RunningCheck<Owner>): void;
  /** How many were taken on and not removed. */
  readonly size: number;
  readonly inFlight: number;
  stop(): void;
}

/** keepalived: checks start about a second after the process. */
const START_DELAY_MS = 1000;
/** Runs under way at once; later ones wait for a place, in order. Keeps descriptors below the usual limit of a service. */
export const MAX_IN_FLIGHT = 16_384;
/** After a suspension checks come back within this time, or a period if that is shorter. */
const RESUME_SPREAD_MS = 1000;

/** A start that is late by no more than this does not put off the next one: else checks that were held up together stay together. */
const MAX_MADE_UP_MS = 20;

export function createCheckRunner<Owner>(ports: RunnerPorts<Owner>, maxInFlight = MAX_IN_FLIGHT): CheckRunner<Owner> {
  const { clock } = ports;
  const runner: Runner<Owner> = {
    ports,
    maxInFlight,
    start: (entry, plannedAt) => start(runner, entry, plannedAt),
    entries: new Set(),
    marks: new Map(),
    waiting: new Set(),
    inFlight: 0,
    draining: false,
    perSecond: 0,
  };
  const known: ReadonlySet<RunningCheck<Owner>> = runner.entries;
  const isOurs = (check: RunningCheck<Owner>): check is Entry<Owner> => known.has(check);
  /** The record behind what was handed out; undefined for one that was removed. */
  const entryOf = (check: RunningCheck<Owner>) => (isOurs(check) ? check : undefined);

  return {
    add(owner, check, health, weight) {
      const entry = newEntry(owner, check, health, weight, clock.wallMs());
      runner.entries.add(entry);
      runner.perSecond += rateOf(check);
      planStart(runner, entry, clock.now(), START_DELAY_MS + ports.random() * check.timing.warmupMs);
      return entry;
    },
    change(check, owner, next) {
      const entry = entryOf(check);
      if (entry) change(runner, entry, owner, next);
    },
    remove(check) {
      const entry = entryOf(check);
      if (!entry) return;
      giveUp(runner, entry);
      runner.entries.delete(entry);
      runner.perSecond -= rateOf(entry.check);
    },
    suspend(check) {
      const entry = entryOf(check);
      if (!entry || entry.suspended) return;
      entry.suspended = true;
      giveUp(runner, entry);
    },
    resume(check) {
      const entry = entryOf(check);
      if (!entry?.suspended) return;
      entry.suspended = false;
      const spreadMs = Math.min(RESUME_SPREAD_MS, entry.check.timing.delayLoopMs);
      planStart(runner, entry, clock.now(), ports.random() * spreadMs);
    },
    kick(check) {
      const entry = entryOf(check);
      if (entry?.stage === "planned") planStart(runner, entry, clock.now(), 0);
    },
    get size() {
      return runner.entries.size;
    },
    get inFlight() {
      return runner.inFlight;
    },
    stop() {
      runner.waiting.clear();
      for (const entry of runner.entries) giveUp(runner, entry);
      for (const mark of runner.marks.values()) mark.cancel();
      runner.entries.clear();
      runner.marks.clear();
      runner.perSecond = 0;
    },
  };
}

function newEntry<Owner>(
  owner: Owner,
  check: Check,
  health: Health,
  weight: WeightShare | undefined,
  sinceWallMs: number,
): Entry<Owner> {
  return {
    owner,
    check,
    health,
    sinceWallMs,
    weight,
    outcome: undefined,
    endedWallMs: 0,
    durationMs: 0,
    runs: 0,
    failures: 0,
    stage: "idle",
    nextAt: undefined,
    suspended: false,
    firstPart: 0,
    lateMs: 0,
    movedMs: 0,
    cancelProbe: undefined,
  };
}

function start<Owner>(runner: Runner<Owner>, entry: Entry<Owner>, plannedAt: MonoMs): void {
  if (runner.inFlight >= runner.maxInFlight) {
    runner.waiting.add(entry);
    entry.stage = "waiting";
    return;
  }
  const { clock, started } = runner.ports;
  const startedAt = clock.now();
  entry.lateMs = Math.max(0, startedAt - plannedAt);
  started?.(startedAt - plannedAt);
  runner.inFlight++;
  entry.nextAt = undefined;
  entry.stage = "running";
  runPart(runner, entry, 0, startedAt);
}

/** `done` parts have succeeded; they count from the one that failed last. */
function runPart<Owner>(runner: Runner<Owner>, entry: Entry<Owner>, done: number, startedAt: MonoMs): void {
  const { check } = entry;
  const count = partCount(check);
  const part = (entry.firstPart + done) % count;
  let over = false;
  const finish = (outcome: Outcome) => {
    if (over) return;
    over = true;
    if (outcome.ok && done + 1 < count) {
      runPart(runner, entry, done + 1, startedAt);
      return;
    }
    entry.firstPart = outcome.ok ? 0 : part;
    end(runner, entry, outcome, startedAt);
  };
  const cancel = runner.ports.probes.start({ check, part }, finish);
  // A probe that knew at once has moved on already: its way to be cancelled is the newer one.
  if (over) return;
  entry.cancelProbe = () => {
    over = true;
    cancel();
  };
}

function end<Owner>(runner: Runner<Owner>, entry: Entry<Owner>, outcome: Outcome, startedAt: MonoMs): void {
  const { clock, ran } = runner.ports;
  leave(runner, entry);
  const endedAt = clock.now();
  const { check, health: before } = entry;
  const again = entry.outcome !== undefined && sameWord(entry.outcome, outcome);
  entry.runs++;
  if (!outcome.ok) entry.failures++;
  if (outcome.inconclusive === undefined) entry.health = afterRun(before, outcome.ok, patience(check));
  entry.endedWallMs = clock.wallMs();
  entry.durationMs = endedAt - startedAt;
  if (entry.health.up !== before.up) entry.sinceWallMs = entry.endedWallMs;
  if (outcome.ok) entry.weight = outcome.weight;
  if (!again) entry.outcome = outcome;
  const delayMs = delayAfterRun(entry.health, outcome.ok, check.kind, check.timing);
  const madeUpMs = entry.movedMs + Math.min(entry.lateMs, MAX_MADE_UP_MS, delayMs / 2);
  planStart(runner, entry, endedAt, Math.max(MIN_DELAY_MS, delayMs - madeUpMs));
  ran(entry, outcome, before, again);
}

/** A run is over: its place is free. */
function leave<Owner>(runner: Runner<Owner>, entry: Entry<Owner>): void {
  const { clock } = runner.ports;
  entry.stage = "idle";
  entry.cancelProbe = undefined;
  runner.inFlight--;
  if (runner.waiting.size > 0 && !runner.draining) {
    runner.draining = true;
    clock.at(clock.now(), () => drain(runner));
  }
}

/** In a turn of its own: probes that fail at once would otherwise call each other without end. */
function drain<Owner>(runner: Runner<Owner>): void {
  runner.draining = false;
  for (const next of runner.waiting) {
    if (runner.inFlight >= runner.maxInFlight) return;
    runner.waiting.delete(next);
    start(runner, next, next.nextAt ?? runner.ports.clock.now());
  }
}

function change<Owner>(runner: Runner<Owner>, entry: Entry<Owner>, owner: Owner, check: Check): void {
  entry.owner = owner;
  if (entry.check === check) return;
  runner.perSecond += rateOf(check) - rateOf(entry.check);
  entry.check = check;
  if (entry.stage !== "planned" || entry.nextAt === undefined) return;
  const now = runner.ports.clock.now();
  const longestMs = Math.max(check.timing.delayLoopMs, START_DELAY_MS);
  if (entry.nextAt > now + longestMs) planStart(runner, entry, now, runner.ports.random() * longestMs);
}

/** Ends whatever is pending: the start, the place in the queue, the probe. */
function giveUp<Owner>(runner: Runner<Owner>, entry: Entry<Owner>): void {
  if (entry.stage === "waiting") runner.waiting.delete(entry);
  if (entry.stage === "running") {
    entry.cancelProbe?.();
    leave(runner, entry);
  }
  entry.stage = "idle";
  entry.nextAt = undefined;
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
