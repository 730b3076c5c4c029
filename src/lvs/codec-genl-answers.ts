// LVS core: what the kernel answers over generic netlink (ipvs.md §3), as values. Total: never throws on bytes.
import { type Family, formatIp, type IpText } from "../base/ip.ts";
import { visitAttributes } from "../net/attributes.ts";
import { GENERIC_HEADER_BYTES } from "../net/genetlink.ts";
import { ADDRESS_BYTES, DAEMON, DEST, INFO, SERVICE, TOP } from "./codec-genl-layout.ts";
import {
  AF_INET,
  AF_INET6,
  forwardingOf,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IP_VS_SVC_F_HASHED,
  IPPROTO_TCP,
} from "./ipvs-constants.ts";
import {
  type IpvsTimeouts,
  NOTHING_COUNTED,
  type SeenDestination,
  type Service,
  type Statistics,
  type SyncDaemonState,
} from "./model.ts";

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
  let addressAt = 0;
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
  if (addressSize >= (family === 4 ? 4 : ADDRESS_BYTES)) ip = addressText(payload, addressAt, family);
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
  let addressAt = 0;
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
  if (addressSize < (family === 4 ? 4 : ADDRESS_BYTES) || port === undefined) return undefined;
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
