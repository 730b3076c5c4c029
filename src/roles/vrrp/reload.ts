// Role vrrp: another configuration in place, in pieces between which adverts that are due go out and packets are read. Between two pieces all is
// whole: the router has instances of both configurations (vrrp/reload-pieces.ts says what has to change at once), stations and sockets are
// those of its instances, and of the tables all is ours that either configuration names. A stop ends it where it is.
import { sameItems } from "../../base/same-items.ts";
import { PLACES, sameValue } from "../../base/same-value.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import { partOf, staticPart, tableScope } from "../../net/parts.ts";
import { givenNames, newPlacement, nextPlacement, type Placement, virtualsOf } from "../../net/placement.ts";
import type { Match } from "../../vrrp/reload.ts";
import type { ReloadPiece } from "../../vrrp/reload-pieces.ts";
import { type Arrival, sameParts } from "../../vrrp/router/reload.ts";
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
import { allParts, applyTables, checkStatics } from "./upkeep.ts";
import { onNetEvents, refresh } from "./world.ts";

/** Steps follow each other for so long; then the rest of the process has a turn. One step may take as long again. */
const PIECE_MS = 0.4;
/** Instances of pieces that are taken together: the tables are compared once for all of them. */
const TOGETHER = 8;
/** Stations that are looked at in one step. */
const LOOKS = 32;

/** What is worked out step by step. */
type Steps = Generator<undefined, void, undefined>;

/** The configuration with the addresses of each instance that its advertisements have room for. */
export function fitted(next: Config, { reflector, context }: Pick<VrrpState, "reflector" | "context">): Config {
  const { instances, lines } = fitInstances(next.vrrp.instances, reflector.seen);
  for (const line of lines) context.log(line);
  return lines.length === 0 ? next : { ...next, vrrp: { ...next.vrrp, instances } };
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
  const next = fitted(whole, role);
  yield;
  role.config = next;
  const statics = [staticPart(before.vrrp), staticPart(next.vrrp)] as const;
  role.formerStatics = sameValue(...statics, PLACES) ? undefined : statics[0];
  takeSettings(role);
  yield;
  if (sameParts(before.vrrp, next.vrrp) && sameItems(before.bfd, next.bfd)) {
    role.router.beginReload(next.vrrp, next.bfd);
    lookAgain(role);
  } else yield* changeInstances(role, before.vrrp);
  yield;
  // What others took and was left so is wanted again; what only the configuration before names is still ours, and goes.
  if (role.tables.claim(undefined) || role.tables.isOutdated()) applyTables(role);
  yield;
  role.filter.tidy(role.tables.crashedBefore);
  checkStatics(role);
  yield;
  role.syncDaemons.configure(next, new Set(role.owning.keys()));
  if (next.global.fifoWriteVrrpStatesOnReload) repeatStates(role);
  role.reports.look();
}

function* changeInstances(role: VrrpState, before: VrrpConfig): Steps {
  const { router, reflector, trackers, stations, reports } = role;
  const { vrrp, bfd } = role.config;
  trackers.linksChanged(reflector.seen);
  trackers.configure(role.config);
  tellFacts(role);
  yield;
  const pieces = router.beginReload(vrrp, bfd);
  const names = [...stations.keys()];
  yield;
  const places = new Map<VrrpInstance, Placement>();
  yield* findPlaces(role, pieces, places);
  const moves = movesTables(role, pieces, places);
  yield;
  if (moves) yield* ownBoth(role, before, pieces, places);
  for (const some of together(pieces)) {
    takePieces(role, some, places);
    yield;
  }
  router.endReload();
  sortStations(role);
  for (const name of names) if (!stations.has(name)) reports.gone(name);
  yield;
  if (moves) ownNext(role);
  yield;
  for (const line of missingInterfaces(vrrp, reflector.seen)) role.context.log(line);
  yield;
  if (before.global === vrrp.global) lookAgain(role);
  else yield* inParts([...stations.values()], (some) => refresh(role, some));
  const others = pieces.flatMap(({ change, add }) => [...change.map(({ next }) => next), ...add]);
  yield* inParts(others, (some) => tellPeersBeyond(role, some));
}

/** Something was missing of these; another configuration, or the time since, may have brought it. */
function lookAgain(role: VrrpState): void {
  const lacking = [...role.stations.values()].filter(isLacking);
  if (lacking.length > 0) refresh(role, lacking);
}

function* inParts<T>(all: readonly T[], take: (some: readonly T[]) => void): Steps {
  for (let at = 0; at < all.length; at += LOOKS) {
    take(all.slice(at, at + LOOKS));
    yield;
  }
}

/** Pieces one after the other, some at a time: as many as have TOGETHER instances. */
function* together(pieces: readonly ReloadPiece[]): Iterable<readonly ReloadPiece[]> {
  let some: ReloadPiece[] = [];
  let count = 0;
  for (const piece of pieces) {
    const { keep, change, remove, add } = piece;
    some.push(piece);
    count += keep.length + change.length + remove.length + add.length;
    if (count < TOGETHER) continue;
    yield some;
    some = [];
    count = 0;
  }
  if (some.length > 0) yield some;
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
function movesTables(
  { stations, formerStatics }: VrrpState,
  pieces: readonly ReloadPiece[],
  places: ReadonlyMap<VrrpInstance, Placement>,
): boolean {
  if (formerStatics) return true;
  const isMoved = ({ old, next }: Match): boolean => {
    const [from, to] = [stations.get(old.name), places.get(next)];
    return from !== undefined && to !== undefined && !sameValue(partOf(from, old), partOf(to, next), PLACES);
  };
  return pieces.some(
    ({ remove, add, keep, change }) => remove.length + add.length > 0 || keep.some(isMoved) || change.some(isMoved),
  );
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
  tables.setOwned([
    staticPart(config.vrrp),
    ...staying.map((station) => partOf(station, station.instance)),
    ...[...places.values()].map((place) => partOf(place, place.instance)),
  ]);
  yield;
  tables.prepare();
  yield;
  if (!role.formerStatics) return;
  applyTables(role);
  yield;
}

/** What only the configuration before names is ours until the tables are compared next. */
function ownNext(role: VrrpState): void {
  role.formerStatics = undefined;
  const parts = allParts(role);
  role.reflector.setScope(tableScope(parts));
  role.tables.setOwned(parts);
}

// --- a piece

function takePieces(
  role: VrrpState,
  pieces: readonly ReloadPiece[],
  places: ReadonlyMap<VrrpInstance, Placement>,
): void {
  const { router, reflector, trackers, turns, now } = role;
  // Those that leave say so by their old sockets, and from their old addresses.
  const farewell = pieces.flatMap((piece) => router.retire(piece, now()));
  if (farewell.length > 0) turns.carryOut(farewell);
  role.phase = "reloading";
  const arrived = new Map<string, Arrival>();
  for (const piece of pieces)
    for (const [name, arrival] of takeStations(role, piece, places)) arrived.set(name, arrival);
  const touched = pieces.flatMap((piece) => touchedStations(role, piece));
  if (touched.some((station) => virtualsOf(station).length > 0)) {
    // Of virtual interfaces that were made anew the picture has the old ones.
    reflector.drain();
    trackers.linksChanged(reflector.seen);
  }
  turns.perform(pieces.flatMap((piece) => router.take(piece, now(), arrived)));
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
  const { stations, owning, ports } = role;
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
  renameOwners(owning, staying);
  return addStations(role, add, places);
}

/** Another name is no change on the wire, so the core has nothing to say of it. */
function renameOwners(owning: Map<string, VrrpInstance>, matches: readonly Match[]): void {
  const owners = matches.filter(({ old }) => owning.has(old.name));
  for (const { old } of owners) owning.delete(old.name);
  for (const { next } of owners) owning.set(next.name, next);
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
