// LVS core: what the kernel answers to the IPVS socket options (ipvs.md §1), as values. Total: never throws on bytes.
import { formatIp, type IpText } from "../base/ip.ts";
import {
  DAEMON_USER,
  DEST_ENTRY,
  DEST_USER,
  GET_DESTS,
  GET_SERVICES,
  GETINFO,
  SERVICE_ENTRY,
  SERVICE_USER,
  STATS_USER,
  TIMEOUT_USER,
  viewOf,
} from "./codec-sockopt-layout.ts";
import {
  forwardingOf,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IP_VS_SVC_F_HASHED,
  NAME_BYTES,
} from "./ipvs-constants.ts";
import {
  type IpvsTimeouts,
  NOTHING_COUNTED,
  type SeenDestination,
  type Service,
  type Statistics,
  type SyncDaemonState,
} from "./model.ts";

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

/** How many destinations the entry of a service says it has. */
export function destinationCount(entry: Uint8Array): number {
  return viewOf(entry).getUint32(SERVICE_ENTRY.destinations, true);
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

function readName(bytes: Uint8Array, at: number): string {
  const raw = bytes.subarray(at, at + NAME_BYTES);
  const nul = raw.indexOf(0);
  return new TextDecoder().decode(raw.slice(0, nul < 0 ? NAME_BYTES : nul));
}

function addressAt(bytes: Uint8Array, at: number): IpText {
  return formatIp(bytes.subarray(at, at + 4));
}
