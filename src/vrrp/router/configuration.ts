// VRRP core: another configuration comes into force (reload.ts says what becomes of each instance), and the router's beginning and end.
import type { MonoMs } from "../../base/clock.ts";
import { type IpText, ipBytes } from "../../base/ip.ts";
import { sameItems } from "../../base/same-items.ts";
import type { SyncGroup, VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import type { VrrpAction } from "../actions.ts";
import { paceCancel } from "../announce/pacing.ts";
import { type GroupStateName, type Member, regroup, stepAll, stepMembers, unitState } from "../group.ts";
import { type Event, initialState, type State } from "../machine/state.ts";
import { planReload, type ReloadPlan } from "../reload.ts";
import { definitionsOf, newRuntime, type Runtime, settingsOf, type UnitRuntime, unitsOf } from "../runtime.ts";
import { type TrackDefinition, tracksAlike } from "../track.ts";
import type { Instant } from "../view.ts";
import { takeStep } from "./perform.ts";
import { attachUnits, NOTHING, type RouterState, stateOf } from "./state.ts";
import { retrack, trackedOf } from "./tracking.ts";

/** What setSource() and setFault() would say of an instance. */
export interface Arrival {
  readonly source: IpText | undefined;
  readonly faults: Readonly<Record<string, string | undefined>>;
}

/** Every instance leaves INIT, unless its trackers are not known yet. */
export function start(state: RouterState, at: Instant, notBefore: MonoMs): readonly VrrpAction[] {
  const startAt = Math.max(notBefore, at.now + state.config.global.startupDelayMs);
  const event = ({ name }: Member): Event => ({ kind: "start", tracked: trackedOf(state, name), startAt });
  const out: VrrpAction[] = [];
  state.started = true;
  for (const runtime of state.runtimes.values()) retrack(state, runtime);
  for (const unit of state.units) takeStep(state, unit, stepAll(unit.unit, event, at.now), at, out);
  return out;
}

/** All resign and clean up. */
export function stop(state: RouterState, at: Instant): readonly VrrpAction[] {
  const event: Event = { kind: "stop", deleted: false };
  const out: VrrpAction[] = [];
  // keepalived: groups are reported behind all instances.
  const groups: VrrpAction[] = [];
  state.stopped = true;
  for (const unit of state.units) {
    const names = unit.unit.members.map((member) => member.name);
    takeStep(
      state,
      unit,
      stepMembers(unit.unit, names, () => event, at.now),
      at,
      out,
    );
    const last = out.at(-1);
    if (last?.kind === "notify" && last.notification.kind === "group") groups.push(...out.splice(-1));
  }
  return [...out, ...groups];
}

/** Those that `next` leaves out resign and clean up. */
export function retire(state: RouterState, next: VrrpConfig, at: Instant): readonly VrrpAction[] {
  if (sameItems(state.config.instances, next.instances)) return NOTHING;
  // Members of a group at once: what is left of it for a moment must not go on without those that hold it.
  const leaving = new Map<UnitRuntime, string[]>();
  for (const { name } of planReload(state.config.instances, next.instances).remove) {
    const runtime = state.runtimes.get(name);
    if (!runtime || stateOf(state, runtime).kind === "stopped") continue;
    leaving.set(runtime.unit, [...(leaving.get(runtime.unit) ?? []), name]);
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

/** Takes `next`; what retire() has done already is not done again. */
export function reload(
  state: RouterState,
  next: VrrpConfig,
  bfd: readonly TrackDefinition[],
  at: Instant,
  arrivals: ReadonlyMap<string, Arrival>,
): readonly VrrpAction[] {
  // Pieces that a reload left alone are the very same objects (process/configuration/assembly.ts).
  if (sameParts(state.config, next) && sameItems(state.bfd, bfd)) {
    state.config = next;
    return NOTHING;
  }
  state.dueAt = undefined;
  const out = [...retire(state, next, at)];
  const plan = planReload(state.config.instances, next.instances);
  const reported = new Map(state.units.map((unit) => [unit.unit.group, reportOf(unit)]));
  const definitions = definitionsOf(next, bfd);
  const news: News = {
    tracksAlike: tracksAlike(state.definitions, definitions),
    survivors: survivorsOf(state, plan),
    changed: new Map(plan.change.map((change) => [change.next.name, change.addressesAdded])),
    added: new Set(plan.add.map((instance) => instance.name)),
  };
  state.runtimes = nextRuntimes(state, next.instances, plan, at, arrivals);
  state.config = next;
  state.bfd = bfd;
  state.definitions = definitions;
  state.units = unitsOf(next, (name) => news.survivors.get(name)?.state ?? initialState(at.now), at.now);
  attachUnits(state);
  for (const unit of state.units) reloadUnit(state, unit, news, reported.get(unit.unit.group), at, out);
  for (const runtime of state.runtimes.values()) runtime.previous = runtime.config;
  state.bySocket = undefined;
  return out;
}

/** Not another configuration at all: every field, or every item of it, is the very same. */
export function sameParts(old: VrrpConfig, next: VrrpConfig): boolean {
  const others: Readonly<Record<string, unknown>> = { ...next };
  return Object.entries(old).every(([name, part]) => {
    const other = others[name];
    return part === other || (Array.isArray(part) && Array.isArray(other) && sameItems(part, other));
  });
}

/** What the next configuration means to its instances, by their names in it. */
interface News {
  /** What the instance of this name may track is what it was. */
  readonly tracksAlike: (name: string) => boolean;
  /** Those that go on. */
  readonly survivors: ReadonlyMap<string, Survivor>;
  /** Those of them whose settings are others; true: they get addresses that they had not. */
  readonly changed: ReadonlyMap<string, boolean>;
  readonly added: ReadonlySet<string>;
}

/** What an instance brings along. */
interface Survivor {
  readonly state: State;
  /** Its settings and its group as they were. */
  readonly config: VrrpInstance;
  readonly group: SyncGroup | undefined;
}

/** What a group was last reported as, and since when. */
interface Reported {
  readonly state: GroupStateName;
  readonly since: MonoMs;
}

function reportOf(unit: UnitRuntime): Reported {
  return { state: unitState(unit.unit), since: unit.since };
}

function survivorsOf(state: RouterState, plan: ReloadPlan): ReadonlyMap<string, Survivor> {
  const survivors = new Map<string, Survivor>();
  for (const { old, next } of [...plan.keep, ...plan.change]) {
    const runtime = state.runtimes.get(old.name);
    if (!runtime) continue;
    survivors.set(next.name, { state: stateOf(state, runtime), config: runtime.config, group: runtime.unit.config });
  }
  return survivors;
}

/** In the order of the file, as at the start. */
function nextRuntimes(
  state: RouterState,
  instances: readonly VrrpInstance[],
  plan: ReloadPlan,
  at: Instant,
  arrivals: ReadonlyMap<string, Arrival>,
): Map<string, Runtime> {
  const byName = new Map<string, Runtime>();
  for (const { old, next } of [...plan.keep, ...plan.change]) {
    const runtime = state.runtimes.get(old.name);
    if (!runtime) continue;
    if (old.name !== next.name) state.pacing = paceCancel(state.pacing, old.name);
    if (old !== next) Object.assign(runtime, settingsOf(next), { previous: old });
    byName.set(next.name, runtime);
  }
  for (const instance of plan.add) byName.set(instance.name, arrived(instance, arrivals.get(instance.name), at));
  const ordered = new Map<string, Runtime>();
  for (const { name } of instances) {
    const runtime = byName.get(name);
    if (runtime) ordered.set(name, runtime);
  }
  return ordered;
}

function arrived(instance: VrrpInstance, arrival: Arrival | undefined, at: Instant): Runtime {
  const runtime = newRuntime(instance, at.now);
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
  { survivors, changed, added, ...news }: News,
  at: Instant,
): Event | undefined {
  const runtime = state.runtimes.get(name);
  if (!runtime) return undefined;
  const survivor = survivors.get(name);
  const untouched = survivor?.config === runtime.config && survivor.group === runtime.unit.config;
  // Facts were worked in when they came, so what depends on nothing new is not worked out again.
  const retracked = !(untouched && news.tracksAlike(name)) && retrack(state, runtime);
  const { tracked } = runtime;
  if (added.has(name)) return { kind: "start", tracked, startAt: at.now };
  const moved = survivor !== undefined && (survivor.group !== undefined) !== grouped;
  if (changed.has(name) || moved) return { kind: "configure", tracked, added: changed.get(name) ?? false };
  return retracked ? { kind: "tracked", tracked } : undefined;
}
