// Role vrrp: the start with a configuration, another one in place, and the end.
import { sameItems } from "../../base/same-items.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import type { SeenTables } from "../../net/model.ts";
import { isEmpty, staticPart, tableScope } from "../../net/parts.ts";
import { givenNames, virtualsOf } from "../../net/placement.ts";
import { settingsOf } from "../../net/sysctls.ts";
import { changesTables } from "../../vrrp/actions.ts";
import { beyondText } from "../../vrrp/peers.ts";
import { planReload, type ReloadPlan } from "../../vrrp/reload.ts";
import { type Arrival, sameParts } from "../../vrrp/router/configuration.ts";
import type { RoleContext } from "../role.ts";
import { tellFacts } from "./actions.ts";
import { auditLater } from "./audit.ts";
import { AREA, type VrrpState } from "./state.ts";
import {
  aroundStations,
  bootDelayMs,
  fitInstances,
  isLacking,
  missingInterfaces,
  newStation,
  placeAddresses,
  refreshStation,
} from "./station.ts";
import type { Station } from "./station-record.ts";
import { releaseSocket } from "./station-socket.ts";
import { allParts, applyTables, checkStatics } from "./upkeep.ts";
import { onNetEvents, refresh } from "./world.ts";

/** What notify programs may take after the stop, of child_wait_time. */
const DRAIN_SHARE = 0.6;

/** The configuration with the addresses of each instance that its advertisements have room for. */
export function fitted(next: Config, seen: SeenTables, log: RoleContext["log"]): Config {
  const { instances, lines } = fitInstances(next.vrrp.instances, seen);
  for (const line of lines) log(line);
  return lines.length === 0 ? next : { ...next, vrrp: { ...next.vrrp, instances } };
}

/** Once, with the configuration that the state was made with. */
export function start(role: VrrpState): void {
  const { config, router, reflector, tables, turns, trackers, stations, now } = role;
  const { clock, log } = role.context;
  const { vrrp } = config;
  takeSettings(role);
  turns.begin(router);
  const given = new Set<string>();
  for (const instance of vrrp.instances)
    stations.set(instance.name, newStation(instance, given, reflector.seen, vrrp.global));
  reflector.setScope(tableScope(allParts(role)));
  tables.setOwned(allParts(role));
  if (isAlone(config) && !role.ports.isVrrpSpokenHere()) tables.takeOverMarked();
  trackers.linksChanged(reflector.seen);
  trackers.configure(config);
  refresh(role);
  tellFacts(role);
  // Instances may depend on what is static; what an earlier process left can wait until they are under way.
  if (!isEmpty(staticPart(vrrp))) applyTables(role);
  checkStatics(role);
  turns.perform(router.start(now(), clock.now() + bootDelayMs(config, role.ports.uptimeS())));
  applyTables(role);
  role.filter.tidy(tables.crashedBefore);
  for (const line of missingInterfaces(vrrp, reflector.seen)) log(line);
  tellPeersBeyond(role, vrrp.instances);
  role.ports.sysctl.releaseLeftOver();
  role.syncDaemons.configure(config, new Set(role.owning.keys()));
  auditLater(role);
  role.warmth.awake();
}

/** Takes another configuration in place: what is the very same in it is not looked at. */
export function reload(role: VrrpState, next: Config): void {
  const before = role.config;
  role.config = next;
  takeSettings(role);
  if (sameParts(before.vrrp, next.vrrp) && sameItems(before.bfd, next.bfd)) {
    role.router.reload(next.vrrp, next.bfd, role.now());
    const lacking = [...role.stations.values()].filter(isLacking);
    if (lacking.length > 0) refresh(role, lacking);
  } else reloadInstances(role, before.vrrp);
  // What others took and was left so is wanted again; what only the configuration before names is still ours, and goes.
  if (role.tables.claim(undefined) || role.tables.isOutdated()) applyTables(role);
  role.filter.tidy(role.tables.crashedBefore);
  if (role.held.length > 0) onNetEvents(role, role.held.splice(0));
  checkStatics(role);
  role.syncDaemons.configure(next, new Set(role.owning.keys()));
  if (next.global.fifoWriteVrrpStatesOnReload) repeatStates(role);
  role.reports.look();
}

function reloadInstances(role: VrrpState, before: VrrpConfig): void {
  const { router, reflector, trackers, turns, now } = role;
  const { vrrp, bfd } = role.config;
  // Those that leave say so by their old sockets, and from their old addresses.
  turns.carryOut(router.retire(vrrp, now()));
  role.phase = "reloading";
  const plan = planReload(before.instances, vrrp.instances);
  const arrived = takeStations(role, plan);
  // Of virtual interfaces that were made anew the picture has the old ones.
  reflector.drain();
  for (const line of missingInterfaces(vrrp, reflector.seen)) role.context.log(line);
  reflector.setScope(tableScope(allParts(role)));
  role.tables.setOwned(allParts(role));
  trackers.linksChanged(reflector.seen);
  trackers.configure(role.config);
  tellFacts(role);
  turns.carryOut(router.reload(vrrp, bfd, now(), arrived));
  role.phase = "running";
  refresh(role, touchedStations(role, plan, before.global !== vrrp.global));
  tellFacts(role);
  tellPeersBeyond(role, [...plan.change.map(({ next }) => next), ...plan.add]);
}

/** Those that have other settings, or that another look may find something for. */
function touchedStations({ stations }: VrrpState, { keep }: ReloadPlan, all: boolean): readonly Station[] {
  const kept = new Set(all ? [] : keep.flatMap(({ old, next }) => (old === next ? [next] : [])));
  return [...stations.values()].filter((station) => !kept.has(station.instance) || isLacking(station));
}

/** What a configuration asks for besides its instances. */
function takeSettings({ config, ports, reflector, filter }: VrrpState): void {
  const { vrrp, global } = config;
  ports.scripts.setSecurity(global.scripts);
  ports.takeRights(global.process.vrrp);
  ports.notifier.reload(global);
  ports.setCommandBuffer(wishedBuffer(vrrp.global.cmdRcvBufBytes, vrrp.global.cmdRcvBufForce));
  reflector.setReceiveBuffer(wishedBuffer(vrrp.global.monitorRcvBufBytes, vrrp.global.monitorRcvBufForce));
  filter.configure(config);
  ports.sysctl.want("vrrp settings", settingsOf(vrrp));
}

/** A director with an instance name is one of several in its namespace. */
function isAlone(config: Config): boolean {
  return config.global.instanceName === undefined;
}

function tellPeersBeyond({ reflector, context }: VrrpState, instances: readonly VrrpInstance[]): void {
  const networks = [...reflector.seen.addresses.values()];
  for (const instance of instances) {
    const text = beyondText(instance, networks);
    if (text !== undefined) context.log({ level: "info", area: AREA, message: `${instance.name}: ${text}` });
  }
}

/** Stations of the configuration: kept, dropped, new. What the new ones find is the result. */
function takeStations(role: VrrpState, plan: ReloadPlan): ReadonlyMap<string, Arrival> {
  const { stations, owning, reflector, ports } = role;
  const { vrrp } = role.config;
  const before = new Map(stations);
  for (const { name } of plan.remove) {
    const station = before.get(name);
    if (station) dropStation(role, name, station);
  }
  stations.clear();
  const kept = givenNames(before.values());
  for (const { old, next: instance } of [...plan.keep, ...plan.change]) {
    const station = before.get(old.name);
    if (!station) continue;
    stations.set(instance.name, station);
    if (station.instance === instance) continue;
    station.instance = instance;
    const unused = placeAddresses(station, kept, reflector.seen, vrrp.global);
    for (const vmac of unused) ports.virtuals.remove(vmac);
  }
  renameOwners(owning, [...plan.keep, ...plan.change]);
  const arrived = addStations(role, plan.add);
  for (const name of before.keys()) if (!stations.has(name)) role.reports.gone(name);
  return arrived;
}

/** Another name is no change on the wire, so the core has nothing to say of it. Names may have been exchanged. */
function renameOwners(
  owning: Map<string, VrrpInstance>,
  matches: readonly { readonly old: VrrpInstance; readonly next: VrrpInstance }[],
): void {
  const owners = matches.filter(({ old }) => owning.has(old.name));
  for (const { old } of owners) owning.delete(old.name);
  for (const { next } of owners) owning.set(next.name, next);
}

function addStations(role: VrrpState, instances: readonly VrrpInstance[]): ReadonlyMap<string, Arrival> {
  const { stations, reflector } = role;
  const { global } = role.config.vrrp;
  const arrived = new Map<string, Arrival>();
  const given = givenNames(stations.values());
  const around = aroundStations(role);
  for (const instance of instances) {
    const station = newStation(instance, given, reflector.seen, global);
    stations.set(instance.name, station);
    const faults = refreshStation(station, reflector.seen, global, around);
    arrived.set(instance.name, { source: station.source, faults });
  }
  return arrived;
}

function dropStation({ owning, ports }: VrrpState, name: string, station: Station): void {
  releaseSocket(station);
  owning.delete(name);
  for (const { name: vmac } of virtualsOf(station)) ports.virtuals.remove(vmac);
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

/** Resigns, takes away what is ours, and lets programs of the last notifications end. */
export async function stop(role: VrrpState): Promise<void> {
  const { ports, turns, reports, trackers } = role;
  const { releaseVrrp } = role.context.options;
  turns.stop();
  const actions = role.router.stop(role.now());
  // Backups wait for the resignation. -V: resigned, but addresses, routes and rules stay.
  turns.carryOut(releaseVrrp ? actions : actions.filter((action) => !changesTables(action)));
  role.cancelAudit();
  reports.rest();
  role.warmth.stop();
  trackers.stop();
  const tracksEnd = ports.scripts.stopTracking();
  role.phase = "stopped";
  if (releaseVrrp) removeAll(role);
  role.syncDaemons.stop();
  reports.tell(role.stations.keys());
  role.sockets[Symbol.dispose]();
  await ports.notifier.drain(role.config.global.childWaitMs * DRAIN_SHARE);
  ports.notifier.close();
  await Promise.all([tracksEnd, ports.scripts.stopNotifying()]);
  ports.frames[Symbol.dispose]();
  role.filter.close();
  role.reflector[Symbol.dispose]();
  ports.close();
}

/** Also what is static, and what no instance has right now. */
function removeAll({ tables, filter, ports }: VrrpState): void {
  tables.apply([]);
  tables.forget();
  filter.remove();
  for (const name of ports.virtuals.names()) ports.virtuals.remove(name);
  ports.sysctl.releaseAll();
}
