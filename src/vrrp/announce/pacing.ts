// VRRP core: announcements of all instances: what goes out at once, and what waits for its turn on an interface or in a garp_group.
import type { MonoMs } from "../../base/clock.ts";
import type { Family, IpText } from "../../base/ip.ts";
import type { GarpGroup, VrrpGlobal, VrrpInstance } from "../../config/model/vrrp.ts";

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
