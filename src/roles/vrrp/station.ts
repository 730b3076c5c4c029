// Role vrrp: what one instance needs of the world: its link, its virtual interface, the address it sends from, its socket.
// Brought in line with what is there at the start, after a reload, and whenever links or addresses have changed.
import type { LogLine } from "../../base/log.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpConfig, VrrpGlobal, VrrpInstance } from "../../config/model/vrrp.ts";
import type { VrrpSockets } from "../../kernel/raw-socket.ts";
import type { VirtualInterfaces, VmacResult } from "../../kernel/vmac.ts";
import type { VirtualMac } from "../../net/firewall-wish.ts";
import {
  addressKey,
  type InterfaceAddress,
  type Link,
  linkByName,
  type SeenTables,
  speaksVrrp,
} from "../../net/model.ts";
import { addressesOf, type Placement, virtualsOf } from "../../net/placement.ts";
import { linkLocalOf, type VirtualInterface } from "../../net/vmac.ts";
import { fitAddresses } from "../../vrrp/room.ts";
import { trackedDevices } from "../../vrrp/track-devices.ts";
import { drift } from "./drift.ts";
import type { VrrpState } from "./state.ts";
import { STATION_FAULTS, type Station, type StationFaults } from "./station-record.ts";
import { NO_SOCKETS, openSocket, releaseSocket } from "./station-socket.ts";

export function newStation(place: Placement): Station {
  return { ...place, link: undefined, source: undefined, sourceKey: undefined, ...NO_SOCKETS, faults: {} };
}

/** Goes on with another instance's settings. The names of virtual interfaces that nobody needs any more are the result. */
export function moveTo(station: Station, { instance, addressVmacs }: Placement): readonly string[] {
  const before = station.addressVmacs;
  station.instance = instance;
  station.addressVmacs = addressVmacs;
  return [...before].flatMap(([key, { name }]) => (addressVmacs.has(key) ? [] : [name]));
}

/** By index of the link, then by the text of the address: made once for all stations that look. */
export type AddressesByLink = ReadonlyMap<number, ReadonlyMap<string, InterfaceAddress>>;

function addressesByLink({ addresses }: SeenTables): AddressesByLink {
  const links = new Map<number, Map<string, InterfaceAddress>>();
  for (const address of addresses.values()) {
    const there = links.get(address.index) ?? new Map<string, InterfaceAddress>();
    if (!there.has(address.ip)) there.set(address.ip, address);
    links.set(address.index, there);
  }
  return links;
}

export interface StationPorts {
  /** Of thousands it takes its time, and most stations need not ask. */
  addresses(): AddressesByLink;
  readonly sockets: VrrpSockets;
  readonly virtuals: VirtualInterfaces;
  /** Somebody else had changed a virtual interface. */
  drifted(name: string, putRight: string): void;
}

/** What is around the stations of the role now. */
export function aroundStations(role: Pick<VrrpState, "reflector" | "sockets" | "ports" | "context">): StationPorts {
  let addresses: AddressesByLink | undefined;
  return {
    addresses: () => {
      addresses ??= addressesByLink(role.reflector.seen);
      return addresses;
    },
    sockets: role.sockets,
    virtuals: role.ports.virtuals,
    drifted: (name, putRight) => drift(role, `virtual interface ${name}`, "repaired", putRight),
  };
}

/** Looks again; gives the faults there are. `source` and `socket` of the station are current afterwards. */
export function refreshStation(
  station: Station,
  seen: SeenTables,
  global: VrrpGlobal,
  ports: StationPorts,
): StationFaults {
  const { instance } = station;
  const parent = instance.interface === undefined ? undefined : linkByName(seen, instance.interface);
  if (instance.interface !== undefined && !parent) {
    // The fact of the interface says what is missing.
    releaseSocket(station);
    station.link = undefined;
    Object.assign(station, { source: instance.sourceIp, sourceKey: undefined });
    return {};
  }
  const vmac = ensureVirtual(station, seen, ports) ?? ensureAddressVirtuals(station, seen, ports);
  if (vmac !== undefined) return { vmac };
  if (!station.vmac) station.link = parent;
  chooseSource(station, seen, parent, ports);
  if (station.source === undefined) {
    releaseSocket(station);
    return {};
  }
  if (instance.unicast?.faultWithoutPeer && instance.unicast.peers.length === 0)
    return { config: "no unicast_peer, and unicast_fault_no_peer is set" };
  const { source } = station;
  if (
    instance.trackSourceIp &&
    !ports
      .addresses()
      .values()
      .some((there) => there.has(source))
  )
    return { "source-gone": `source address ${source} is not on this machine` };
  const { vrf } = instance;
  if (instance.interface !== undefined || vrf === undefined)
    return openSocket(station, parent, station.source, global, ports.sockets);
  const domain = linkByName(seen, vrf);
  if (domain) return openSocket(station, domain, station.source, global, ports.sockets);
  releaseSocket(station);
  return { socket: `no VRF ${vrf}` };
}

/** Something was missing when it was looked at last: another look may find it. */
export function isLacking({ socket, faults }: Station): boolean {
  if (socket === undefined) return true;
  for (const code of STATION_FAULTS) if (faults[code] !== undefined) return true;
  return false;
}

/** What the packet filter must know of the virtual interfaces. */
export function virtualMacsOf(station: Station, seen: SeenTables): readonly VirtualMac[] {
  if (!station.vmac && station.addressVmacs.size === 0) return [];
  return virtualsOf(station).flatMap((vmac) => {
    const parent = linkByName(seen, vmac.parent);
    const link = vmac === station.vmac ? station.link : linkByName(seen, vmac.name);
    if (!link || !parent || vmac.form.kind !== "macvlan") return [];
    const local = vmac.family === 6 ? linkLocalOf(seen, parent.index)?.ip : undefined;
    const base = { index: link.index, name: link.name, parentIndex: parent.index, family: vmac.family };
    return [local === undefined ? base : { ...base, parentLinkLocal: local }];
  });
}

/** Why one of the addresses' virtual interfaces is missing; what they lie on is tracked by itself. */
function ensureAddressVirtuals(station: Station, seen: SeenTables, ports: StationPorts): string | undefined {
  for (const vmac of station.addressVmacs.values()) {
    if (!linkByName(seen, vmac.parent)) continue;
    const made = ensure(vmac, seen, ports);
    if (!made.ok) return `virtual interface ${vmac.name}: ${made.reason}`;
  }
  return undefined;
}

/** Why there is no virtual interface, or undefined when there is one or none is asked for. */
function ensureVirtual(station: Station, seen: SeenTables, ports: StationPorts): string | undefined {
  if (!station.vmac) return undefined;
  const made = ensure(station.vmac, seen, ports);
  if (made.ok) {
    station.link = made.link;
    return undefined;
  }
  releaseSocket(station);
  station.link = undefined;
  return `virtual interface ${station.vmac.name}: ${made.reason}`;
}

function ensure(vmac: VirtualInterface, seen: SeenTables, { virtuals, drifted }: StationPorts): VmacResult {
  const made = virtuals.ensure(vmac, seen);
  if (made.ok && made.putRight !== undefined) drifted(vmac.name, made.putRight);
  return made;
}

/** `mcast_src_ip`, `unicast_src_ip`, or the first address of the interface that does not come and go. */
function chooseSource(station: Station, seen: SeenTables, parent: Link | undefined, ports: StationPorts): void {
  const { instance } = station;
  if (instance.sourceIp !== undefined) {
    Object.assign(station, { source: instance.sourceIp, sourceKey: undefined });
    return;
  }
  // IPv4 comes from the parent's address; IPv6 from the link-local that the virtual interface has been given.
  const on = instance.family === 4 || instance.vmac?.xmitBase ? parent : station.link;
  // The current one as long as it is there.
  const current = station.sourceKey === undefined ? undefined : seen.addresses.get(station.sourceKey);
  const stays = current !== undefined && current.index === on?.index && serves(instance, current);
  const found = stays ? current : firstOn(on === parent ? [on] : [on, parent], station, ports.addresses());
  station.source = found?.ip;
  station.sourceKey = found && addressKey(found);
}

function firstOn(
  links: readonly (Link | undefined)[],
  { instance, source }: Station,
  addresses: AddressesByLink,
): InterfaceAddress | undefined {
  for (const link of links) {
    const found = link && addressOn(addresses.get(link.index), instance, source);
    if (found) return found;
  }
  return undefined;
}

/**
 * The current one as long as it is there, else the first. Where there is no other one the owner of the virtual addresses (priority 255)
 * speaks from one of them, as they are real ones of its interface (RFC 9568 §1.7).
 */
function addressOn(
  there: ReadonlyMap<string, InterfaceAddress> | undefined,
  instance: VrrpInstance,
  current: string | undefined,
): InterfaceAddress | undefined {
  const isOwner = instance.priority === OWNER_PRIORITY;
  const known = current === undefined ? undefined : there?.get(current);
  if (known && serves(instance, known)) return known;
  const all = [...(there?.values() ?? [])];
  return all.find((one) => serves(instance, one)) ?? (isOwner ? all.find((one) => speaks(instance, one)) : undefined);
}

function speaks({ family }: VrrpInstance, address: InterfaceAddress): boolean {
  return address.family === family && speaksVrrp(address);
}

/** It does not come and go with the instance. */
function serves(instance: VrrpInstance, address: InterfaceAddress): boolean {
  return speaks(instance, address) && !addressesOf(instance).some(({ ip }) => ip === address.ip);
}

/** What to say of interfaces that instances need and that are not there: expected with `dynamic_interfaces`, else a likely mistake. */
export function missingInterfaces(vrrp: VrrpConfig, seen: SeenTables): readonly LogLine[] {
  const expected = vrrp.global.dynamicInterfaces !== "no";
  const beneath = trackedDevices(vrrp);
  const there = new Set([...seen.links.values()].map((link) => link.name));
  const users = new Map<string, Set<string>>();
  const need = (device: string, name: string) => {
    if (there.has(device)) return;
    const names = users.get(device);
    if (names) names.add(name);
    else users.set(device, new Set([name]));
  };
  for (const { name, interface: own } of vrrp.instances) {
    if (own !== undefined) need(own, name);
    for (const device of beneath.get(name) ?? []) need(device, name);
  }
  return [...users].map(([device, names]) => ({
    level: expected ? "info" : "warning",
    area: "vrrp",
    message: `interface ${device} does not exist${expected ? " yet" : ""}: ${[...names].join(", ")} in FAULT until it does${expected ? "" : " (dynamic_interfaces, if that is meant)"}`,
  }));
}

/** MTU of an instance without an interface, or whose interface is not there. */
const USUAL_MTU = 1500;

/** The instances with the addresses that their advertisements have room for, and what to say of the others. */
export function fitInstances(
  instances: readonly VrrpInstance[],
  seen: SeenTables,
): { readonly instances: readonly VrrpInstance[]; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const fitted = instances.map((instance) => {
    const link = instance.interface === undefined ? undefined : linkByName(seen, instance.interface);
    const mtu = link?.mtu ?? USUAL_MTU;
    const fits = fitAddresses(instance, mtu);
    const moved = instance.virtualAddresses.length - fits.virtualAddresses.length;
    const message = `${instance.name}: a frame of ${mtu} bytes has room for ${fits.virtualAddresses.length} addresses: the last ${moved} of virtual_ipaddress are held as excluded ones`;
    if (moved > 0) lines.push({ level: "warning", area: "vrrp", message });
    return fits;
  });
  return { instances: fitted, lines };
}

/** `vrrp_startup_delay` is the core's matter; this is what is left of `vrrp_delay_after_boot`. */
export function bootDelayMs(config: Config, uptimeS: number): number {
  return Math.max(config.vrrp.global.delayAfterBootMs - uptimeS * 1000, 0);
}
