// VRRP core: another configuration comes into force, piece by piece (reload-pieces.ts says which). Between two of them the router is whole: some
// instances are those of the next configuration, the others still those before, each with the trackers of its own.
import type { MonoMs } from "../../base/clock.ts";
import { type IpText, ipBytes } from "../../base/ip.ts";
import { sameItems } from "../../base/same-items.ts";
import { inPortions, type Steps } from "../../base/steps.ts";
import type { SyncGroup, VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import type { VrrpAction } from "../actions.ts";
import { paceCancel } from "../announce/pacing.ts";
import { type GroupStateName, regroup, stepMembers, unitState } from "../group.ts";
import { type Event, initialState, type State } from "../machine/state.ts";
import { type ReloadPiece, reloadPieces } from "../reload-pieces.ts";
import { definitionsOf, newRuntime, type Runtime, settingsOf, type UnitRuntime, unitsOf } from "../runtime.ts";
import { type TrackDefinition, type TrackDefinitions, tracksAlike } from "../track.ts";
import type { Instant } from "../view.ts";
import { dueBy, unitDueAt } from "./deadline.ts";
import { takeStep } from "./perform.ts";
import { attachUnits, type RouterState, stateOf } from "./state.ts";
import { retrack } from "./tracking.ts";

/** Instances that are looked at in one step. */
const AT_ONCE = 256;

/** What setSource() and setFault() would say of an instance. */
export interface Arrival {
  readonly source: IpText | undefined;
  readonly faults: Readonly<Record<string, string | undefined>>;
}

/**
 * Behind the last step what is of no instance is in force. The pieces are to be taken, each by retire() and take(), and then end(). None: all
 * instances are what they were.
 */
export function* begin(
  state: RouterState,
  next: VrrpConfig,
  bfd: readonly TrackDefinition[],
): Steps<readonly ReloadPiece[]> {
  const before = state.config;
  const definitions = definitionsOf(next, bfd);
  // Pieces that a reload left alone are the very same objects (process/configuration/assembly.ts).
  const isSame = sameParts(before, next) && sameItems(state.bfd, bfd);
  const alike = isSame ? state.tracksAlike : tracksAlike(state.definitions, definitions);
  const pieces = isSame ? [] : yield* reloadPieces(before, next, alike);
  state.config = next;
  state.bfd = bfd;
  state.tracksAlike = alike;
  if (!isSame) state.definitions = definitions;
  return pieces;
}

/** Those that leave with this piece resign and clean up. */
export function retire(state: RouterState, { remove }: ReloadPiece, at: Instant): readonly VrrpAction[] {
  // Members of a group at once: what is left of it for a moment must not go on without those that hold it.
  const leaving = new Map<UnitRuntime, string[]>();
  for (const { name } of remove) {
    const runtime = state.runtimes.get(name);
    if (runtime) leaving.set(runtime.unit, [...(leaving.get(runtime.unit) ?? []), name]);
  }
  const event: Event = { kind: "stop", deleted: true };
  const out: VrrpAction[] = [];
  for (const [unit, names] of leaving)
    takeStep(
      state,
      unit,
      stepMembers(unit.unit, names, () => event, at.now),
      at,
      out,
    );
  return out;
}

/** The piece's instances are those of the next configuration from now on; retire() was before. */
export function take(
  state: RouterState,
  piece: ReloadPiece,
  at: Instant,
  arrivals: ReadonlyMap<string, Arrival>,
): readonly VrrpAction[] {
  const out: VrrpAction[] = [];
  const stood = standing(state, piece);
  const runtimes = nextRuntimes(state, piece, at, arrivals);
  const instances = [...runtimes.values()].map(({ config }) => config);
  const stateBefore = (name: string) => stood.survivors.get(name)?.state ?? initialState(at.now);
  const units = unitsOf({ instances, syncGroups: piece.groups }, stateBefore, at.now);
  state.units = [...state.units.filter((unit) => !stood.units.has(unit)), ...units];
  attachUnits(state.runtimes, units);
  const news: News = {
    survivors: stood.survivors,
    changed: new Map(piece.change.map((change) => [change.next.name, change.addressesAdded])),
    added: new Set(piece.add.map((instance) => instance.name)),
  };
  for (const unit of units) {
    reloadUnit(state, unit, news, stood.groups.get(unit.unit.group), at, out);
    dueBy(state, unitDueAt(state, unit));
  }
  for (const runtime of runtimes.values()) runtime.previous = runtime.config;
  return out;
}

/** All pieces were taken: the order is that of the file, as at the start. */
export function* end(state: RouterState): Steps {
  const { config, definitions, runtimes } = state;
  const ordered = new Map<string, Runtime>();
  const places = new Map<UnitRuntime, number>();
  let place = config.syncGroups.length;
  yield* inPortions(config.instances, AT_ONCE, (some) => {
    for (const { name } of some) {
      const runtime = runtimes.get(name);
      if (!runtime) continue;
      runtime.definitions = definitions;
      ordered.set(name, runtime);
      if (runtime.unit.config === undefined) places.set(runtime.unit, place++);
    }
  });
  const groups = new Map(config.syncGroups.map(({ name }, at) => [name, at]));
  for (const unit of state.units) if (unit.config !== undefined) places.set(unit, groups.get(unit.config.name) ?? 0);
  yield;
  state.runtimes = ordered;
  state.units = state.units.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
  state.bySocket = undefined;
}

/** Not another configuration at all: every field, or every item of it, is the very same. */
export function sameParts(old: VrrpConfig, next: VrrpConfig): boolean {
  const others: Readonly<Record<string, unknown>> = { ...next };
  return Object.entries(old).every(([name, part]) => {
    const other = others[name];
    return part === other || (Array.isArray(part) && Array.isArray(other) && sameItems(part, other));
  });
}

/** What a piece means to its instances, by their names in the next configuration. */
interface News {
  /** Those that go on. */
  readonly survivors: ReadonlyMap<string, Survivor>;
  /** Those with other settings, and whether addresses came. */
  readonly changed: ReadonlyMap<string, boolean>;
  readonly added: ReadonlySet<string>;
}

/** An instance that goes on, as it was before. */
interface Survivor {
  readonly state: State;
  readonly config: VrrpInstance;
  readonly group: SyncGroup | undefined;
}

/** What a group was last reported as, and since when. */
interface Reported {
  readonly state: GroupStateName;
  readonly since: MonoMs;
}

/** A piece as it was before. */
interface Standing {
  readonly units: ReadonlySet<UnitRuntime>;
  readonly groups: ReadonlyMap<string | undefined, Reported>;
  readonly survivors: ReadonlyMap<string, Survivor>;
}

function standing(state: RouterState, piece: ReloadPiece): Standing {
  const units = new Set<UnitRuntime>();
  const survivors = new Map<string, Survivor>();
  for (const { name } of piece.remove) {
    const unit = state.runtimes.get(name)?.unit;
    if (unit) units.add(unit);
  }
  for (const { old, next } of [...piece.keep, ...piece.change]) {
    const runtime = state.runtimes.get(old.name);
    if (!runtime) continue;
    const { config, unit } = runtime;
    units.add(unit);
    survivors.set(next.name, { state: stateOf(state, runtime), config, group: unit.config });
  }
  const groups = new Map([...units].map((one) => [one.unit.group, { state: unitState(one.unit), since: one.since }]));
  return { units, groups, survivors };
}

/** Takes them into the router; the piece's, by their names. */
function nextRuntimes(
  state: RouterState,
  piece: ReloadPiece,
  at: Instant,
  arrivals: ReadonlyMap<string, Arrival>,
): ReadonlyMap<string, Runtime> {
  const byName = new Map<string, Runtime>();
  // Who hears what is as before where all go on under their names.
  if (piece.remove.length + piece.add.length > 0) state.bySocket = undefined;
  for (const { old, next } of [...piece.keep, ...piece.change]) {
    const runtime = state.runtimes.get(old.name);
    if (!runtime) continue;
    if (old.name !== next.name) {
      state.pacing = paceCancel(state.pacing, old.name);
      state.bySocket = undefined;
    }
    if (old !== next) Object.assign(runtime, settingsOf(next), { previous: old });
    runtime.definitions = state.definitions;
    byName.set(next.name, runtime);
  }
  for (const instance of piece.add)
    byName.set(instance.name, arrived(instance, state.definitions, arrivals.get(instance.name), at));
  const gone = [...piece.remove, ...[...piece.keep, ...piece.change].map(({ old }) => old)];
  for (const { name } of gone) if (!byName.has(name)) state.runtimes.delete(name);
  for (const [name, runtime] of byName) state.runtimes.set(name, runtime);
  return byName;
}

function arrived(
  instance: VrrpInstance,
  definitions: TrackDefinitions,
  arrival: Arrival | undefined,
  at: Instant,
): Runtime {
  const runtime = newRuntime(instance, definitions, at.now);
  const { source, faults = {} } = arrival ?? {};
  if (source !== undefined) runtime.source = { ip: source, bytes: ipBytes(source) };
  for (const [code, text] of Object.entries(faults)) if (text !== undefined) runtime.extraFaults.set(code, text);
  return runtime;
}

/** Each member hears what the next configuration means to it, then they agree once. */
function reloadUnit(
  state: RouterState,
  unit: UnitRuntime,
  news: News,
  before: Reported | undefined,
  at: Instant,
  out: VrrpAction[],
): void {
  const grouped = unit.unit.group !== undefined;
  const events = new Map<string, readonly Event[]>();
  for (const { name } of unit.unit.members) {
    const event = reloadEvent(state, name, grouped, news, at);
    if (event) events.set(name, [event]);
  }
  if (events.size === 0 && !grouped) return;
  if (before && grouped) unit.since = before.since;
  const reported = grouped ? (before?.state ?? "INIT") : unitState(unit.unit);
  takeStep(state, unit, regroup(unit.unit, events, news.added, reported, at.now), at, out);
}

function reloadEvent(
  state: RouterState,
  name: string,
  grouped: boolean,
  { survivors, changed, added }: News,
  at: Instant,
): Event | undefined {
  const runtime = state.runtimes.get(name);
  if (!runtime) return undefined;
  const survivor = survivors.get(name);
  // Facts were worked in when they came, so what depends on nothing new is not worked out again.
  const untouched =
    survivor?.config === runtime.config && survivor.group === runtime.unit.config && state.tracksAlike(name);
  const retracked = !untouched && retrack(state, runtime);
  const { tracked } = runtime;
  if (added.has(name)) return { kind: "start", tracked, startAt: at.now };
  const moved = survivor !== undefined && (survivor.group !== undefined) !== grouped;
  if (changed.has(name) || moved) return { kind: "configure", tracked, added: changed.get(name) ?? false };
  return retracked ? { kind: "tracked", tracked } : undefined;
}
