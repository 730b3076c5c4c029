// VRRP core: the advertisement on the wire, versions 2 (RFC 3768; over IPv6 as keepalived does) and 3 (RFC 9568), its checksums, and
// the IPv4 header that we build ourselves (IP_HDRINCL). Decoders never throw; whether a packet is for us is accept.ts' matter.
import { internetChecksum } from "../base/bytes.ts";
import type { Family } from "../base/ip.ts";
import { layout, octets, u8, u16 } from "../base/layout.ts";
import type { Decoded } from "../base/result.ts";

export const IPPROTO_VRRP = 112;
export const IPPROTO_AH = 51;
export const VRRP_ADVERTISEMENT = 1;
/** TTL or hop limit that shows a sender on the same link (RFC 9568 §5.1.1.3). */
export const VRRP_TTL = 255;
/** CS6, network control. */
const VRRP_TOS = 0xc0;
/** IPv4 group of all VRRP routers; also the destination of the old unicast checksum. */
export const VRRP_GROUP4 = Uint8Array.of(224, 0, 0, 18);

/** What both versions share: offsets of the first eight bytes. */
export const ADVERT_HEADER = layout({
  versionType: u8(0),
  vrid: u8(1),
  priority: u8(2),
  addressCount: u8(3),
  /** v2: authentication type, then seconds; v3: four reserved bits and centiseconds. */
  authType: u8(4),
  advertS: u8(5),
  checksum: u16(6),
});
const MAX_ADVERT_CS = u16(4);

export const ADVERT_HEADER_BYTES = ADVERT_HEADER.sizeBytes;
/** v2 over IPv4 ends in authentication data, always. */
export const AUTH_DATA_BYTES = 8;

interface AdvertBase {
  readonly type: number;
  readonly vrid: number;
  /** 0: resigning; 255: address owner. */
  readonly priority: number;
  /** 4 or 16 bytes each, laid end to end, in the order of the packet. */
  readonly addresses: Uint8Array;
  readonly addressCount: number;
  readonly checksum: number;
}

export interface AdvertV2 extends AdvertBase {
  readonly version: 2;
  readonly authType: number;
  /** Whole seconds. */
  readonly advertS: number;
  /** 8 bytes over IPv4, none over IPv6. */
  readonly authData: Uint8Array;
}

export interface AdvertV3 extends AdvertBase {
  readonly version: 3;
  /** Sent as 0, ignored on reception. */
  readonly reserved: number;
  /** Centiseconds, 0..4095. */
  readonly maxAdvertCs: number;
}

export type Advert = AdvertV2 | AdvertV3;

export type AdvertError =
  | { readonly kind: "truncated"; readonly needBytes: number; readonly gotBytes: number }
  | { readonly kind: "version"; readonly version: number };

/** Bytes of the VRRP message of a version for a count of addresses, without an auth_hmac trailer. */
export function advertBytes(version: number, family: Family, addressCount: number): number {
  const auth = version === 2 && family === 4 ? AUTH_DATA_BYTES : 0;
  return ADVERT_HEADER_BYTES + addressCount * (family === 4 ? 4 : 16) + auth;
}

/** Reads the message at the start of `bytes`; what follows it (a trailer, padding) is left alone. Addresses are views. */
export function decodeAdvert(bytes: Uint8Array, family: Family): Decoded<Advert, AdvertError> {
  if (bytes.byteLength < ADVERT_HEADER_BYTES) return truncated(ADVERT_HEADER_BYTES, bytes);
  const header = ADVERT_HEADER.decode(bytes);
  const version = header.versionType >> 4;
  if (version !== 2 && version !== 3) return { ok: false, error: { kind: "version", version } };
  const needBytes = advertBytes(version, family, header.addressCount);
  if (bytes.byteLength < needBytes) return truncated(needBytes, bytes);
  const addressesEnd = ADVERT_HEADER_BYTES + header.addressCount * (family === 4 ? 4 : 16);
  const common = {
    type: header.versionType & 0x0f,
    vrid: header.vrid,
    priority: header.priority,
    addressCount: header.addressCount,
    addresses: bytes.subarray(ADVERT_HEADER_BYTES, addressesEnd),
    checksum: header.checksum,
  };
  if (version === 2)
    return {
      ok: true,
      value: {
        ...common,
        version,
        authType: header.authType,
        advertS: header.advertS,
        authData: bytes.subarray(addressesEnd, needBytes),
      },
    };
  const intervalField = MAX_ADVERT_CS.get(bytes, 0);
  return {
    ok: true,
    value: { ...common, version, reserved: intervalField >> 12, maxAdvertCs: intervalField & 0x0fff },
  };
}

function truncated(needBytes: number, bytes: Uint8Array): { ok: false; error: AdvertError } {
  return { ok: false, error: { kind: "truncated", needBytes, gotBytes: bytes.byteLength } };
}

/** Advertisement interval in milliseconds, whatever the version. */
export function advertIntervalMs(advert: Advert): number {
  return advert.version === 2 ? advert.advertS * 1000 : advert.maxAdvertCs * 10;
}

/** Writes the message with the checksum that stands in `advert`; see setChecksum. @throws RangeError for a field out of range */
export function encodeAdvert(advert: Advert): Uint8Array {
  const tail = advert.version === 2 ? advert.authData : new Uint8Array(0);
  const bytes = new Uint8Array(ADVERT_HEADER_BYTES + advert.addresses.byteLength + tail.byteLength);
  ADVERT_HEADER.encode(
    {
      versionType: (advert.version << 4) | advert.type,
      vrid: advert.vrid,
      priority: advert.priority,
      addressCount: advert.addressCount,
      authType: advert.version === 2 ? advert.authType : 0,
      advertS: advert.version === 2 ? advert.advertS : 0,
      checksum: advert.checksum,
    },
    bytes,
  );
  if (advert.version === 3) MAX_ADVERT_CS.set(bytes, 0, (advert.reserved << 12) | advert.maxAdvertCs);
  bytes.set(advert.addresses, ADVERT_HEADER_BYTES);
  bytes.set(tail, ADVERT_HEADER_BYTES + advert.addresses.byteLength);
  return bytes;
}

/** What a checksum covers: the message alone, or a pseudo-header with source and destination before it. */
export type ChecksumForm =
  | { readonly kind: "message" }
  | { readonly kind: "pseudo"; readonly source: Uint8Array; readonly destination: Uint8Array };

/** Sum over what the form covers, checksum field included as it stands: 0 means sound. IPv6 covers a trailer, IPv4 must not be given it. */
export function checksumOf(message: Uint8Array, form: ChecksumForm): number {
  if (form.kind === "message") return internetChecksum(message);
  return internetChecksum(pseudoHeader(form.source, form.destination, IPPROTO_VRRP, message.byteLength), message);
}

/** Computes the checksum over `covered` (which starts with the message) and writes it into place. */
export function setChecksum(covered: Uint8Array, form: ChecksumForm): void {
  ADVERT_HEADER.fields.checksum.set(covered, 0, 0);
  ADVERT_HEADER.fields.checksum.set(covered, 0, checksumOf(covered, form));
}

const PSEUDO_HEADER4 = layout({
  source: octets(0, 4),
  destination: octets(4, 4),
  zero: u8(8),
  protocol: u8(9),
  length: u16(10),
});

/** Pseudo-header of a checksum: RFC 793 for IPv4, RFC 8200 §8.1 for IPv6. */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  lengthBytes: number,
): Uint8Array {
  if (source.byteLength === 4) {
    const bytes = new Uint8Array(PSEUDO_HEADER4.sizeBytes);
    PSEUDO_HEADER4.encode({ source, destination, zero: 0, protocol, length: lengthBytes }, bytes);
    return bytes;
  }
  const bytes = new Uint8Array(40);
  bytes.set(source, 0);
  bytes.set(destination, 16);
  // 32 bits of length, of which a datagram needs 16.
  u16(34).set(bytes, 0, lengthBytes);
  bytes[39] = protocol;
  return bytes;
}

/** IPv4 header without options (RFC 791 §3.1). */
export const IPV4_HEADER = layout({
  versionLength: u8(0),
  tos: u8(1),
  totalLength: u16(2),
  id: u16(4),
  fragment: u16(6),
  ttl: u8(8),
  protocol: u8(9),
  checksum: u16(10),
  source: octets(12, 4),
  destination: octets(16, 4),
});

export const IPV4_HEADER_BYTES = IPV4_HEADER.sizeBytes;

/** A header of 20 bytes with TOS 0xc0, DF clear and its checksum. @throws RangeError for a field out of range */
export function encodeIpv4Header(header: {
  readonly totalLength: number;
  /** 1..65535: the kernel would put its own in place of 0. */
  readonly id: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}): Uint8Array {
  const bytes = new Uint8Array(IPV4_HEADER_BYTES);
  IPV4_HEADER.encode({ ...header, versionLength: 0x45, tos: VRRP_TOS, fragment: 0, checksum: 0 }, bytes);
  IPV4_HEADER.fields.checksum.set(bytes, 0, internetChecksum(bytes));
  return bytes;
}

/** Length of the IPv4 header with options; 0 when there is no whole header of version 4. */
export function ipv4HeaderBytes(bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  const length = (first & 0x0f) * 4;
  return first >> 4 === 4 && length >= IPV4_HEADER_BYTES && bytes.byteLength >= length ? length : 0;
}
