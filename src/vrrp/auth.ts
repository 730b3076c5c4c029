// VRRP core: the authentication of version 2 over IPv4 (RFC 2338 §5.3.6): the simple password, and AH as keepalived sends it.
// Its AH keeps the TTL of multicast packets in the integrity value, which RFC 2402 would zero; both ends must do the same.
// auth_hmac, the extension for both versions, is in auth-hmac.ts.

import { concatBytes } from "../base/bytes.ts";
import { createHmac } from "../base/digest.ts";
import { layout, octets, u8, u16, u32 } from "../base/layout.ts";
import { AUTH_DATA_BYTES, IPPROTO_VRRP, IPV4_HEADER } from "./packet.ts";

export const AUTH_NONE = 0;
export const AUTH_PASS = 1;
export const AUTH_AH = 2;

/** The eight bytes of `auth_pass`: UTF-8, cut or padded with zeros. */
export function passwordBytes(password: string): Uint8Array {
  const bytes = new Uint8Array(AUTH_DATA_BYTES);
  bytes.set(new TextEncoder().encode(password).subarray(0, AUTH_DATA_BYTES));
  return bytes;
}

/** Compares secrets of equal length in constant time; other lengths differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  let difference = 0;
  for (let i = 0; i < a.byteLength; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** AH before the VRRP message (RFC 2402 §2, ICV of 96 bits). */
export const AH_HEADER = layout({
  nextHeader: u8(0),
  payloadLength: u8(1),
  reserved: u16(2),
  spi: octets(4, 4),
  sequence: u32(8),
  icv: octets(12, 12),
});
export const AH_HEADER_BYTES = AH_HEADER.sizeBytes;
/** Length of the AH in words of 32 bits, minus two. */
const AH_PAYLOAD_LENGTH = 4;
const ICV_BYTES = 12;

/** Sequence numbers of AH are 32 bits wide. */
export const AH_SEQUENCE_LIMIT = 0xffffffff;

/** AH whose SPI is the IPv4 source of the packet, with its integrity value over header, AH and message. */
export function encodeAh(key: Uint8Array, sequence: number, ipHeader: Uint8Array, message: Uint8Array): Uint8Array {
  const ah = new Uint8Array(AH_HEADER_BYTES);
  AH_HEADER.encode(
    {
      nextHeader: IPPROTO_VRRP,
      payloadLength: AH_PAYLOAD_LENGTH,
      reserved: 0,
      spi: IPV4_HEADER.fields.source.get(ipHeader, 0),
      sequence,
      icv: new Uint8Array(ICV_BYTES),
    },
    ah,
  );
  AH_HEADER.fields.icv.set(ah, 0, integrityValue(key, ipHeader, ah, message));
  return ah;
}

/** Why an AH is refused; undefined when it is sound. `last` is the greatest sequence number sent or accepted so far. */
export function checkAh(
  key: Uint8Array,
  last: number,
  ipHeader: Uint8Array,
  ah: Uint8Array,
  message: Uint8Array,
): "spi" | "replay" | "icv" | undefined {
  const fields = AH_HEADER.decode(ah);
  if (!sameSecret(fields.spi, IPV4_HEADER.fields.source.get(ipHeader, 0))) return "spi";
  if (fields.sequence <= last) return "replay";
  return sameSecret(fields.icv, integrityValue(key, ipHeader, ah, message)) ? undefined : "icv";
}

/** First 12 bytes of HMAC-MD5 with the fields that change on the way set to 0. */
function integrityValue(key: Uint8Array, ipHeader: Uint8Array, ah: Uint8Array, message: Uint8Array): Uint8Array {
  const header = ipHeader.slice();
  const destination = IPV4_HEADER.fields.destination.get(header, 0);
  IPV4_HEADER.fields.tos.set(header, 0, 0);
  IPV4_HEADER.fields.fragment.set(header, 0, 0);
  IPV4_HEADER.fields.checksum.set(header, 0, 0);
  // keepalived: the TTL stays in for multicast and is zeroed for unicast.
  if (((destination[0] ?? 0) & 0xf0) !== 0xe0) IPV4_HEADER.fields.ttl.set(header, 0, 0);
  const zeroed = ah.slice();
  AH_HEADER.fields.icv.set(zeroed, 0, new Uint8Array(ICV_BYTES));
  const digest = createHmac("md5", key)
    .update(concatBytes(header, zeroed, message))
    .digest();
  return new Uint8Array(digest).subarray(0, ICV_BYTES);
}

/** Authentication types in words. */
export function authTypeName(type: number): string {
  return type === AUTH_NONE ? "none" : type === AUTH_PASS ? "PASS" : type === AUTH_AH ? "AH" : `${type}`;
}
