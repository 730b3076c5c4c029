// LVS core: attribute numbers of IPVS over generic netlink (kernel: include/uapi/linux/ip_vs.h), for both directions.

/** Attributes of a message. */
export const TOP = { service: 1, dest: 2, daemon: 3, timeoutTcp: 4, timeoutTcpFin: 5, timeoutUdp: 6 } as const;

export const SERVICE = {
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

export const DEST = {
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

export const DAEMON = { state: 1, interface: 2, syncId: 3, maxLen: 4, group: 5, group6: 6, port: 7, ttl: 8 } as const;

export const INFO = { version: 1, tableSize: 2 } as const;

/** Addresses go as 16 bytes in both families; IPv4 uses the first four. */
export const ADDRESS_BYTES = 16;
