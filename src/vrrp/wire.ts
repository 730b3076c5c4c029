// VRRP core: the bytes that one instance sends. Everything that counts from packet to packet (IPv4 identification, the AH sequence
// that both directions share, the auth_hmac clock) is one value, WireState, handed in and given back.
import { concatBytes } from "../base/bytes.ts";
import { compareIp, ipBytes } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { AH_HEADER_BYTES, AH_SEQUENCE_LIMIT, AUTH_AH, AUTH_NONE, AUTH_PASS, encodeAh, passwordBytes } from "./auth.ts";
import { HMAC_TRAILER_BYTES, nextSequence, type ReplayMark, signMessage } from "./auth-hmac.ts";
import {
  type Advert,
  AUTH_DATA_BYTES,
  type ChecksumForm,
  encodeAdvert,
  encodeIpv4Header,
  IPPROTO_AH,
  IPPROTO_VRRP,
  IPV4_HEADER_BYTES,
  setChecksum,
  VRRP_ADVERTISEMENT,
  VRRP_GROUP4,
  VRRP_TTL,
} from "./packet.ts";

/** What an instance remembers between packets. Survives a reload that keeps the instance. */
export interface WireState {
  /** Identification of the last IPv4 packet, 0 before the first. */
  readonly ipId: number;
  /** Greatest AH sequence sent or accepted: one counter, so that the number travels with the mastership. */
  readonly ahSequence: number;
  /** The AH sequence that we sent last. */
  readonly ahSent: number;
  readonly hmacSequence?: bigint;
  readonly hmacMarks: readonly ReplayMark[];
}

export const INITIAL_WIRE: WireState = { ipId: 0, ahSequence: 0, ahSent: 0, hmacMarks: [] };

export interface OutgoingDatagram {
  /** 4 or 16 bytes. */
  readonly destination: Uint8Array;
  /** IPv4: with its IP header (IP_HDRINCL). IPv6: the payload, checksum already set. */
  readonly bytes: Uint8Array;
}

/**
 * Goes on beyond the number that was heard last. A master does so behind a weaker one, so that the others take its packets again, and
 * behind an `auth-ah-collision`: masters that count alike refuse each other for ever; skipping one number ends it, and as the collision is
 * over with that, a packet played again can't draw another skip.
 */
export function wireSkipped(wire: WireState): WireState {
  return { ...wire, ahSequence: Math.min(wire.ahSequence + 1, AH_SEQUENCE_LIMIT) };
}

/** Does the instance speak to peers rather than to the group? */
export function isUnicast(instance: VrrpInstance): boolean {
  return (instance.unicast?.peers.length ?? 0) > 0;
}

/** IP protocol of the instance: 51 with AH, else 112. */
export function ipProtocol(instance: VrrpInstance): number {
  return usesAh(instance) ? IPPROTO_AH : IPPROTO_VRRP;
}

export function usesAh(instance: VrrpInstance): boolean {
  return instance.version === 2 && instance.family === 4 && instance.authentication?.type === "AH";
}

/** Authentication type in the packet; version 3 and IPv6 have none. */
export function authType(instance: VrrpInstance): number {
  if (instance.version !== 2 || instance.family !== 4 || !instance.authentication) return AUTH_NONE;
  return instance.authentication.type === "AH" ? AUTH_AH : AUTH_PASS;
}

/** TTL or hop limit of what the instance sends: 255 unless `unicast_ttl` says otherwise (also over IPv6, where keepalived sends 64). */
function sendTtl(instance: VrrpInstance): number {
  return (isUnicast(instance) ? instance.unicast?.ttl : undefined) ?? VRRP_TTL;
}

/** The addresses that go into the packet, of the instance's family, at most what the count field holds. */
export function advertisedAddresses(instance: VrrpInstance): Uint8Array {
  const own = instance.virtualAddresses.filter((address) => address.family === instance.family).slice(0, 255);
  return concatBytes(...own.map((address) => ipBytes(address.ip)));
}

/** One advertisement: a datagram for the group, or one for each peer with the same identification, sequence and trailer. */
export function encodeAdvertisement(
  instance: VrrpInstance,
  wire: WireState,
  source: Uint8Array,
  priority: number,
  wallMs: number,
): { readonly datagrams: readonly OutgoingDatagram[]; readonly wire: WireState } {
  const ahSequence = usesAh(instance) ? Math.min(wire.ahSequence + 1, AH_SEQUENCE_LIMIT) : wire.ahSequence;
  const next: WireState = { ...wire, ipId: wire.ipId >= 0xffff ? 1 : wire.ipId + 1, ahSequence, ahSent: ahSequence };
  const message = encodeAdvert(advertOf(instance, priority));
  const hmac = instance.hmac?.mode === "receive-only" ? undefined : instance.hmac;
  const sequence = hmac && nextSequence(hmac, wire.hmacSequence, wallMs);
  // The destination and the checksum are not signed: one trailer serves all copies.
  const trailer = hmac && sequence !== undefined ? signMessage(hmac, sequence, source, message) : undefined;
  const destinations = isUnicast(instance) ? peersFrom(instance, source) : [ipBytes(instance.multicastGroup)];
  const datagrams = destinations.map((destination) => ({
    destination,
    bytes: datagram(instance, next, source, destination, message.slice(), trailer),
  }));
  return { datagrams, wire: sequence === undefined ? next : { ...next, hmacSequence: sequence } };
}

/** One list for all machines of a cluster names the sender too: it needs no packet from itself. */
function peersFrom(instance: VrrpInstance, source: Uint8Array): readonly Uint8Array[] {
  return (instance.unicast?.peers ?? []).map(({ ip }) => ipBytes(ip)).filter((ip) => compareIp(ip, source) !== 0);
}

function advertOf(instance: VrrpInstance, priority: number): Advert {
  const addresses = advertisedAddresses(instance);
  const common = {
    type: VRRP_ADVERTISEMENT,
    vrid: instance.vrid,
    priority,
    addresses,
    addressCount: addresses.byteLength / (instance.family === 4 ? 4 : 16),
    checksum: 0,
  };
  if (instance.version === 3)
    return { ...common, version: 3, reserved: 0, maxAdvertCs: clamp(Math.round(instance.advertMs / 10), 1, 0x0fff) };
  const password =
    instance.authentication?.type === "PASS" ? passwordBytes(instance.authentication.password) : undefined;
  return {
    ...common,
    version: 2,
    authType: authType(instance),
    advertS: clamp(Math.round(instance.advertMs / 1000), 1, 255),
    authData: instance.family === 6 ? new Uint8Array(0) : (password ?? new Uint8Array(AUTH_DATA_BYTES)),
  };
}

function datagram(
  instance: VrrpInstance,
  wire: WireState,
  source: Uint8Array,
  destination: Uint8Array,
  message: Uint8Array,
  trailer: Uint8Array | undefined,
): Uint8Array {
  const form = sendChecksumForm(instance, source, destination);
  if (instance.family === 6) {
    const payload = trailer ? concatBytes(message, trailer) : message;
    setChecksum(payload, form);
    return payload;
  }
  setChecksum(message, form);
  const ahBytes = usesAh(instance) ? AH_HEADER_BYTES : 0;
  const header = encodeIpv4Header({
    totalLength: IPV4_HEADER_BYTES + ahBytes + message.byteLength + (trailer ? HMAC_TRAILER_BYTES : 0),
    id: wire.ipId,
    ttl: sendTtl(instance),
    protocol: ipProtocol(instance),
    source,
    destination,
  });
  const ah = usesAh(instance)
    ? encodeAh(passwordBytes(instance.authentication?.password ?? ""), wire.ahSequence, header, message)
    : new Uint8Array(0);
  return concatBytes(header, ah, message, trailer ?? new Uint8Array(0));
}

function sendChecksumForm(instance: VrrpInstance, source: Uint8Array, destination: Uint8Array): ChecksumForm {
  if (instance.family === 6) return { kind: "pseudo", source, destination };
  if (instance.version === 2 || instance.v3ChecksumAsV2) return { kind: "message" };
  const old = isUnicast(instance) && instance.unicast?.oldChecksum === "always";
  return { kind: "pseudo", source, destination: old ? VRRP_GROUP4 : destination };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
