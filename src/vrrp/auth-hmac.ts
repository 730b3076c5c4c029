// VRRP core: auth_hmac, keepalived's authentication trailer of 28 bytes for versions 2 and 3, both families (vrrp.md §1.5).
// A 64-bit sequence made from the wall clock grows strictly per sender; marks of what was seen are values, replaced on acceptance.

import { concatBytes, fromHex } from "../base/bytes.ts";
import { createHmac } from "../base/digest.ts";
import { layout, octets, u8, u16, u32 } from "../base/layout.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { sameSecret } from "./auth.ts";
import { ADVERT_HEADER } from "./packet.ts";

export type HmacConfig = NonNullable<VrrpInstance["hmac"]>;

const SCHEME_SHA256_128 = 1;

/** Behind the advert: where what lies, in network byte order. */
export const HMAC_TRAILER = layout({
  scheme: u8(0),
  keyId: u8(1),
  reserved: u16(2),
  seconds: u32(4),
  /** 1/65536 s. */
  fraction: u16(8),
  counter: u16(10),
  hmac: octets(12, 16),
});
export const HMAC_TRAILER_BYTES = HMAC_TRAILER.sizeBytes;
const HMAC_BYTES = 16;
const SIGNED_TRAILER_BYTES = 12;

/** Sequence number of a moment: seconds, 1/65536 s, counter 0. */
function clockSequence(wallMs: number): bigint {
  const ticks = BigInt(Math.floor((wallMs * 65536) / 1000));
  return BigInt.asUintN(64, ticks << 16n);
}

/** Number to sign with after `last`: the clock, or one more than the last when the clock has not moved on. */
export function nextSequence(hmac: HmacConfig, last: bigint | undefined, wallMs: number): bigint {
  const clock = clockSequence(wallMs);
  if (last === undefined || isLater(clock, last)) return clock;
  const aheadS = Number(BigInt.asUintN(64, last - clock) >> 32n);
  // The clock was set back: going on from the old time would be stale for every receiver.
  if (hmac.antiReplay === "time" && aheadS > hmac.timeWindowS) return clock;
  return BigInt.asUintN(64, last + 1n);
}

/** Serial number arithmetic on 64 bits: is `a` after `b`? */
function isLater(a: bigint, b: bigint): boolean {
  return BigInt.asIntN(64, a - b) > 0n;
}

/** The trailer for a message; undefined when the active key is not among the keys. */
export function signMessage(
  hmac: HmacConfig,
  sequence: bigint,
  source: Uint8Array,
  message: Uint8Array,
): Uint8Array | undefined {
  const key = keyBytes(hmac, hmac.activeKey);
  if (!key) return undefined;
  const trailer = new Uint8Array(HMAC_TRAILER_BYTES);
  HMAC_TRAILER.encode(
    {
      scheme: SCHEME_SHA256_128,
      keyId: hmac.activeKey,
      reserved: 0,
      seconds: Number(sequence >> 32n),
      fraction: Number((sequence >> 16n) & 0xffffn),
      counter: Number(sequence & 0xffffn),
      hmac: new Uint8Array(HMAC_BYTES),
    },
    trailer,
  );
  HMAC_TRAILER.fields.hmac.set(trailer, 0, messageHmac(key, source, message, trailer));
  return trailer;
}

/** What was accepted last from one sender. */
export interface ReplayMark {
  /** Canonical text of the sender. */
  readonly sender: string;
  readonly sequence: bigint;
  /** When it was accepted, for choosing the one to forget. */
  readonly seenWallMs: number;
}

/** Multicast senders remembered at once; the least recently heard makes room. */
const MULTICAST_MARKS = 4;
/** Unicast senders are peers, and peers are bounded by the configuration; this is the belt to the braces. */
const UNICAST_MARKS = 1024;

export type HmacRefusal = "missing" | "malformed" | "unknown-key" | "invalid" | "stale" | "replay";

/** Checks a trailer in keepalived's order. On success the marks to keep from now on. */
export function checkTrailer(
  hmac: HmacConfig,
  marks: readonly ReplayMark[],
  packet: {
    readonly source: Uint8Array;
    readonly sender: string;
    readonly message: Uint8Array;
    readonly trailer: Uint8Array;
    readonly unicast: boolean;
  },
  wallMs: number,
): { readonly marks: readonly ReplayMark[] } | { readonly refusal: HmacRefusal } {
  const trailer = HMAC_TRAILER.decode(packet.trailer);
  if (trailer.scheme !== SCHEME_SHA256_128 || trailer.reserved !== 0 || trailer.keyId === 0)
    return { refusal: "malformed" };
  const timed = hmac.antiReplay === "time";
  const nowS = Math.floor(wallMs / 1000);
  if (timed && Math.abs(nowS - trailer.seconds) > hmac.timeWindowS) return { refusal: "stale" };
  const key = keyBytes(hmac, trailer.keyId);
  if (!key) return { refusal: "unknown-key" };
  if (!sameSecret(trailer.hmac, messageHmac(key, packet.source, packet.message, packet.trailer)))
    return { refusal: "invalid" };
  const sequence = (BigInt(trailer.seconds) << 32n) | (BigInt(trailer.fraction) << 16n) | BigInt(trailer.counter);
  const mark = marks.find((m) => m.sender === packet.sender);
  // A mark is only forgotten once everything up to it is stale by itself: forgetting by arrival would let a packet
  // from a fast clock be played again.
  const forgotten = mark && timed && nowS - Number(mark.sequence >> 32n) > hmac.timeWindowS;
  if (mark && !forgotten && !isLater(sequence, mark.sequence)) return { refusal: "replay" };
  const others = marks.filter((m) => m !== mark);
  const room = (packet.unicast ? UNICAST_MARKS : MULTICAST_MARKS) - 1;
  const kept = others.length > room ? others.toSorted((a, b) => b.seenWallMs - a.seenWallMs).slice(0, room) : others;
  return { marks: [...kept, { sender: packet.sender, sequence, seenWallMs: wallMs }] };
}

const keys = new WeakMap<HmacConfig, ReadonlyMap<number, Uint8Array>>();

function keyBytes(hmac: HmacConfig, id: number): Uint8Array | undefined {
  let known = keys.get(hmac);
  if (!known) {
    known = new Map(
      hmac.keys.flatMap((key) => {
        const bytes = fromHex(key.keyHex);
        return bytes ? [[key.id, bytes] as const] : [];
      }),
    );
    keys.set(hmac, known);
  }
  return known.get(id);
}

/** HMAC-SHA-256 cut to 16 bytes over {family, version, VRID, 0, source}, the message without its checksum, and the trailer's head. */
function messageHmac(key: Uint8Array, source: Uint8Array, message: Uint8Array, trailer: Uint8Array): Uint8Array {
  const pseudo = new Uint8Array(20);
  pseudo[0] = source.byteLength === 4 ? 4 : 6;
  pseudo[1] = (message[0] ?? 0) >> 4;
  pseudo[2] = message[1] ?? 0;
  pseudo.set(source, 4);
  const unsummed = message.slice();
  ADVERT_HEADER.fields.checksum.set(unsummed, 0, 0);
  const signed = concatBytes(pseudo, unsummed, trailer.subarray(0, SIGNED_TRAILER_BYTES), new Uint8Array(HMAC_BYTES));
  return new Uint8Array(createHmac("sha256", key).update(signed).digest()).subarray(0, HMAC_BYTES);
}
