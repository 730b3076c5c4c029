// VRRP core: who else speaks with our VRID, and why we do not agree. Keeps the last refused packet, the routers whose advertisements we
// refuse and, while we are master, the other masters seen. Fixed memory: a flood overwrites, it does not grow. Nothing here moves a timer
// or a state of the protocol.
import { toHex } from "../base/bytes.ts";
import type { MonoMs } from "../base/clock.ts";
import { formatIp, type IpText } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { type Datagram, describeDatagram, messageOffset } from "./datagram.ts";
import { likelyCause, type OddReason, remedyFor } from "./likely-cause.ts";
import { ADVERT_HEADER_BYTES } from "./packet.ts";
import type { RefusalReason } from "./refusals.ts";

const KEPT_BYTES = 160;
/** Other masters remembered at once; the one silent longest makes room. */
export const MAX_FOREIGN_MASTERS = 4;
/** Refused packets of one sender before it counts as a master and not as a stray packet. */
const FOREIGN_MIN_PACKETS = 2;
const LEAST_SILENCE_MS = 1000;
/** keepalived: hardly advertises while it hears packets that it refuses, and to it ours are such. So it is remembered longer. */
const REFUSED_MEMORY_MS = 30_000;
/** Three intervals of silence are waited for up to this interval, then half as much again. */
const MOST_INTERVAL_MS = 10_000;

/** Reasons that a packet damaged on its way has too: one of them shows nothing. */
const MAY_BE_DAMAGED: ReadonlySet<OddReason> = new Set<OddReason>(["checksum", "length"]);

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
  "carp",
]);

/** A packet kept by value in memory that is reused. */
interface Kept {
  at: MonoMs;
  reason: OddReason;
  family: 4 | 6;
  readonly source: Uint8Array;
  readonly bytes: Uint8Array;
  lengthBytes: number;
  hopLimit: number;
  used: boolean;
}

interface Foreign extends Kept {
  /** Its silence has been noticed. */
  silenceTold: boolean;
  /** It was told that we refuse it. */
  refusalTold: boolean;
  packets: number;
  priority: number;
  intervalMs: number;
  since: MonoMs;
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

/** A live router with our VRID whose advertisements we refuse. */
export interface RefusedMaster {
  readonly address: IpText;
  readonly priority: number;
  readonly reason: OddReason;
  /** When it was first heard, and last. */
  readonly since: MonoMs;
  readonly at: MonoMs;
  readonly packets: number;
  readonly likelyCause: string;
  /** What to change where. */
  readonly remedy: string;
}

/** What a packet brought to light. */
export interface Sighting {
  /** Its sender is a master beside us, which was not known before. */
  readonly isSecond: boolean;
  /** Place of a router that we refuse and that has not been told of; undefined: none. */
  readonly refusedAt: number | undefined;
}

/** What time brought to light. */
export interface Silence {
  /** A master fell silent that is worth announcing ourselves for, and whether we refused what it said. */
  readonly silent: { readonly address: IpText; readonly isRefused: boolean; readonly at: MonoMs } | undefined;
  /** Routers that we refused, that were told of, and that are not heard any more. */
  readonly left: readonly IpText[];
}

export interface Sightings {
  refused(datagram: Datagram, reason: RefusalReason, now: MonoMs): Sighting;
  /** As master, an advertisement was accepted from a weaker one. True for its first one. */
  weaker(datagram: Datagram, addressesDiffer: boolean, now: MonoMs): boolean;
  /** An advertisement was accepted. The sender's address when it was told that we refuse it. */
  accepted(source: Uint8Array): IpText | undefined;
  /** The router at this place has been told of. */
  tellRefusal(place: number): void;
  /** We are no longer master: whoever is, is right. Those that we refuse stay. */
  clear(): void;
  /** Notices silence, and forgets after it. */
  expire(now: MonoMs, lastAnnouncedAt: MonoMs): Silence;
  deadline(): MonoMs;
  /** Another number after each change of what the next two tell. */
  mark(): number;
  lastRefused(): RefusedPacket | undefined;
  /** The one heard last, and how many there are. */
  foreign(instance: VrrpInstance): { readonly last: ForeignMaster; readonly count: number } | undefined;
  /** Those that we refuse, the newest first. */
  refusedMasters(instance: VrrpInstance): readonly RefusedMaster[];
}

const NOTHING_NEW: Sighting = { isSecond: false, refusedAt: undefined };
const NO_SILENCE: Silence = { silent: undefined, left: [] };

export function sightings(): Sightings {
  // Most directors never meet a stranger, so memory is taken with the first one; then it stays.
  let last: Kept | undefined;
  let changes = 0;
  const slots: Foreign[] = [];

  function sight(datagram: Datagram, reason: OddReason, now: MonoMs): Sighting {
    changes++;
    const at = messageOffset(datagram);
    const priority = at < 0 ? 0 : (datagram.bytes[at + 2] ?? 0);
    if (priority === 0) return NOTHING_NEW;
    const slot = slotOf(slots, datagram.source);
    const known = slot.used && sameSource(slot, datagram.source);
    const before = known && isMaster(slot);
    keep(slot, datagram, reason, now);
    slot.silenceTold = false;
    slot.refusalTold &&= known;
    slot.since = known ? slot.since : now;
    slot.packets = known ? slot.packets + 1 : 1;
    slot.priority = priority;
    slot.intervalMs = intervalAt(datagram.bytes, at);
    const isSecond = !before && isMaster(slot);
    const refusedAt = isRefusedMaster(slot) && !slot.refusalTold ? slots.indexOf(slot) : undefined;
    return isSecond || refusedAt !== undefined ? { isSecond, refusedAt } : NOTHING_NEW;
  }

  return {
    refused(datagram, reason, now) {
      changes++;
      last ??= newRecord();
      keep(last, datagram, reason, now);
      return MASTER_LIKE.has(reason) ? sight(datagram, reason, now) : NOTHING_NEW;
    },
    weaker: (datagram, addressesDiffer, now) =>
      sight(datagram, addressesDiffer ? "address-list" : "lower-priority", now).isSecond,
    accepted(source) {
      for (const slot of slots) {
        if (!slot.used || isAccepted(slot) || !sameSource(slot, source)) continue;
        changes++;
        slot.used = false;
        return slot.refusalTold ? addressOf(slot) : undefined;
      }
      return undefined;
    },
    tellRefusal(place) {
      const slot = slots[place];
      if (slot) slot.refusalTold = true;
    },
    clear() {
      changes++;
      for (const slot of slots) if (isAccepted(slot)) slot.used = false;
    },
    expire(now, lastAnnouncedAt) {
      let silent: Silence["silent"];
      const left: IpText[] = [];
      for (const slot of slots) {
        if (!slot.used || now < silentAt(slot)) continue;
        changes++;
        if (!slot.silenceTold && isMaster(slot) && lastAnnouncedAt < slot.at)
          silent = { address: addressOf(slot), isRefused: !isAccepted(slot), at: slot.at };
        slot.silenceTold = true;
        if (now < forgottenAt(slot)) continue;
        slot.used = false;
        if (slot.refusalTold) left.push(addressOf(slot));
      }
      return silent || left.length > 0 ? { silent, left } : NO_SILENCE;
    },
    deadline() {
      let earliest = Number.POSITIVE_INFINITY;
      for (const slot of slots)
        if (slot.used) earliest = Math.min(earliest, slot.silenceTold ? forgottenAt(slot) : silentAt(slot));
      return earliest;
    },
    mark: () => changes,
    lastRefused() {
      if (!last || last.reason === "lower-priority" || last.reason === "address-list") return undefined;
      const datagram = asDatagram(last);
      return {
        at: last.at,
        from: addressOf(last),
        reason: last.reason,
        packet: `${describeDatagram(datagram)}: ${headersInHex(datagram, messageOffset(datagram))}`,
      };
    },
    foreign(instance) {
      const seen = slots.filter((slot) => slot.used && isMaster(slot)).sort((a, b) => b.at - a.at);
      const newest = seen[0];
      if (!newest) return undefined;
      return {
        last: {
          address: addressOf(newest),
          priority: newest.priority,
          at: newest.at,
          packets: newest.packets,
          likelyCause: likelyCause(instance, newest.reason, asDatagram(newest)),
        },
        count: seen.length,
      };
    },
    refusedMasters(instance) {
      const seen = slots.filter((slot) => slot.used && isRefusedMaster(slot)).sort((a, b) => b.at - a.at);
      return seen.map((slot) => {
        const { reason, priority, since, at, packets } = slot;
        const datagram = asDatagram(slot);
        return {
          address: addressOf(slot),
          ...{ priority, reason, since, at, packets },
          likelyCause: likelyCause(instance, reason, datagram),
          remedy: remedyFor(instance, reason, datagram),
        };
      });
    },
  };
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

function keep(record: Kept, datagram: Datagram, reason: OddReason, now: MonoMs): void {
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
  const fresh = {
    ...newRecord(),
    silenceTold: false,
    refusalTold: false,
    packets: 0,
    priority: 0,
    intervalMs: 0,
    since: 0,
  };
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

/** We refuse it, and only a master of our VRID sends that. */
function isRefusedMaster(slot: Foreign): boolean {
  return !isAccepted(slot) && (slot.packets >= FOREIGN_MIN_PACKETS || !MAY_BE_DAMAGED.has(slot.reason));
}

function addressOf({ source, family }: Kept): IpText {
  return formatIp(source.subarray(0, family === 4 ? 4 : 16));
}

function isAccepted({ reason }: Foreign): boolean {
  return reason === "lower-priority" || reason === "address-list";
}

/** When it seems to have left, and our neighbours may have to be told. One that advertises seldom is not silent between two of them. */
function silentAt({ at, intervalMs }: Foreign): MonoMs {
  return at + Math.max(3 * Math.min(intervalMs, MOST_INTERVAL_MS), 1.5 * intervalMs) + LEAST_SILENCE_MS;
}

function forgottenAt(slot: Foreign): MonoMs {
  return isAccepted(slot) ? silentAt(slot) : Math.max(silentAt(slot), slot.at + REFUSED_MEMORY_MS);
}

/** Never what follows the headers: with a count of addresses that is wrong it may be the password that all routers share. */
function headersInHex({ bytes }: Datagram, at: number): string {
  const shown = at < 0 ? 0 : Math.min(at + ADVERT_HEADER_BYTES, bytes.byteLength);
  const more = bytes.byteLength - shown;
  return `${toHex(bytes.subarray(0, shown))}${more > 0 ? ` and ${more} bytes that are not shown` : ""}`;
}

/** Interval that the packet claims, at most 255 s: it is not trusted. */
function intervalAt(bytes: Uint8Array, at: number): number {
  const version = (bytes[at] ?? 0) >> 4;
  const low = bytes[at + 5] ?? 0;
  return version === 2 ? low * 1000 : ((((bytes[at + 4] ?? 0) & 0x0f) << 8) | low) * 10;
}
