// LVS core: IPVS over socket options (ipvs.md §1): the structures of linux/ip_vs.h byte by byte, 64-bit layout. They can say IPv4 only,
// without persistence engines and tunnel kinds; saysCommand() tells.
import { familyOf, ipBytes } from "../base/ip.ts";
import { unreachable } from "../base/never.ts";
import {
  COMMAND_BYTES,
  DAEMON_USER,
  DEST_USER,
  destinationsBytes,
  GET_DESTS,
  GET_SERVICES,
  SERVICE_ENTRY,
  SERVICE_USER,
  TIMEOUT_USER,
  viewOf,
} from "./codec-sockopt-layout.ts";
import { forwardingMethod, IP_VS_STATE_BACKUP, IP_VS_STATE_MASTER, NAME_BYTES } from "./ipvs-constants.ts";
import type {
  Destination,
  DestinationKey,
  IpvsCommand,
  IpvsTimeouts,
  Service,
  ServiceKey,
  SyncDaemonState,
} from "./model.ts";

/** linux/ip_vs.h */
export const IP_VS_SO_SET_ADD = 1154;

/** linux/ip_vs.h */
export const IP_VS_SO_SET_EDIT = 1155;

/** linux/ip_vs.h */
export const IP_VS_SO_SET_DEL = 1156;

export const IP_VS_SO_SET_FLUSH = 1157;

/** linux/ip_vs.h */
export const IP_VS_SO_SET_ADDDEST = 1159;

/** linux/ip_vs.h */
export const IP_VS_SO_SET_DELDEST = 1160;

/** linux/ip_vs.h */
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

export function encodeTimeouts(timeouts: IpvsTimeouts): Uint8Array {
  const bytes = new Uint8Array(TIMEOUT_USER.bytes);
  const view = viewOf(bytes);
  view.setInt32(TIMEOUT_USER.tcp, timeouts.tcp, true);
  view.setInt32(TIMEOUT_USER.tcpFin, timeouts.tcpFin, true);
  view.setInt32(TIMEOUT_USER.udp, timeouts.udp, true);
  return bytes;
}

/** Room for GET_SERVICES with `count` services: the question, which the answer overwrites. */
export function encodeGetServices(count: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(GET_SERVICES.bytes + count * SERVICE_ENTRY.bytes));
  viewOf(bytes).setUint32(GET_SERVICES.count, count, true);
  return bytes;
}

/** The question for one service in a room of SERVICE_ENTRY_BYTES, which the answer overwrites. */
export function encodeGetService(service: ServiceKey, room: Uint8Array): void {
  room.fill(0);
  writeKey(viewOf(room), room, service);
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

function writeName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length && i < NAME_BYTES - 1; i++) bytes[at + i] = name.charCodeAt(i);
}
