// Role vrrp: what comes from outside: datagrams, and what the kernel tells of links, addresses, routes and rules.
import type { MonoMs } from "../../base/clock.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import type { VrrpDatagram } from "../../kernel/raw-socket.ts";
import { linkWorks } from "../../net/model.ts";
import { virtualsOf } from "../../net/placement.ts";
import type { NetEvent } from "../../net/seen.ts";
import type { VrrpAction } from "../../vrrp/actions.ts";
import type { VrrpState } from "./state.ts";
import { aroundStations, isLacking, refreshStation, virtualMacsOf } from "./station.ts";
import { STATION_FAULTS, type Station } from "./station-record.ts";
import { changedAddresses } from "./told-addresses.ts";
import { allParts, applyTables, checkStatics } from "./upkeep.ts";

/** A timer that is so late was held up by more than a busy machine: this process or the machine stood still. */
const PAUSE_MS = 200;

/**
 * Before timers count. A living master must not be taken for a dead one, and behind a pause others may have taken over: then all of it
 * is read. An advertisement that is due does not wait for a flood.
 */
export function hearWhatWaits({ sockets, router, context }: VrrpState, dueAt: MonoMs): void {
  const now = context.clock.now();
  sockets.drain(now - dueAt > PAUSE_MS || router.isTakeoverDue(now));
}

/** `key` is the kernel's socket's. */
export function onDatagram(role: VrrpState, datagram: VrrpDatagram, key: string): void {
  const socket = role.socketKeys.get(key);
  if (socket === undefined) return;
  const at = { now: datagram.receivedAt, wallMs: role.context.clock.wallMs() };
  role.turns.perform(role.router.receive(socket, datagram, at));
  role.warmth.awake();
}

/** The events of one turn. While actions are carried out or a reload is under way they are held, and worked in behind it. */
export function onNetEvents(role: VrrpState, events: readonly NetEvent[]): void {
  if (role.phase === "stopped") return;
  if (role.turns.isBusy() || role.phase === "reloading") {
    role.held.push(...events);
    return;
  }
  const { options, log } = role.context;
  if (options.logsAddresses) for (const line of changedAddresses(role.reflector.seen, events)) log(line);
  const restore = role.losses.take(events);
  const linksChanged = events.some((event) => event.kind === "link");
  if (linksChanged) refresh(role);
  else {
    const some = speakingFrom(role, events);
    if (some.length > 0) refresh(role, some);
  }
  if (linksChanged) {
    role.trackers.linksChanged(role.reflector.seen);
    for (const event of events) if (event.kind === "link") noteLink(role, event);
  }
  restore();
  // A device that has come (back) may be what a wish waits for.
  if (linksChanged) applyTables(role);
  // Not in the middle of putting things back: what is missing now is there at the end of it, and then this is called again.
  if (role.applying === "no") checkStatics(role);
  if (events.some(mayDropRoutes) && allParts(role).some(({ routes }) => routes.length > 0)) lookSoon(role);
}

/** Those for which these events may mean another source: most speak from an address that is there as before, whatever others come and go. */
function speakingFrom({ stations }: VrrpState, events: readonly NetEvent[]): readonly Station[] {
  const touched = new Set(events.flatMap((event) => (event.kind === "address" ? [event.address.ip] : [])));
  if (touched.size === 0) return [];
  const some: Station[] = [];
  for (const station of stations.values()) {
    const { source, instance, vmac, addressVmacs } = station;
    const isFirm = source !== undefined && vmac === undefined && addressVmacs.size === 0;
    if (!isFirm || instance.priority === OWNER_PRIORITY || touched.has(source) || isLacking(station))
      some.push(station);
  }
  return some;
}

/** kernel: IPv4 routes go without a word when their link goes down, or the address that made their gateway reachable. */
function mayDropRoutes(event: NetEvent): boolean {
  if (event.kind === "link") return event.change === "removed" || !linkWorks(event.link);
  return event.kind === "address" && event.change === "removed" && event.address.family === 4 && !event.ours;
}

/** Reads the tables anew in the next turn; what is missing comes as events. */
function lookSoon(role: VrrpState): void {
  if (role.isLookDue) return;
  role.isLookDue = true;
  const { clock } = role.context;
  clock.at(clock.now(), () => {
    role.isLookDue = false;
    if (role.phase !== "stopped") role.reads.attempt(() => role.reflector.audit());
  });
}

function noteLink({ router, turns, now }: VrrpState, { link, before, ours }: NetEvent & { kind: "link" }): void {
  if (ours || !before) return;
  if (before.mac !== link.mac) turns.perform(router.reannounce(link.name, "mac", now()));
  else if (!linkWorks(before) && linkWorks(link)) turns.perform(router.reannounce(link.name, "link", now()));
}

/** Links, sources and sockets of all stations, or of these: as they are now. */
export function refresh(role: VrrpState, some?: readonly Station[]): void {
  const { config, router, reflector, now } = role;
  const actions: VrrpAction[] = [];
  const around = aroundStations(role);
  const which = some ?? [...role.stations.values()];
  for (const station of which) {
    const { name } = station.instance;
    station.faults = refreshStation(station, reflector.seen, config.vrrp.global, around);
    actions.push(...router.setSource(name, station.source, now()));
    for (const code of STATION_FAULTS) actions.push(...router.setFault(name, code, station.faults[code], now()));
  }
  role.turns.perform(actions);
  // What else is in it is of sockets that are closed.
  if (!some) role.socketKeys.clear();
  for (const station of which) mapSockets(role, station);
  if (some && !some.some((station) => virtualsOf(station).length > 0)) return;
  role.filter.setVirtualMacs([...role.stations.values()].flatMap((one) => virtualMacsOf(one, reflector.seen)));
}

function mapSockets({ socketKeys, router }: VrrpState, { instance, socket, macSocket }: Station): void {
  const key = router.socketOf(instance.name);
  if (key === undefined) return;
  for (const one of [socket, macSocket]) if (one) socketKeys.set(one.key, key);
}
