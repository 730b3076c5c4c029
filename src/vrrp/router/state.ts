// VRRP core: all that the router keeps, as one record. The functions of this folder change it in place, nobody else does. What is kept of
// each instance and unit is in runtime.ts.
import type { MonoMs } from "../../base/clock.ts";
import type { VrrpConfig } from "../../config/model/vrrp.ts";
import type { VrrpAction } from "../actions.ts";
import type { Pacing } from "../announce/pacing.ts";
import { type LogLimiter, logLimiter } from "../limiter.ts";
import { initialState, type State } from "../machine/state.ts";
import { definitionsOf, newRuntime, type Runtime, type Understudy, type UnitRuntime, unitsOf } from "../runtime.ts";
import { sightings } from "../sightings.ts";
import { type SocketRows, socketTableOf } from "../sockets.ts";
import type { Fact, TrackDefinition, TrackDefinitions, TrackKind } from "../track.ts";
import type { Instant } from "../view.ts";

export interface RouterState {
  /** The configuration in force. */
  config: VrrpConfig;
  /** The BFD sessions in force. */
  bfd: readonly TrackDefinition[];
  /** The trackers of both, with their weights. */
  definitions: TrackDefinitions;
  /** Of the last reload: what the instance of this name may track is what it was. */
  tracksAlike: (name: string) => boolean;
  /** Results of trackers and states of links, the last of each; also of what no instance tracks yet. */
  readonly facts: Readonly<Record<TrackKind, Map<string, Fact>>>;
  /** Instances by name, in the order of the file. */
  runtimes: Map<string, Runtime>;
  /** Sync groups, then the instances that are in none: the order in which several act at one time. */
  units: readonly UnitRuntime[];
  /** Announcements that wait for their turn. */
  pacing: Pacing;
  /** Instances by socket key and VRID; undefined: instances or sources have changed, socketTable() works it out. */
  bySocket: ReadonlyMap<string, SocketRows> | undefined;
  /** The next deadline, or an earlier time; undefined: deadline() works it out. */
  dueAt: MonoMs | undefined;
  /** "rehearse" and "imminent" actions are asked for. */
  readonly rehearses: boolean;
  /** When a takeover was rehearsed last, whosever it was. */
  lastRehearsalAt: MonoMs;
  /** What the last rehearsal found. */
  foreseen: Foreseen | undefined;
  /** Takes what a rehearsal counts, remembers and limits: of no consequence, and reused so that a rehearsal makes no garbage. */
  readonly understudy: Understudy;
  /** Instances that have not entered the election stay out of it (`--hold-vrrp`). */
  held: boolean;
  /** Every instance is in FAULT, because somebody wants the director empty (`--drain-vrrp`). */
  drained: boolean;
  /** start() was called: before, facts are kept and nothing is decided. */
  started: boolean;
  /** stop() was called: nothing is heard any more. */
  stopped: boolean;
  /** For the lines about VRIDs that nobody here is configured for. */
  readonly strangerLog: LogLimiter;
  /** When the router was made: `since` of what has not been started. */
  readonly createdAt: MonoMs;
}

/** What the last rehearsal found for a takeover of these units. */
export interface Foreseen {
  readonly actions: readonly VrrpAction[];
  readonly due: Instant;
  readonly units: readonly UnitRuntime[];
  /** What it was found from. */
  readonly of: readonly unknown[];
}

/** Nothing to do; shared, so that a refused packet allocates no list. */
export const NOTHING: readonly VrrpAction[] = Object.freeze([]);

export function newRouterState(
  config: VrrpConfig,
  bfd: readonly TrackDefinition[],
  createdAt: MonoMs,
  rehearses: boolean,
): RouterState {
  const definitions = definitionsOf(config, bfd);
  const state: RouterState = {
    config,
    bfd,
    definitions,
    tracksAlike: () => true,
    facts: { interface: new Map(), script: new Map(), file: new Map(), process: new Map(), bfd: new Map() },
    runtimes: new Map(
      config.instances.map((instance) => [instance.name, newRuntime(instance, definitions, createdAt)]),
    ),
    units: unitsOf(config, () => initialState(createdAt), createdAt),
    pacing: new Map(),
    bySocket: undefined,
    dueAt: undefined,
    rehearses,
    lastRehearsalAt: Number.NEGATIVE_INFINITY,
    foreseen: undefined,
    understudy: { limiter: logLimiter(), sightings: sightings() },
    held: false,
    drained: false,
    started: false,
    stopped: false,
    strangerLog: logLimiter(),
    createdAt,
  };
  attachUnits(state.runtimes, state.units);
  return state;
}

/** Tells the instances of these units which is theirs. */
export function attachUnits(runtimes: ReadonlyMap<string, Runtime>, units: readonly UnitRuntime[]): void {
  for (const unit of units)
    for (const { name } of unit.unit.members) {
      const runtime = runtimes.get(name);
      if (runtime) runtime.unit = unit;
    }
}

/** The protocol state of an instance: its unit has it. */
export function stateOf({ createdAt }: RouterState, { unit, config }: Runtime): State {
  const member = unit.unit.members.find((one) => one.name === config.name);
  return member?.state ?? initialState(createdAt);
}

/** Instances by socket key and VRID. */
export function socketTable(state: RouterState): ReadonlyMap<string, SocketRows> {
  state.bySocket ??= socketTableOf(state.runtimes);
  return state.bySocket;
}
