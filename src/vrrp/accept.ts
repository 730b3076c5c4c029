// VRRP core: is this datagram an advertisement for the instance, and sound? One pass, cheapest checks first; a refusal is a shared
// constant, so that a flood costs no memory. Nothing here changes: what an accepted packet moves on (AH sequence, replay marks) is
// handed back in the verdict. Unlike keepalived, both unicast checksum forms are accepted without ever switching (vrrp.md T3).
import { compareIp, type Family, formatIp, type IpText, ipBytes } from "../base/ip.ts";
import { OWNER_PRIORITY } from "../base/priority.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { AH_HEADER, AH_HEADER_BYTES, AUTH_AH, AUTH_PASS, checkAh, passwordBytes, sameSecret } from "./auth.ts";
import { checkTrailer, HMAC_TRAILER_BYTES, type HmacRefusal, type ReplayMark } from "./auth-hmac.ts";
import { type Datagram, datagramEnd, hopsOf, messageOffset } from "./datagram.ts";
import {
  ADVERT_HEADER_BYTES,
  type AdvertV2,
  advertBytes,
  advertIntervalMs,
  type ChecksumForm,
  checksumOf,
  decodeAdvert,
  IPPROTO_AH,
  IPPROTO_VRRP,
  IPV4_HEADER,
  VRRP_ADVERTISEMENT,
  VRRP_GROUP4,
  VRRP_TTL,
} from "./packet.ts";
import { REFUSALS, type Refusal, type RefusalReason } from "./refusals.ts";
import { advertisedAddresses, authType, isUnicast, type WireState } from "./wire.ts";

export interface AcceptedAdvert {
  readonly ok: true;
  readonly priority: number;
  /** Interval that the sender advertises; for version 2 equal to our own. */
  readonly advertMs: number;
  readonly sender: IpText;
  /** Sign of sender minus own address: the tie breaker. Never 0. */
  readonly order: 1 | -1;
  /** What differs without being a reason to refuse: counted, logged once. */
  readonly differences: readonly ("interval" | "address-list")[];
  /** Replaces the instance's WireState. */
  readonly wire: WireState;
}

export type Verdict = AcceptedAdvert | Refusal;

/** What of an instance reception needs, worked out once. */
export interface Receiver {
  readonly instance: VrrpInstance;
  readonly unicast: boolean;
  readonly group: Uint8Array;
  /** Unicast: senders that no list names are refused, and the TTLs of the others are looked at. */
  readonly peersOnly: boolean;
  /** By canonical text. */
  readonly peers: ReadonlyMap<IpText, { readonly minTtl: number; readonly maxTtl: number }>;
  readonly authType: number;
  readonly secret: Uint8Array;
  /** Our own list, sorted, for comparing. */
  readonly addresses: readonly string[];
}

export function receiverFor(instance: VrrpInstance): Receiver {
  return {
    instance,
    unicast: isUnicast(instance),
    group: ipBytes(instance.multicastGroup),
    peers: new Map((instance.unicast?.peers ?? []).map((peer) => [peer.ip, peerHops(instance, peer)])),
    peersOnly: (instance.unicast?.checkSource ?? false) || instance.strict,
    authType: authType(instance),
    secret: passwordBytes(instance.authentication?.password ?? ""),
    addresses: addressKeys(advertisedAddresses(instance), instance.family),
  };
}

/**
 * TTL range of a peer: what its line says. Where that says nothing strict mode asks for 255, as on a shared link; not over IPv6, where
 * keepalived peers send the kernel's default of 64.
 */
function peerHops(
  instance: VrrpInstance,
  { minTtl, maxTtl }: { readonly minTtl: number; readonly maxTtl: number },
): { readonly minTtl: number; readonly maxTtl: number } {
  const said = minTtl !== 0 || maxTtl !== VRRP_TTL;
  const onLink = instance.strict && instance.family === 4 && !said;
  return { minTtl: onLink ? VRRP_TTL : minTtl, maxTtl };
}

/** What changes between packets: given by whoever runs the instance. */
export interface ReceiveState {
  /** False in FAULT, INIT and the start-up delay. */
  readonly listening: boolean;
  /** Our source address; undefined when there is none, and then nothing is accepted. */
  readonly own: Uint8Array | undefined;
  readonly wire: WireState;
  /** The master we follow, for `skip_check_adv_addr`. */
  readonly masterAddress?: IpText | undefined;
}

/** Judges one datagram whose VRID is the receiver's. Pure; `wallMs` serves the freshness of auth_hmac only. */
export function accept(receiver: Receiver, datagram: Datagram, state: ReceiveState, wallMs: number): Verdict {
  const { instance } = receiver;
  const { family } = instance;
  if (!state.listening || !state.own) return REFUSALS["not-listening"];
  if (datagram.family !== family) return REFUSALS.destination;
  if (datagram.truncated) return REFUSALS.truncated;

  const at = messageOffset(datagram);
  if (at < 0) return REFUSALS["too-short"];
  const end = datagramEnd(datagram);
  if (end < 0) return REFUSALS.length;
  if (end < at + ADVERT_HEADER_BYTES) return REFUSALS["too-short"];
  if (datagram.bytes[at + 1] !== instance.vrid) return REFUSALS["unknown-vrid"];
  if (isCarp(datagram.bytes, at, end)) return REFUSALS.carp;
  if ((datagram.bytes[at] ?? 0) >> 4 !== instance.version) return REFUSALS.version;

  const source = family === 4 ? IPV4_HEADER.fields.source.get(datagram.bytes, 0) : datagram.source;
  const destination = family === 4 ? IPV4_HEADER.fields.destination.get(datagram.bytes, 0) : datagram.destination;
  if (receiver.unicast ? isMulticast(destination) : !sameBytes(destination, receiver.group))
    return REFUSALS.destination;
  if (!plausibleSource(source, family)) return REFUSALS.source;
  const order = compareIp(source, state.own);
  if (order === 0) return REFUSALS["own-address"];

  const protocol = family === 4 ? (datagram.bytes[9] ?? 0) : IPPROTO_VRRP;
  if ((protocol === IPPROTO_AH) !== (receiver.authType === AUTH_AH)) return REFUSALS["auth-type-mismatch"];
  if (protocol === IPPROTO_AH && !isVrrpAh(datagram.bytes, at - AH_HEADER_BYTES)) return REFUSALS.length;

  const messageBytes = advertBytes(instance.version, family, datagram.bytes[at + 3] ?? 0);
  const surplus = end - at - messageBytes;
  const signed = instance.hmac !== undefined && surplus === HMAC_TRAILER_BYTES;
  if (!signed && surplus !== 0 && !(family === 4 && isPadding(end, surplus))) return REFUSALS.length;

  const ttl = hopsOf(datagram);
  if (!receiver.unicast) {
    if (ttl !== VRRP_TTL) return REFUSALS.ttl;
  } else if (receiver.peersOnly) {
    const peer = receiver.peers.get(formatIp(source));
    if (!peer) return REFUSALS.stranger;
    if (ttl < peer.minTtl || ttl > peer.maxTtl) return REFUSALS.ttl;
  }

  const message = datagram.bytes.subarray(at, at + messageBytes);
  const summed = family === 6 ? datagram.bytes.subarray(at, end) : message;
  if (!checksumHolds(receiver, summed, source, destination)) return REFUSALS.checksum;
  const trailer = signed ? datagram.bytes.subarray(at + messageBytes, end) : undefined;
  return acceptMessage(receiver, { datagram, at, message, trailer, source, order: order > 0 ? 1 : -1 }, state, wallMs);
}

/** A datagram that is ours and whole. */
interface Sound {
  readonly datagram: Datagram;
  /** Where the message stands in it. */
  readonly at: number;
  readonly message: Uint8Array;
  readonly trailer: Uint8Array | undefined;
  readonly source: Uint8Array;
  /** Sign of sender minus own address. */
  readonly order: 1 | -1;
}

/** Who sent it, and what it says: authentication, then type and interval. */
function acceptMessage(receiver: Receiver, sound: Sound, state: ReceiveState, wallMs: number): Verdict {
  const { instance } = receiver;
  const { message, order } = sound;
  const sender = formatIp(sound.source);
  let wire = state.wire;
  if (instance.hmac) {
    const checked = checkHmac(
      receiver,
      wire.hmacMarks,
      { source: sound.source, sender, message, trailer: sound.trailer },
      wallMs,
    );
    if ("ok" in checked) return checked;
    wire = checked.marks === wire.hmacMarks ? wire : { ...wire, hmacMarks: checked.marks };
  }
  const decoded = decodeAdvert(message, instance.family);
  if (!decoded.ok) return REFUSALS.length;
  const advert = decoded.value;
  if (advert.version === 2) {
    const checked = checkVersion2(receiver, sound, advert, wire);
    if ("ok" in checked) return checked;
    wire = checked;
  }
  if (advert.type !== VRRP_ADVERTISEMENT) return REFUSALS.type;

  const advertMs = advertIntervalMs(advert);
  if (advert.version === 2 && advertMs !== instance.advertMs) return REFUSALS.interval;
  // An interval of 0 would make every timer 0 (vrrp.md T14); no router may send it.
  if (advertMs === 0) return REFUSALS.interval;
  if (instance.ownerIgnoreAdverts && instance.priority === OWNER_PRIORITY) return REFUSALS["owner-ignores"];

  const differences: ("interval" | "address-list")[] = [];
  if (advertMs !== instance.advertMs) differences.push("interval");
  const skipList = instance.skipCheckAdvertAddresses && sender === state.masterAddress;
  if (!skipList && !sameAddresses(receiver, advert.addresses)) differences.push("address-list");
  return { ok: true, priority: advert.priority, advertMs, sender, order, differences, wire };
}

/** RFC 3768's authentication: password or AH. What an accepted packet moves on, or why it is refused. */
function checkVersion2(
  receiver: Receiver,
  { datagram, at, message, order }: Sound,
  advert: AdvertV2,
  wire: WireState,
): WireState | Refusal {
  if (advert.authType > AUTH_AH) return REFUSALS["auth-type-invalid"];
  if (advert.authType !== receiver.authType) return REFUSALS["auth-type-mismatch"];
  if (receiver.authType === AUTH_PASS && !sameSecret(advert.authData, receiver.secret))
    return REFUSALS["auth-password"];
  if (receiver.authType !== AUTH_AH) return wire;
  const ah = datagram.bytes.subarray(at - AH_HEADER_BYTES, at);
  const header = datagram.bytes.subarray(0, at - AH_HEADER_BYTES);
  const wrong = checkAh(receiver.secret, wire.ahSequence, header, ah, message);
  if (wrong === "replay" && order < 0 && collides(wire, AH_HEADER.fields.sequence.get(ah, 0)))
    return checkAh(receiver.secret, 0, header, ah, message)
      ? REFUSALS["auth-ah-replay"]
      : REFUSALS["auth-ah-collision"];
  if (wrong) return REFUSALS[`auth-ah-${wrong}`];
  return { ...wire, ahSequence: AH_HEADER.fields.sequence.get(ah, 0) };
}

/** Two masters that started together count alike, and each finds the other's numbers used (one counter for both directions). */
function collides(wire: WireState, sequence: number): boolean {
  return sequence === wire.ahSequence && sequence === wire.ahSent;
}

/** keepalived: a packet that was padded to the 46 bytes of the least Ethernet frame has a surplus of 2 modulo 4. */
function isPadding(totalBytes: number, surplus: number): boolean {
  return surplus > 0 && totalBytes <= 46 && surplus % 4 === 2;
}

/** OpenBSD's carp(4) has VRRP's IP number, group, version byte and TTL: 36 bytes, seven words of authentication where the count stands. */
function isCarp(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at === 36 && bytes[at] === 0x21 && bytes[at + 3] === 7;
}

function isVrrpAh(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === IPPROTO_VRRP && bytes[at + 1] === 4;
}

function isMulticast(address: Uint8Array | undefined): boolean {
  if (!address) return false;
  return address.byteLength === 4 ? ((address[0] ?? 0) & 0xf0) === 0xe0 : address[0] === 0xff;
}

/** Neither unspecified nor multicast nor, for IPv4, loopback or broadcast. */
function plausibleSource(source: Uint8Array, family: Family): boolean {
  if (source.byteLength !== (family === 4 ? 4 : 16)) return false;
  if (family === 4) return source[0] !== 0 && source[0] !== 127 && (source[0] ?? 0) < 0xe0;
  return source[0] !== 0xff && source.some((byte) => byte !== 0);
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  if (a?.byteLength !== b.byteLength) return false;
  for (let i = 0; i < b.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

function checksumHolds(
  receiver: Receiver,
  summed: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array | undefined,
): boolean {
  const { instance } = receiver;
  const holds = (form: ChecksumForm) => checksumOf(summed, form) === 0;
  if (instance.family === 4 && instance.version === 2) return holds({ kind: "message" });
  if (destination && holds({ kind: "pseudo", source, destination })) return true;
  if (instance.family === 6) return false;
  if (instance.v3ChecksumAsV2 && holds({ kind: "message" })) return true;
  const oldForm = receiver.unicast && instance.unicast?.oldChecksum !== "never";
  return oldForm && holds({ kind: "pseudo", source, destination: VRRP_GROUP4 });
}

const HMAC_REFUSALS: Readonly<Record<HmacRefusal, RefusalReason>> = {
  missing: "auth-ext-missing",
  malformed: "auth-ext-malformed",
  "unknown-key": "auth-ext-unknown-key",
  invalid: "auth-ext-invalid-hmac",
  stale: "auth-ext-stale",
  replay: "auth-ext-replay",
};

function checkHmac(
  receiver: Receiver,
  marks: readonly ReplayMark[],
  packet: {
    readonly source: Uint8Array;
    readonly sender: IpText;
    readonly message: Uint8Array;
    readonly trailer: Uint8Array | undefined;
  },
  wallMs: number,
): { readonly marks: readonly ReplayMark[] } | Refusal {
  const hmac = receiver.instance.hmac;
  if (!hmac) return { marks };
  const { trailer } = packet;
  if (!trailer) return hmac.mode === "enforce" ? REFUSALS["auth-ext-missing"] : { marks };
  const checked = checkTrailer(hmac, marks, { ...packet, trailer, unicast: receiver.unicast }, wallMs);
  return "refusal" in checked ? REFUSALS[HMAC_REFUSALS[checked.refusal]] : checked;
}

/** Addresses as sorted text of bytes: the order in the packet is not compared. */
function addressKeys(addresses: Uint8Array, family: Family): readonly string[] {
  const size = family === 4 ? 4 : 16;
  const keys: string[] = [];
  for (let at = 0; at < addresses.byteLength; at += size) keys.push(addresses.subarray(at, at + size).join("."));
  return keys.sort();
}

function sameAddresses(receiver: Receiver, addresses: Uint8Array): boolean {
  const theirs = addressKeys(addresses, receiver.instance.family);
  return theirs.length === receiver.addresses.length && theirs.every((key, i) => key === receiver.addresses[i]);
}
