// VRRP core: who else speaks with our VRID, and why we do not agree. Keeps the last refused packet and, while we are master, the other
// masters seen. Fixed memory: a flood overwrites, it does not grow. Nothing here moves a timer or a state of the protocol.

import { toHex } from "../base/bytes.ts";
import type { MonoMs } from "../base/clock.ts";
import { formatIp, type IpText } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model.ts";
import { authTypeName, type Datagram, describeDatagram, looksSigned, type RefusalReason } from "./accept.ts";
import { AH_HEADER_BYTES } from "./auth.ts";
import { ADVERT_HEADER, ADVERT_HEADER_BYTES, IPPROTO_AH, ipv4HeaderBytes } from "./packet.ts";
import { authType } from "./wire.ts";

const KEPT_BYTES = 160;
/** Other masters remembered at once; the one silent longest makes room. */
export const MAX_FOREIGN_MASTERS = 4;
/** Refused packets of one sender before it counts as a master and not as a stray packet. */
export const FOREIGN_MIN_PACKETS = 2;
const LEAST_SILENCE_MS = 1000;
/** keepalived: hardly advertises while it hears packets that it refuses, and to it ours are such. So it is remembered longer. */
const REFUSED_MEMORY_MS = 30_000;
const MOST_INTERVAL_MS = 10_000;

/** Reasons that a router with our VRID, but other settings, gives rise to. */
const MASTER_LIKE: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "version",
  "length",
  "stranger",
  "ttl",
  "checksum",
  "auth-ext-missing",
  "auth-ext-malformed",
  "auth-ext-unknown-key",
  "auth-ext-invalid-hmac",
  "auth-ext-stale",
  "auth-ext-replay",
  "auth-type-invalid",
  "auth-type-mismatch",
  "auth-password",
  "auth-ah-icv",
  "auth-ah-replay",
  "auth-ah-collision",
  "interval",
  "destination",
]);

/** A packet kept by value in memory that is reused. */
interface Kept {
  at: MonoMs;
  reason: RefusalReason | "lower-priority" | "address-list";
  family: 4 | 6;
  readonly source: Uint8Array;
  readonly bytes: Uint8Array;
  lengthBytes: number;
  hopLimit: number;
  used: boolean;
}

interface Foreign extends Kept {
  /** Its silence has been noticed. */
  told: boolean;
  packets: number;
  priority: number;
  intervalMs: number;
}

export interface RefusedPacket {
  readonly at: MonoMs;
  readonly from: IpText;
  readonly reason: RefusalReason;
  /** Decoded, in words, with the bytes of its headers. */
  readonly packet: string;
}

export interface ForeignMaster {
  readonly address: IpText;
  readonly priority: number;
  readonly at: MonoMs;
  readonly likelyCause: string;
  readonly packets: number;
}

export interface Sightings {
  /** True when this shows that its sender is a master beside us, and not before. */
  refused(datagram: Datagram, reason: RefusalReason, now: MonoMs, asMaster: boolean): boolean;
  /** As master, an advertisement was accepted from a weaker one. True for its first one. */
  weaker(datagram: Datagram, addressesDiffer: boolean, now: MonoMs): boolean;
  /** We are no longer master: whoever is, is right. */
  clear(): void;
  /** Notices silence, and forgets after it. True when a master fell silent that was worth announcing ourselves for. */
  expire(now: MonoMs, lastAnnouncedAt: MonoMs): boolean;
  deadline(): MonoMs;
  /** Another number after each change of what the next two tell. */
  mark(): number;
  lastRefused(): RefusedPacket | undefined;
  /** The one heard last, and how many there are. */
  foreign(instance: VrrpInstance): { readonly last: ForeignMaster; readonly count: number } | undefined;
}

export function sightings(): Sightings {
  // Most directors never meet a stranger, so memory is taken with the first one; then it stays.
  let last: Kept | undefined;
  let changes = 0;
  const slots: Foreign[] = [];

  function sight(datagram: Datagram, reason: Kept["reason"], now: MonoMs): boolean {
    changes++;
    const at = messageAt(datagram);
    const priority = at < 0 ? 0 : (datagram.bytes[at + 2] ?? 0);
    if (priority === 0) return false;
    const slot = slotOf(slots, datagram.source);
    const known = slot.used && sameSource(slot, datagram.source);
    const before = known && isMaster(slot);
    keep(slot, datagram, reason, now);
    slot.told = false;
    slot.packets = known ? slot.packets + 1 : 1;
    slot.priority = priority;
    slot.intervalMs = intervalAt(datagram.bytes, at);
    return !before && isMaster(slot);
  }

  return {
    refused(datagram, reason, now, asMaster) {
      changes++;
      last ??= newRecord();
      keep(last, datagram, reason, now);
      return asMaster && MASTER_LIKE.has(reason) && sight(datagram, reason, now);
    },
    weaker: (datagram, addressesDiffer, now) =>
      sight(datagram, addressesDiffer ? "address-list" : "lower-priority", now),
    clear() {
      changes++;
      for (const slot of slots) slot.used = false;
    },
    expire(now, lastAnnouncedAt) {
      changes++;
      let tell = false;
      for (const slot of slots) {
        if (!slot.used || now < silentAt(slot)) continue;
        if (!slot.told && isMaster(slot) && lastAnnouncedAt < slot.at) tell = true;
        slot.told = true;
        if (now >= forgottenAt(slot)) slot.used = false;
      }
      return tell;
    },
    deadline() {
      let earliest = Number.POSITIVE_INFINITY;
      for (const slot of slots)
        if (slot.used) earliest = Math.min(earliest, slot.told ? forgottenAt(slot) : silentAt(slot));
      return earliest;
    },
    mark: () => changes,
    lastRefused() {
      if (!last || last.reason === "lower-priority" || last.reason === "address-list") return undefined;
      const datagram = asDatagram(last);
      return {
        at: last.at,
        from: formatIp(last.source.subarray(0, last.family === 4 ? 4 : 16)),
        reason: last.reason,
        packet: `${describeDatagram(datagram)}: ${headersInHex(datagram, messageAt(datagram))}`,
      };
    },
    foreign(instance) {
      const seen = slots.filter((slot) => slot.used && isMaster(slot)).sort((a, b) => b.at - a.at);
      const newest = seen[0];
      if (!newest) return undefined;
      const address = formatIp(newest.source.subarray(0, newest.family === 4 ? 4 : 16));
      return {
        last: {
          address,
          priority: newest.priority,
          at: newest.at,
          packets: newest.packets,
          likelyCause: likelyCause(instance, newest.reason, asDatagram(newest)),
        },
        count: seen.length,
      };
    },
  };
}

/** Why this packet's sender and we are both master, in words. */
export function likelyCause(instance: VrrpInstance, reason: Kept["reason"], datagram: Datagram): string {
  const at = Math.max(0, messageAt(datagram));
  const header =
    datagram.bytes.byteLength >= at + ADVERT_HEADER.sizeBytes ? ADVERT_HEADER.decode(datagram.bytes, at) : undefined;
  const version = (header?.versionType ?? 0) >> 4;
  const ttl = datagram.family === 4 ? (datagram.bytes[8] ?? 0) : (datagram.hopLimit ?? 0);
  switch (reason) {
    case "lower-priority":
      return "it does not hear us (a filter in one direction?), or a split has just healed: its priority is not above ours";
    case "address-list":
      return "its list of virtual addresses differs from ours; it may not hear us, its priority is not above ours";
    case "version":
      return `VRRP version: it speaks version ${version}, we speak version ${instance.version}`;
    case "length":
      return looksSigned(datagram) && !instance.hmac
        ? "authentication: it signs with auth_hmac, which is not configured here"
        : "length: its packets do not fit their address count";
    case "stranger":
      return "unicast peers: it is not among our unicast_peer addresses";
    case "destination":
      return "unicast and multicast: one of us uses unicast_peer, the other the group";
    case "ttl":
      return `TTL: its packets arrive with ${ttl}, so a router lies between, or its TTL is set lower`;
    case "checksum":
      return "checksum: another form (v3_checksum_as_v2, old_unicast_checksum), or packets damaged on the way";
    case "interval":
      return `advertisement interval: it has ${header?.advertS ?? 0} s, we have ${instance.advertMs / 1000} s`;
    case "auth-type-invalid":
    case "auth-type-mismatch": {
      const theirs = datagram.family === 4 && datagram.bytes[9] === IPPROTO_AH ? 2 : (header?.authType ?? 0);
      return `authentication: it uses type ${authTypeName(theirs)}, we use ${authTypeName(authType(instance))}`;
    }
    case "auth-password":
      return "authentication: its password differs";
    case "auth-ah-icv":
    case "auth-ah-spi":
      return "authentication: its AH key differs";
    case "auth-ah-replay":
    case "auth-ah-collision":
      return "authentication: its AH sequence is behind ours, as after its restart";
    case "auth-ext-missing":
      return "authentication: it does not sign with auth_hmac, and we require it";
    case "auth-ext-malformed":
    case "auth-ext-invalid-hmac":
      return "authentication: its auth_hmac key differs";
    case "auth-ext-unknown-key":
      return "authentication: it signs with a key id that is not configured here";
    case "auth-ext-stale":
      return "authentication: its clock and ours are further apart than the auth_hmac window";
    case "auth-ext-replay":
      return "authentication: its auth_hmac sequence does not grow (clock set back, or packets played again)";
    default:
      return `its packets are refused: ${reason}`;
  }
}

function newRecord(): Kept {
  return {
    at: Number.NEGATIVE_INFINITY,
    reason: "too-short",
    family: 4,
    source: new Uint8Array(16),
    bytes: new Uint8Array(KEPT_BYTES),
    lengthBytes: 0,
    hopLimit: -1,
    used: false,
  };
}

function keep(record: Kept, datagram: Datagram, reason: Kept["reason"], now: MonoMs): void {
  record.used = true;
  record.at = now;
  record.reason = reason;
  record.family = datagram.family;
  copyInto(record.source, datagram.source, 16);
  record.lengthBytes = copyInto(record.bytes, datagram.bytes, KEPT_BYTES);
  record.hopLimit = datagram.hopLimit ?? -1;
}

function copyInto(target: Uint8Array, source: Uint8Array, most: number): number {
  const count = Math.min(source.byteLength, most);
  for (let i = 0; i < count; i++) target[i] = source[i] ?? 0;
  return count;
}

function asDatagram(record: Kept): Datagram {
  return {
    family: record.family,
    bytes: record.bytes.slice(0, record.lengthBytes),
    source: record.source.slice(0, record.family === 4 ? 4 : 16),
    ...(record.hopLimit >= 0 ? { hopLimit: record.hopLimit } : {}),
  };
}

/** The sender's, an unused one, a new one, or that of the sender that has been silent longest. */
function slotOf(slots: Foreign[], source: Uint8Array): Foreign {
  let oldest: Foreign | undefined;
  for (const slot of slots) {
    if (slot.used && sameSource(slot, source)) return slot;
    if (!oldest || heardAt(slot) < heardAt(oldest)) oldest = slot;
  }
  if (oldest && (!oldest.used || slots.length === MAX_FOREIGN_MASTERS)) return oldest;
  const fresh = { ...newRecord(), told: false, packets: 0, priority: 0, intervalMs: 0 };
  slots.push(fresh);
  return fresh;
}

function heardAt({ used, at }: Foreign): MonoMs {
  return used ? at : Number.NEGATIVE_INFINITY;
}

function sameSource(record: Kept, source: Uint8Array): boolean {
  for (let i = 0; i < source.byteLength; i++) if (record.source[i] !== source[i]) return false;
  return record.family === (source.byteLength === 4 ? 4 : 6);
}

/** An accepted advertisement is proof; refused packets need company. */
function isMaster(slot: Foreign): boolean {
  return isAccepted(slot) || slot.packets >= FOREIGN_MIN_PACKETS;
}

function isAccepted({ reason }: Foreign): boolean {
  return reason === "lower-priority" || reason === "address-list";
}

/** When it seems to have left, and our neighbours may have to be told. */
function silentAt(slot: Foreign): MonoMs {
  return slot.at + 3 * slot.intervalMs + LEAST_SILENCE_MS;
}

function forgottenAt(slot: Foreign): MonoMs {
  return isAccepted(slot) ? silentAt(slot) : Math.max(silentAt(slot), slot.at + REFUSED_MEMORY_MS);
}

function messageAt(datagram: Datagram): number {
  if (datagram.family === 6) return 0;
  const header = ipv4HeaderBytes(datagram.bytes);
  if (header === 0) return -1;
  return datagram.bytes[9] === IPPROTO_AH ? header + AH_HEADER_BYTES : header;
}

/** Never what follows the headers: with a count of addresses that is wrong it may be the password that all routers share. */
function headersInHex({ bytes }: Datagram, at: number): string {
  const shown = at < 0 ? 0 : Math.min(at + ADVERT_HEADER_BYTES, bytes.byteLength);
  const more = bytes.byteLength - shown;
  return `${toHex(bytes.subarray(0, shown))}${more > 0 ? ` and ${more} bytes that are not shown` : ""}`;
}

/** Interval that the packet claims, kept within sane bounds: it is not trusted. */
function intervalAt(bytes: Uint8Array, at: number): number {
  const version = (bytes[at] ?? 0) >> 4;
  const low = bytes[at + 5] ?? 0;
  const claimed = version === 2 ? low * 1000 : ((((bytes[at + 4] ?? 0) & 0x0f) << 8) | low) * 10;
  return Math.min(MOST_INTERVAL_MS, claimed);
}
