// VRRP core: telling the neighbours. Frames of gratuitous ARP and unsolicited neighbour advertisements (vrrp.md §4), and when to send
// them: bursts, delayed bursts, refresh, and pacing per interface. Timers belong to a mastership and end with it. What packets from
// outside can draw is bounded: a bucket of rounds refills at one round a second.
import { concatBytes, internetChecksum } from "../base/bytes.ts";
import type { MonoMs } from "../base/clock.ts";
import { type Family, type IpText, ipBytes } from "../base/ip.ts";
import { layout, octets, u8, u16 } from "../base/layout.ts";
import type { AnnounceSettings, GarpGroup, VrrpGlobal, VrrpInstance } from "../config/model/vrrp.ts";
import type { AnnounceReason } from "./machine.ts";
import { pseudoHeader } from "./packet.ts";

// --- frames

const ETHERNET = layout({ destination: octets(0, 6), source: octets(6, 6), etherType: u16(12) });
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const BROADCAST = new Uint8Array(6).fill(0xff);
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const ARP = layout({
  hardware: u16(0),
  protocol: u16(2),
  hardwareBytes: u8(4),
  protocolBytes: u8(5),
  operation: u16(6),
  senderMac: octets(8, 6),
  senderIp: octets(14, 4),
  targetMac: octets(18, 6),
  targetIp: octets(24, 4),
});
const ARPHRD_ETHER = 1;
const ARP_REQUEST = 1;

/** Gratuitous ARP, 42 bytes: a request for the address itself; the target hardware address is broadcast, as keepalived has it. */
export function gratuitousArp(ip: IpText, mac: Uint8Array): Uint8Array {
  const address = ipBytes(ip);
  const frame = new Uint8Array(ETHERNET.sizeBytes + ARP.sizeBytes);
  ETHERNET.encode({ destination: BROADCAST, source: mac, etherType: ETHERTYPE_ARP }, frame);
  ARP.encode(
    {
      hardware: ARPHRD_ETHER,
      protocol: 0x0800,
      hardwareBytes: 6,
      protocolBytes: 4,
      operation: ARP_REQUEST,
      senderMac: mac,
      senderIp: address,
      targetMac: BROADCAST,
      targetIp: address,
    },
    frame,
    ETHERNET.sizeBytes,
  );
  return frame;
}

const IPV6_HEADER = layout({
  versionClass: u16(0),
  flow: u16(2),
  payloadLength: u16(4),
  nextHeader: u8(6),
  hopLimit: u8(7),
  source: octets(8, 16),
  destination: octets(24, 16),
});
const NEIGHBOUR_ADVERTISEMENT = layout({
  type: u8(0),
  code: u8(1),
  checksum: u16(2),
  flags: u8(4),
  target: octets(8, 16),
  optionType: u8(24),
  optionLength: u8(25),
  mac: octets(26, 6),
});
const IPPROTO_ICMPV6 = 58;
const ND_NEIGHBOR_ADVERT = 136;
const NA_ROUTER = 0x80;
const NA_OVERRIDE = 0x20;
const TARGET_LINK_LAYER_ADDRESS = 2;
const ALL_NODES = ipBytes("ff02::1");

/** Unsolicited neighbour advertisement, 86 bytes, override set; `router`: forwarding is on (RFC 4861 §4.4). */
export function unsolicitedNeighbourAdvert(
  ip: IpText,
  mac: Uint8Array,
  options: { readonly router: boolean },
): Uint8Array {
  const source = ipBytes(ip);
  const ethernet = new Uint8Array(ETHERNET.sizeBytes);
  ETHERNET.encode({ destination: ALL_NODES_MAC, source: mac, etherType: ETHERTYPE_IPV6 }, ethernet);
  const body = new Uint8Array(NEIGHBOUR_ADVERTISEMENT.sizeBytes);
  NEIGHBOUR_ADVERTISEMENT.encode(
    {
      type: ND_NEIGHBOR_ADVERT,
      code: 0,
      checksum: 0,
      flags: NA_OVERRIDE | (options.router ? NA_ROUTER : 0),
      target: source,
      optionType: TARGET_LINK_LAYER_ADDRESS,
      optionLength: 1,
      mac,
    },
    body,
  );
  const pseudo = pseudoHeader(source, ALL_NODES, IPPROTO_ICMPV6, body.byteLength);
  NEIGHBOUR_ADVERTISEMENT.fields.checksum.set(body, 0, internetChecksum(pseudo, body));
  const header = new Uint8Array(IPV6_HEADER.sizeBytes);
  IPV6_HEADER.encode(
    {
      versionClass: 0x6000,
      flow: 0,
      payloadLength: body.byteLength,
      nextHeader: IPPROTO_ICMPV6,
      hopLimit: 255,
      source,
      destination: ALL_NODES,
    },
    header,
  );
  return concatBytes(ethernet, header, body);
}

/** The announcement of an address on a link with this MAC. */
export function announcementFrame(ip: IpText, mac: Uint8Array, options: { readonly router: boolean }): Uint8Array {
  return ip.includes(":") ? unsolicitedNeighbourAdvert(ip, mac, options) : gratuitousArp(ip, mac);
}

// --- when: one instance

/** Rounds that may be sent now; refills at one a second. */
interface Bucket {
  readonly rounds: number;
  readonly at: MonoMs;
}

/** Announcement timers of one instance. Only a master has any running. */
export interface AnnounceTimers {
  readonly delayedAt?: MonoMs | undefined;
  readonly lowerDelayedAt?: MonoMs | undefined;
  readonly refreshAt?: MonoMs | undefined;
  readonly extraAt?: MonoMs | undefined;
  /** A round that had to wait for the bucket. */
  readonly soonAt?: MonoMs | undefined;
  /** When anything was announced last. */
  readonly lastAt: MonoMs;
  readonly main: Bucket;
  readonly lower: Bucket;
  readonly lowerDelayed: Bucket;
}

/** Left for takeovers that follow close on others: one round each, as neighbours must hear of every one at once. */
const TAKEOVER_ROUNDS = 5;

/** The main bucket when full: three whole bursts, and what is left for takeovers. */
function mainRounds(repeat: number): number {
  return 3 * repeat + TAKEOVER_ROUNDS;
}

const FULL: Bucket = { rounds: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY };

export const NO_TIMERS: AnnounceTimers = {
  lastAt: Number.NEGATIVE_INFINITY,
  main: FULL,
  lower: FULL,
  lowerDelayed: FULL,
};

export interface Rounds {
  readonly timers: AnnounceTimers;
  /** Rounds over all addresses to send now. */
  readonly rounds: number;
  /** The extra interfaces are due. */
  readonly extra: boolean;
}

/** A reason to announce has come up. */
export function announceFor(
  settings: AnnounceSettings,
  timers: AnnounceTimers,
  why: AnnounceReason,
  now: MonoMs,
): Rounds {
  const { repeat, delayMs, refreshMs } = settings;
  switch (why) {
    case "master": {
      const begun: AnnounceTimers = {
        ...stopTimers(timers),
        delayedAt: delayMs > 0 ? now + delayMs : undefined,
        refreshAt: refreshMs > 0 ? now + delayMs + refreshMs : undefined,
        extraAt: settings.extraIf && settings.extraIf.everyMs > 0 ? now + settings.extraIf.everyMs : undefined,
      };
      const spare = Math.floor(filled(timers.main, mainRounds(repeat), now)) - TAKEOVER_ROUNDS;
      return fromMain(begun, repeat, Math.max(1, Math.min(repeat, spare)), now);
    }
    case "link":
    case "mac":
      return fromMain({ ...timers, delayedAt: delayMs > 0 ? now + delayMs : timers.delayedAt }, repeat, repeat, now);
    case "reload-added":
      return fromMain({ ...timers, delayedAt: delayMs > 0 ? now + delayMs : timers.delayedAt }, repeat, repeat, now);
    case "reload":
      return refreshMs > 0 ? fromMain(timers, repeat, repeat, now) : none(timers);
    case "thaw":
      return fromMain(timers, repeat, repeat, now);
    case "restored":
      return fromMain(timers, repeat, 1, now);
    case "lower-priority": {
      const want = settings.lowerPrioRepeat;
      if (want === 0) return none(timers);
      const { bucket, rounds } = take(timers.lower, want, want, now);
      // Counted from the last such packet: the second burst comes when the other one has fallen silent.
      const lowerDelayedAt = settings.lowerPrioDelayMs > 0 ? now + settings.lowerPrioDelayMs : undefined;
      return send({ ...timers, lower: bucket, lowerDelayedAt }, rounds, now);
    }
    case "intruder-left": {
      const { bucket, rounds } = take(timers.lower, Math.max(1, settings.lowerPrioRepeat), 1, now);
      return send({ ...timers, lower: bucket }, rounds, now);
    }
  }
}

/** What is due at `now`. */
export function announceDue(settings: AnnounceSettings, timers: AnnounceTimers, now: MonoMs): Rounds {
  let next = timers;
  let rounds = 0;
  let extra = false;
  if (isDue(next.soonAt, now)) {
    const taken = take(next.main, mainRounds(settings.repeat), 1, now);
    next = { ...next, soonAt: undefined, main: taken.bucket };
    rounds += Math.max(1, taken.rounds);
  }
  if (isDue(next.delayedAt, now)) {
    next = { ...next, delayedAt: undefined };
    rounds += settings.repeat;
  }
  if (isDue(next.lowerDelayedAt, now)) {
    const taken = take(next.lowerDelayed, settings.lowerPrioRepeat, settings.lowerPrioRepeat, now);
    next = { ...next, lowerDelayedAt: undefined, lowerDelayed: taken.bucket };
    rounds += taken.rounds;
  }
  if (next.refreshAt !== undefined && isDue(next.refreshAt, now)) {
    // On the beat; beats missed in a pause are not made up for.
    const missed = Math.floor((now - next.refreshAt) / Math.max(1, settings.refreshMs));
    next = {
      ...next,
      refreshAt: settings.refreshMs > 0 ? next.refreshAt + (missed + 1) * settings.refreshMs : undefined,
    };
    rounds += settings.refreshRepeat;
  }
  if (next.extraAt !== undefined && isDue(next.extraAt, now)) {
    const everyMs = settings.extraIf?.everyMs ?? 0;
    next = { ...next, extraAt: everyMs > 0 ? now + everyMs : undefined };
    extra = true;
  }
  return { ...send(next, rounds, now), extra };
}

/** When announceDue has something to do. */
export function announceDeadline(timers: AnnounceTimers): MonoMs {
  return Math.min(
    timers.delayedAt ?? Number.POSITIVE_INFINITY,
    timers.lowerDelayedAt ?? Number.POSITIVE_INFINITY,
    timers.refreshAt ?? Number.POSITIVE_INFINITY,
    timers.extraAt ?? Number.POSITIVE_INFINITY,
    timers.soonAt ?? Number.POSITIVE_INFINITY,
  );
}

/** The mastership is over: nothing of it is left but how much was announced lately. */
export function stopTimers(timers: AnnounceTimers): AnnounceTimers {
  const { lastAt, main, lower, lowerDelayed } = timers;
  return { lastAt, main, lower, lowerDelayed };
}

function isDue(at: MonoMs | undefined, now: MonoMs): boolean {
  return at !== undefined && at <= now;
}

function none(timers: AnnounceTimers): Rounds {
  return { timers, rounds: 0, extra: false };
}

function send(timers: AnnounceTimers, rounds: number, now: MonoMs): Rounds {
  return { timers: rounds > 0 ? { ...timers, lastAt: now } : timers, rounds, extra: false };
}

/** Rounds out of the main bucket; when it is empty, one round as soon as it is not. */
function fromMain(timers: AnnounceTimers, repeat: number, want: number, now: MonoMs): Rounds {
  if (repeat === 0) return none(timers);
  const { bucket, rounds } = take(timers.main, mainRounds(repeat), want, now);
  const soonAt = rounds > 0 ? timers.soonAt : now + (1 - bucket.rounds) * 1000;
  return send({ ...timers, main: bucket, soonAt }, rounds, now);
}

function take(bucket: Bucket, most: number, want: number, now: MonoMs): { bucket: Bucket; rounds: number } {
  const there = filled(bucket, most, now);
  const rounds = Math.min(want, Math.floor(there));
  return { bucket: { rounds: there - rounds, at: now }, rounds };
}

function filled(bucket: Bucket, most: number, now: MonoMs): number {
  if (bucket.at === Number.NEGATIVE_INFINITY) return most;
  return Math.min(most, bucket.rounds + (now - bucket.at) / 1000);
}

// --- pacing: all instances

/** One address to announce. */
export interface AnnounceTarget {
  readonly ip: IpText;
  readonly family: Family;
  /** Interface named in the configuration; absent: the instance's own (its VMAC, where it has one). */
  readonly device?: string;
  /** Its line asks for a virtual MAC of its own. */
  readonly useVmac: boolean;
}

/** Addresses in the order of announcing: virtual ones, then excluded ones. */
export function announceTargets(instance: VrrpInstance): readonly AnnounceTarget[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses].map(({ ip, family, device, useVmac }) =>
    device === undefined ? { ip, family, useVmac } : { ip, family, device, useVmac },
  );
}

/** What has to go out now: `rounds` times all targets, in order. */
export interface Announcement {
  readonly instance: string;
  readonly targets: readonly AnnounceTarget[];
  readonly rounds: number;
}

interface Queued {
  readonly instance: string;
  readonly target: AnnounceTarget;
  readonly rounds: number;
}

/** Announcements of one interface or garp_group that wait for their turn. */
export interface PacingQueue {
  readonly intervalMs: number;
  readonly nextAt: MonoMs;
  /** At most one entry for each instance and address: bounded by the configuration. */
  readonly queued: readonly Queued[];
}

/** By name of the domain: family and interface, or family and garp_group. */
export type Pacing = ReadonlyMap<string, PacingQueue>;

export interface PacingConfig {
  readonly global: Pick<VrrpGlobal, "garpIntervalMs" | "gnaIntervalMs">;
  readonly groups: readonly GarpGroup[];
}

/** Queues rounds for all targets; those without an interval between packets are given back at once. */
export function pace(
  pacing: Pacing,
  config: PacingConfig,
  instance: VrrpInstance,
  targets: readonly AnnounceTarget[],
  rounds: number,
): { readonly pacing: Pacing; readonly now: readonly Announcement[] } {
  if (rounds === 0 || targets.length === 0) return { pacing, now: [] };
  const free: AnnounceTarget[] = [];
  const next = new Map(pacing);
  for (const target of targets) {
    const domain = domainOf(config, instance, target);
    if (domain.intervalMs === 0) {
      free.push(target);
      continue;
    }
    const queue = next.get(domain.name) ?? {
      intervalMs: domain.intervalMs,
      nextAt: Number.NEGATIVE_INFINITY,
      queued: [],
    };
    next.set(domain.name, {
      ...queue,
      intervalMs: domain.intervalMs,
      queued: enqueue(queue.queued, instance.name, target, rounds),
    });
  }
  return { pacing: next, now: free.length === 0 ? [] : [{ instance: instance.name, targets: free, rounds }] };
}

/** What may be sent at `now`: one packet from each queue that is free. */
export function paceDue(
  pacing: Pacing,
  now: MonoMs,
): { readonly pacing: Pacing; readonly now: readonly Announcement[] } {
  const out: Announcement[] = [];
  let next: Map<string, PacingQueue> | undefined;
  for (const [name, queue] of pacing) {
    const first = queue.queued[0];
    if (!first || queue.nextAt > now) continue;
    out.push({ instance: first.instance, targets: [first.target], rounds: 1 });
    const rest = queue.queued.slice(1);
    // Round robin: every address has its turn before one is repeated.
    const queued = first.rounds > 1 ? [...rest, { ...first, rounds: first.rounds - 1 }] : rest;
    next ??= new Map(pacing);
    next.set(name, { ...queue, nextAt: now + queue.intervalMs, queued });
  }
  return { pacing: next ?? pacing, now: out };
}

export function pacingDeadline(pacing: Pacing): MonoMs {
  let earliest = Number.POSITIVE_INFINITY;
  for (const queue of pacing.values()) if (queue.queued.length > 0) earliest = Math.min(earliest, queue.nextAt);
  return earliest;
}

/** Forgets what an instance has queued: it is no longer master. */
export function paceCancel(pacing: Pacing, instance: string): Pacing {
  const next = new Map<string, PacingQueue>();
  for (const [name, queue] of pacing)
    next.set(name, { ...queue, queued: queue.queued.filter((item) => item.instance !== instance) });
  return next;
}

function enqueue(
  queued: readonly Queued[],
  instance: string,
  target: AnnounceTarget,
  rounds: number,
): readonly Queued[] {
  const at = queued.findIndex((item) => item.instance === instance && sameTarget(item.target, target));
  if (at < 0) return [...queued, { instance, target, rounds }];
  // Never more than one full burst waits for an address.
  return queued.map((item, i) => (i === at ? { ...item, rounds: Math.max(item.rounds, rounds) } : item));
}

function sameTarget(a: AnnounceTarget, b: AnnounceTarget): boolean {
  return a.ip === b.ip && a.device === b.device;
}

function domainOf(
  config: PacingConfig,
  instance: VrrpInstance,
  target: AnnounceTarget,
): { readonly name: string; readonly intervalMs: number } {
  const link = target.device ?? instance.interface ?? "";
  const kind = target.family === 4 ? "garp" : "gna";
  const setting = target.family === 4 ? "garpIntervalMs" : "gnaIntervalMs";
  const index = config.groups.findIndex((group) => group.interfaces.includes(link));
  const grouped = config.groups[index]?.[setting];
  if (grouped !== undefined) return { name: `${kind} group ${index}`, intervalMs: grouped };
  return { name: `${kind} ${link}`, intervalMs: config.global[setting] };
}
