// Config core: sync groups, track groups, groups of announcements, static addresses, routes and rules, BFD, certificates.
import type { BlockEntry, Line } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { nearest } from "../../findings/suggest.ts";
import type { TRACK_GROUP, VRRP_SYNC_GROUP } from "../../keywords/vrrp/groups.ts";
import type { SyncGroup, VrrpConfig } from "../../model/vrrp.ts";
import type { Span } from "../../text/span.ts";
import type { BoundGlobal } from "../global.ts";
import { notifyOf, vrrpAlert } from "./announce.ts";
import { type TrackerDefinitions, toTracking } from "./tracking.ts";

export type BoundSyncGroup = BlockEntry<string, typeof VRRP_SYNC_GROUP>;

export type BoundTrackGroup = BlockEntry<string, typeof TRACK_GROUP>;

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
        about: { kind: "lacks", keywords: ["group"] },
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
        about: { kind: "undefined", block: "vrrp_instance", name },
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      });
    }
  }
  return [...members.keys()];
}
