// VRRP core: what trackers make of an instance: its effective priority, its reasons for FAULT, and each tracker's share. A pure
// function of configuration and facts (vrrp.md §6 "Weights", language.md §14.2); who watches the things tracked is not its matter.
import type { MonoMs } from "../base/clock.ts";
import { OWNER_PRIORITY } from "../base/priority.ts";
import { PLACES, sameValue } from "../base/same-value.ts";
import type { SyncGroup, Tracking, TrackUse, VrrpInstance } from "../config/model/vrrp.ts";
import type { Fault, Tracked } from "./machine/state.ts";

export type TrackKind = "interface" | "script" | "file" | "process" | "bfd";

/** What is known of one tracked thing. */
export interface Fact {
  /** null: no result yet. Files: not looked at. */
  readonly up: boolean | null;
  /** Files only: the number in it. */
  readonly value?: number;
  /** In words: `carrier lost`, `exit status 1`, `does not exist`. */
  readonly detail: string;
  readonly since: MonoMs;
}

export type Facts = Readonly<Record<TrackKind, ReadonlyMap<string, Fact>>>;

/** Weights of the things themselves, for uses that name none. */
export interface TrackDefinitions {
  readonly scripts: readonly TrackDefinition[];
  readonly files: readonly TrackDefinition[];
  readonly processes: readonly TrackDefinition[];
  readonly bfd: readonly TrackDefinition[];
  /** Interfaces that instances depend on besides (track-devices.ts), by instance. */
  readonly devices: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface TrackDefinition {
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

/** One tracker's part in the whole. */
export interface Share {
  readonly kind: TrackKind;
  readonly name: string;
  readonly up: boolean;
  /** Added to the priority; null when the tracker counts as a fault instead. */
  readonly share: number | null;
  readonly detail: string;
  readonly since: MonoMs;
}

export interface Evaluation extends Tracked {
  readonly shares: readonly Share[];
}

const NO_DEVICES: ReadonlySet<string> = new Set();
const LEAST_PRIORITY = 1;
const MOST_PRIORITY = 254;
/** A track file's product at or below this is a fault. */
const FILE_FAULT = -254;
const FILE_MOST = 253;

/** Priority, faults and shares of an instance now. `group` brings its own trackers and decides whether weights are allowed. */
export function evaluate(
  instance: VrrpInstance,
  group: SyncGroup | undefined,
  definitions: TrackDefinitions,
  facts: Facts,
): Evaluation {
  const results = [
    ...primaryInterface(instance, facts),
    ...usesOf(instance, group, definitions).map((use) => judge(use, facts)),
  ];
  const sum = results.reduce((total, result) => total + (result.share.share ?? 0), 0);
  const owner = instance.priority === OWNER_PRIORITY;
  return {
    priority: owner ? OWNER_PRIORITY : Math.min(MOST_PRIORITY, Math.max(LEAST_PRIORITY, instance.priority + sum)),
    faults: results.flatMap((result) => (result.fault ? [result.fault] : [])),
    pending: results.flatMap((result) => (result.pending ? [result.share.name] : [])),
    shares: results.map((result) => result.share),
  };
}

/** Same outcome for the machine? Details and times are not compared. */
export function sameTracked(a: Tracked, b: Tracked): boolean {
  const faults = (tracked: Tracked) => tracked.faults.map((fault) => `${fault.code} ${fault.text}`).join("\n");
  return a.priority === b.priority && faults(a) === faults(b) && a.pending.join("\n") === b.pending.join("\n");
}

/** Do these definitions say the same of what the instance of a name may track? */
export function tracksAlike(some: TrackDefinitions, others: TrackDefinitions): (name: string) => boolean {
  const named = ({ scripts, files, processes, bfd }: TrackDefinitions) => [scripts, files, processes, bfd];
  if (!sameValue(named(some), named(others), PLACES)) return () => false;
  return (name) => sameDevices(some.devices.get(name), others.devices.get(name));
}

function sameDevices(some: ReadonlySet<string> = NO_DEVICES, others: ReadonlySet<string> = NO_DEVICES): boolean {
  return some.size === others.size && some.isSubsetOf(others);
}

/** Which trackers' parts are others than before: `script chk: -30, was 0 (exit status 1)`. */
export function changesOf(before: Evaluation, after: Evaluation): string {
  const changes = after.shares.flatMap(({ kind, name, share, detail }) => {
    const old = before.shares.find((one) => one.kind === kind && one.name === name)?.share ?? 0;
    if ((share ?? 0) === old) return [];
    return [`${kind} ${name}: ${share ?? 0}, was ${old}${detail === "" ? "" : ` (${detail})`}`];
  });
  return changes.length > 0 ? changes.join("; ") : "configuration";
}

interface Use {
  readonly kind: TrackKind;
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

interface Result {
  readonly share: Share;
  readonly fault?: Fault;
  readonly pending?: true;
}

/** The instance's own interface: losing it is a fault unless `dont_track_primary`; not being there at all always is. */
function primaryInterface(instance: VrrpInstance, facts: Facts): readonly Result[] {
  const name = instance.interface;
  if (name === undefined) return [];
  const fact = facts.interface.get(name);
  if (instance.dontTrackPrimary && fact) return [];
  return [judge({ kind: "interface", name, weight: 0, reverse: false }, facts)];
}

function usesOf(instance: VrrpInstance, group: SyncGroup | undefined, definitions: TrackDefinitions): readonly Use[] {
  // keepalived: ignores a track_interface of the instance's own interface, and takes no weight for one that it depends on anyway.
  const own = resolve(instance.tracking, definitions).filter(
    ({ use }) => use.kind !== "interface" || use.name !== instance.interface,
  );
  const shared = group ? resolve(group.tracking, definitions) : [];
  const seen = new Set<string>();
  if (instance.interface !== undefined && !instance.dontTrackPrimary) seen.add(`interface ${instance.interface}`);
  const uses: Use[] = [];
  const add = (use: Use) => {
    const key = `${use.kind} ${use.name}`;
    if (seen.has(key)) return;
    seen.add(key);
    uses.push(use);
  };
  for (const name of definitions.devices.get(instance.name) ?? [])
    add({ kind: "interface", name, weight: 0, reverse: false });
  for (const { use, ownDefault } of [...own, ...shared]) {
    const allowed = withAllowedWeight(use, ownDefault, instance, group);
    if (allowed) add(allowed);
  }
  return uses;
}

function resolve(tracking: Tracking, definitions: TrackDefinitions): { use: Use; ownDefault: boolean }[] {
  const rows: readonly (readonly [TrackKind, readonly TrackUse[], readonly TrackDefinition[]])[] = [
    ["interface", tracking.interfaces, []],
    ["script", tracking.scripts, definitions.scripts],
    ["file", tracking.files, definitions.files],
    ["process", tracking.processes, definitions.processes],
    ["bfd", tracking.bfd, definitions.bfd],
  ];
  return rows.flatMap(([kind, uses, known]) =>
    uses.map(({ name, weight, reverse }) => {
      const definition = known.find((one) => one.name === name);
      const own = weight === undefined && definition !== undefined;
      const use = own
        ? { kind, name, weight: definition.weight, reverse: definition.reverse }
        : { kind, name, weight: weight ?? 0, reverse };
      return { use, ownDefault: own };
    }),
  );
}

/**
 * Address owners, and members of a group without `sync_group_tracking_weight`, may not use weights. keepalived: an interface then
 * counts as a fault (owner: dropped), so does a file with its default weight of 1; other uses are dropped, processes are left alone.
 */
function withAllowedWeight(
  use: Use,
  ownDefault: boolean,
  instance: VrrpInstance,
  group: SyncGroup | undefined,
): Use | undefined {
  const owner = instance.priority === OWNER_PRIORITY;
  const weightless = owner || (group !== undefined && !group.trackingWeight && !group.globalTracking);
  if (!weightless || use.weight === 0) return use;
  switch (use.kind) {
    case "interface":
      return owner ? undefined : { ...use, weight: 0, reverse: false };
    case "file":
      return ownDefault && use.weight === 1 ? { ...use, weight: 0 } : undefined;
    case "process":
      return owner ? undefined : use;
    default:
      return undefined;
  }
}

function judge(use: Use, facts: Facts): Result {
  return use.kind === "file" ? judgeFile(use, facts.file.get(use.name)) : judgeUp(use, facts[use.kind].get(use.name));
}

function judgeUp(use: Use, fact: Fact | undefined): Result {
  // A script or process without a result is waited for; a link or session nobody has seen is down.
  const unknown = use.kind === "script" || use.kind === "process" ? null : false;
  const up = fact ? fact.up : unknown;
  const share = {
    kind: use.kind,
    name: use.name,
    up: up ?? false,
    detail: fact?.detail ?? (unknown === null ? "no result yet" : "not there"),
    since: fact?.since ?? 0,
  };
  if (use.weight === 0) {
    if (up === null) return { share: { ...share, share: null }, pending: true };
    const failing = up === use.reverse;
    if (!failing) return { share: { ...share, share: null } };
    return { share: { ...share, share: null }, fault: { code: use.kind, text: faultText(use, up, share.detail) } };
  }
  const counts = up !== null && (use.weight > 0 ? up : !up);
  return { share: { ...share, share: counts ? (use.reverse ? -use.weight : use.weight) : 0 } };
}

function faultText(use: Use, up: boolean, detail: string): string {
  const what = use.kind === "bfd" ? "BFD session" : use.kind;
  const how = use.kind === "interface" || use.kind === "bfd" ? (up ? "up" : "down") : up ? "good" : "failed";
  return `${what} ${use.name} ${how === "failed" ? "" : "is "}${how}${detail === "" ? "" : ` (${detail})`}${use.reverse ? ", tracked in reverse" : ""}`;
}

function judgeFile(use: Use, fact: Fact | undefined): Result {
  const value = fact?.value ?? 0;
  const share = {
    kind: use.kind,
    name: use.name,
    since: fact?.since ?? 0,
    detail: `value ${value}${fact?.detail ? `, ${fact.detail}` : ""}`,
  };
  const sign = use.reverse ? -1 : 1;
  const product = value * use.weight * sign;
  const failing = use.weight === 0 ? (value !== 0) !== use.reverse : product <= FILE_FAULT;
  if (failing) {
    const fault = { code: "file", text: `track file ${use.name} holds ${value} with weight ${use.weight * sign}` };
    return { share: { ...share, up: false, share: null }, fault };
  }
  if (use.weight === 0) return { share: { ...share, up: true, share: null } };
  return { share: { ...share, up: product >= 0, share: Math.min(FILE_MOST, product) } };
}
