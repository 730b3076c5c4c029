// Config core: sync groups, track groups, groups of announcements, static addresses, routes and rules, BFD, certificates.

import type { BlockEntry, Line } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { nearest } from "../../findings/suggest.ts";
import { BFD_INSTANCE } from "../../keywords/bfd.ts";
import type { SSL } from "../../keywords/lvs/checkers.ts";
import type { GARP_GROUP, TRACK_GROUP, VRRP_SYNC_GROUP } from "../../keywords/vrrp/groups.ts";
import type { BfdInstance } from "../../model/bfd.ts";
import type { SslClient } from "../../model/check.ts";
import type { Address } from "../../model/net.ts";
import type { GarpGroup, SyncGroup, VrrpConfig } from "../../model/vrrp.ts";
import type { Span } from "../../text/span.ts";
import { type BoundGlobal, type BoundTop, defaultInterface } from "../global.ts";
import { notifyOf, vrrpAlert } from "./instance.ts";
import { type TrackerDefinitions, toTracking } from "./tracking.ts";

export type BoundSyncGroup = BlockEntry<string, typeof VRRP_SYNC_GROUP>;
export type BoundTrackGroup = BlockEntry<string, typeof TRACK_GROUP>;
export type BoundGarpGroup = BlockEntry<true, typeof GARP_GROUP>;
export type BoundBfd = BlockEntry<string, typeof BFD_INSTANCE>;
export type BoundSsl = BlockEntry<true, typeof SSL>;

/** Names of instances: those that exist, and those whose block has a finding of its own. */
export interface InstanceNames {
  readonly known: ReadonlySet<string>;
  readonly broken: ReadonlySet<string>;
}

/** Which sync group an instance is in: the first that names it, as in keepalived. */
export type Membership = Map<string, { readonly group: string; readonly span: Span }>;

export function createMembership(): Membership {
  return new Map();
}

export function toSyncGroup(
  bound: BoundSyncGroup,
  instances: InstanceNames,
  joined: Membership,
  trackers: TrackerDefinitions,
  global: BoundGlobal,
  findings: Findings,
): SyncGroup | undefined {
  const { block } = bound;
  const span = bound.statement.words[0].span;
  const listed = block.group?.lines ?? [];
  const free = withoutJoined(listed, bound.value, joined, findings);
  const members = knownMembers(free, instances, `sync group ${bound.value}`, findings);
  if (members.length === 0) {
    if (!bound.attempted.has("group") && listed.length === 0)
      findings.add("error", span, {
        code: "missing-keyword",
        message: `vrrp_sync_group ${bound.value} lists no instance: it is left out`,
      });
    return undefined;
  }
  if (members.length === 1 && listed.length === 1)
    findings.add("warning", span, {
      code: "lonely-group",
      message: `vrrp_sync_group ${bound.value} has only one instance (${members[0]})`,
      hint: "a group keeps two or more instances together",
    });
  return {
    name: bound.value,
    origin: bound.statement.origin,
    instances: members,
    tracking: toTracking(block, trackers, undefined, findings),
    notify: notifyOf(block),
    notifyPriorityChanges: block.notify_priority_changes?.value ?? global.vrrp_notify_priority_changes?.value ?? false,
    smtpAlert: block.smtp_alert?.value ?? vrrpAlert(global),
    globalTracking: block.global_tracking?.value ?? false,
    trackingWeight: allowsWeights(bound),
  };
}

function withoutJoined(
  listed: readonly Line<string>[],
  group: string,
  joined: Membership,
  findings: Findings,
): readonly Line<string>[] {
  return listed.filter(({ value: member, word }) => {
    const before = joined.get(member);
    if (!before) joined.set(member, { group, span: word.span });
    if (!before || before.group === group) return true;
    findings.add("error", word.span, {
      code: "duplicate-member",
      message: `${member} is in the sync group ${before.group} already: ${group} goes without it`,
      related: [{ span: before.span, message: `in ${before.group}` }],
    });
    return false;
  });
}

export function allowsWeights(bound: BoundSyncGroup): boolean {
  return (bound.block.sync_group_tracking_weight?.value ?? false) || (bound.block.global_tracking?.value ?? false);
}

export function toTrackGroup(
  bound: BoundTrackGroup,
  instances: InstanceNames,
  findings: Findings,
): VrrpConfig["trackGroups"][number] {
  return {
    name: bound.value,
    instances: knownMembers(bound.block.group?.lines ?? [], instances, `track group ${bound.value}`, findings),
  };
}

function knownMembers(
  listed: readonly Line<string>[],
  instances: InstanceNames,
  what: string,
  findings: Findings,
): readonly string[] {
  const members = new Map<string, Span>();
  for (const { value: name, word } of listed) {
    const before = members.get(name);
    if (before)
      findings.add("warning", word.span, {
        code: "duplicate-member",
        message: `${name} stands twice in ${what}`,
        related: [{ span: before, message: "named here first" }],
      });
    else if (instances.known.has(name)) members.set(name, word.span);
    else if (!instances.broken.has(name)) {
      const near = nearest(name, instances.known);
      findings.add("error", word.span, {
        code: "undefined-reference",
        message: `there is no vrrp_instance ${name}: ${what} goes without it`,
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      });
    }
  }
  return [...members.keys()];
}

export function toGarpGroup(bound: BoundGarpGroup, findings: Findings): GarpGroup {
  const { block } = bound;
  const listed = block.interfaces?.flatMap((entry) => entry.lines.map((line) => line.value)) ?? [];
  const interfaces = [...(block.interface ?? []).map((entry) => entry.value), ...listed];
  if (interfaces.length === 0 && !bound.attempted.has("interface") && !bound.attempted.has("interfaces"))
    findings.add("warning", bound.statement.words[0].span, {
      code: "missing-keyword",
      message: "garp_group names no interface: it does nothing",
      hint: "write interface NAME or interfaces { NAME … }",
    });
  return {
    ...(block.garp_interval && { garpIntervalMs: block.garp_interval.value }),
    ...(block.gna_interval && { gnaIntervalMs: block.gna_interval.value }),
    interfaces: [...new Set(interfaces)],
  };
}

/** Static addresses without `dev` go to `default_interface`, else eth0. */
export function toStaticAddresses(top: BoundTop, global: BoundGlobal): readonly Address[] {
  const device = defaultInterface(global);
  const lines = (top.static_ipaddress ?? []).flatMap((entry) => entry.lines);
  return lines.map(({ value }) => (value.device === undefined ? { ...value, device } : value));
}

/** `max_hops` that switches the test of received TTLs off. */
const ANY_HOPS = 255;

export function toBfd(bound: BoundBfd, findings: Findings): BfdInstance | undefined {
  const { block } = bound;
  const span = bound.statement.words[0].span;
  const neighbor = block.neighbor_ip;
  if (!neighbor) {
    if (!bound.attempted.has("neighbor_ip"))
      findings.add("error", span, {
        code: "missing-keyword",
        message: `bfd_instance ${bound.value} lacks neighbor_ip: it is left out`,
      });
    return undefined;
  }
  const ipv6 = neighbor.value.includes(":");
  const source = sourceOf(block.source_ip, ipv6, findings);
  const ttl = block.ttl?.value ?? (ipv6 ? BFD_INSTANCE_HOPLIMIT : BFD_INSTANCE.ttl.initial);
  const either = block.vrrp !== undefined || block.checker !== undefined;
  return {
    name: bound.value,
    origin: bound.statement.origin,
    neighborIp: neighbor.value,
    ...(source !== undefined && { sourceIp: source }),
    minRxUs: block.min_rx?.value ?? BFD_INSTANCE.min_rx.initial,
    minTxUs: block.min_tx?.value ?? BFD_INSTANCE.min_tx.initial,
    idleTxUs: block.idle_tx?.value ?? BFD_INSTANCE.idle_tx.initial,
    multiplier: block.multiplier?.value ?? BFD_INSTANCE.multiplier.initial,
    passive: block.passive?.value ?? false,
    ttl,
    maxHops: maxHopsOf(block.max_hops, ttl, findings),
    multihop: block.multihop?.value ?? false,
    weight: block.weight?.value.weight ?? 0,
    reverse: block.weight?.value.reverse ?? false,
    forVrrp: !either || (block.vrrp?.value ?? false),
    forChecker: !either || (block.checker?.value ?? false),
  };
}

/** keepalived: the default hop limit of IPv6 sessions. */
const BFD_INSTANCE_HOPLIMIT = 64;

function sourceOf(entry: BoundBfd["block"]["source_ip"], ipv6: boolean, findings: Findings): string | undefined {
  if (!entry || entry.value.includes(":") === ipv6) return entry?.value;
  findings.add("error", (entry.statement.words[1] ?? entry.statement.words[0]).span, {
    code: "mixed-families",
    message: `source_ip ${entry.value} is of another family than neighbor_ip: it is ignored`,
  });
  return undefined;
}

function maxHopsOf(entry: BoundBfd["block"]["max_hops"], ttl: number, findings: Findings): number {
  if (!entry) return BFD_INSTANCE.max_hops.initial;
  if (entry.value === -1 || entry.value === ANY_HOPS) return ANY_HOPS;
  if (entry.value <= ttl) return entry.value;
  findings.add("error", (entry.statement.words[1] ?? entry.statement.words[0]).span, {
    code: "out-of-range",
    message: `max_hops ${entry.value} is more than the ttl (${ttl}): ${ttl} is taken`,
  });
  return ttl;
}

export function toSsl(bound: BoundSsl): SslClient {
  const { block } = bound;
  return {
    ...(block.password && { password: block.password.value }),
    ...(block.ca && { ca: block.ca.value }),
    ...(block.certificate && { certificate: block.certificate.value }),
    ...(block.key && { key: block.key.value }),
  };
}
