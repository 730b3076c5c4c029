// LVS core: numbers of linux/ip_vs.h that both wire forms share (ipvs.md §2), between our words and the kernel's.
import type { Forwarding } from "../config/model/lvs.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Firewall-mark services carry it too: the kernel wants TCP, UDP or SCTP, and the same one in every command. */
export const IPPROTO_TCP = 6;

const IP_VS_CONN_F_MASQ = 0;
export const IP_VS_CONN_F_LOCALNODE = 1;
const IP_VS_CONN_F_TUNNEL = 2;
const IP_VS_CONN_F_DROUTE = 3;
export const IP_VS_CONN_F_FWD_MASK = 7;

/** Set by the kernel, never by us. */
export const IP_VS_SVC_F_HASHED = 0x02;

export const IP_VS_STATE_MASTER = 1;
export const IP_VS_STATE_BACKUP = 2;

/** Length of scheduler and engine names with their NUL. */
export const NAME_BYTES = 16;

const METHODS = { NAT: IP_VS_CONN_F_MASQ, DR: IP_VS_CONN_F_DROUTE, TUN: IP_VS_CONN_F_TUNNEL } as const;
const TUNNEL_TYPES = ["ipip", "gue", "gre"] as const;
const TUNNEL_CHECKSUMS = ["nocsum", "csum", "remcsum"] as const;

export function forwardingMethod(forwarding: Forwarding): number {
  return METHODS[forwarding.method];
}

export function tunnelType(type: (typeof TUNNEL_TYPES)[number]): number {
  return TUNNEL_TYPES.indexOf(type);
}

export function tunnelChecksum(checksum: (typeof TUNNEL_CHECKSUMS)[number]): number {
  return TUNNEL_CHECKSUMS.indexOf(checksum);
}

/**
 * Our words for what the kernel shows. Its method 1 (an address of this machine) and those without a name here are shown as DR, as
 * ipvsadm does with the first.
 */
export function forwardingOf(method: number, type: number, port: number, checksum: number): Forwarding {
  switch (method & IP_VS_CONN_F_FWD_MASK) {
    case IP_VS_CONN_F_MASQ:
      return NAT;
    case IP_VS_CONN_F_TUNNEL:
      return tunnelOf(TUNNEL_TYPES[type], port, TUNNEL_CHECKSUMS[checksum]);
    default:
      return DR;
  }
}

// Shared values: a dump of 10,000 destinations makes none of its own.
const NAT: Forwarding = { method: "NAT" };
const DR: Forwarding = { method: "DR" };
const IPIP: Forwarding = { method: "TUN", tunnel: { type: "ipip" } };

function tunnelOf(
  type: (typeof TUNNEL_TYPES)[number] | undefined,
  port: number,
  checksum: (typeof TUNNEL_CHECKSUMS)[number] | undefined,
): Forwarding {
  if (type === undefined || type === "ipip") return IPIP;
  const extra = checksum === undefined ? {} : { checksum };
  return { method: "TUN", tunnel: type === "gue" ? { type, port, ...extra } : { type, ...extra } };
}
