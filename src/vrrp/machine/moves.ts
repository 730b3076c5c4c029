// VRRP core: the moves from one state to another: the next state with what it keeps of the last one, and what is done on the way, in order.
import type { MonoMs } from "../../base/clock.ts";
import {
  type Action,
  type BackupState,
  type Cause,
  type Common,
  type Fault,
  type FaultState,
  type HeardAdvert,
  type InitState,
  type MachineConfig,
  RESIGN_PRIORITY,
  type State,
  type StateName,
  type Step,
  stateName,
} from "./state.ts";
import { arm } from "./wait.ts";

/** The same or another record of the same state. */
export function stay(state: State, ...actions: readonly Action[]): Step {
  return { state, actions };
}

/** An owner by itself doesn't ask the others. */
export function becomesMasterAtOnce(cfg: MachineConfig, state: InitState, now: MonoMs): boolean {
  return cfg.owner && !cfg.grouped && canLeave(state) && state.startAt <= now;
}

/** Nothing holds it in INIT or FAULT. */
export function canLeave(state: State): boolean {
  return state.faults.length === 0 && state.pending.length === 0 && !state.groupFault;
}

const RESUMED: Cause = { code: "resumed", text: "goes on as master, in a process that took the place of another" };

/** From INIT or FAULT into the election. */
export function enter(cfg: MachineConfig, state: InitState | FaultState, cause: Cause, now: MonoMs): Step {
  if (state.kind === "init" && state.resumes) return becomeMaster(cfg, state, RESUMED, now);
  const from = state.kind === "init" ? Math.max(now, state.startAt) : now;
  if (state.kind === "init" && becomesMasterAtOnce(cfg, state, now))
    return becomeMaster(cfg, state, { code: "owner", text: "address owner (priority 255) started" }, now);
  const wait =
    state.kind === "init"
      ? cfg.owner
        ? "none"
        : cfg.grouped && cfg.startAsMaster
          ? "interval"
          : "down"
      : cfg.owner
        ? "interval"
        : "down";
  const backup = arm(cfg, {
    ...common(state, cause, now),
    pending: [],
    kind: "backup",
    wait,
    waitFrom: from,
    masterDownAt: from,
    masterAdvertMs: cfg.advertMs,
    wantsMaster: false,
    deafUntil: state.kind === "init" ? state.startAt : now,
    thawed: false,
  });
  const actions: Action[] = [transition(state, "BACKUP", cause)];
  // keepalived: a unicast instance tells its neighbours where it is once its interface works again.
  if (state.kind === "fault" && cfg.unicast) actions.push({ kind: "announceSource" });
  actions.push({ kind: "notify", state: "BACKUP", priority: state.priority });
  return { state: backup, actions };
}

/** Into FAULT; a master resigns. */
export function toFault(state: State, cause: Cause, now: MonoMs): Step {
  const leaving: Action[] = state.kind === "master" ? [...resignation(), ...withdrawal()] : [];
  return {
    state: { ...common(state, cause, now), kind: "fault" },
    actions: [
      transition(state, "FAULT", cause),
      ...leaving,
      { kind: "notify", state: "FAULT", priority: state.priority },
    ],
  };
}

/** The cause of going to FAULT, in words. */
export function faultCause(faults: readonly Fault[]): Cause {
  return { code: "fault", text: faults.map((fault) => fault.text).join("; ") };
}

/** What goes along into another state. */
export function common(state: State, cause: Cause, now: MonoMs): Common {
  const { priority, faults, pending, groupFault, spokeAt, answeredAt, owesAnswer } = state;
  return { priority, faults, pending, groupFault, spokeAt, answeredAt, owesAnswer, cause, since: now };
}

/** Tells of the change of state; before what it brings about. */
export function transition(state: State, to: StateName, cause: Cause): Action {
  return { kind: "transition", from: stateName(state), to, cause };
}

/** "I am leaving": the others need not wait. */
export function resignation(): readonly Action[] {
  return [{ kind: "sendAdvert", priority: RESIGN_PRIORITY }];
}

/** A master no longer: nothing is announced, no address is left. */
export function withdrawal(): readonly Action[] {
  return [{ kind: "cancelAnnouncements" }, { kind: "removeAddresses" }];
}

/** Into MASTER. */
export function becomeMaster(cfg: MachineConfig, state: State, cause: Cause, now: MonoMs): Step {
  return {
    state: {
      ...common(state, cause, now),
      kind: "master",
      spokeAt: now,
      advertAt: now + cfg.advertMs,
      lastAdvertAt: now,
      lowerPriorityNotedAt: Number.NEGATIVE_INFINITY,
      restoredAt: Number.NEGATIVE_INFINITY,
    },
    // The advertisement first: the sooner the others know, the shorter two of us answer.
    actions: [
      transition(state, "MASTER", cause),
      { kind: "sendAdvert", priority: state.priority },
      { kind: "addAddresses" },
      { kind: "announce", why: "master" },
      { kind: "notify", state: "MASTER", priority: state.priority },
    ],
  };
}

/** The BACKUP state of one that was master: behind the sender of `advert`, or waiting for whoever there is. */
export function demoted(
  cfg: MachineConfig,
  state: State,
  advert: HeardAdvert | undefined,
  cause: Cause,
  now: MonoMs,
): BackupState {
  const masterAdvertMs = cfg.version === 3 && advert ? advert.advertMs : cfg.advertMs;
  return arm(cfg, {
    ...common(state, cause, now),
    kind: "backup",
    wait: "down",
    waitFrom: now,
    masterDownAt: now,
    masterAdvertMs,
    wantsMaster: false,
    // Packets count from their arrival, and one that is read later may have come earlier.
    deafUntil: Number.NEGATIVE_INFINITY,
    thawed: false,
    ...(advert
      ? { master: { address: advert.sender, priority: advert.priority, advertMs: advert.advertMs, at: now } }
      : {}),
  });
}
