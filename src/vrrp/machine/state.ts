// VRRP core: what the state machine of one instance is handed, keeps and gives back: settings, causes, states, events, actions.
import type { MonoMs } from "../../base/clock.ts";
import type { IpText } from "../../base/ip.ts";
import type { Level } from "../../base/log.ts";
import { unreachable } from "../../base/never.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import type { VrrpInstance } from "../../config/model/vrrp.ts";

/** Priority that says "I am leaving". */
export const RESIGN_PRIORITY = 0;

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
  | "resumed"
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

export interface Common {
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
  /** It was master a moment ago, in another process, and goes on: nobody has missed it yet. */
  readonly resumes?: true;
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
  /** Once, with the first tracking results; `startAt` in the future is the start-up delay. `resumes`: see InitState. */
  | { readonly kind: "start"; readonly tracked: Tracked; readonly startAt: MonoMs; readonly resumes?: true }
  /** Another process is about to go on in place of this one: a master says once more that it is there. */
  | { readonly kind: "speak" }
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
