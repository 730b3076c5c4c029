// VRRP core: a backup hears advertisements and lets its wait run out (RFC 9568 §6.4.2).
import type { MonoMs } from "../../base/clock.ts";
import { skewMs } from "../timers.ts";
import { becomeMaster, stay } from "./moves.ts";
import {
  type Action,
  type BackupState,
  type Cause,
  type HeardAdvert,
  type HeardMaster,
  type MachineConfig,
  RESIGN_PRIORITY,
  type Step,
} from "./state.ts";
import { arm } from "./wait.ts";

/** A timer later than this means that the machine stood still: listen again before acting. */
export const THAW_MS = 1000;

/** An accepted advertisement: follow its sender, wait for its goodbye, or let it time out. */
export function backupHears(cfg: MachineConfig, state: BackupState, advert: HeardAdvert, now: MonoMs): Step {
  const heard: HeardMaster = { address: advert.sender, priority: advert.priority, advertMs: advert.advertMs, at: now };
  if (advert.priority === RESIGN_PRIORITY) return backupHearsResignation(cfg, state, heard, now);
  const weaker = advert.priority < state.priority && cfg.preempt;
  if (!weaker) return follow(cfg, state, heard, undefined, now);
  const preemptAt = state.preemptAt ?? now + cfg.preemptDelayMs;
  if (cfg.preemptDelayMs > 0 && now < preemptAt) return follow(cfg, state, heard, preemptAt, now);
  // RFC 9568 §6.4.2: a weaker master is ignored; the timer goes on and we take over.
  const message = `ignoring master ${heard.address} of lower priority ${heard.priority} (own ${state.priority})`;
  const note: Action[] = state.preempting ? [] : [{ kind: "log", level: "info", message, about: "lower-priority" }];
  return stay({ ...state, preempting: heard, preemptAt: cfg.preemptDelayMs > 0 ? preemptAt : undefined }, ...note);
}

/** Restarts the Master_Down_Interval behind a master that we accept. */
function follow(
  cfg: MachineConfig,
  state: BackupState,
  master: HeardMaster,
  preemptAt: MonoMs | undefined,
  now: MonoMs,
): Step {
  const masterAdvertMs = cfg.version === 3 ? master.advertMs : cfg.advertMs;
  const next = arm(cfg, {
    ...state,
    wait: "down",
    waitFrom: now,
    masterAdvertMs,
    wantsMaster: false,
    preemptAt,
    master,
    preempting: undefined,
    resigned: undefined,
    thawed: false,
  });
  return stay(next);
}

function backupHearsResignation(cfg: MachineConfig, state: BackupState, heard: HeardMaster, now: MonoMs): Step {
  if (state.wantsMaster) return stay(state);
  const next = arm(cfg, { ...state, wait: "skew", waitFrom: now, resigned: heard, thawed: false });
  // A wait that ends sooner stays: a stream of resignations must not keep the group without a master.
  return stay(next.masterDownAt < state.masterDownAt ? next : state);
}

/** The wait is over. */
export function backupTimer(cfg: MachineConfig, state: BackupState, now: MonoMs): Step {
  if (state.wantsMaster || now < state.masterDownAt) return stay(state);
  if (now - state.masterDownAt >= THAW_MS && !state.thawed && state.wait !== "none") {
    // We stood still, so silence proves nothing: a living master is heard within one interval.
    const waited = state.masterAdvertMs + skewMs(cfg.version, state.priority, state.masterAdvertMs);
    const lateMs = Math.round(now - state.masterDownAt);
    const message = `timer ran ${lateMs} ms late, listening for another ${Math.round(waited)} ms before taking over`;
    return stay({ ...state, masterDownAt: now + waited, thawed: true }, { kind: "log", level: "warning", message });
  }
  if (cfg.grouped) return stay({ ...state, wantsMaster: true });
  return becomeMaster(cfg, state, takeoverCause(cfg, state, now), now);
}

/** Why a backup takes over: for its own transition and, in a group, for the members that it takes along. */
export function takeoverCause(cfg: MachineConfig, state: BackupState, now: MonoMs): Cause {
  const { master, preempting, resigned } = state;
  if (resigned && state.wait === "skew")
    return { code: "master-resigned", text: `${resigned.address} resigned (priority 0)` };
  if (preempting)
    return {
      code: "preempt",
      text: `preempting ${preempting.address}, its priority ${preempting.priority} is below our ${state.priority}`,
    };
  if (cfg.owner) return { code: "owner", text: "address owner (priority 255)" };
  const silentMs = Math.round(now - (master?.at ?? state.waitFrom));
  if (!master) return { code: "no-master", text: `no master heard for ${silentMs} ms` };
  return {
    code: "master-down",
    text: `no advertisement from ${master.address} (priority ${master.priority}) for ${silentMs} ms`,
  };
}
