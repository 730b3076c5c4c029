// Role vrrp: the start with a configuration, and the end. Another one in place is reload.ts.
import { inOneGo } from "../../base/steps.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import { isEmpty, staticPart, tableScope } from "../../net/parts.ts";
import { newPlacement } from "../../net/placement.ts";
import { settingsOf } from "../../net/sysctls.ts";
import { changesTables } from "../../vrrp/actions.ts";
import { beyondText } from "../../vrrp/peers.ts";
import type { Handover } from "../../vrrp/router/configuration.ts";
import { HANDOVER_TOPIC, type HandoverFact } from "../handover.ts";
import { tellFacts } from "./actions.ts";
import { auditLater } from "./audit.ts";
import { AREA, type VrrpState } from "./state.ts";
import { bootDelayMs, missingInterfaces, newStation } from "./station.ts";
import { allParts, applyTables, checkStatics } from "./upkeep.ts";
import { refresh } from "./world.ts";

/** What notify programs may take after the stop, of child_wait_time. */
const DRAIN_SHARE = 0.6;

/** Once, with the configuration that the state was made with. `handover`: of the process whose place this one takes. */
export function start(role: VrrpState, handover?: HandoverFact): void {
  const { config, router, reflector, tables, turns, trackers, stations, now } = role;
  const { clock, log } = role.context;
  const { vrrp } = config;
  takeSettings(role);
  turns.begin(router);
  const given = new Set<string>();
  for (const instance of vrrp.instances)
    stations.set(instance.name, newStation(newPlacement(instance, given, reflector.seen, vrrp.global)));
  reflector.setScope(tableScope(allParts(role)));
  tables.setOwned(allParts(role));
  if (isAlone(config) && !role.ports.isVrrpSpokenHere()) tables.takeOverMarked();
  trackers.linksChanged(reflector.seen);
  inOneGo(trackers.configure(config));
  refresh(role);
  tellFacts(role);
  // Instances may depend on what is static; what an earlier process left can wait until they are under way.
  if (!isEmpty(staticPart(vrrp))) applyTables(role);
  checkStatics(role);
  const notBefore = clock.now() + bootDelayMs(config, role.ports.uptimeS());
  turns.perform(router.start(now(), notBefore, handover && handedOver(role, handover)));
  applyTables(role);
  role.filter.tidy(tables.crashedBefore);
  for (const line of missingInterfaces(vrrp, reflector.seen)) log(line);
  tellPeersBeyond(role, vrrp.instances);
  role.ports.sysctl.releaseLeftOver();
  role.syncDaemons.configure(config, role.owning);
  auditLater(role);
  role.warmth.awake();
}

/** The processes' clocks begin with them; the machine's is one. */
function handedOver({ context, ports }: VrrpState, { masters, spokeAtMs }: HandoverFact): Handover {
  return { masters: new Set(masters), spokeAt: context.clock.now() - (ports.monotonicMs() - spokeAtMs) };
}

/** Masters advertise once more and are named to the process that goes on; from here on nothing is done. */
export function handOver(role: VrrpState): void {
  const { turns, router, context, ports } = role;
  role.isLeaving = true;
  turns.stop();
  const masters = router.instances().flatMap(({ config, state }) => (state.kind === "master" ? [config.name] : []));
  turns.carryOut(router.handOver(role.now()));
  context.publish(HANDOVER_TOPIC, { masters, spokeAtMs: ports.monotonicMs() } satisfies HandoverFact);
  role.trackers.stop();
}

/** What a configuration asks for besides its instances. */
export function takeSettings({ config, ports, reflector, filter }: VrrpState): void {
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

/** Of unicast instances whose peers are on no network of this machine. */
export function tellPeersBeyond({ reflector, context }: VrrpState, instances: readonly VrrpInstance[]): void {
  const networks = [...reflector.seen.addresses.values()];
  for (const instance of instances) {
    const text = beyondText(instance, networks);
    if (text !== undefined) context.log({ level: "info", area: AREA, message: `${instance.name}: ${text}` });
  }
}

/** Backups wait for it, so it is the first thing of a stop, whatever else is under way. A second call does nothing. */
export function resign(role: VrrpState): void {
  if (role.isLeaving) return;
  role.isLeaving = true;
  role.turns.stop();
  const actions = role.router.stop(role.now());
  // -V: resigned, but addresses, routes and rules stay.
  role.turns.carryOut(releases(role) ? actions : actions.filter((action) => !changesTables(action)));
}

function releases({ context }: VrrpState): boolean {
  return context.options.releaseVrrp;
}

/** Resigns, takes away what is ours, and lets programs of the last notifications end. */
export async function stop(role: VrrpState): Promise<void> {
  const { ports, reports, trackers } = role;
  resign(role);
  role.cancelAudit();
  reports.rest();
  role.warmth.stop();
  trackers.stop();
  const tracksEnd = ports.scripts.stopTracking();
  role.phase = "stopped";
  if (releases(role)) removeAll(role);
  role.syncDaemons.stop();
  reports.tell(role.stations.keys());
  role.told.flush();
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
