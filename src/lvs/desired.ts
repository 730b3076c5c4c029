// LVS core: what the IPVS table should hold. Config × health × quorum → wanted services, computed whole each time; plan() does the rest.
// Rules: checkers.md §2. Pure.
import { familyOf } from "../base/ip.ts";
import { clampWeight } from "../base/weight.ts";
import type { RealServer, ServiceAddress, SorryServer, VirtualServer } from "../config/model/lvs.ts";
import { destinationKey, serviceKey } from "./keys.ts";
import type { Destination, Service, ServiceEntry } from "./model.ts";

const IP_VS_SVC_F_PERSISTENT = 0x01;

const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;
const SINGLE_ADDRESS_MASK = 0xffffffff;
const SINGLE_ADDRESS_PREFIX = 128;

/** What the checks say about one real server. */
export interface RealServerState {
  readonly healthy: boolean;
  /** Configured weight with the shares of its checks (`misc_dynamic`, FILE_CHECK), 0..2^31-1. */
  readonly weight: number;
}

/** What the checks say about one virtual server. */
export interface VirtualServerState {
  readonly quorumUp: boolean;
  /** By id of the real server; one that is missing counts as healthy with its configured weight. */
  readonly realServers: ReadonlyMap<string, RealServerState>;
}

/** What is wanted of one virtual server: a service for each of its addresses whose key it `has`. */
export function desiredEntries(
  virtualServer: VirtualServer,
  state: VirtualServerState,
  has: (key: string) => boolean,
): ServiceEntry[] {
  const destinations = desiredDestinations(virtualServer, state);
  return virtualServer.services.flatMap((address) => {
    const service = serviceOf(virtualServer, address);
    return has(serviceKey(service)) ? [{ service, destinations: portsFor(address, destinations) }] : [];
  });
}

/** Keys of the kernel services that a virtual server stands for. */
export function serviceKeysOf(virtualServer: VirtualServer): string[] {
  return virtualServer.services.map((address) => serviceKey(serviceOf(virtualServer, address)));
}

/** The destinations of every kernel service of one virtual server. */
export function desiredDestinations(virtualServer: VirtualServer, state: VirtualServerState): Destination[] {
  const sorry = virtualServer.sorryServer;
  const sorryServes = sorry !== undefined && !state.quorumUp;
  const destinations = new Map<string, Destination>();
  for (const realServer of virtualServer.realServers) {
    const { healthy, weight } = state.realServers.get(realServer.id) ?? { healthy: true, weight: realServer.weight };
    const serves = healthy && !sorryServes;
    // Out of service means out of the table, unless it is to stay with weight 0 for the connections that it has.
    if (!serves && !realServer.inhibitOnFailure) continue;
    addFirst(destinations, realDestination(realServer, serves ? weight : 0));
  }
  if (sorry && (sorryServes || sorry.inhibit)) {
    const destination = sorryDestination(sorry, sorryServes ? sorry.weight : 0);
    const key = destinationKey(destination);
    // A sorry server that is one of the real servers, too: whoever serves decides.
    if (sorryServes) destinations.delete(key);
    addFirst(destinations, destination);
  }
  return [...destinations.values()];
}

/** The kernel service for one address of a virtual server. */
export function serviceOf(virtualServer: VirtualServer, address: ServiceAddress): Service {
  const { persistence } = virtualServer;
  const family = address.kind === "fwmark" ? address.family : familyOf(address.ip);
  return {
    family,
    protocol: address.kind === "fwmark" ? PROTOCOL_NUMBERS.TCP : PROTOCOL_NUMBERS[virtualServer.protocol],
    address,
    scheduler: virtualServer.scheduler,
    flags: (virtualServer.flags & ~IP_VS_SVC_F_PERSISTENT) | (persistence ? IP_VS_SVC_F_PERSISTENT : 0),
    timeoutS: persistence?.timeoutS ?? 0,
    netmask: netmaskOf(persistence?.granularity, family),
    ...(virtualServer.persistenceEngine === undefined ? {} : { persistenceEngine: virtualServer.persistenceEngine }),
  };
}

/** A mask is for IPv4, a length for IPv6: in a group of both, a service of the other family takes each client for itself. */
function netmaskOf(granularity: string | undefined, family: 4 | 6): number {
  if (granularity === undefined || granularity.includes(".") !== (family === 4))
    return family === 6 ? SINGLE_ADDRESS_PREFIX : SINGLE_ADDRESS_MASK;
  if (family === 6) return Number(granularity);
  return granularity.split(".").reduce((mask, part) => mask * 256 + Number(part), 0);
}

function realDestination(realServer: RealServer, weight: number): Destination {
  return {
    ip: realServer.ip,
    port: realServer.port,
    forwarding: realServer.forwarding,
    weight: clampWeight(weight),
    upperThreshold: realServer.upperThreshold,
    lowerThreshold: realServer.lowerThreshold,
  };
}

function sorryDestination(sorry: SorryServer, weight: number): Destination {
  return {
    ip: sorry.ip,
    port: sorry.port,
    forwarding: sorry.forwarding,
    weight: clampWeight(weight),
    upperThreshold: 0,
    lowerThreshold: 0,
  };
}

/** Key of the destination that stands for a real or sorry server inside one kernel service. */
export function serverDestinationKey(address: ServiceAddress, server: RealServer | SorryServer): string {
  return destinationKey({ ip: server.ip, port: portIn(address, server) });
}

function portsFor(address: ServiceAddress, destinations: readonly Destination[]): Destination[] {
  const ported = new Map<string, Destination>();
  for (const destination of destinations) addFirst(ported, { ...destination, port: portIn(address, destination) });
  return [...ported.values()];
}

/** DR and TUN leave the packet's port alone, so in a group of several ports each service carries its own, or none by a common mark. */
function portIn(address: ServiceAddress, server: Pick<Destination, "port" | "forwarding">): number {
  if (server.forwarding.method === "NAT") return server.port;
  if (address.kind === "address") return address.port;
  return address.ofGroup ? 0 : server.port;
}

function addFirst(destinations: Map<string, Destination>, destination: Destination): void {
  const key = destinationKey(destination);
  if (!destinations.has(key)) destinations.set(key, destination);
}
