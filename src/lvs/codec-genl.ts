// LVS core: IPVS over generic netlink (ipvs.md §3): bodies behind nlmsghdr. It can say everything the kernel knows.
import { ipBytes } from "../base/ip.ts";
import { unreachable } from "../base/never.ts";
import type { AttributeWriter } from "../net/attributes.ts";
import { writeGenericHeader } from "../net/genetlink.ts";
import { ADDRESS_BYTES, DAEMON, DEST, SERVICE, TOP } from "./codec-genl-layout.ts";
import {
  AF_INET,
  AF_INET6,
  forwardingMethod,
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  tunnelChecksum,
  tunnelType,
} from "./ipvs-constants.ts";
import type {
  Destination,
  DestinationKey,
  IpvsCommand,
  IpvsTimeouts,
  Service,
  ServiceKey,
  SyncDaemonState,
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
