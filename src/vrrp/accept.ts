// VRRP core: is this datagram an advertisement for the instance, and sound? One pass, cheapest checks first; a refusal is a shared
// constant, so that a flood costs no memory. Nothing here changes: what an accepted packet moves on (AH sequence, replay marks) is
// handed back in the verdict. Unlike keepalived, both unicast checksum forms are accepted without ever switching (vrrp.md T3).
import { compareIp, type Family, formatIp, type IpText, ipBytes } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import {
  AH_HEADER,
  AH_HEADER_BYTES,
  AUTH_AH,
  AUTH_NONE,
  AUTH_PASS,
  checkAh,
  passwordBytes,
  sameSecret,
} from "./auth.ts";
import { checkTrailer, HMAC_TRAILER_BYTES, type HmacRefusal, type ReplayMark } from "./auth-hmac.ts";
import {
  ADVERT_HEADER,
  ADVERT_HEADER_BYTES,
  advertBytes,
  advertIntervalMs,
  type ChecksumForm,
  checksumOf,
  decodeAdvert,
  IPPROTO_AH,
  IPPROTO_VRRP,
  IPV4_HEADER,
  ipv4HeaderBytes,
  VRRP_ADVERTISEMENT,
  VRRP_GROUP4,
  VRRP_TTL,
} from "./packet.ts";
import { advertisedAddresses, authType, isUnicast, type WireState } from "./wire.ts";

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

/** Why a datagram was refused; stable, used as a metric label. */
export type RefusalReason =
  | "truncated"
  | "too-short"
  | "unknown-vrid"
  | "not-listening"
  /** Of another protocol with the same IP number: see isCarp. */
  | "carp"
  | "destination"
  | "source"
  | "own-address"
  | "version"
  | "length"
  | "stranger"
  | "ttl"
  | "checksum"
  | "auth-ext-missing"
  | "auth-ext-malformed"
  | "auth-ext-unknown-key"
  | "auth-ext-invalid-hmac"
  | "auth-ext-stale"
  | "auth-ext-replay"
  | "auth-type-invalid"
  | "auth-type-mismatch"
  | "auth-password"
  | "auth-ah-icv"
  | "auth-ah-spi"
  | "auth-ah-replay"
  /** Authentic, from a lower address, with the very number that we sent last: see wireAfterCollision. */
  | "auth-ah-collision"
  | "type"
  | "interval"
  | "owner-ignores";

/** Name in keepalived's statistics, where it has one. */
export type PacketCounter =
  | "packet_len_err"
  | "ip_ttl_err"
  | "invalid_type_rcvd"
  | "advert_interval_err"
  | "addr_list_err"
  | "invalid_authtype"
  | "authtype_mismatch"
  | "auth_failure"
  | "auth_ext_missing"
  | "auth_ext_malformed"
  | "auth_ext_unknown_key"
  | "auth_ext_invalid_hmac"
  | "auth_ext_stale"
  | "auth_ext_replay";

export interface Refusal {
  readonly ok: false;
  readonly reason: RefusalReason;
  /** keepalived's counter; undefined where it has none. */
  readonly counter: PacketCounter | undefined;
  /** What is wrong, in words without the numbers. */
  readonly text: string;
}

const COUNTERS: Readonly<Record<RefusalReason, readonly [PacketCounter | undefined, string]>> = {
  truncated: [undefined, "longer than the receive buffer"],
  "too-short": [undefined, "too short for an advertisement"],
  carp: ["packet_len_err", "CARP, not VRRP, with the same number"],
  "unknown-vrid": [undefined, "virtual router id not configured here"],
  "not-listening": [undefined, "instance is in FAULT, INIT or its start-up delay"],
  destination: [undefined, "multicast to a unicast instance, or unicast to a multicast one"],
  source: [undefined, "impossible source address"],
  "own-address": [undefined, "source address is our own"],
  version: [undefined, "other VRRP version"],
  length: ["packet_len_err", "length does not fit the address count"],
  stranger: [undefined, "sender is not a configured unicast peer"],
  ttl: ["ip_ttl_err", "TTL or hop limit not as required"],
  checksum: [undefined, "wrong checksum"],
  "auth-ext-missing": ["auth_ext_missing", "no auth_hmac trailer"],
  "auth-ext-malformed": ["auth_ext_malformed", "malformed auth_hmac trailer"],
  "auth-ext-unknown-key": ["auth_ext_unknown_key", "auth_hmac key id not configured here"],
  "auth-ext-invalid-hmac": ["auth_ext_invalid_hmac", "wrong auth_hmac value"],
  "auth-ext-stale": ["auth_ext_stale", "auth_hmac time outside the window"],
  "auth-ext-replay": ["auth_ext_replay", "auth_hmac sequence already seen"],
  "auth-type-invalid": ["invalid_authtype", "unknown authentication type"],
  "auth-type-mismatch": ["authtype_mismatch", "other authentication type"],
  "auth-password": ["auth_failure", "wrong password"],
  "auth-ah-icv": ["auth_failure", "wrong AH integrity value"],
  "auth-ah-spi": ["auth_failure", "AH SPI is not the source address"],
  "auth-ah-replay": ["auth_failure", "AH sequence already seen"],
  "auth-ah-collision": ["auth_failure", "AH sequence that we have just used ourselves"],
  type: ["invalid_type_rcvd", "packet type is not advertisement"],
  interval: ["advert_interval_err", "advertisement interval not as required"],
  "owner-ignores": [undefined, "address owner ignores advertisements"],
};

/** Every refusal there is, by reason; `accept` returns these very objects. */
export const REFUSALS: Readonly<Record<RefusalReason, Refusal>> = Object.fromEntries(
  Object.entries(COUNTERS).map(([reason, [counter, text]]) => [reason, { ok: false, reason, counter, text }]),
) as Readonly<Record<RefusalReason, Refusal>>;

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

  let wire = state.wire;
  const sender = formatIp(source);
  if (instance.hmac) {
    const trailer = signed ? datagram.bytes.subarray(at + messageBytes, end) : undefined;
    const checked = checkHmac(receiver, wire.hmacMarks, { source, sender, message, trailer }, wallMs);
    if ("ok" in checked) return checked;
    wire = checked.marks === wire.hmacMarks ? wire : { ...wire, hmacMarks: checked.marks };
  }

  const decoded = decodeAdvert(message, family);
  if (!decoded.ok) return REFUSALS.length;
  const advert = decoded.value;
  if (advert.version === 2) {
    if (advert.authType > AUTH_AH) return REFUSALS["auth-type-invalid"];
    if (advert.authType !== receiver.authType) return REFUSALS["auth-type-mismatch"];
    if (receiver.authType === AUTH_PASS && !sameSecret(advert.authData, receiver.secret))
      return REFUSALS["auth-password"];
    if (receiver.authType === AUTH_AH) {
      const ah = datagram.bytes.subarray(at - AH_HEADER_BYTES, at);
      const header = datagram.bytes.subarray(0, at - AH_HEADER_BYTES);
      const wrong = checkAh(receiver.secret, wire.ahSequence, header, ah, message);
      if (wrong === "replay" && order < 0 && collides(wire, AH_HEADER.fields.sequence.get(ah, 0)))
        return checkAh(receiver.secret, 0, header, ah, message)
          ? REFUSALS["auth-ah-replay"]
          : REFUSALS["auth-ah-collision"];
      if (wrong) return REFUSALS[`auth-ah-${wrong}`];
      wire = { ...wire, ahSequence: AH_HEADER.fields.sequence.get(ah, 0) };
    }
  }
  if (advert.type !== VRRP_ADVERTISEMENT) return REFUSALS.type;

  const advertMs = advertIntervalMs(advert);
  if (advert.version === 2 && advertMs !== instance.advertMs) return REFUSALS.interval;
  // An interval of 0 would make every timer 0 (vrrp.md T14); no router may send it.
  if (advertMs === 0) return REFUSALS.interval;
  if (instance.ownerIgnoreAdverts && instance.priority === 255) return REFUSALS["owner-ignores"];

  const differences: ("interval" | "address-list")[] = [];
  if (advertMs !== instance.advertMs) differences.push("interval");
  const skipList = instance.skipCheckAdvertAddresses && sender === state.masterAddress;
  if (!skipList && !sameAddresses(receiver, advert.addresses)) differences.push("address-list");
  return { ok: true, priority: advert.priority, advertMs, sender, order: order > 0 ? 1 : -1, differences, wire };
}

/** Two masters that started together count alike, and each finds the other's numbers used (one counter for both directions). */
function collides(wire: WireState, sequence: number): boolean {
  return sequence === wire.ahSequence && sequence === wire.ahSent;
}

/** Where the datagram ends: the total length of IPv4 (what follows is Ethernet padding), -1 when less than that arrived. */
function datagramEnd(datagram: Datagram): number {
  if (datagram.family === 6) return datagram.bytes.byteLength;
  const total = IPV4_HEADER.fields.totalLength.get(datagram.bytes, 0);
  return total > datagram.bytes.byteLength ? -1 : total;
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

/** Authentication types in words. */
export function authTypeName(type: number): string {
  return type === AUTH_NONE ? "none" : type === AUTH_PASS ? "PASS" : type === AUTH_AH ? "AH" : `${type}`;
}
