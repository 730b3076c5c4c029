// VRRP core: the state machine of one instance (RFC 9568 §6.4 with keepalived's additions), pure and total. Events and `now` go in,
// the next state and actions in the order of their execution come out; `deadline` says when the next timer event is due.
//
// Standing rules: every change of state carries a cause; only accepted advertisements come here, and what they can make us send is
// bounded (one advertisement an interval); timers that fire much too late are taken as a pause of the machine, so the driver reads its
// sockets before it hands over a timer event. An instance of a sync group (`grouped`) never becomes master by itself: it says
// `wantsMaster`, and group.ts moves all members. Announcement timing is announce.ts' matter, tracking is track.ts'.
import type { MonoMs } from "../base/clock.ts";
import type { IpText } from "../base/ip.ts";
import type { Level } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { masterDownMs, skewMs } from "./timers.ts";

/** Priority of an address owner; never changed by tracking. */
export const OWNER_PRIORITY = 255;
/** Priority that says "I am leaving". */
export const RESIGN_PRIORITY = 0;
/** Least time between two advertisements out of turn that packets from outside draw; an interval, where that is longer. */
export const ANSWER_SPACING_MS = 334;
/** A timer later than this means that the machine stood still: listen again before acting. */
export const THAW_MS = 1000;
/** Least time between two repairs of addresses that somebody else removes. */
export const RESTORE_SPACING_MS = 40;
/** Least time between two notifications about lower-priority advertisements. */
const LOWER_PRIORITY_NOTE_MS = 1000;

/** What the machine needs of an instance, exclusions between keywords resolved. */
export interface MachineConfig {
  readonly version: 2 | 3;
  readonly advertMs: number;
  readonly downTimerAdverts: number;
  /** Priority 255: decides start and recovery. */
  readonly owner: boolean;
  readonly preempt: boolean;
  /** 0: none. */
  readonly preemptDelayMs: number;
  /** `state MASTER`: only shortens the first wait within a sync group. */
  readonly startAsMaster: boolean;
  readonly answerLowerPriority: boolean;
  readonly higherPrioSendAdvert: boolean;
  /** Priority of a peer that may have taken over while we were late; absent: off. */
  readonly timerExpiredBackup?: number;
  readonly unicast: boolean;
  readonly notifyPriorityChanges: boolean;
  /** Member of a sync group of two or more. */
  readonly grouped: boolean;
}

/** Machine settings of an instance. What strict mode excludes, the configuration does not have (config/to-model/vrrp-instance.ts). */
export function machineConfig(instance: VrrpInstance, grouped: boolean): MachineConfig {
  const owner = instance.priority === OWNER_PRIORITY;
  const preempt = instance.preempt || owner;
  const startAsMaster = instance.initialState === "MASTER";
  const delayed = preempt && !startAsMaster && !owner;
  return {
    version: instance.version,
    advertMs: instance.advertMs,
    downTimerAdverts: instance.downTimerAdverts,
    owner,
    preempt,
    preemptDelayMs: delayed ? instance.preemptDelayMs : 0,
    startAsMaster,
    answerLowerPriority: !instance.lowerPrioNoAdvert,
    higherPrioSendAdvert: instance.higherPrioSendAdvert,
    ...(instance.timerExpiredBackup !== undefined && !preempt
      ? { timerExpiredBackup: instance.timerExpiredBackup }
      : {}),
    unicast: (instance.unicast?.peers.length ?? 0) > 0,
    notifyPriorityChanges: instance.notifyPriorityChanges,
    grouped,
  };
}

/** Why the state changed: a stable code for labels, and words with names and numbers. */
export interface Cause {
  readonly code: CauseCode;
  readonly text: string;
}

export type CauseCode =
  | "start"
  | "owner"
  | "no-master"
  | "master-down"
  | "master-resigned"
  | "preempt"
  | "higher-priority"
  | "higher-address"
  | "duplicate-owner"
  | "late"
  | "fault"
  | "fault-cleared"
  | "group"
  | "reload"
  | "stop"
  | "deleted";

/** One reason to be in FAULT; `code` groups them: interface, script, file, process, bfd, source, duplicate-vrid, address, config … */
export interface Fault {
  readonly code: string;
  readonly text: string;
}

/** What tracking makes of an instance; see track.ts. */
export interface Tracked {
  /** Effective priority. */
  readonly priority: number;
  readonly faults: readonly Fault[];
  /** Names of trackers without a first result that would be faults: the instance stays in INIT. */
  readonly pending: readonly string[];
}

/** An advertisement that accept.ts let through. */
export interface HeardAdvert {
  readonly sender: IpText;
  readonly priority: number;
  readonly advertMs: number;
  /** Sign of sender minus own address. */
  readonly order: 1 | -1;
}

export interface HeardMaster {
  readonly address: IpText;
  readonly priority: number;
  readonly advertMs: number;
  readonly at: MonoMs;
}

interface Common {
  readonly priority: number;
  readonly faults: readonly Fault[];
  readonly pending: readonly string[];
  /** In FAULT because of another member of the sync group. */
  readonly groupFault?: Cause | undefined;
  readonly since: MonoMs;
  /** Of the last change of state. */
  readonly cause: Cause;
  /** Of our last advertisement, and of the last one that answered somebody; kept when the mastership ends. */
  readonly spokeAt: MonoMs;
  readonly answeredAt: MonoMs;
  /** Somebody drew an answer too soon behind the last one: the next regular advertisement is it. */
  readonly owesAnswer: boolean;
}

export interface InitState extends Common {
  readonly kind: "init";
  readonly started: boolean;
  /** Before this nothing is heard and no timer runs (`vrrp_startup_delay`). */
  readonly startAt: MonoMs;
}

export interface BackupState extends Common {
  readonly kind: "backup";
  /** What runs: Master_Down_Interval, Skew_Time after a resignation, one interval and a skew, or nothing to wait for. */
  readonly wait: "down" | "skew" | "interval" | "none";
  readonly waitFrom: MonoMs;
  /** When the wait is over. */
  readonly masterDownAt: MonoMs;
  /** Interval of the current master; our own until one was heard. */
  readonly masterAdvertMs: number;
  /** The wait is over, the sync group holds us back. */
  readonly wantsMaster: boolean;
  /** Nothing is heard before this. */
  readonly deafUntil: MonoMs;
  /** End of `preempt_delay`, once a lower-priority master was heard. */
  readonly preemptAt?: MonoMs | undefined;
  readonly master?: HeardMaster | undefined;
  /** A master of lower priority that we let time out. */
  readonly preempting?: HeardMaster | undefined;
  readonly resigned?: HeardMaster | undefined;
  /** The wait was prolonged after a pause; once until the next advertisement. */
  readonly thawed: boolean;
}

export interface MasterState extends Common {
  readonly kind: "master";
  readonly advertAt: MonoMs;
  readonly lastAdvertAt: MonoMs;
  readonly lowerPriorityNotedAt: MonoMs;
  readonly restoredAt: MonoMs;
  /** A repair that waits for its spacing. */
  readonly restore?: { readonly at: MonoMs; readonly what: string } | undefined;
}

export interface FaultState extends Common {
  readonly kind: "fault";
}

export interface StoppedState extends Common {
  readonly kind: "stopped";
}

export type State = InitState | BackupState | MasterState | FaultState | StoppedState;

export type StateName = "INIT" | "BACKUP" | "MASTER" | "FAULT" | "STOP";

export function stateName(state: State): StateName {
  switch (state.kind) {
    case "init":
      return "INIT";
    case "backup":
      return "BACKUP";
    case "master":
      return "MASTER";
    case "fault":
      return "FAULT";
    case "stopped":
      return "STOP";
    default:
      return unreachable(state);
  }
}

export type Event =
  /** Once, with the first tracking results; `startAt` in the future is the start-up delay. */
  | { readonly kind: "start"; readonly tracked: Tracked; readonly startAt: MonoMs }
  | { readonly kind: "timer" }
  | { readonly kind: "advert"; readonly advert: HeardAdvert }
  /** Weights or faults may have changed. */
  | { readonly kind: "tracked"; readonly tracked: Tracked }
  /** Somebody else removed an address, route or rule of ours. */
  | { readonly kind: "removed"; readonly what: string; readonly by?: string | undefined }
  /** The neighbours may be wrong: link back, MAC changed, an intruder left. */
  | { readonly kind: "reannounce"; readonly why: AnnounceReason }
  /** Another configuration is in force (`cfg`), the instance goes on. */
  | { readonly kind: "configure"; readonly tracked: Tracked; readonly added: boolean }
  | { readonly kind: "stop"; readonly deleted: boolean }
  /** From group.ts only. */
  | { readonly kind: "group"; readonly to: "enter" | "master" | "backup" | "fault"; readonly cause: Cause };

export type AnnounceReason =
  | "master"
  | "lower-priority"
  | "reload"
  | "reload-added"
  | "link"
  | "mac"
  | "restored"
  | "intruder-left"
  | "thaw";

export type Action =
  | { readonly kind: "transition"; readonly from: StateName; readonly to: StateName; readonly cause: Cause }
  | { readonly kind: "sendAdvert"; readonly priority: number }
  /** In this order: packet filter, virtual addresses, excluded ones, routes, rules. */
  | { readonly kind: "addAddresses" }
  /** The other way round. */
  | { readonly kind: "removeAddresses" }
  /** Master through a reload: the difference. */
  | { readonly kind: "syncAddresses" }
  /** Master: compare and put back what is missing. */
  | { readonly kind: "restoreAddresses"; readonly what: string }
  | { readonly kind: "announce"; readonly why: AnnounceReason }
  /** One announcement of the instance's own source address. */
  | { readonly kind: "announceSource" }
  | { readonly kind: "cancelAnnouncements" }
  | { readonly kind: "notify"; readonly state: NotifyState; readonly priority: number }
  /** The effective priority has changed. */
  | { readonly kind: "priority"; readonly from: number; readonly to: number }
  /** `about`: caused from outside, at most one until the state or the master changes. */
  | { readonly kind: "log"; readonly level: Level; readonly message: string; readonly about?: string };

export type NotifyState =
  | "MASTER"
  | "BACKUP"
  | "FAULT"
  | "STOP"
  | "DELETED"
  | "MASTER_RX_LOWER_PRI"
  | "MASTER_PRIORITY"
  | "BACKUP_PRIORITY";

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** The state before `start`. */
export function initialState(now: MonoMs): InitState {
  const cause: Cause = { code: "start", text: "not started" };
  const nothing = { priority: 0, faults: [], pending: [], owesAnswer: false };
  const never = Number.NEGATIVE_INFINITY;
  return {
    ...nothing,
    spokeAt: never,
    answeredAt: never,
    kind: "init",
    started: false,
    startAt: now,
    since: now,
    cause,
  };
}

/** When the next timer event is due; Infinity when none is. */
export function deadline(state: State): MonoMs {
  switch (state.kind) {
    case "backup":
      return state.wantsMaster ? Number.POSITIVE_INFINITY : state.masterDownAt;
    case "master":
      return Math.min(state.advertAt, state.restore?.at ?? Number.POSITIVE_INFINITY);
    case "init":
    case "fault":
    case "stopped":
      return Number.POSITIVE_INFINITY;
    default:
      return unreachable(state);
  }
}

/** Are packets looked at? Not in INIT, FAULT and the start-up delay. */
export function isListening(state: State, now: MonoMs): boolean {
  return state.kind === "master" || (state.kind === "backup" && now >= state.deafUntil);
}

/** The machine: one event at one time. Never throws; an event that means nothing in a state changes nothing. */
export function step(cfg: MachineConfig, state: State, event: Event, now: MonoMs): Step {
  if (state.kind === "stopped") return stay(state);
  switch (event.kind) {
    case "start":
      return start(cfg, state, event, now);
    case "stop":
      return stop(state, event.deleted, now);
    case "tracked":
      return track(cfg, state, event.tracked, now);
    case "configure":
      return configure(cfg, state, event, now);
    case "group":
      return followGroup(cfg, state, event.to, event.cause, now);
    case "timer":
      if (state.kind === "backup") return backupTimer(cfg, state, now);
      return state.kind === "master" ? masterTimer(cfg, state, now) : stay(state);
    case "advert":
      if (!isListening(state, now)) return stay(state);
      if (state.kind === "backup") return backupHears(cfg, state, event.advert, now);
      return state.kind === "master" ? masterHears(cfg, state, event.advert, now) : stay(state);
    case "removed":
      return state.kind === "master" ? restore(state, event, now) : stay(state);
    case "reannounce":
      return state.kind === "master" ? stay(state, { kind: "announce", why: event.why }) : stay(state);
    default:
      return unreachable(event);
  }
}

function stay(state: State, ...actions: readonly Action[]): Step {
  return { state, actions };
}

// --- INIT and FAULT

function start(cfg: MachineConfig, state: State, event: Event & { kind: "start" }, now: MonoMs): Step {
  if (state.kind !== "init" || state.started) return stay(state);
  const { tracked, startAt } = event;
  const started: InitState = { ...state, ...tracked, started: true, startAt, since: now };
  // Crash recovery: what an earlier run left behind goes first, unless we become master this very moment.
  const clean: Action[] = becomesMasterAtOnce(cfg, started, now) ? [] : [{ kind: "removeAddresses" }];
  const waits = cfg.grouped && started.faults.length === 0;
  const next = waits ? stay(started) : settle(cfg, started, { code: "start", text: "started" }, now);
  return { state: next.state, actions: [...clean, ...next.actions] };
}

function becomesMasterAtOnce(cfg: MachineConfig, state: InitState, now: MonoMs): boolean {
  return cfg.owner && !cfg.grouped && canLeave(state) && state.startAt <= now;
}

function canLeave(state: State): boolean {
  return state.faults.length === 0 && state.pending.length === 0 && !state.groupFault;
}

/** Moves an instance in INIT or FAULT, outside a group, to where its faults let it be. */
function settle(cfg: MachineConfig, state: InitState | FaultState, cause: Cause, now: MonoMs): Step {
  if (state.faults.length > 0)
    return state.kind === "fault" ? stay(state) : toFault(state, faultCause(state.faults), now);
  return canLeave(state) ? enter(cfg, state, cause, now) : stay(state);
}

/** From INIT or FAULT into the election. */
function enter(cfg: MachineConfig, state: InitState | FaultState, cause: Cause, now: MonoMs): Step {
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

function toFault(state: State, cause: Cause, now: MonoMs): Step {
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

function common(state: State, cause: Cause, now: MonoMs): Common {
  const { priority, faults, pending, groupFault, spokeAt, answeredAt, owesAnswer } = state;
  return { priority, faults, pending, groupFault, spokeAt, answeredAt, owesAnswer, cause, since: now };
}

function transition(state: State, to: StateName, cause: Cause): Action {
  return { kind: "transition", from: stateName(state), to, cause };
}

function resignation(): readonly Action[] {
  return [{ kind: "sendAdvert", priority: RESIGN_PRIORITY }];
}

function withdrawal(): readonly Action[] {
  return [{ kind: "cancelAnnouncements" }, { kind: "removeAddresses" }];
}

// --- BACKUP

/** Sets when the wait is over from its kind, start, and the priority and intervals of now. */
function arm(cfg: MachineConfig, state: BackupState): BackupState {
  const masterDownAt = state.waitFrom + waitMs(cfg, state);
  // Resignations and claims in turn would have us become master, and say so, with each of them.
  if (state.wait !== "skew") return { ...state, masterDownAt };
  return { ...state, masterDownAt: Math.max(masterDownAt, state.spokeAt + cfg.advertMs) };
}

function waitMs(cfg: MachineConfig, state: BackupState): number {
  switch (state.wait) {
    case "down":
      return masterDownMs(cfg, state.priority, state.masterAdvertMs);
    case "skew":
      return skewMs(cfg.version, state.priority, state.masterAdvertMs);
    case "interval":
      return cfg.advertMs + skewMs(cfg.version, OWNER_PRIORITY, cfg.advertMs);
    case "none":
      return 0;
    default:
      return unreachable(state.wait);
  }
}

function backupHears(cfg: MachineConfig, state: BackupState, advert: HeardAdvert, now: MonoMs): Step {
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

function backupTimer(cfg: MachineConfig, state: BackupState, now: MonoMs): Step {
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

// --- MASTER

function becomeMaster(cfg: MachineConfig, state: State, cause: Cause, now: MonoMs): Step {
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

function masterTimer(cfg: MachineConfig, state: MasterState, now: MonoMs): Step {
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

function masterHears(cfg: MachineConfig, state: MasterState, advert: HeardAdvert, now: MonoMs): Step {
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

function demoted(
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

/** Puts back what somebody removed, at once; a program that keeps removing is answered RESTORE_SPACING_MS apart. */
function restore(state: MasterState, { what, by }: Event & { kind: "removed" }, now: MonoMs): Step {
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

// --- tracking, reload, stop, sync group

function track(cfg: MachineConfig, state: State, tracked: Tracked, now: MonoMs): Step {
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

function configure(cfg: MachineConfig, state: State, event: Event & { kind: "configure" }, now: MonoMs): Step {
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

function stop(state: State, deleted: boolean, now: MonoMs): Step {
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

function followGroup(
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
