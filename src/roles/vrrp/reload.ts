// Role vrrp: another configuration in place, in pieces between which adverts that are due go out and packets are read. Between two pieces all is
// whole: the router has instances of both configurations (vrrp/reload-pieces.ts says what has to change at once), stations and sockets are
// those of its instances, and of the tables all is ours that either configuration names. A stop ends it where it is.
import { sameItems } from "../../base/same-items.ts";
import { PLACES, sameValue } from "../../base/same-value.ts";
import { inOneGo, inPortions, portions, type Steps } from "../../base/steps.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import { partOf, staticPart, type TablesPart, tableScope } from "../../net/parts.ts";
import { givenNames, newPlacement, nextPlacement, type Placement, virtualsOf } from "../../net/placement.ts";
import type { Match } from "../../vrrp/reload.ts";
import type { ReloadPiece } from "../../vrrp/reload-pieces.ts";
import { type Arrival, sameParts } from "../../vrrp/router/reload.ts";
import { lookForDevices } from "../../vrrp/track-devices.ts";
import { tellFacts } from "./actions.ts";
import { takeSettings, tellPeersBeyond } from "./configuration.ts";
import type { VrrpState } from "./state.ts";
import {
  aroundStations,
  fitInstances,
  isLacking,
  missingInterfaces,
  moveTo,
  newStation,
  refreshStation,
} from "./station.ts";
import type { Station } from "./station-record.ts";
import { releaseSocket } from "./station-socket.ts";
import { applyTables, checkStatics, wantedParts } from "./upkeep.ts";
import { onNetEvents, refresh } from "./world.ts";

/** Steps follow each other for so long; then the rest of the process has a turn. One step may take as long again. */
const PIECE_MS = 0.4;
/** Stations, instances or parts that are looked at in one step. */
const LOOKS = 32;
/** Looks at the tables, step by step, before they are compared in one go. */
const MAX_LOOKS = 3;

/** The configuration with the addresses of each instance that its advertisements have room for. */
export function fitted(next: Config, role: Pick<VrrpState, "reflector" | "context">): Config {
  return inOneGo(fitting(next, role));
}

function* fitting(next: Config, { reflector, context }: Pick<VrrpState, "reflector" | "context">): Steps<Config> {
  const all: VrrpInstance[] = [];
  let isOther = false;
  for (const some of portions(next.vrrp.instances, LOOKS)) {
    const { instances, lines } = fitInstances(some, reflector.seen);
    for (const line of lines) context.log(line);
    isOther ||= lines.length > 0;
    all.push(...instances);
    yield;
  }
  return isOther ? { ...next, vrrp: { ...next.vrrp, instances: all } } : next;
}

/** Resolved when the configuration is in force, or a stop came first. What is the very same in it is not looked at. */
export function reload(role: VrrpState, next: Config): Promise<void> {
  const { clock } = role.context;
  const steps = stepsOf(role, next);
  return new Promise((resolve, reject) => {
    function turn(): void {
      const until = clock.now() + PIECE_MS;
      try {
        let isDone = false;
        while (!isDone) {
          isDone = role.isLeaving || steps.next().done === true;
          if (clock.now() >= until) break;
        }
        if (isDone) resolve();
        else clock.at(clock.now(), turn);
      } catch (error) {
        reject(error);
      }
    }
    turn();
  });
}

function* stepsOf(role: VrrpState, whole: Config): Steps {
  const before = role.config;
  const next = yield* fitting(whole, role);
  role.config = next;
  const statics = [staticPart(before.vrrp), staticPart(next.vrrp)] as const;
  role.formerStatics = sameValue(...statics, PLACES) ? undefined : statics[0];
  takeSettings(role);
  yield;
  if (sameParts(before.vrrp, next.vrrp) && sameItems(before.bfd, next.bfd)) {
    inOneGo(role.router.beginReload(next.vrrp, next.bfd));
    lookAgain(role);
  } else yield* changeInstances(role, before.vrrp);
  yield;
  // What others took and was left so is wanted again; what only the configuration before names is still ours, and goes.
  const isClaimed = role.tables.claim(undefined);
  if (isClaimed || (role.tables.isOutdated() && !(yield* areTablesAsWanted(role)))) applyTables(role);
  yield;
  role.filter.tidy(role.tables.crashedBefore);
  checkStatics(role);
  yield;
  role.syncDaemons.configure(next, role.owning);
  if (next.global.fifoWriteVrrpStatesOnReload) repeatStates(role);
  role.reports.look();
}

/** What happens meanwhile may make a look worth nothing. */
function* areTablesAsWanted(role: VrrpState): Steps<boolean> {
  for (let looks = 0; looks < MAX_LOOKS; looks++)
    if (yield* role.tables.isAsWanted(wantedParts(role, role.owning))) return true;
  return false;
}

function* changeInstances(role: VrrpState, before: VrrpConfig): Steps {
  const { router, reflector, trackers, stations, reports } = role;
  const { vrrp, bfd } = role.config;
  trackers.linksChanged(reflector.seen);
  yield;
  yield* lookForDevices(vrrp);
  yield* trackers.configure(role.config);
  tellFacts(role);
  yield;
  const pieces = yield* router.beginReload(vrrp, bfd);
  const names = [...stations.keys()];
  yield;
  const places = new Map<VrrpInstance, Placement>();
  yield* findPlaces(role, pieces, places);
  const moves = yield* movesTables(role, pieces, places);
  if (moves) yield* ownBoth(role, before, pieces, places);
  for (const piece of pieces) {
    takePiece(role, piece, places);
    yield;
  }
  yield* router.endReload();
  yield;
  sortStations(role);
  for (const name of names) if (!stations.has(name)) reports.gone(name);
  yield;
  if (moves) yield* ownNext(role);
  for (const line of missingInterfaces(vrrp, reflector.seen)) role.context.log(line);
  yield;
  if (before.global === vrrp.global) lookAgain(role);
  else yield* inPortions([...stations.values()], LOOKS, (some) => refresh(role, some));
  const others = pieces.flatMap(({ change, add }) => [...change.map(({ next }) => next), ...add]);
  yield* inPortions(others, LOOKS, (some) => tellPeersBeyond(role, some));
}

/** Something was missing of these; another configuration, or the time since, may have brought it. */
function lookAgain(role: VrrpState): void {
  const lacking = [...role.stations.values()].filter(isLacking);
  if (lacking.length > 0) refresh(role, lacking);
}

// --- what is ours meanwhile

/** The places of instances that are new or not the same as before; those that go on keep their virtual interfaces. */
function* findPlaces(
  { stations, reflector, config }: VrrpState,
  pieces: readonly ReloadPiece[],
  places: Map<VrrpInstance, Placement>,
): Steps {
  const { seen } = reflector;
  const { global } = config.vrrp;
  const leaving = new Set(pieces.flatMap(({ remove }) => remove));
  const given = givenNames([...stations.values()].filter(({ instance }) => !leaving.has(instance)));
  for (const { keep, change } of pieces) {
    for (const { old, next } of [...keep, ...change]) {
      const station = stations.get(old.name);
      if (station && old !== next) places.set(next, nextPlacement(station, next, given, seen, global));
    }
    yield;
  }
  for (const { add } of pieces) {
    for (const instance of add) places.set(instance, newPlacement(instance, given, seen, global));
    yield;
  }
}

/** Does the next configuration name other addresses, routes and rules than the one before? */
function* movesTables(
  { stations, formerStatics }: VrrpState,
  pieces: readonly ReloadPiece[],
  places: ReadonlyMap<VrrpInstance, Placement>,
): Steps<boolean> {
  if (formerStatics) return true;
  if (pieces.some(({ remove, add }) => remove.length + add.length > 0)) return true;
  const isMoved = ({ old, next }: Match): boolean => {
    const [from, to] = [stations.get(old.name), places.get(next)];
    return from !== undefined && to !== undefined && !sameValue(partOf(from, old), partOf(to, next), PLACES);
  };
  for (const { keep, change } of pieces) {
    if (keep.some(isMoved) || change.some(isMoved)) return true;
    yield;
  }
  return false;
}

/** What both configurations name is ours from now on; what is static comes at once, and the one before goes at the end. */
function* ownBoth(
  role: VrrpState,
  before: VrrpConfig,
  pieces: readonly ReloadPiece[],
  places: ReadonlyMap<VrrpInstance, Placement>,
): Steps {
  const { stations, reflector, tables, config } = role;
  reflector.setScope(
    tableScope([staticPart(before), staticPart(config.vrrp), ...before.instances, ...config.vrrp.instances]),
  );
  const replaced = new Set(pieces.flatMap(({ remove }) => remove));
  for (const { keep, change } of pieces)
    for (const { old, next } of [...keep, ...change]) if (old !== next) replaced.add(old);
  const staying = [...stations.values()].filter(({ instance }) => !replaced.has(instance));
  yield;
  const parts: TablesPart[] = [staticPart(config.vrrp)];
  yield* inPortions(staying, LOOKS, (some) => parts.push(...some.map((one) => partOf(one, one.instance))));
  yield* inPortions([...places.values()], LOOKS, (some) => parts.push(...some.map((one) => partOf(one, one.instance))));
  tables.setOwned(parts);
  yield* tables.prepare();
  yield;
  if (!role.formerStatics) return;
  applyTables(role);
  yield;
}

/** What only the configuration before names is ours until the tables are compared next. */
function* ownNext(role: VrrpState): Steps {
  role.formerStatics = undefined;
  const { stations, reflector, tables, config } = role;
  const parts: TablesPart[] = [staticPart(config.vrrp)];
  yield* inPortions([...stations.values()], LOOKS, (some) =>
    parts.push(...some.map((one) => partOf(one, one.instance))),
  );
  reflector.setScope(tableScope(parts));
  tables.setOwned(parts);
}

// --- a piece

function takePiece(role: VrrpState, piece: ReloadPiece, places: ReadonlyMap<VrrpInstance, Placement>): void {
  const { router, reflector, trackers, turns, now } = role;
  // Those that leave say so by their old sockets, and from their old addresses.
  const farewell = router.retire(piece, now());
  if (farewell.length > 0) turns.carryOut(farewell);
  role.phase = "reloading";
  const arrived = takeStations(role, piece, places);
  const touched = touchedStations(role, piece);
  if (touched.some((station) => virtualsOf(station).length > 0)) {
    // Of virtual interfaces that were made anew the picture has the old ones.
    reflector.drain();
    trackers.linksChanged(reflector.seen);
  }
  turns.perform(router.take(piece, now(), arrived));
  role.phase = "running";
  refresh(role, touched);
  if (role.held.length > 0) onNetEvents(role, role.held.splice(0));
}

/** Those that have other settings, or that another look may find something for. */
function touchedStations({ stations }: VrrpState, { keep, change, add }: ReloadPiece): readonly Station[] {
  const others = [...[...keep, ...change].filter(({ old, next }) => old !== next).map(({ next }) => next), ...add];
  return others.flatMap(({ name }) => stations.get(name) ?? []);
}

/** Stations of the piece: kept, dropped, new. What the new ones find is the result. */
function takeStations(
  role: VrrpState,
  { remove, keep, change, add }: ReloadPiece,
  places: ReadonlyMap<VrrpInstance, Placement>,
): ReadonlyMap<string, Arrival> {
  const { stations, owning, tables, ports } = role;
  const leaving = remove.map(({ name }) => [name, stations.get(name)] as const);
  const staying = [...keep, ...change].map((match) => ({ ...match, station: stations.get(match.old.name) }));
  for (const [name, station] of leaving) if (station) dropStation(role, name, station);
  // Names may have been exchanged.
  for (const { old, next } of staying) if (old.name !== next.name) stations.delete(old.name);
  for (const { next, station } of staying) {
    if (!station) continue;
    stations.set(next.name, station);
    const place = places.get(next);
    if (place) for (const unused of moveTo(station, place)) ports.virtuals.remove(unused);
  }
  if (renameOwners(owning, staying)) tables.renamed();
  return addStations(role, add, places);
}

/** Another name is no change on the wire, so the core has nothing to say of it. False: all have the names that they had. */
function renameOwners(owning: Map<string, VrrpInstance>, matches: readonly Match[]): boolean {
  const owners = matches.filter(({ old }) => owning.has(old.name));
  for (const { old } of owners) owning.delete(old.name);
  for (const { next } of owners) owning.set(next.name, next);
  return owners.some(({ old, next }) => old.name !== next.name);
}

function addStations(
  role: VrrpState,
  instances: readonly VrrpInstance[],
  places: ReadonlyMap<VrrpInstance, Placement>,
): ReadonlyMap<string, Arrival> {
  const arrived = new Map<string, Arrival>();
  if (instances.length === 0) return arrived;
  const around = aroundStations(role);
  for (const instance of instances) {
    const place = places.get(instance);
    if (!place) continue;
    const station = newStation(place);
    role.stations.set(instance.name, station);
    const faults = refreshStation(station, role.reflector.seen, role.config.vrrp.global, around);
    arrived.set(instance.name, { source: station.source, faults });
  }
  return arrived;
}

function dropStation({ stations, owning, ports }: VrrpState, name: string, station: Station): void {
  releaseSocket(station);
  stations.delete(name);
  owning.delete(name);
  for (const { name: vmac } of virtualsOf(station)) ports.virtuals.remove(vmac);
}

/** In the order of the file, as at the start. */
function sortStations({ stations, config }: VrrpState): void {
  const all = new Map(stations);
  stations.clear();
  for (const { name } of config.vrrp.instances) {
    const station = all.get(name);
    if (station) stations.set(name, station);
  }
}

/** `fifo_write_vrrp_states_on_reload` */
function repeatStates({ config, router, ports, now }: VrrpState): void {
  for (const { name } of config.vrrp.syncGroups) {
    const state = router.groupStatus(name, now())?.state;
    if (state === "MASTER" || state === "BACKUP" || state === "FAULT")
      ports.notifier.notify({ kind: "group", name, state, priority: 0, commands: {}, smtpAlert: false });
  }
  for (const { name, state: machine } of router.instances()) {
    const { kind, priority } = machine;
    const state = kind === "master" ? "MASTER" : kind === "backup" ? "BACKUP" : kind === "fault" ? "FAULT" : undefined;
    if (state) ports.notifier.notify({ kind: "instance", name, state, priority, commands: {}, smtpAlert: false });
  }
}
