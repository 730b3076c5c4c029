// VRRP core: a datagram as a raw socket gives it, and what can be said of it before anybody has judged it.
import type { Family } from "../base/ip.ts";
import { AH_HEADER_BYTES } from "./auth.ts";
import { HMAC_TRAILER_BYTES } from "./auth-hmac.ts";
import {
  ADVERT_HEADER,
  ADVERT_HEADER_BYTES,
  advertBytes,
  IPPROTO_AH,
  IPV4_HEADER,
  ipv4HeaderBytes,
  VRRP_ADVERTISEMENT,
} from "./packet.ts";

/** A datagram as a raw socket gives it. The bytes are only looked at during the call. */
export interface Datagram {
  readonly family: Family;
  /** IPv4: from the IP header on. IPv6: the payload. */
  readonly bytes: Uint8Array;
  /** Sender, 4 or 16 bytes. */
  readonly source: Uint8Array;
  /** IPv6: from IPV6_PKTINFO. IPv4: may be left out, the header has it. */
  readonly destination?: Uint8Array;
  /** IPv6: from IPV6_HOPLIMIT; absent when the kernel did not say. IPv4: left out, the header has it. */
  readonly hopLimit?: number;
  /** MSG_TRUNC: longer than the buffer. */
  readonly truncated?: boolean;
}

/** VRID of a datagram, -1 when it is too short to have one. Looks at one byte: for sorting packets by instance. */
export function vridOf(datagram: Datagram): number {
  const at = messageOffset(datagram);
  return at < 0 || datagram.bytes.byteLength < at + ADVERT_HEADER_BYTES ? -1 : (datagram.bytes[at + 1] ?? -1);
}

/** TTL or hop limit that a datagram came with; -1 where the kernel did not say. */
export function hopsOf({ family, bytes, hopLimit }: Datagram): number {
  return family === 4 ? (bytes[8] ?? 0) : (hopLimit ?? -1);
}

/** Where the VRRP message starts, -1 when there is no whole header before it. */
export function messageOffset(datagram: Datagram): number {
  if (datagram.family === 6) return 0;
  const header = ipv4HeaderBytes(datagram.bytes);
  if (header === 0) return -1;
  return datagram.bytes[9] === IPPROTO_AH ? header + AH_HEADER_BYTES : header;
}

/** Where the datagram ends: the total length of IPv4 (what follows is Ethernet padding), -1 when less than that arrived. */
export function datagramEnd(datagram: Datagram): number {
  if (datagram.family === 6) return datagram.bytes.byteLength;
  const total = IPV4_HEADER.fields.totalLength.get(datagram.bytes, 0);
  return total > datagram.bytes.byteLength ? -1 : total;
}

/** A datagram in words for logs and status: version, VRID, priority, interval, TTL, length. Never throws. */
export function describeDatagram(datagram: Datagram): string {
  const at = messageOffset(datagram);
  const { bytes } = datagram;
  if (at < 0 || bytes.byteLength < at + ADVERT_HEADER_BYTES) return `${bytes.byteLength} bytes, no VRRP header`;
  const header = ADVERT_HEADER.decode(bytes, at);
  const version = header.versionType >> 4;
  const parts = [`VRRPv${version}`, `vrid ${header.vrid}`, `priority ${header.priority}`];
  if ((header.versionType & 0x0f) !== VRRP_ADVERTISEMENT) parts.push(`type ${header.versionType & 0x0f}`);
  if (version === 2) parts.push(`auth type ${header.authType}`, `interval ${header.advertS} s`);
  else parts.push(`interval ${(((header.authType & 0x0f) << 8) | header.advertS) * 10} ms`);
  const ttl = datagram.family === 4 ? bytes[8] : datagram.hopLimit;
  parts.push(`${header.addressCount} addresses`);
  if (ttl !== undefined) parts.push(`${datagram.family === 4 ? "TTL" : "hop limit"} ${ttl}`);
  if (datagram.family === 4 && bytes[9] === IPPROTO_AH) parts.push("AH");
  parts.push(`${bytes.byteLength - at} bytes`);
  return parts.join(", ");
}

/** True when the message has room for an auth_hmac trailer beyond its addresses: a hint for "why is this refused". */
export function looksSigned(datagram: Datagram): boolean {
  const at = messageOffset(datagram);
  if (at < 0 || datagram.bytes.byteLength < at + ADVERT_HEADER_BYTES) return false;
  const version = (datagram.bytes[at] ?? 0) >> 4;
  const expected = advertBytes(version, datagram.family, datagram.bytes[at + 3] ?? 0);
  return datagram.bytes.byteLength - at - expected === HMAC_TRAILER_BYTES;
}
