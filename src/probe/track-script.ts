// Adapter: a `vrrp_script` as a state that is good or bad. Runs start a whole interval apart, never two at once; how a program
// ended is turned into good or bad by rise and fall. The program itself is run by a port.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { TrackScript } from "../config/model/vrrp.ts";

/** How a run ended: good only for exit status 0. `detail` says it in words. */
export interface ScriptRunResult {
  readonly ok: boolean;
  readonly detail: string;
  /** The last lines that it wrote, when it failed. */
  readonly output?: string;
}

export interface ScriptTrackerState {
  /** null until the first run has ended (with `init_fail`: bad from the start). */
  readonly up: boolean | null;
  readonly detail: string;
  readonly sinceMs: MonoMs;
  /** Runs in a row with the other result than `up`. */
  readonly contrary: number;
}

export interface ScriptTracker {
  state(): ScriptTrackerState;
  readonly running: boolean;
  stop(): void;
}

/** The state before the first run. */
export function initialScriptState(script: TrackScript, now: MonoMs): ScriptTrackerState {
  return script.initFail
    ? { up: false, detail: "not run yet, init_fail", sinceMs: now, contrary: 0 }
    : { up: null, detail: "not run yet", sinceMs: now, contrary: 0 };
}

/**
 * The state after a run. An unknown script takes its first result at once; after that it is up after `rise` good runs in a row and
 * down after `fall` bad ones (manual: rise, fall).
 */
export function afterScriptRun(
  script: TrackScript,
  state: ScriptTrackerState,
  result: ScriptRunResult,
  now: MonoMs,
): ScriptTrackerState {
  if (state.up === result.ok) return { ...state, detail: result.detail, contrary: 0 };
  const needed = state.up === null ? 1 : result.ok ? script.rise : script.fall;
  const contrary = state.contrary + 1;
  if (contrary < needed) return { ...state, detail: `${result.detail} (${contrary} of ${needed})`, contrary };
  return { up: result.ok, detail: result.detail, sinceMs: now, contrary: 0 };
}

/**
 * Runs the script until `stop`; `changed` is called when `up` or the detail changed. `run` says when a run is overdue, and answers when
 * it has ended. `kept` carries the state over a reload.
 */
export function trackScript(
  script: TrackScript,
  clock: Clock,
  run: (script: TrackScript, overdue: (result: ScriptRunResult) => void) => Promise<ScriptRunResult>,
  changed: (before: ScriptTrackerState, after: ScriptTrackerState, result: ScriptRunResult) => void,
  kept?: ScriptTrackerState,
): ScriptTracker {
  let state = kept ?? initialScriptState(script, clock.now());
  let running = false;
  let stopped = false;
  let cancel: Cancel = () => {};
  let dueAt = clock.now();

  async function tick(): Promise<void> {
    // A run that overstays its interval costs the ones it covers; nothing is made up for.
    while (dueAt <= clock.now()) dueAt += Math.max(script.intervalMs, 1);
    cancel = clock.at(dueAt, tick);
    if (running) return;
    running = true;
    let judged = false;
    const judge = (result: ScriptRunResult) => {
      if (judged || stopped) return;
      judged = true;
      const before = state;
      state = afterScriptRun(script, state, result, clock.now());
      if (before.up !== state.up || before.detail !== state.detail) changed(before, state, result);
    };
    // A run that is overdue has failed now, though it may take a while until it is gone.
    judge(await run(script, judge));
    running = false;
  }

  cancel = clock.at(dueAt, tick);
  return {
    state: () => state,
    get running() {
      return running;
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
