// Reads captured frames without the product's own codecs, so that a mistake there can't hide here (RFC 9568 §5.1, RFC 3768 §5.1).
import type { Frame } from "./segment.ts";

export interface VrrpFrame {
  readonly at: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  readonly tos: number;
  /** IPv4 only. */
  readonly identification: number;
  readonly fragment: number;
  readonly ah?: { readonly spi: string; readonly sequence: number; readonly icv: string };
  readonly version: number;
  readonly type: number;
  readonly vrid: number;
  readonly priority: number;
  readonly count: number;
  /** v2: authentication type and seconds; v3: centiseconds, with the reserved bits. */
  readonly authType: number;
  readonly interval: number;
  readonly checksumGood: boolean;
  readonly body: Uint8Array;
}

export interface ArpFrame {
  readonly at: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

/** All VRRP advertisements among the frames, in order. */
export function vrrpFrames(frames: readonly Frame[]): VrrpFrame[] {
  return frames.map(vrrpFrame).filter((frame) => frame !== undefined);
}

/** All gratuitous ARP packets: sender and target address are the same. */
export function gratuitousArps(frames: readonly Frame[]): ArpFrame[] {
  return frames
    .map(arpFrame)
    .filter((frame) => frame !== undefined)
    .filter((frame) => frame.senderIp === frame.targetIp);
}

/** Multicast groups of IPv4 that hosts say they are members of (IGMPv3 and v2 reports), in order. */
export function groupReports(frames: readonly Frame[]): { at: number; sourceMac: string; group: string }[] {
  return frames
    .filter(({ bytes: b }) => u16(b, 12) === 0x0800 && b[23] === 2)
    .flatMap(({ at, bytes: b }) => {
      const igmp = 14 + ((b[14] ?? 0) & 15) * 4;
      const said = { at, sourceMac: mac(b, 6) };
      if (b[igmp] === 0x16) return [{ ...said, group: ip4(b, igmp + 4) }];
      // The first record; a host that joins one group at a time sends no more. 3: is in no group any more.
      return b[igmp] === 0x22 && b[igmp + 8] !== 3 ? [{ ...said, group: ip4(b, igmp + 12) }] : [];
    });
}

/** Addresses announced by unsolicited neighbour advertisements to ff02::1, in order. */
export function unsolicitedNeighbours(
  frames: readonly Frame[],
): { at: number; target: string; flags: number; mac: string }[] {
  return frames
    .filter(({ bytes: b }) => u16(b, 12) === 0x86dd && b[20] === 58 && b[54] === 136 && ip6(b, 38) === "ff02::1")
    .map(({ at, bytes: b }) => ({ at, target: ip6(b, 62), flags: b[58] ?? 0, mac: mac(b, 80) }));
}

function vrrpFrame({ at, bytes: b }: Frame): VrrpFrame | undefined {
  const ether = { at, sourceMac: mac(b, 6), destinationMac: mac(b, 0) };
  const etherType = u16(b, 12);
  if (etherType === 0x0800) return ipv4Frame(ether, b);
  if (etherType === 0x86dd && b[20] === 112) {
    const body = b.subarray(54, 54 + u16(b, 18));
    const pseudo = concat(b.subarray(22, 54), Uint8Array.of(0, 0, body.length >> 8, body.length & 255, 0, 0, 0, 112));
    return {
      ...ether,
      family: 6,
      source: ip6(b, 22),
      destination: ip6(b, 38),
      ttl: b[21] ?? 0,
      tos: (u16(b, 14) >> 4) & 0xff,
      identification: 0,
      fragment: 0,
      ...header(body),
      checksumGood: sum(concat(pseudo, body)) === 0xffff,
    };
  }
  return undefined;
}

function ipv4Frame(
  ether: { at: number; sourceMac: string; destinationMac: string },
  b: Uint8Array,
): VrrpFrame | undefined {
  const protocol = b[23];
  if (protocol !== 112 && protocol !== 51) return undefined;
  const ipEnd = 14 + ((b[14] ?? 0) & 15) * 4;
  const packetEnd = 14 + u16(b, 16);
  const ah =
    protocol === 51
      ? { spi: ip4(b, ipEnd + 4), sequence: u32(b, ipEnd + 8), icv: hex(b.subarray(ipEnd + 12, ipEnd + 24)) }
      : undefined;
  const body = b.subarray(ah ? ipEnd + 24 : ipEnd, packetEnd);
  const message = body.subarray(0, messageLength(body));
  const pseudo = concat(b.subarray(26, 34), Uint8Array.of(0, 112, message.length >> 8, message.length & 255));
  const covered = (body[0] ?? 0) >> 4 === 3 ? concat(pseudo, message) : message;
  return {
    ...ether,
    family: 4,
    source: ip4(b, 26),
    destination: ip4(b, 30),
    ttl: b[22] ?? 0,
    tos: b[15] ?? 0,
    identification: u16(b, 18),
    fragment: u16(b, 20),
    ...(ah ? { ah } : {}),
    ...header(body),
    checksumGood: sum(covered) === 0xffff,
  };
}

function messageLength(body: Uint8Array): number {
  const addresses = 8 + 4 * (body[3] ?? 0);
  return (body[0] ?? 0) >> 4 === 2 ? addresses + 8 : addresses;
}

function header(body: Uint8Array) {
  const version = (body[0] ?? 0) >> 4;
  return {
    version,
    type: (body[0] ?? 0) & 15,
    vrid: body[1] ?? 0,
    priority: body[2] ?? 0,
    count: body[3] ?? 0,
    authType: version === 2 ? (body[4] ?? 0) : 0,
    interval: version === 2 ? (body[5] ?? 0) : u16(body, 4),
    body,
  };
}

function arpFrame({ at, bytes: b }: Frame): ArpFrame | undefined {
  if (u16(b, 12) !== 0x0806) return undefined;
  return {
    at,
    sourceMac: mac(b, 6),
    destinationMac: mac(b, 0),
    operation: u16(b, 20),
    senderMac: mac(b, 22),
    senderIp: ip4(b, 28),
    targetMac: mac(b, 32),
    targetIp: ip4(b, 38),
  };
}

function u16(b: Uint8Array, at: number): number {
  return ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
}

function u32(b: Uint8Array, at: number): number {
  return u16(b, at) * 0x10000 + u16(b, at + 2);
}

function hex(b: Uint8Array): string {
  return Buffer.from(b).toString("hex");
}

function mac(b: Uint8Array, at: number): string {
  return Array.from(b.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function ip4(b: Uint8Array, at: number): string {
  return Array.from(b.subarray(at, at + 4)).join(".");
}

function ip6(b: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(b, at + 2 * i).toString(16));
  return groups
    .join(":")
    .replace(/\b0(?::0)+\b/, ":")
    .replace(/^:(?=:)|:(?=::)/, ":")
    .replace(":::", "::");
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from([...a, ...b]);
}

/** One's complement sum; 0xffff for bytes that carry their own right checksum. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
