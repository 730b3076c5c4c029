// VRRP core: what the director itself brings to an instance: start, tracking results, another configuration, the sync group, the end.
import type { MonoMs } from "../../base/clock.ts";
import { unreachable } from "../../base/never.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import {
  becomeMaster,
  becomesMasterAtOnce,
  canLeave,
  common,
  demoted,
  enter,
  faultCause,
  resignation,
  stay,
  toFault,
  transition,
  withdrawal,
} from "./moves.ts";
import type { Action, Cause, Event, FaultState, InitState, MachineConfig, State, Step, Tracked } from "./state.ts";
import { arm } from "./wait.ts";

/** Leaves INIT with the first tracking results; a member of a group waits for the others. */
export function start(cfg: MachineConfig, state: State, event: Event & { kind: "start" }, now: MonoMs): Step {
  if (state.kind !== "init" || state.started) return stay(state);
  const { tracked, startAt, resumes } = event;
  const begun: InitState = { ...state, ...tracked, started: true, startAt, since: now };
  // Whoever was in the election stays in it without results of trackers that are to come.
  const started: InitState = resumes ? { ...begun, resumes, pending: [] } : begun;
  // Crash recovery: what an earlier run left behind goes first, unless we become master this very moment.
  const staysMaster = resumes === true && tracked.faults.length === 0;
  const clean: Action[] = staysMaster || becomesMasterAtOnce(cfg, started, now) ? [] : [{ kind: "removeAddresses" }];
  const waits = cfg.grouped && started.faults.length === 0;
  const next = waits ? stay(started) : settle(cfg, started, { code: "start", text: "started" }, now);
  return { state: next.state, actions: [...clean, ...next.actions] };
}

/** Moves an instance in INIT or FAULT, outside a group, to where its faults let it be. */
function settle(cfg: MachineConfig, state: InitState | FaultState, cause: Cause, now: MonoMs): Step {
  if (state.faults.length > 0)
    return state.kind === "fault" ? stay(state) : toFault(state, faultCause(state.faults), now);
  return canLeave(state) ? enter(cfg, state, cause, now) : stay(state);
}

/** Takes tracking results: a fault takes effect at once, recovery of a member of a group is the group's matter. */
export function track(cfg: MachineConfig, state: State, tracked: Tracked, now: MonoMs): Step {
  const changed = tracked.priority !== state.priority && (state.kind === "master" || state.kind === "backup");
  const note: Action[] = changed ? priorityNote(cfg, state, tracked.priority) : [];
  const next = withTracked(cfg, state, tracked, now);
  if (next.kind === "init" && !next.started) return stay(next);
  if (next.faults.length > 0 && next.kind !== "fault") {
    // A group decides first who is held; but a fault of one's own never waits.
    const fault = toFault(next, faultCause(next.faults), now);
    return { state: fault.state, actions: [...note, ...fault.actions] };
  }
  if ((next.kind === "fault" || next.kind === "init") && !cfg.grouped) {
    const cause: Cause =
      next.kind === "fault"
        ? { code: "fault-cleared", text: "all faults cleared" }
        : { code: "start", text: "started" };
    const settled = settle(cfg, next, cause, now);
    return { state: settled.state, actions: [...note, ...settled.actions] };
  }
  return { state: next, actions: note };
}

function priorityNote(cfg: MachineConfig, state: State, priority: number): Action[] {
  const message = `effective priority ${state.priority} is now ${priority}`;
  const actions: Action[] = [
    { kind: "log", level: "info", message },
    { kind: "priority", from: state.priority, to: priority },
  ];
  if (cfg.notifyPriorityChanges)
    actions.push({ kind: "notify", state: state.kind === "master" ? "MASTER_PRIORITY" : "BACKUP_PRIORITY", priority });
  return actions;
}

/** Takes over tracking results; a backup's running wait moves by the difference that they make. */
function withTracked(cfg: MachineConfig, state: State, tracked: Tracked, now: MonoMs): State {
  const { priority, faults } = tracked;
  // Once in the election, a tracker without a result yet (new by reload) is no reason to leave it.
  const pending = state.kind === "init" || state.kind === "fault" ? tracked.pending : [];
  const next = { ...state, priority, faults, pending };
  if (next.kind !== "backup" || next.wantsMaster) return next;
  const masterAdvertMs = cfg.version === 3 && next.master ? next.masterAdvertMs : cfg.advertMs;
  const rearmed = arm(cfg, { ...next, masterAdvertMs });
  return next.thawed ? { ...next, masterDownAt: Math.max(now, next.masterDownAt) } : rearmed;
}

/** Another configuration: a master says at once what it is by now. */
export function configure(cfg: MachineConfig, state: State, event: Event & { kind: "configure" }, now: MonoMs): Step {
  const freed = freeFromGroup(cfg, state, now);
  const becameOwner = cfg.owner && freed.kind === "backup" && freed.priority !== OWNER_PRIORITY;
  const tracked = track(cfg, becameOwner ? { ...freed, wait: "none", waitFrom: now } : freed, event.tracked, now);
  if (tracked.state.kind !== "master") return tracked;
  return {
    state: { ...tracked.state, advertAt: now + cfg.advertMs, lastAdvertAt: now, spokeAt: now },
    actions: [
      ...tracked.actions,
      { kind: "syncAddresses" },
      { kind: "sendAdvert", priority: tracked.state.priority },
      { kind: "announce", why: event.added ? "reload-added" : "reload" },
    ],
  };
}

/** An instance that a reload took out of its group no longer waits for the others. */
function freeFromGroup(cfg: MachineConfig, state: State, now: MonoMs): State {
  if (cfg.grouped) return state;
  if (state.kind === "backup" && state.wantsMaster)
    return { ...state, wantsMaster: false, wait: "none", waitFrom: now, masterDownAt: now };
  return state.groupFault ? { ...state, groupFault: undefined } : state;
}

/** The end of the instance; a master resigns. */
export function stop(state: State, deleted: boolean, now: MonoMs): Step {
  const cause: Cause = deleted
    ? { code: "deleted", text: "removed from the configuration" }
    : { code: "stop", text: "stopping" };
  const leaving: Action[] = state.kind === "master" ? [...resignation(), ...withdrawal()] : [];
  return {
    state: { ...common(state, cause, now), kind: "stopped" },
    actions: [
      transition(state, "STOP", cause),
      ...leaving,
      { kind: "notify", state: deleted ? "DELETED" : "STOP", priority: state.priority },
    ],
  };
}

/** What the sync group has decided for this member. */
export function followGroup(
  cfg: MachineConfig,
  state: State,
  to: "enter" | "master" | "backup" | "fault",
  cause: Cause,
  now: MonoMs,
): Step {
  switch (to) {
    case "enter":
      if (state.kind !== "init" && state.kind !== "fault") return stay(state);
      return enter(cfg, { ...state, groupFault: undefined }, cause, now);
    case "master":
      return state.kind === "backup" ? becomeMaster(cfg, state, cause, now) : stay(state);
    case "backup": {
      if (state.kind !== "master") return stay(state);
      // This member lost to nobody: saying goodbye lets the other group take it over at once.
      return {
        state: demoted(cfg, state, undefined, cause, now),
        actions: [
          transition(state, "BACKUP", cause),
          ...resignation(),
          ...withdrawal(),
          { kind: "notify", state: "BACKUP", priority: state.priority },
        ],
      };
    }
    case "fault":
      if (state.kind === "fault") return stay({ ...state, groupFault: cause });
      return toFault({ ...state, groupFault: cause }, cause, now);
    default:
      return unreachable(to);
  }
}
