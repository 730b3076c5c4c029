// VRRP core: `vrrp_track_process` as a pure count. Which processes match, whether enough (and not too many) run, and how long a
// change must last before it counts (manual: quorum, quorum_max, fork_delay, terminate_delay).
import type { MonoMs } from "../base/clock.ts";
import type { TrackProcess } from "../config/model/vrrp.ts";

/** What the kernel and /proc say of a process. */
export interface ProcessFacts {
  /** /proc/PID/comm: at most 15 bytes. */
  readonly comm: string;
  /** /proc/PID/cmdline, split at NUL; empty for kernel threads. */
  readonly argv: readonly string[];
}

const COMM_BYTES = 15;

/** Does the tracker look at more of a process than its name? */
export function looksAtArguments({ fullCommand, params, paramMatch }: TrackProcess): boolean {
  return fullCommand || params.length > 0 || paramMatch !== "none";
}

/** Does this process count for the tracker? */
export function processMatches(tracker: TrackProcess, facts: ProcessFacts): boolean {
  if (!looksAtArguments(tracker)) return facts.comm === tracker.process.slice(0, COMM_BYTES);
  const [program, ...args] = facts.argv;
  return program === tracker.process && paramsMatch(tracker, args);
}

function paramsMatch(tracker: TrackProcess, args: readonly string[]): boolean {
  const { params, paramMatch } = tracker;
  switch (paramMatch) {
    case "none":
      return params.length === 0 || sameWords(params, args);
    case "exact":
      return sameWords(params, args);
    case "initial":
      // The last parameter may go on, and others may follow; without parameters any fit.
      return params.every((p, i) => (i === params.length - 1 ? args[i]?.startsWith(p) : args[i] === p));
    case "partial":
      return sameWords(params, args.slice(0, params.length));
  }
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

export interface ProcessTrackState {
  /** How many match now. */
  readonly count: number;
  readonly up: boolean;
  readonly sinceMs: MonoMs;
  /** When the contrary of `up` becomes true, unless the count changes back before. */
  readonly changeAt?: MonoMs;
}

/** The state right after the first look at /proc: no delay applies. */
export function initialProcessState(tracker: TrackProcess, count: number, now: MonoMs): ProcessTrackState {
  return { count, up: enough(tracker, count), sinceMs: now };
}

/** So many match now. */
export function stepProcess(
  tracker: TrackProcess,
  state: ProcessTrackState,
  count: number,
  now: MonoMs,
): ProcessTrackState {
  if (count === state.count) return settleProcess(state, now);
  const good = enough(tracker, count);
  const { changeAt, ...rest } = state;
  if (good === state.up) return { ...rest, count };
  const delayMs = good ? tracker.forkDelayMs : tracker.terminateDelayMs;
  return settleProcess({ ...rest, count, changeAt: changeAt ?? now + delayMs }, now);
}

/** Lets a waiting change take effect when its time has come. */
export function settleProcess(state: ProcessTrackState, now: MonoMs): ProcessTrackState {
  if (state.changeAt === undefined || now < state.changeAt) return state;
  return { count: state.count, up: !state.up, sinceMs: now };
}

/** `3 of 2 run`: for status and logs. */
export function describeProcess(tracker: TrackProcess, state: ProcessTrackState): string {
  const most = tracker.quorumMax === undefined ? "" : `, at most ${tracker.quorumMax}`;
  return `${state.count} of ${tracker.process} running, ${tracker.quorum} wanted${most}`;
}

function enough(tracker: TrackProcess, count: number): boolean {
  const most = tracker.quorumMax ?? Number.POSITIVE_INFINITY;
  // `quorum_max 0` says that none may run; the default quorum of 1 would contradict it.
  const least = most === 0 ? 0 : tracker.quorum;
  return count >= least && count <= most;
}
