// VRRP core: a master advertises, hears others, yields, and puts back what somebody removed (RFC 9568 §6.4.3).
import type { MonoMs } from "../../base/clock.ts";
import type { Level } from "../../base/log.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import { masterDownMs } from "../timers.ts";
import { THAW_MS } from "./backup.ts";
import { demoted, stay, transition, withdrawal } from "./moves.ts";
import {
  type Action,
  type Cause,
  type Event,
  type HeardAdvert,
  type MachineConfig,
  type MasterState,
  RESIGN_PRIORITY,
  type Step,
} from "./state.ts";

/** Least time between two advertisements out of turn that packets from outside draw; an interval, where that is longer. */
const ANSWER_SPACING_MS = 334;

/** Least time between two repairs of addresses that somebody else removes. */
const RESTORE_SPACING_MS = 40;

/** Least time between two notifications about lower-priority advertisements. */
const LOWER_PRIORITY_NOTE_MS = 1000;

/** The next advertisement is due, or a repair. */
export function masterTimer(cfg: MachineConfig, state: MasterState, now: MonoMs): Step {
  const repaired = repairDue(state, now);
  const current = repaired.state;
  if (now < current.advertAt) return repaired;
  const peer = cfg.timerExpiredBackup;
  if (peer !== undefined && now - current.lastAdvertAt >= masterDownMs(cfg, peer, cfg.advertMs)) {
    const silentMs = Math.round(now - current.lastAdvertAt);
    return yieldTo(cfg, current, undefined, { code: "late", text: `could not advertise for ${silentMs} ms` }, [], now);
  }
  const lateMs = now - current.advertAt;
  // On the beat, so that small delays do not add up; after a long one the beat starts anew.
  const advertAt = lateMs < cfg.advertMs ? current.advertAt + cfg.advertMs : now + cfg.advertMs;
  const actions: Action[] = [...repaired.actions, { kind: "sendAdvert", priority: current.priority }];
  if (lateMs >= THAW_MS) {
    const message = `timer ran ${Math.round(lateMs)} ms late, still master: announcing again`;
    actions.push({ kind: "log", level: "warning", message }, { kind: "announce", why: "thaw" });
  }
  const answeredAt = current.owesAnswer ? now : current.answeredAt;
  const spoken = { advertAt, lastAdvertAt: now, spokeAt: now, answeredAt, owesAnswer: false };
  return { state: { ...current, ...spoken }, actions };
}

/** An advertisement out of turn, from which the next one counts. */
export function speak(cfg: MachineConfig, state: MasterState, now: MonoMs): Step {
  return {
    state: { ...state, advertAt: now + cfg.advertMs, lastAdvertAt: now, spokeAt: now },
    actions: [{ kind: "sendAdvert", priority: state.priority }],
  };
}

/** An accepted advertisement: yield to a better one, answer the others. */
export function masterHears(cfg: MachineConfig, state: MasterState, advert: HeardAdvert, now: MonoMs): Step {
  const { priority } = advert;
  if (priority === RESIGN_PRIORITY) return answer(cfg, state, [], now);
  if (priority > state.priority || (priority === state.priority && advert.order > 0)) {
    const last: Action[] = cfg.higherPrioSendAdvert ? [{ kind: "sendAdvert", priority: state.priority }] : [];
    return yieldTo(cfg, state, advert, yieldCause(state, advert), last, now);
  }
  const actions: Action[] = [
    { kind: "log", ...weakerMasterLog(state, advert) },
    { kind: "announce", why: "lower-priority" },
  ];
  const noteDue = priority < state.priority && now - state.lowerPriorityNotedAt >= LOWER_PRIORITY_NOTE_MS;
  if (noteDue) actions.push({ kind: "notify", state: "MASTER_RX_LOWER_PRI", priority: state.priority });
  const noted: MasterState = noteDue ? { ...state, lowerPriorityNotedAt: now } : state;
  if (!cfg.answerLowerPriority) return stay(noted, ...actions);
  return answer(cfg, noted, actions, now);
}

function weakerMasterLog(state: MasterState, advert: HeardAdvert): { level: Level; message: string; about: string } {
  const { sender, priority } = advert;
  if (priority === OWNER_PRIORITY)
    return { level: "error", message: `${sender} claims to own the addresses as well (priority 255)`, about: "owner" };
  const relation = priority === state.priority ? "equal priority and lower address" : `lower priority ${priority}`;
  return { level: "warning", message: `${sender} is master too, with ${relation}`, about: "other-master" };
}

/** Sends an advertisement out of turn and restarts the interval; too soon behind the last answer the regular one has to do. */
function answer(cfg: MachineConfig, state: MasterState, more: readonly Action[], now: MonoMs): Step {
  if (now - state.answeredAt < Math.max(cfg.advertMs, ANSWER_SPACING_MS))
    return stay(state.owesAnswer ? state : { ...state, owesAnswer: true }, ...more);
  const spoken = { advertAt: now + cfg.advertMs, lastAdvertAt: now, spokeAt: now, answeredAt: now };
  const next = { ...state, ...spoken, owesAnswer: false };
  return stay(next, { kind: "sendAdvert", priority: state.priority }, ...more);
}

function yieldCause(state: MasterState, advert: HeardAdvert): Cause {
  const { sender, priority } = advert;
  if (priority > state.priority)
    return { code: "higher-priority", text: `${sender} has priority ${priority}, we have ${state.priority}` };
  if (priority === OWNER_PRIORITY)
    return {
      code: "duplicate-owner",
      text: `${sender} owns the addresses as well (priority 255) and has the higher address`,
    };
  return { code: "higher-address", text: `${sender} has the same priority ${priority} and the higher address` };
}

/** MASTER to BACKUP without a resignation: somebody better is there, or may be. */
function yieldTo(
  cfg: MachineConfig,
  state: MasterState,
  advert: HeardAdvert | undefined,
  cause: Cause,
  before: readonly Action[],
  now: MonoMs,
): Step {
  const backup = demoted(cfg, state, advert, cause, now);
  return {
    state: backup,
    actions: [
      transition(state, "BACKUP", cause),
      ...before,
      ...withdrawal(),
      { kind: "notify", state: "BACKUP", priority: state.priority },
    ],
  };
}

/** Puts back what somebody removed, at once; a program that keeps removing is answered RESTORE_SPACING_MS apart. */
export function restore(state: MasterState, { what, by }: Event & { kind: "removed" }, now: MonoMs): Step {
  const dueAt = state.restoredAt + RESTORE_SPACING_MS;
  if (now < dueAt) return stay(state.restore ? state : { ...state, restore: { at: dueAt, what } });
  return stay(
    { ...state, restoredAt: now, restore: undefined },
    { kind: "restoreAddresses", what },
    {
      kind: "log",
      level: "warning",
      message: `${what} was removed by somebody else, putting it back${by === undefined ? "" : `: it was ${by}`}`,
      about: "removed",
    },
    { kind: "announce", why: "restored" },
  );
}

function repairDue(
  state: MasterState,
  now: MonoMs,
): { readonly state: MasterState; readonly actions: readonly Action[] } {
  if (!state.restore || now < state.restore.at) return { state, actions: [] };
  const what = state.restore.what;
  return {
    state: { ...state, restoredAt: now, restore: undefined },
    actions: [
      { kind: "restoreAddresses", what },
      { kind: "announce", why: "restored" },
    ],
  };
}
