// LVS core: structures of the IPVS socket options as offsets (kernel: include/uapi/linux/ip_vs.h), for both directions.

/** struct ip_vs_service_user; a destination command has struct ip_vs_dest_user behind it. */
export const SERVICE_USER = {
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

export const DEST_USER = {
  bytes: 24,
  address: 0,
  port: 4,
  flags: 8,
  weight: 12,
  upperThreshold: 16,
  lowerThreshold: 20,
} as const;

/** struct ip_vs_service_entry: as service_user to 43, then these. */
export const SERVICE_ENTRY = { bytes: 104, destinations: 44, statistics: 48 } as const;

/** struct ip_vs_dest_entry: as dest_user to 23, then these. */
export const DEST_ENTRY = { bytes: 96, active: 24, inactive: 28, persistent: 32, statistics: 40 } as const;

export const STATS_USER = {
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

export const GET_SERVICES = { bytes: 8, count: 0 } as const;

export const GET_DESTS = { bytes: 24, protocol: 0, address: 4, port: 8, fwmark: 12, count: 16 } as const;

export const DAEMON_USER = { bytes: 24, state: 0, interface: 4, syncId: 20 } as const;

export const TIMEOUT_USER = { bytes: 12, tcp: 0, tcpFin: 4, udp: 8 } as const;

export const GETINFO = { bytes: 12, version: 0, tableSize: 4, services: 8 } as const;

export const GETINFO_BYTES = GETINFO.bytes;

export const TIMEOUTS_BYTES = TIMEOUT_USER.bytes;

/** Master, then backup. */
export const DAEMONS_BYTES = 2 * DAEMON_USER.bytes;

/** The question for one service, and its answer. */
export const SERVICE_ENTRY_BYTES = SERVICE_ENTRY.bytes;

/** The longest command. */
export const COMMAND_BYTES = SERVICE_USER.bytes + DEST_USER.bytes;

/** Length of a list of so many destinations, question and answer. */
export function destinationsBytes(count: number): number {
  return GET_DESTS.bytes + count * DEST_ENTRY.bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
