// Check core: what the check runner keeps: a record for each check, and marks at which they start.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { Check } from "../config/model/check.ts";
import type { Health } from "./health.ts";
import type { Outcome, WeightShare } from "./outcome.ts";

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
  readonly weight: WeightShare | undefined;
  /** What the last run came to; absent before the first. Runs that say the same word for word keep the first one's. */
  readonly outcome: Outcome | undefined;
  /** When the last run ended, and what it took. */
  readonly endedWallMs: number;
  readonly durationMs: number;
  readonly runs: number;
  readonly failures: number;
  /** When the next run starts; absent while one is under way or it is suspended. */
  readonly nextAt: MonoMs | undefined;
}

/** A check that was taken on, as it stands now. Only the runner changes it. */
export interface RunningCheck<Owner> extends CheckState {
  /** Whose it is. */
  readonly owner: Owner;
}

export interface RunnerPorts<Owner> {
  readonly clock: Clock;
  readonly probes: Probes;
  /** 0 ≤ n < 1. */
  random(): number;
  /** After each run. `before` is the health that it had; `again`: the run before it said the same, word for word. */
  ran(check: RunningCheck<Owner>, outcome: Outcome, before: Health, again: boolean): void;
  /** At each start: by how much it came later than planned. */
  started?(lateMs: number): void;
}

export interface Entry<Owner> {
  owner: Owner;
  check: Check;
  health: Health;
  sinceWallMs: number;
  weight: WeightShare | undefined;
  outcome: Outcome | undefined;
  endedWallMs: number;
  durationMs: number;
  runs: number;
  failures: number;
  /** `idle`: suspended, removed, or not started yet. */
  stage: "idle" | "planned" | "waiting" | "running";
  nextAt: MonoMs | undefined;
  suspended: boolean;
  /** The part that failed last goes first: it is what decides. */
  firstPart: number;
  /** By how much the run under way, or the last one, started later than planned. */
  lateMs: number;
  /** By how much the mark of the next run, or of the one under way, is later than it would be without marks; below 0: earlier. */
  movedMs: number;
  /** Ends the probe of the run under way. */
  cancelProbe: Cancel | undefined;
}

/** All that is to start at one time. Who was put off or removed meanwhile is still in the list, and is passed over. */
export interface Mark<Owner> {
  readonly entries: Entry<Owner>[];
  cancel: Cancel;
}

export interface Runner<Owner> {
  readonly ports: RunnerPorts<Owner>;
  readonly maxInFlight: number;
  /** Begins a run, or has it wait for a place. */
  start(entry: Entry<Owner>, plannedAt: MonoMs): void;
  readonly entries: Set<Entry<Owner>>;
  /** By time. */
  readonly marks: Map<MonoMs, Mark<Owner>>;
  /** For a place among those in flight, in order. */
  readonly waiting: Set<Entry<Owner>>;
  inFlight: number;
  /** The waiting ones get their places in a turn that is asked for. */
  draining: boolean;
  /** Runs that all checks together want in a second. */
  perSecond: number;
}
