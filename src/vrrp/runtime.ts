// VRRP core: what the router keeps of each instance beside its protocol state, and what stands together as one unit.
import type { MonoMs } from "../base/clock.ts";
import type { IpText } from "../base/ip.ts";
import type { SyncGroup, VrrpConfig, VrrpInstance } from "../config/model/vrrp.ts";
import { type Receiver, receiverFor } from "./accept.ts";
import { type AnnounceTimers, NO_TIMERS } from "./announce/bursts.ts";
import { type AnnounceTarget, announceTargets } from "./announce/pacing.ts";
import { type Unit, unitDeadline } from "./group.ts";
import { type LogLimiter, logLimiter } from "./limiter.ts";
import { type Fault, machineConfig, type State, type Tracked } from "./machine/state.ts";
import type { RefusalReason } from "./refusals.ts";
import { nextTakeover, type Rehearsed, type Takeover } from "./rehearsal.ts";
import { type Senders, senders } from "./senders.ts";
import { type Sightings, sightings } from "./sightings.ts";
import type { Evaluation, TrackDefinition, TrackDefinitions } from "./track.ts";
import { trackedDevices } from "./track-devices.ts";
import type { CounterName, LastTransition } from "./view.ts";
import { INITIAL_WIRE, isUnicast, type WireState } from "./wire.ts";

/** One for each instance, for as long as it lives; the functions of router/ change it in place. Its protocol state is in its unit. */
export interface Runtime {
  /** Settings in force; a reload replaces them. */
  config: VrrpInstance;
  /** The settings before, during a reload; else the same as `config`. */
  previous: VrrpInstance;
  /** What accept() needs of the settings. */
  receiver: Receiver;
  /** Addresses to announce, from the settings. */
  targets: readonly AnnounceTarget[];
  /** The trackers of the configuration that the settings are of; in a reload they may be those before. */
  definitions: TrackDefinitions;
  /** What counts from packet to packet, of both directions. */
  wire: WireState;
  /** The address that it sends from; undefined: none, which is a fault. */
  source: { readonly ip: IpText; readonly bytes: Uint8Array } | undefined;
  /** Announcements of its mastership that are still to come. */
  timers: AnnounceTimers;
  /** What trackers make of it, with the share of each. */
  evaluation: Evaluation;
  /** The one before, for what has changed. */
  evaluatedBefore: Evaluation;
  /** What the machine was told of it: with the faults of source, peers and driver. */
  tracked: Tracked;
  /** Faults that only the driver knows of: text by code. */
  readonly extraFaults: Map<string, string>;
  /** keepalived's statistics. */
  readonly counters: Record<CounterName, number>;
  /** Packets refused, by reason. */
  readonly refused: Partial<Record<RefusalReason, number>>;
  /** Of the log lines that packets cause. */
  readonly limiter: LogLimiter;
  /** Who else speaks with its VRID, and does not agree. */
  readonly sightings: Sightings;
  /** Who advertises to a unicast instance. */
  readonly senders: Senders;
  lastTransition: LastTransition | undefined;
  /** The unit that it is a member of, which has its state. */
  unit: UnitRuntime;
}

/** One for each unit: an instance by itself, or a sync group. */
export interface UnitRuntime {
  /** Members with their states; each step replaces it. */
  unit: Unit;
  /** The group's settings; undefined for an instance by itself. */
  config: SyncGroup | undefined;
  /** When the unit as a whole changed its state last. */
  since: MonoMs;
  /** For which takeover was rehearsed, and when next; absent: not yet. */
  rehearsed?: Rehearsed;
  /** What timesOf() found last. */
  times?: UnitTimes & { readonly of: Unit };
}

/** What is due of a unit as it is. All units are asked in every turn of a timer. */
export interface UnitTimes extends Takeover {
  /** Of its timers. */
  readonly dueAt: MonoMs;
}

export function timesOf(runtime: UnitRuntime): UnitTimes {
  const { unit, times } = runtime;
  if (times?.of === unit) return times;
  const found = { of: unit, dueAt: unitDeadline(unit), ...nextTakeover(unit) };
  runtime.times = found;
  return found;
}

/** Of the parts of a runtime that remember, those that a rehearsal must not touch. */
export type Understudy = Pick<Runtime, "limiter" | "sightings">;

export const ZERO_COUNTERS: Readonly<Record<CounterName, number>> = {
  advert_rcvd: 0,
  advert_sent: 0,
  become_master: 0,
  release_master: 0,
  packet_len_err: 0,
  advert_interval_err: 0,
  ip_ttl_err: 0,
  invalid_type_rcvd: 0,
  addr_list_err: 0,
  invalid_authtype: 0,
  authtype_mismatch: 0,
  auth_failure: 0,
  auth_ext_missing: 0,
  auth_ext_malformed: 0,
  auth_ext_unknown_key: 0,
  auth_ext_invalid_hmac: 0,
  auth_ext_stale: 0,
  auth_ext_replay: 0,
  pri_zero_rcvd: 0,
  pri_zero_sent: 0,
};

/** Of an instance that has not been started; it has no source yet. */
export function newRuntime(instance: VrrpInstance, definitions: TrackDefinitions, now: MonoMs): Runtime {
  const evaluation: Evaluation = { priority: instance.priority, faults: [], pending: [], shares: [] };
  const unit: UnitRuntime = { unit: { members: [] }, config: undefined, since: now };
  return {
    ...settingsOf(instance),
    previous: instance,
    definitions,
    wire: INITIAL_WIRE,
    source: undefined,
    timers: NO_TIMERS,
    evaluation,
    evaluatedBefore: evaluation,
    tracked: evaluation,
    extraFaults: new Map(),
    counters: { ...ZERO_COUNTERS },
    refused: {},
    limiter: logLimiter(),
    sightings: sightings(),
    senders: senders(),
    lastTransition: undefined,
    unit,
  };
}

/** What follows from the configuration alone. */
export function settingsOf(instance: VrrpInstance): Pick<Runtime, "config" | "receiver" | "targets"> {
  return { config: instance, receiver: receiverFor(instance), targets: announceTargets(instance) };
}

/** The first group that names an instance has it. */
function groupOfInstance(config: Pick<VrrpConfig, "syncGroups">): ReadonlyMap<string, SyncGroup> {
  const groups = new Map<string, SyncGroup>();
  for (const group of config.syncGroups)
    for (const name of group.instances) if (!groups.has(name)) groups.set(name, group);
  return groups;
}

/** Groups first, each with its members in the group's order, then the instances by themselves. */
export function unitsOf(
  config: Pick<VrrpConfig, "instances" | "syncGroups">,
  state: (name: string) => State,
  now: MonoMs,
): UnitRuntime[] {
  const grouped = groupOfInstance(config);
  const byName = new Map(config.instances.map((instance) => [instance.name, instance]));
  const member = (instance: VrrpInstance, inGroup: boolean) => ({
    name: instance.name,
    cfg: machineConfig(instance, inGroup),
    state: state(instance.name),
  });
  const groups = config.syncGroups.map((group): UnitRuntime => {
    const members = group.instances.flatMap((name) => {
      const instance = byName.get(name);
      return instance && grouped.get(name) === group ? [member(instance, true)] : [];
    });
    return { unit: { group: group.name, members }, config: group, since: now };
  });
  const alone = config.instances
    .filter((instance) => !grouped.has(instance.name))
    .map((instance): UnitRuntime => ({ unit: { members: [member(instance, false)] }, config: undefined, since: now }));
  return [...groups.filter((group) => group.unit.members.length > 0), ...alone];
}

/** What trackers have to know of a configuration. */
export function definitionsOf(config: VrrpConfig, bfd: readonly TrackDefinition[]): TrackDefinitions {
  const { scripts, files, processes } = config;
  return { scripts, files, processes, bfd, devices: trackedDevices(config) };
}

/** `unicast_fault_no_peer`: rather in FAULT than back to multicast. */
export function withoutPeer(instance: VrrpInstance): readonly Fault[] {
  if (!instance.unicast?.faultWithoutPeer || isUnicast(instance)) return [];
  return [{ code: "config", text: "unicast is asked for, and no unicast_peer is configured" }];
}

/** Stands in for a runtime in a rehearsal: what is counted there, and what `understudy` takes, is of no consequence. */
export function understudyOf(runtime: Runtime, understudy: Understudy): Runtime {
  return { ...runtime, ...understudy, counters: { ...runtime.counters } };
}
