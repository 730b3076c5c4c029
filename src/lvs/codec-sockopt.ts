// LVS core: IPVS over socket options (ipvs.md §1): the structures of linux/ip_vs.h byte by byte, 64-bit layout. They can say IPv4 only,
// without persistence engines and tunnel kinds; saysCommand() tells.
import { familyOf, formatIp, type IpText, ipBytes } from "../base/ip.ts";
import { unreachable } from "../base/never.ts";
import {
  forwardingMethod,
  forwardingOf,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IP_VS_SVC_F_HASHED,
  NAME_BYTES,
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

export const IP_VS_SO_SET_ADD = 1154;
export const IP_VS_SO_SET_EDIT = 1155;
export const IP_VS_SO_SET_DEL = 1156;
export const IP_VS_SO_SET_FLUSH = 1157;
export const IP_VS_SO_SET_ADDDEST = 1159;
export const IP_VS_SO_SET_DELDEST = 1160;
export const IP_VS_SO_SET_EDITDEST = 1161;
export const IP_VS_SO_SET_TIMEOUT = 1162;
export const IP_VS_SO_SET_STARTDAEMON = 1163;
export const IP_VS_SO_SET_STOPDAEMON = 1164;

export const IP_VS_SO_GET_INFO = 1153;
export const IP_VS_SO_GET_SERVICES = 1154;
export const IP_VS_SO_GET_SERVICE = 1155;
export const IP_VS_SO_GET_DESTS = 1156;
export const IP_VS_SO_GET_TIMEOUT = 1158;
export const IP_VS_SO_GET_DAEMON = 1159;

/** struct ip_vs_service_user; a destination command has struct ip_vs_dest_user behind it. */
const SERVICE_USER = {
  bytes: 44,
  protocol: 0,
  address: 4,
  port: 8,
  fwmark: 12,
  scheduler: 16,
  flags: 32,
  timeout: 36,
  netmask: 40,
} as const;
const DEST_USER = {
  bytes: 24,
  address: 0,
  port: 4,
  flags: 8,
  weight: 12,
  upperThreshold: 16,
  lowerThreshold: 20,
} as const;
/** struct ip_vs_service_entry: as service_user to 43, then these. */
const SERVICE_ENTRY = { bytes: 104, destinations: 44, statistics: 48 } as const;
/** struct ip_vs_dest_entry: as dest_user to 23, then these. */
const DEST_ENTRY = { bytes: 96, active: 24, inactive: 28, persistent: 32, statistics: 40 } as const;
const STATS_USER = {
  bytes: 56,
  connections: 0,
  inPackets: 4,
  outPackets: 8,
  inBytes: 16,
  outBytes: 24,
  connectionRate: 32,
  inPacketRate: 36,
  outPacketRate: 40,
  inByteRate: 44,
  outByteRate: 48,
} as const;
const GET_SERVICES = { bytes: 8, count: 0 } as const;
const GET_DESTS = { bytes: 24, protocol: 0, address: 4, port: 8, fwmark: 12, count: 16 } as const;
const DAEMON_USER = { bytes: 24, state: 0, interface: 4, syncId: 20 } as const;
const TIMEOUT_USER = { bytes: 12, tcp: 0, tcpFin: 4, udp: 8 } as const;
const GETINFO = { bytes: 12, version: 0, tableSize: 4, services: 8 } as const;

export const GETINFO_BYTES = GETINFO.bytes;
export const TIMEOUTS_BYTES = TIMEOUT_USER.bytes;
/** Master, then backup. */
export const DAEMONS_BYTES = 2 * DAEMON_USER.bytes;
/** The question for one service, and its answer. */
export const SERVICE_ENTRY_BYTES = SERVICE_ENTRY.bytes;
/** The longest command. */
export const COMMAND_BYTES = SERVICE_USER.bytes + DEST_USER.bytes;

/** Whether socket options have words for a command. */
export function saysCommand(command: IpvsCommand): boolean {
  if (!saysKey(command.service)) return false;
  switch (command.kind) {
    case "addService":
    case "editService":
      return !command.service.persistenceEngine && fits(command.service.scheduler);
    case "addDestination":
    case "editDestination":
      return familyOf(command.destination.ip) === 4 && saysTunnel(command.destination);
    case "deleteDestination":
      return familyOf(command.destination.ip) === 4;
    case "deleteService":
      return true;
    default:
      return unreachable(command);
  }
}

/** Whether socket options have words for a sync daemon. */
export function saysDaemon(daemon: SyncDaemonState): boolean {
  const { maxLen, port, ttl, group } = daemon;
  return (
    maxLen === undefined && port === undefined && ttl === undefined && group === undefined && fits(daemon.interface)
  );
}

function saysKey(service: ServiceKey): boolean {
  // kernel: other protocols are EFAULT here, netlink checks nothing.
  return service.family === 4 && [6, 17, 132].includes(service.protocol);
}

function saysTunnel(destination: Destination): boolean {
  const { tunnel } = destination.forwarding;
  return tunnel === undefined || tunnel.type === "ipip";
}

/** Names are ASCII here, and need room for a NUL. */
function fits(name: string): boolean {
  return name.length < NAME_BYTES && /^[\x21-\x7e]*$/.test(name);
}

export interface SockoptCommand {
  readonly option: number;
  /** A view into the room that was given. */
  readonly value: Uint8Array;
}

/** One command in `room` (COMMAND_BYTES). Only for what saysCommand() accepts. */
export function encodeCommand(command: IpvsCommand, room: Uint8Array): SockoptCommand {
  room.fill(0);
  const view = viewOf(room);
  writeKey(view, room, command.service);
  switch (command.kind) {
    case "addService":
      writeService(view, room, command.service);
      return { option: IP_VS_SO_SET_ADD, value: room.subarray(0, SERVICE_USER.bytes) };
    case "editService":
      writeService(view, room, command.service);
      return { option: IP_VS_SO_SET_EDIT, value: room.subarray(0, SERVICE_USER.bytes) };
    case "deleteService":
      return { option: IP_VS_SO_SET_DEL, value: room.subarray(0, SERVICE_USER.bytes) };
    case "addDestination":
      writeDestination(view, room, command.destination);
      return { option: IP_VS_SO_SET_ADDDEST, value: room.subarray(0, COMMAND_BYTES) };
    case "editDestination":
      writeDestination(view, room, command.destination);
      return { option: IP_VS_SO_SET_EDITDEST, value: room.subarray(0, COMMAND_BYTES) };
    case "deleteDestination":
      writeDestinationKey(view, room, command.destination);
      return { option: IP_VS_SO_SET_DELDEST, value: room.subarray(0, COMMAND_BYTES) };
    default:
      return unreachable(command);
  }
}

function writeKey(view: DataView, room: Uint8Array, service: ServiceKey): void {
  view.setUint16(SERVICE_USER.protocol, service.protocol, true);
  if (service.address.kind === "fwmark") {
    view.setUint32(SERVICE_USER.fwmark, service.address.mark, true);
    return;
  }
  room.set(ipBytes(service.address.ip), SERVICE_USER.address);
  view.setUint16(SERVICE_USER.port, service.address.port);
}

function writeService(view: DataView, room: Uint8Array, service: Service): void {
  writeName(room, SERVICE_USER.scheduler, service.scheduler);
  view.setUint32(SERVICE_USER.flags, service.flags, true);
  view.setUint32(SERVICE_USER.timeout, service.timeoutS, true);
  view.setUint32(SERVICE_USER.netmask, service.netmask);
}

function writeDestination(view: DataView, room: Uint8Array, destination: Destination): void {
  const at = SERVICE_USER.bytes;
  writeDestinationKey(view, room, destination);
  view.setUint32(at + DEST_USER.flags, forwardingMethod(destination.forwarding), true);
  view.setInt32(at + DEST_USER.weight, destination.weight, true);
  view.setUint32(at + DEST_USER.upperThreshold, destination.upperThreshold, true);
  view.setUint32(at + DEST_USER.lowerThreshold, destination.lowerThreshold, true);
}

function writeDestinationKey(view: DataView, room: Uint8Array, key: DestinationKey): void {
  room.set(ipBytes(key.ip), SERVICE_USER.bytes + DEST_USER.address);
  view.setUint16(SERVICE_USER.bytes + DEST_USER.port, key.port);
}

export function encodeDaemon(role: SyncDaemonState["role"], interfaceName = "", syncId = 0): Uint8Array {
  const bytes = new Uint8Array(DAEMON_USER.bytes);
  const view = viewOf(bytes);
  view.setInt32(DAEMON_USER.state, role === "master" ? IP_VS_STATE_MASTER : IP_VS_STATE_BACKUP, true);
  writeName(bytes, DAEMON_USER.interface, interfaceName);
  view.setInt32(DAEMON_USER.syncId, syncId, true);
  return bytes;
}

/** The daemons that run. The options don't tell length, group, port and TTL. */
export function decodeDaemons(bytes: Uint8Array): SyncDaemonState[] {
  const found: SyncDaemonState[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + DAEMON_USER.bytes <= bytes.byteLength; at += DAEMON_USER.bytes) {
    const state = view.getInt32(at + DAEMON_USER.state, true);
    if (state !== IP_VS_STATE_MASTER && state !== IP_VS_STATE_BACKUP) continue;
    found.push({
      role: state === IP_VS_STATE_MASTER ? "master" : "backup",
      interface: readName(bytes, at + DAEMON_USER.interface),
      syncId: view.getInt32(at + DAEMON_USER.syncId, true),
    });
  }
  return found;
}

export function encodeTimeouts(timeouts: IpvsTimeouts): Uint8Array {
  const bytes = new Uint8Array(TIMEOUT_USER.bytes);
  const view = viewOf(bytes);
  view.setInt32(TIMEOUT_USER.tcp, timeouts.tcp, true);
  view.setInt32(TIMEOUT_USER.tcpFin, timeouts.tcpFin, true);
  view.setInt32(TIMEOUT_USER.udp, timeouts.udp, true);
  return bytes;
}

/** Undefined when there are too few bytes. */
export function decodeTimeouts(bytes: Uint8Array): IpvsTimeouts | undefined {
  if (bytes.byteLength < TIMEOUT_USER.bytes) return undefined;
  const view = viewOf(bytes);
  return {
    tcp: view.getInt32(TIMEOUT_USER.tcp, true),
    tcpFin: view.getInt32(TIMEOUT_USER.tcpFin, true),
    udp: view.getInt32(TIMEOUT_USER.udp, true),
  };
}

export interface SockoptInfo {
  /** As a number, 0x010201. */
  readonly version: number;
  readonly tableSize: number;
  /** Services in the table, both families. */
  readonly services: number;
}

/** Undefined when there are too few bytes. */
export function decodeInfo(bytes: Uint8Array): SockoptInfo | undefined {
  if (bytes.byteLength < GETINFO.bytes) return undefined;
  const view = viewOf(bytes);
  return {
    version: view.getUint32(GETINFO.version, true),
    tableSize: view.getUint32(GETINFO.tableSize, true),
    services: view.getUint32(GETINFO.services, true),
  };
}

/** Room for GET_SERVICES with `count` services: the question, which the answer overwrites. */
export function encodeGetServices(count: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(GET_SERVICES.bytes + count * SERVICE_ENTRY.bytes));
  viewOf(bytes).setUint32(GET_SERVICES.count, count, true);
  return bytes;
}

export interface ListedService {
  readonly service: Service;
  readonly statistics: Statistics;
  /** How many destinations to ask for. */
  readonly destinations: number;
}

/** IPv4 services of the answer (kernel: the options list no others); what does not fit is left out. */
export function decodeServices(bytes: Uint8Array): ListedService[] {
  if (bytes.byteLength < GET_SERVICES.bytes) return [];
  const view = viewOf(bytes);
  const fitting = Math.floor((bytes.byteLength - GET_SERVICES.bytes) / SERVICE_ENTRY.bytes);
  const count = Math.min(view.getUint32(GET_SERVICES.count, true), fitting);
  return Array.from({ length: count }, (_, index) =>
    decodeServiceEntry(bytes, view, GET_SERVICES.bytes + index * SERVICE_ENTRY.bytes),
  );
}

/** The question for one service in a room of SERVICE_ENTRY_BYTES, which the answer overwrites. */
export function encodeGetService(service: ServiceKey, room: Uint8Array): void {
  room.fill(0);
  writeKey(viewOf(room), room, service);
}

/** How many destinations the entry of a service says it has. */
export function destinationCount(entry: Uint8Array): number {
  return viewOf(entry).getUint32(SERVICE_ENTRY.destinations, true);
}

/** Length of a list of so many destinations, question and answer. */
export function destinationsBytes(count: number): number {
  return GET_DESTS.bytes + count * DEST_ENTRY.bytes;
}

/** The answer. */
export function decodeService(bytes: Uint8Array): ListedService {
  return decodeServiceEntry(bytes, viewOf(bytes), 0);
}

function decodeServiceEntry(bytes: Uint8Array, view: DataView, at: number): ListedService {
  const mark = view.getUint32(at + SERVICE_USER.fwmark, true);
  return {
    service: {
      family: 4,
      protocol: view.getUint16(at + SERVICE_USER.protocol, true),
      address:
        mark !== 0
          ? { kind: "fwmark", mark, family: 4 }
          : {
              kind: "address",
              ip: addressAt(bytes, at + SERVICE_USER.address),
              port: view.getUint16(at + SERVICE_USER.port),
            },
      scheduler: readName(bytes, at + SERVICE_USER.scheduler),
      flags: view.getUint32(at + SERVICE_USER.flags, true) & ~IP_VS_SVC_F_HASHED,
      timeoutS: view.getUint32(at + SERVICE_USER.timeout, true),
      netmask: view.getUint32(at + SERVICE_USER.netmask),
    },
    statistics: statisticsAt(view, at + SERVICE_ENTRY.statistics),
    destinations: view.getUint32(at + SERVICE_ENTRY.destinations, true),
  };
}

/** Room for GET_DESTS of a service with `count` destinations: the question, which the answer overwrites. */
export function encodeGetDestinations(service: ServiceKey, count: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(destinationsBytes(count)));
  const view = viewOf(bytes);
  view.setUint16(GET_DESTS.protocol, service.protocol, true);
  if (service.address.kind === "fwmark") view.setUint32(GET_DESTS.fwmark, service.address.mark, true);
  else {
    bytes.set(ipBytes(service.address.ip), GET_DESTS.address);
    view.setUint16(GET_DESTS.port, service.address.port);
  }
  view.setUint32(GET_DESTS.count, count, true);
  return bytes;
}

/** Destinations of the answer; what does not fit is left out. */
export function decodeDestinations(bytes: Uint8Array): SeenDestination[] {
  if (bytes.byteLength < GET_DESTS.bytes) return [];
  const view = viewOf(bytes);
  const fitting = Math.floor((bytes.byteLength - GET_DESTS.bytes) / DEST_ENTRY.bytes);
  const count = Math.min(view.getUint32(GET_DESTS.count, true), fitting);
  return Array.from({ length: count }, (_, index) =>
    decodeDestinationEntry(bytes, view, GET_DESTS.bytes + index * DEST_ENTRY.bytes),
  );
}

function decodeDestinationEntry(bytes: Uint8Array, view: DataView, at: number): SeenDestination {
  const flags = view.getUint32(at + DEST_USER.flags, true);
  const localNode = (flags & IP_VS_CONN_F_FWD_MASK) === IP_VS_CONN_F_LOCALNODE;
  return {
    ip: addressAt(bytes, at + DEST_USER.address),
    port: view.getUint16(at + DEST_USER.port),
    // The options don't tell the kind of tunnel.
    forwarding: forwardingOf(flags, 0, 0, 0),
    weight: view.getInt32(at + DEST_USER.weight, true),
    upperThreshold: view.getUint32(at + DEST_USER.upperThreshold, true),
    lowerThreshold: view.getUint32(at + DEST_USER.lowerThreshold, true),
    ...(localNode ? { localNode } : {}),
    activeConnections: view.getUint32(at + DEST_ENTRY.active, true),
    inactiveConnections: view.getUint32(at + DEST_ENTRY.inactive, true),
    persistentConnections: view.getUint32(at + DEST_ENTRY.persistent, true),
    statistics: statisticsAt(view, at + DEST_ENTRY.statistics),
  };
}

function statisticsAt(view: DataView, at: number): Statistics {
  const u32 = (field: number) => view.getUint32(at + field, true);
  const u64 = (field: number) => u32(field + 4) * 0x1_0000_0000 + u32(field);
  if (isNothing(view, at)) return NOTHING_COUNTED;
  return {
    connections: u32(STATS_USER.connections),
    inPackets: u32(STATS_USER.inPackets),
    outPackets: u32(STATS_USER.outPackets),
    inBytes: u64(STATS_USER.inBytes),
    outBytes: u64(STATS_USER.outBytes),
    connectionRate: u32(STATS_USER.connectionRate),
    inPacketRate: u32(STATS_USER.inPacketRate),
    outPacketRate: u32(STATS_USER.outPacketRate),
    inByteRate: u32(STATS_USER.inByteRate),
    outByteRate: u32(STATS_USER.outByteRate),
  };
}

/** Nearly all destinations of a large table. */
function isNothing(view: DataView, at: number): boolean {
  for (let field = 0; field < STATS_USER.bytes; field += 4) if (view.getUint32(at + field) !== 0) return false;
  return true;
}

function writeName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length && i < NAME_BYTES - 1; i++) bytes[at + i] = name.charCodeAt(i);
}

function readName(bytes: Uint8Array, at: number): string {
  const raw = bytes.subarray(at, at + NAME_BYTES);
  const nul = raw.indexOf(0);
  return new TextDecoder().decode(raw.slice(0, nul < 0 ? NAME_BYTES : nul));
}

function addressAt(bytes: Uint8Array, at: number): IpText {
  return formatIp(bytes.subarray(at, at + 4));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
