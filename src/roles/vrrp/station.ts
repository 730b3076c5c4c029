// Role vrrp: what one instance needs of the world: its link, its virtual interface, the address it sends from, its socket.
// Brought in line with what is there at the start, after a reload, and whenever links or addresses have changed.
import { messageOf } from "../../base/errors.ts";
import type { LogLine } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import type { Address } from "../../config/model/net.ts";
import type { VrrpConfig, VrrpGlobal, VrrpInstance } from "../../config/model/vrrp.ts";
import {
  endpointKey,
  receiveBufferBytes,
  type VrrpEndpoint,
  type VrrpSocket,
  type VrrpSockets,
} from "../../kernel/raw-socket.ts";
import type { VirtualInterfaces } from "../../kernel/vmac.ts";
import { parseMac } from "../../net/links.ts";
import { IFF_UP, type InterfaceAddress, type Link, linkByName, type SeenTables } from "../../net/model.ts";
import type { BlockedAddress, VirtualMac } from "../../net/nft-vrrp.ts";
import {
  addressInterface,
  addressParent,
  linkLocalOf,
  lowerIndex,
  type VirtualInterface,
  virtualInterfaceOf,
} from "../../net/vmac.ts";
import { fitAddresses } from "../../vrrp/room.ts";
import { trackedDevices } from "../../vrrp/track-devices.ts";
import { ipProtocol, isUnicast } from "../../vrrp/wire.ts";

/** Mutable: one for each instance, for as long as it lives. */
export interface Station {
  instance: VrrpInstance;
  /** Virtual interface that the instance asks for, with the name it was given. */
  readonly vmac: VirtualInterface | undefined;
  /** Virtual MACs that single addresses ask for, by interface below and family. */
  addressVmacs: ReadonlyMap<string, VirtualInterface>;
  /** The link that addresses without a device go to; undefined when it is not there. */
  link: Link | undefined;
  /** Canonical text. */
  source: string | undefined;
  socket: VrrpSocket | undefined;
  /** With vmac_xmit_base: hears those who send from the virtual MAC, whose packets the kernel gives to the virtual interface alone. */
  macSocket: VrrpSocket | undefined;
  /** As the last look found. */
  faults: StationFaults;
}

const NO_SOCKETS = { socket: undefined, macSocket: undefined };

/** Names that stations have given. */
export function givenNames(stations: Iterable<Station>): Set<string> {
  return new Set([...stations].flatMap((one) => virtualsOf(one).map(({ name }) => name)));
}

/** One of our kind by that name is what a crash left, and is taken over. */
function takenNames(given: ReadonlySet<string>, seen: SeenTables) {
  return (name: string, form: VirtualInterface["form"]) => {
    const there = linkByName(seen, name);
    return given.has(name) || (there !== undefined && there.kind !== form.kind);
  };
}

/** What keeps the instance from working, by code; absent: nothing. */
export type StationFaults = Readonly<Partial<Record<"vmac" | "socket" | "source-gone" | "config", string>>>;

export const STATION_FAULTS = ["vmac", "socket", "source-gone", "config"] as const;

/** A station with a name for its virtual interface that neither others (`given`, which it joins) nor strangers have. */
export function newStation(instance: VrrpInstance, given: Set<string>, seen: SeenTables, global: VrrpGlobal): Station {
  const taken = takenNames(given, seen);
  const vmac = virtualInterfaceOf(instance, global, taken);
  if (vmac) given.add(vmac.name);
  const station = {
    instance,
    vmac,
    addressVmacs: new Map(),
    link: undefined,
    source: undefined,
    ...NO_SOCKETS,
    faults: {},
  };
  placeAddresses(station, given, seen, global);
  return station;
}

/**
 * Gives the addresses that ask for it a virtual MAC of their own, after a reload too; those that are there stay. The names of the
 * ones that nobody needs any more are the result.
 */
export function placeAddresses(
  station: Station,
  given: Set<string>,
  seen: SeenTables,
  global: VrrpGlobal,
): readonly string[] {
  const { instance, addressVmacs: before } = station;
  const next = new Map<string, VirtualInterface>();
  const taken = takenNames(given, seen);
  for (const address of addressesOf(instance)) {
    const parent = addressParent(instance, address);
    const key = `${parent} ${address.family}`;
    if (parent === undefined || next.has(key)) continue;
    const vmac = before.get(key) ?? addressInterface(instance, parent, address.family, global, taken);
    given.add(vmac.name);
    next.set(key, vmac);
  }
  station.addressVmacs = next;
  return [...before].flatMap(([key, { name }]) => (next.has(key) ? [] : [name]));
}

/** Virtual addresses, then excluded ones. */
export function addressesOf(instance: VrrpInstance): readonly Address[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses];
}

/** All virtual interfaces of an instance. */
export function virtualsOf(station: Station): readonly VirtualInterface[] {
  return [...(station.vmac ? [station.vmac] : []), ...station.addressVmacs.values()];
}

type Placed = Pick<Address, "device" | "family" | "useVmac">;

/** Name of the interface of an address: a virtual MAC of its own, the one that its line names, or the instance's. */
export function deviceOf(station: Station, address: Placed): string | undefined {
  const { instance, vmac, addressVmacs } = station;
  if (addressVmacs.size > 0) {
    const own = addressVmacs.get(`${addressParent(instance, address)} ${address.family}`);
    if (own) return own.name;
  }
  if (address.device !== undefined && address.device !== instance.interface) return address.device;
  // A virtual MAC is of one family.
  return (address.family === instance.family ? vmac?.name : undefined) ?? instance.interface;
}

/** The instance's addresses with the interface of each written out. */
export function placedAddresses(station: Station, instance = station.instance): readonly Address[] {
  return addressesOf(instance).map((address) => {
    const device = deviceOf(station, address);
    return device === undefined || device === address.device ? address : { ...address, device };
  });
}

/** What the packet filter has to keep from the addresses of an instance that accepts nothing there. */
export function blockedOn(station: Station, instance: VrrpInstance, seen: SeenTables): readonly BlockedAddress[] {
  if (instance.accept) return [];
  return placedAddresses(station, instance).flatMap(({ ip, device }) => {
    const link = device === undefined ? undefined : linkByName(seen, device);
    return link ? [{ ip, index: link.index }] : [];
  });
}

/** By index of the link, then by the text of the address: made once for all stations that look. */
export type AddressesByLink = ReadonlyMap<number, ReadonlyMap<string, InterfaceAddress>>;

export function addressesByLink({ addresses }: SeenTables): AddressesByLink {
  const links = new Map<number, Map<string, InterfaceAddress>>();
  for (const address of addresses.values()) {
    const there = links.get(address.index) ?? new Map<string, InterfaceAddress>();
    if (!there.has(address.ip)) there.set(address.ip, address);
    links.set(address.index, there);
  }
  return links;
}

export interface StationPorts {
  readonly addresses: AddressesByLink;
  readonly sockets: VrrpSockets;
  readonly virtuals: VirtualInterfaces;
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
    station.source = instance.sourceIp;
    return {};
  }
  const vmac =
    ensureVirtual(station, parent, seen, ports.virtuals) ?? ensureAddressVirtuals(station, seen, ports.virtuals);
  if (vmac !== undefined) return { vmac };
  if (!station.vmac) station.link = parent;
  station.source = chooseSource(station, parent, ports.addresses);
  if (station.source === undefined) {
    releaseSocket(station);
    return {};
  }
  if (instance.unicast?.faultWithoutPeer && instance.unicast.peers.length === 0)
    return { config: "no unicast_peer, and unicast_fault_no_peer is set" };
  const { source } = station;
  if (instance.trackSourceIp && !ports.addresses.values().some((there) => there.has(source)))
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
  return socket === undefined || Object.values(faults).some((text) => text !== undefined);
}

export function releaseSocket(station: Station): void {
  station.socket?.release();
  station.macSocket?.release();
  Object.assign(station, NO_SOCKETS);
}

/** What the packet filter must know of the virtual interfaces. */
export function virtualMacsOf(station: Station, seen: SeenTables): readonly VirtualMac[] {
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
function ensureAddressVirtuals(station: Station, seen: SeenTables, virtuals: VirtualInterfaces): string | undefined {
  for (const vmac of station.addressVmacs.values()) {
    const parent = linkByName(seen, vmac.parent);
    const there = linkByName(seen, vmac.name);
    if (!parent || (there && isIntact(vmac, there, parent) && virtuals.names().includes(vmac.name))) continue;
    const made = virtuals.ensure(vmac, seen);
    if (!made.ok) return `virtual interface ${vmac.name}: ${made.reason}`;
  }
  return undefined;
}

/** Is it as it was made? Somebody may have set it down or changed its MAC. */
function isIntact({ form }: VirtualInterface, there: Link, parent: Link): boolean {
  if (there.parent !== lowerIndex(form, parent) || (there.flags & IFF_UP) === 0) return false;
  return form.kind !== "macvlan" || there.mac === form.mac;
}

/** The interface below got its link-local address later: at boot it is tentative for a second or two. */
function lacksLinkLocal({ family, form }: VirtualInterface, there: Link, parent: Link, seen: SeenTables): boolean {
  if (family !== 6 || form.kind !== "macvlan") return false;
  return linkLocalOf(seen, there.index) === undefined && linkLocalOf(seen, parent.index) !== undefined;
}

/** Why there is no virtual interface, or undefined when there is one or none is asked for. */
function ensureVirtual(
  station: Station,
  parent: Link | undefined,
  seen: SeenTables,
  virtuals: VirtualInterfaces,
): string | undefined {
  if (!station.vmac) return undefined;
  const there = linkByName(seen, station.vmac.name);
  const known = there && parent && there.index === station.link?.index && isIntact(station.vmac, there, parent);
  if (known && !lacksLinkLocal(station.vmac, there, parent, seen)) {
    station.link = there;
    return undefined;
  }
  const made = virtuals.ensure(station.vmac, seen);
  if (made.ok) {
    station.link = made.link;
    return undefined;
  }
  releaseSocket(station);
  station.link = undefined;
  return `virtual interface ${station.vmac.name}: ${made.reason}`;
}

/** `parent`: the instance's interface, or the VRF that it works in without one. */
function openSocket(
  station: Station,
  parent: Link | undefined,
  source: string,
  global: VrrpGlobal,
  sockets: VrrpSockets,
): StationFaults {
  const { instance } = station;
  const link = instance.vmac?.xmitBase || instance.interface === undefined ? parent : station.link;
  const endpoint: VrrpEndpoint = {
    family: instance.family,
    protocol: ipProtocol(instance) === 51 ? 51 : 112,
    ...(link ? { interface: { name: link.name, index: link.index } } : {}),
    target: isUnicast(instance) ? { kind: "unicast", source } : { kind: "multicast", group: instance.multicastGroup },
  };
  const hearing = macEndpoint(station, endpoint);
  const heard = hearing && endpointKey(hearing.endpoint);
  if (station.socket?.key === endpointKey(endpoint) && station.macSocket?.key === heard) return {};
  releaseSocket(station);
  const { rxBufsPolicy, rxBufsMultiplier, logUnknownVrids } = global;
  const advertBytes = 40 + 16 * instance.virtualAddresses.length;
  const bytes =
    instance.kernelRxBufBytes ?? receiveBufferBytes(rxBufsPolicy, rxBufsMultiplier, link?.mtu ?? 1500, advertBytes);
  const options = {
    ...(bytes !== undefined ? { receiveBufferBytes: bytes } : {}),
    ...(instance.unicast?.ttl !== undefined ? { hopLimit: instance.unicast.ttl } : {}),
    allVrids: logUnknownVrids,
  };
  try {
    station.socket = sockets.acquire(endpoint, instance.vrid, options);
    if (hearing)
      station.macSocket = sockets.acquire(hearing.endpoint, instance.vrid, { ...options, sourceMac: hearing.mac });
    return {};
  } catch (error) {
    releaseSocket(station);
    const reason = messageOf(error);
    return { socket: `no VRRP socket on ${link?.name ?? source}: ${reason}` };
  }
}

/**
 * kernel: a multicast frame whose source is the MAC of a macvlan in private mode goes to that macvlan and to nobody else. So a backup that
 * sends from the interface below has to listen on both.
 */
function macEndpoint(
  { instance, vmac, link }: Station,
  below: VrrpEndpoint,
): { readonly endpoint: VrrpEndpoint; readonly mac: Uint8Array } | undefined {
  if (!instance.vmac?.xmitBase || vmac?.form.kind !== "macvlan" || !link || below.target.kind !== "multicast")
    return undefined;
  const mac = parseMac(vmac.form.mac);
  return mac && { endpoint: { ...below, interface: { name: link.name, index: link.index } }, mac };
}

/** `mcast_src_ip`, `unicast_src_ip`, or the first address of the interface that does not come and go. */
function chooseSource(station: Station, parent: Link | undefined, addresses: AddressesByLink): string | undefined {
  const { instance } = station;
  if (instance.sourceIp !== undefined) return instance.sourceIp;
  // IPv4 comes from the parent's address; IPv6 from the link-local that the virtual interface has been given.
  const on = instance.family === 4 || instance.vmac?.xmitBase ? parent : station.link;
  for (const link of on === parent ? [on] : [on, parent]) {
    const found = link && addressOn(addresses.get(link.index), instance, station.source);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The current one as long as it is there, else the first. */
function addressOn(
  there: ReadonlyMap<string, InterfaceAddress> | undefined,
  instance: VrrpInstance,
  current: string | undefined,
): string | undefined {
  const own = addressesOf(instance);
  const serves = ({ ip, family }: InterfaceAddress) =>
    family === instance.family && (family === 4 || /^fe[89ab]/.test(ip)) && !own.some((virtual) => virtual.ip === ip);
  const known = current === undefined ? undefined : there?.get(current);
  if (known && serves(known)) return current;
  for (const address of there?.values() ?? []) if (serves(address)) return address.ip;
  return undefined;
}

/** What to say of interfaces that instances need and that are not there: expected with `dynamic_interfaces`, else a likely mistake. */
export function missingInterfaces(vrrp: VrrpConfig, seen: SeenTables): readonly LogLine[] {
  const expected = vrrp.global.dynamicInterfaces !== "no";
  const beneath = trackedDevices(vrrp);
  const users = new Map<string, string[]>();
  for (const { name, interface: own } of vrrp.instances) {
    const needed = new Set([...(own === undefined ? [] : [own]), ...(beneath.get(name) ?? [])]);
    for (const device of needed) if (!linkByName(seen, device)) users.set(device, [...(users.get(device) ?? []), name]);
  }
  return [...users].map(([device, names]) => ({
    level: expected ? "info" : "warning",
    area: "vrrp",
    message: `interface ${device} does not exist${expected ? " yet" : ""}: ${names.join(", ")} in FAULT until it does${expected ? "" : " (dynamic_interfaces, if that is meant)"}`,
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
