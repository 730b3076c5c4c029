// LVS core: IPVS over generic netlink (ipvs.md §3): bodies behind nlmsghdr. It can say everything the kernel knows.
import { type Family, formatIp, type IpText, ipBytes } from "../base/ip.ts";
import { unreachable } from "../base/never.ts";
import type { AttributeWriter } from "../net/attributes.ts";
import { visitAttributes } from "../net/attributes.ts";
import { GENERIC_HEADER_BYTES, writeGenericHeader } from "../net/genetlink.ts";
import {
  AF_INET,
  AF_INET6,
  forwardingMethod,
  forwardingOf,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IP_VS_SVC_F_HASHED,
  IPPROTO_TCP,
  tunnelChecksum,
  tunnelType,
} from "./ipvs-constants.ts";
import {
  type Destination,
  type DestinationKey,
  type IpvsCommand,
  type IpvsTimeouts,
  NOTHING_COUNTED,
  type SeenDestination,
  type Service,
  type ServiceKey,
  type Statistics,
  type SyncDaemonState,
} from "./model.ts";

export const IPVS_FAMILY_NAME = "IPVS";
const IPVS_GENL_VERSION = 1;

const COMMAND = {
  newService: 1,
  setService: 2,
  delService: 3,
  getService: 4,
  newDest: 5,
  setDest: 6,
  delDest: 7,
  getDest: 8,
  newDaemon: 9,
  delDaemon: 10,
  getDaemon: 11,
  setConfig: 12,
  getConfig: 13,
  getInfo: 15,
  flush: 17,
} as const;

/** Attributes of a message. */
const TOP = { service: 1, dest: 2, daemon: 3, timeoutTcp: 4, timeoutTcpFin: 5, timeoutUdp: 6 } as const;
const SERVICE = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  fwmark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  stats: 10,
  engine: 11,
  stats64: 12,
} as const;
const DEST = {
  address: 1,
  port: 2,
  method: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  active: 7,
  inactive: 8,
  persistent: 9,
  stats: 10,
  family: 11,
  stats64: 12,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;
const DAEMON = { state: 1, interface: 2, syncId: 3, maxLen: 4, group: 5, group6: 6, port: 7, ttl: 8 } as const;
const INFO = { version: 1, tableSize: 2 } as const;

/** Addresses go as 16 bytes in both families; IPv4 uses the first four. */
const ADDRESS_BYTES = 16;

/** One command, its generic header included. */
export function writeCommand(writer: AttributeWriter, command: IpvsCommand): void {
  switch (command.kind) {
    case "addService":
      writeService(writer, COMMAND.newService, command.service);
      break;
    case "editService":
      writeService(writer, COMMAND.setService, command.service);
      break;
    case "deleteService":
      writeGenericHeader(writer, COMMAND.delService, IPVS_GENL_VERSION);
      writeKeyNest(writer, command.service);
      break;
    case "addDestination":
      writeDestination(writer, COMMAND.newDest, command.service, command.destination);
      break;
    case "editDestination":
      writeDestination(writer, COMMAND.setDest, command.service, command.destination);
      break;
    case "deleteDestination":
      writeDeleteDestination(writer, command.service, command.destination);
      break;
    default:
      unreachable(command);
  }
}

function writeDeleteDestination(writer: AttributeWriter, service: ServiceKey, destination: DestinationKey): void {
  writeGenericHeader(writer, COMMAND.delDest, IPVS_GENL_VERSION);
  writeKeyNest(writer, service);
  const nest = writer.open(TOP.dest);
  writeDestinationKey(writer, destination);
  writer.close(nest);
}

/** Asks for all services: a dump. */
export function writeGetServices(writer: AttributeWriter): void {
  writeGenericHeader(writer, COMMAND.getService, IPVS_GENL_VERSION);
}

/** Asks for one service: a single answer, or ESRCH. */
export function writeGetService(writer: AttributeWriter, service: ServiceKey): void {
  writeGenericHeader(writer, COMMAND.getService, IPVS_GENL_VERSION);
  writeKeyNest(writer, service);
}

/** Asks for the destinations of one service: a dump; an unknown service is an empty one. */
export function writeGetDestinations(writer: AttributeWriter, service: ServiceKey): void {
  writeGenericHeader(writer, COMMAND.getDest, IPVS_GENL_VERSION);
  writeKeyNest(writer, service);
}

export function writeFlush(writer: AttributeWriter): void {
  writeGenericHeader(writer, COMMAND.flush, IPVS_GENL_VERSION);
}

export function writeGetTimeouts(writer: AttributeWriter): void {
  writeGenericHeader(writer, COMMAND.getConfig, IPVS_GENL_VERSION);
}

export function writeSetTimeouts(writer: AttributeWriter, timeouts: IpvsTimeouts): void {
  writeGenericHeader(writer, COMMAND.setConfig, IPVS_GENL_VERSION);
  writer.u32(TOP.timeoutTcp, timeouts.tcp);
  writer.u32(TOP.timeoutTcpFin, timeouts.tcpFin);
  writer.u32(TOP.timeoutUdp, timeouts.udp);
}

export function writeGetInfo(writer: AttributeWriter): void {
  writeGenericHeader(writer, COMMAND.getInfo, IPVS_GENL_VERSION);
}

/** Asks for the sync daemons: a dump. */
export function writeGetDaemons(writer: AttributeWriter): void {
  writeGenericHeader(writer, COMMAND.getDaemon, IPVS_GENL_VERSION);
}

export function writeStartDaemon(writer: AttributeWriter, daemon: SyncDaemonState): void {
  writeGenericHeader(writer, COMMAND.newDaemon, IPVS_GENL_VERSION);
  const nest = writer.open(TOP.daemon);
  writer.u32(DAEMON.state, stateOf(daemon.role));
  writer.text(DAEMON.interface, daemon.interface);
  writer.u32(DAEMON.syncId, daemon.syncId);
  if (daemon.maxLen !== undefined) writer.u16(DAEMON.maxLen, daemon.maxLen);
  // kernel: this port is in machine order, unlike all others.
  if (daemon.port !== undefined) writer.u16(DAEMON.port, daemon.port);
  if (daemon.ttl !== undefined) writer.u8(DAEMON.ttl, daemon.ttl);
  if (daemon.group !== undefined) {
    const group = ipBytes(daemon.group);
    writer.bytes(group.byteLength === 4 ? DAEMON.group : DAEMON.group6, group);
  }
  writer.close(nest);
}

export function writeStopDaemon(writer: AttributeWriter, role: SyncDaemonState["role"]): void {
  writeGenericHeader(writer, COMMAND.delDaemon, IPVS_GENL_VERSION);
  const nest = writer.open(TOP.daemon);
  writer.u32(DAEMON.state, stateOf(role));
  writer.close(nest);
}

function stateOf(role: SyncDaemonState["role"]): number {
  return role === "master" ? IP_VS_STATE_MASTER : IP_VS_STATE_BACKUP;
}

function writeService(writer: AttributeWriter, command: number, service: Service): void {
  writeGenericHeader(writer, command, IPVS_GENL_VERSION);
  const nest = writer.open(TOP.service);
  writeKey(writer, service);
  writer.text(SERVICE.scheduler, service.scheduler);
  if (service.persistenceEngine) writer.text(SERVICE.engine, service.persistenceEngine);
  // struct ip_vs_flags {flags, mask}: all of them are ours, the kernel puts its own HASHED back.
  const flags = new Uint8Array(8);
  new DataView(flags.buffer).setUint32(0, service.flags, true);
  flags.fill(0xff, 4);
  writer.bytes(SERVICE.flags, flags);
  writer.u32(SERVICE.timeout, service.timeoutS);
  if (service.family === 4) writer.u32be(SERVICE.netmask, service.netmask);
  else writer.u32(SERVICE.netmask, service.netmask);
  writer.close(nest);
}

function writeKeyNest(writer: AttributeWriter, service: ServiceKey): void {
  const nest = writer.open(TOP.service);
  writeKey(writer, service);
  writer.close(nest);
}

function writeKey(writer: AttributeWriter, service: ServiceKey): void {
  writer.u16(SERVICE.family, service.family === 4 ? AF_INET : AF_INET6);
  const { address } = service;
  if (address.kind === "fwmark") {
    writer.u32(SERVICE.fwmark, address.mark);
    return;
  }
  writer.u16(SERVICE.protocol, service.protocol);
  writer.bytes(SERVICE.address, ipBytes(address.ip), ADDRESS_BYTES);
  writer.u16be(SERVICE.port, address.port);
}

function writeDestination(
  writer: AttributeWriter,
  command: number,
  service: ServiceKey,
  destination: Destination,
): void {
  writeGenericHeader(writer, command, IPVS_GENL_VERSION);
  writeKeyNest(writer, service);
  const nest = writer.open(TOP.dest);
  writeDestinationKey(writer, destination);
  writer.u32(DEST.method, forwardingMethod(destination.forwarding));
  writer.u32(DEST.weight, destination.weight);
  if (destination.forwarding.method === "TUN") writeTunnel(writer, destination.forwarding.tunnel ?? { type: "ipip" });
  writer.u32(DEST.upperThreshold, destination.upperThreshold);
  writer.u32(DEST.lowerThreshold, destination.lowerThreshold);
  writer.close(nest);
}

function writeTunnel(writer: AttributeWriter, tunnel: NonNullable<Destination["forwarding"]["tunnel"]>): void {
  writer.u8(DEST.tunnelType, tunnelType(tunnel.type));
  if (tunnel.type === "gue") writer.u16be(DEST.tunnelPort, tunnel.port ?? 0);
  if (tunnel.type !== "ipip") writer.u16(DEST.tunnelFlags, tunnelChecksum(tunnel.checksum ?? "nocsum"));
}

function writeDestinationKey(writer: AttributeWriter, key: DestinationKey): void {
  const address = ipBytes(key.ip);
  writer.u16(DEST.family, address.byteLength === 4 ? AF_INET : AF_INET6);
  writer.bytes(DEST.address, address, ADDRESS_BYTES);
  writer.u16be(DEST.port, key.port);
}

/** The mask of a single address: as a number in IPv4, a prefix length in IPv6. */
const WHOLE_ADDRESS = { 4: 0xffff_ffff, 6: 128 } as const;

/** A service of a dump; undefined when an attribute that every kernel sends is missing. Never throws. */
export function decodeService(
  payload: Uint8Array,
): { readonly service: Service; readonly statistics: Statistics } | undefined {
  const view = viewOf(payload);
  let family: Family | undefined;
  let protocol = IPPROTO_TCP;
  let ip: IpText | undefined;
  let port: number | undefined;
  let mark: number | undefined;
  let scheduler = "";
  let engine = "";
  let flags = 0;
  let timeoutS = 0;
  let netmaskAt: number | undefined;
  let addressAt = -1;
  let addressSize = 0;
  let statisticsOf = 0;
  let statisticsAt = 0;
  let statisticsSize = 0;
  visitNest(view, TOP.service, (type, at, size) => {
    if (type === SERVICE.family && size >= 2) family = familyOf(view.getUint16(at, true));
    else if (type === SERVICE.protocol && size >= 2) protocol = view.getUint16(at, true);
    else if (type === SERVICE.address) {
      addressAt = at;
      addressSize = size;
    } else if (type === SERVICE.port && size >= 2) port = view.getUint16(at);
    else if (type === SERVICE.fwmark && size >= 4) mark = view.getUint32(at, true);
    else if (type === SERVICE.scheduler) scheduler = textAt(payload, at, size);
    else if (type === SERVICE.engine) engine = textAt(payload, at, size);
    else if (type === SERVICE.flags && size >= 4) flags = view.getUint32(at, true);
    else if (type === SERVICE.timeout && size >= 4) timeoutS = view.getUint32(at, true);
    else if (type === SERVICE.netmask && size >= 4) netmaskAt = at;
    else if (type === SERVICE.stats64 || (type === SERVICE.stats && statisticsOf !== SERVICE.stats64)) {
      statisticsOf = type;
      statisticsAt = at;
      statisticsSize = size;
    }
  });
  if (family === undefined) return undefined;
  if (addressAt >= 0 && addressSize >= (family === 4 ? 4 : ADDRESS_BYTES)) ip = addressText(payload, addressAt, family);
  if (mark === undefined && (ip === undefined || port === undefined)) return undefined;
  const address =
    mark !== undefined
      ? ({ kind: "fwmark", mark, family } as const)
      : ({ kind: "address", ip: ip ?? "", port: port ?? 0 } as const);
  return {
    service: {
      family,
      protocol,
      address,
      scheduler,
      flags: flags & ~IP_VS_SVC_F_HASHED,
      timeoutS,
      netmask: netmaskAt === undefined ? WHOLE_ADDRESS[family] : view.getUint32(netmaskAt, family === 6),
      ...(engine === "" ? {} : { persistenceEngine: engine }),
    },
    statistics: decodeStatistics(view, statisticsAt, statisticsSize),
  };
}

/** A destination of a dump; undefined when its address or port is missing. Never throws. */
export function decodeDestination(payload: Uint8Array, serviceFamily: Family): SeenDestination | undefined {
  const view = viewOf(payload);
  let family = serviceFamily;
  let addressAt = -1;
  let addressSize = 0;
  let port: number | undefined;
  let method = 0;
  let weight = 0;
  let upperThreshold = 0;
  let lowerThreshold = 0;
  let activeConnections = 0;
  let inactiveConnections = 0;
  let persistentConnections = 0;
  let type = 0;
  let tunnelPort = 0;
  let tunnelFlags = 0;
  let statisticsOf = 0;
  let statisticsAt = 0;
  let statisticsSize = 0;
  visitNest(view, TOP.dest, (attribute, at, size) => {
    if (attribute === DEST.stats64 || (attribute === DEST.stats && statisticsOf !== DEST.stats64)) {
      statisticsOf = attribute;
      statisticsAt = at;
      statisticsSize = size;
    } else if (attribute === DEST.address) {
      addressAt = at;
      addressSize = size;
    } else if (attribute === DEST.tunnelType && size >= 1) type = view.getUint8(at);
    else if (size < 2) return;
    else if (attribute === DEST.port) port = view.getUint16(at);
    else if (attribute === DEST.family) family = familyOf(view.getUint16(at, true)) ?? serviceFamily;
    else if (attribute === DEST.tunnelPort) tunnelPort = view.getUint16(at);
    else if (attribute === DEST.tunnelFlags) tunnelFlags = view.getUint16(at, true);
    else if (size < 4) return;
    else if (attribute === DEST.method) method = view.getUint32(at, true);
    else if (attribute === DEST.weight) weight = view.getUint32(at, true);
    else if (attribute === DEST.upperThreshold) upperThreshold = view.getUint32(at, true);
    else if (attribute === DEST.lowerThreshold) lowerThreshold = view.getUint32(at, true);
    else if (attribute === DEST.active) activeConnections = view.getUint32(at, true);
    else if (attribute === DEST.inactive) inactiveConnections = view.getUint32(at, true);
    else if (attribute === DEST.persistent) persistentConnections = view.getUint32(at, true);
  });
  if (addressAt < 0 || addressSize < (family === 4 ? 4 : ADDRESS_BYTES) || port === undefined) return undefined;
  const localNode = (method & IP_VS_CONN_F_FWD_MASK) === IP_VS_CONN_F_LOCALNODE;
  return {
    ip: addressText(payload, addressAt, family),
    port,
    forwarding: forwardingOf(method, type, tunnelPort, tunnelFlags),
    weight,
    upperThreshold,
    lowerThreshold,
    ...(localNode ? { localNode } : {}),
    activeConnections,
    inactiveConnections,
    persistentConnections,
    statistics: decodeStatistics(view, statisticsAt, statisticsSize),
  };
}

/** A sync daemon of a dump; undefined when it has no state. Never throws. */
export function decodeDaemon(payload: Uint8Array): SyncDaemonState | undefined {
  const view = viewOf(payload);
  let role: SyncDaemonState["role"] | undefined;
  let name = "";
  let syncId = 0;
  const extra: { maxLen?: number; port?: number; ttl?: number; group?: IpText } = {};
  visitNest(view, TOP.daemon, (type, at, size) => {
    if (type === DAEMON.interface) name = textAt(payload, at, size);
    else if (type === DAEMON.ttl && size >= 1) extra.ttl = view.getUint8(at);
    else if (size < 2) return;
    else if (type === DAEMON.maxLen) extra.maxLen = view.getUint16(at, true);
    else if (type === DAEMON.port) extra.port = view.getUint16(at, true);
    else if (size < 4) return;
    else if (type === DAEMON.state) role = roleOf(view.getUint32(at, true));
    else if (type === DAEMON.syncId) syncId = view.getUint32(at, true);
    else if (type === DAEMON.group) extra.group = addressText(payload, at, 4);
    else if (type === DAEMON.group6 && size >= ADDRESS_BYTES) extra.group = addressText(payload, at, 6);
  });
  return role === undefined ? undefined : { role, interface: name, syncId, ...extra };
}

function roleOf(state: number): SyncDaemonState["role"] | undefined {
  if (state === IP_VS_STATE_MASTER) return "master";
  return state === IP_VS_STATE_BACKUP ? "backup" : undefined;
}

/** The answer to writeGetTimeouts(). */
export function decodeTimeouts(payload: Uint8Array): IpvsTimeouts {
  const view = viewOf(payload);
  const found = { tcp: 0, tcpFin: 0, udp: 0 };
  visitAttributes(view, GENERIC_HEADER_BYTES, view.byteLength, (type, at, size) => {
    if (size < 4) return;
    if (type === TOP.timeoutTcp) found.tcp = view.getUint32(at, true);
    else if (type === TOP.timeoutTcpFin) found.tcpFin = view.getUint32(at, true);
    else if (type === TOP.timeoutUdp) found.udp = view.getUint32(at, true);
  });
  return found;
}

export interface IpvsInfo {
  /** `1.2.1`. */
  readonly version: string;
  /** Buckets of the connection table. */
  readonly tableSize: number;
}

/** The answer to writeGetInfo(). */
export function decodeInfo(payload: Uint8Array): IpvsInfo {
  const view = viewOf(payload);
  let version = 0;
  let tableSize = 0;
  visitAttributes(view, GENERIC_HEADER_BYTES, view.byteLength, (type, at, size) => {
    if (size < 4) return;
    if (type === INFO.version) version = view.getUint32(at, true);
    else if (type === INFO.tableSize) tableSize = view.getUint32(at, true);
  });
  return { version: versionText(version), tableSize };
}

/** 0x010201 → `1.2.1`. */
export function versionText(version: number): string {
  return `${(version >> 16) & 0xff}.${(version >> 8) & 0xff}.${version & 0xff}`;
}

/** The last of the ten counters, attributes 1…10 in the order of Statistics; 11 is padding. */
const LAST_COUNTER = 10;
const counters = new Float64Array(LAST_COUNTER + 1);

function decodeStatistics(view: DataView, start: number, size: number): Statistics {
  if (size === 0) return NOTHING_COUNTED;
  counters.fill(0);
  visitAttributes(view, start, start + size, (type, at, bytes) => {
    if (type <= LAST_COUNTER) counters[type] = numberAt(view, at, bytes);
  });
  // Of a destination that waits, and there are many: nothing new for each.
  if (counters.every((value) => value === 0)) return NOTHING_COUNTED;
  const count = (attribute: number) => counters[attribute] ?? 0;
  return {
    connections: count(1),
    inPackets: count(2),
    outPackets: count(3),
    inBytes: count(4),
    outBytes: count(5),
    connectionRate: count(6),
    inPacketRate: count(7),
    outPacketRate: count(8),
    inByteRate: count(9),
    outByteRate: count(10),
  };
}

/** Four or eight bytes; above 2^53 the last digits are lost, which no counter reaches. */
function numberAt(view: DataView, at: number, size: number): number {
  if (size >= 8) return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
  return size >= 4 ? view.getUint32(at, true) : 0;
}

function viewOf(payload: Uint8Array): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** Visits what is inside the top-level attribute `nest`. */
function visitNest(view: DataView, nest: number, visit: (type: number, at: number, size: number) => void): void {
  visitAttributes(view, GENERIC_HEADER_BYTES, view.byteLength, (type, at, size) => {
    if (type === nest) visitAttributes(view, at, at + size, visit);
  });
}

function familyOf(number: number): Family | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}

function addressText(payload: Uint8Array, at: number, family: Family): IpText {
  return formatIp(payload.subarray(at, at + (family === 4 ? 4 : 16)));
}

function textAt(payload: Uint8Array, at: number, size: number): string {
  const raw = payload.subarray(at, at + size);
  const nul = raw.indexOf(0);
  return new TextDecoder().decode(raw.slice(0, nul < 0 ? size : nul));
}
