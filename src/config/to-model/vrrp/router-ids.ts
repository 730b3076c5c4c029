// Config core: a virtual_router_id may stand once per interface, family and destination. keepalived ends where it stands twice; here the
// second instance is left out, so that the others serve.

import type { Findings } from "../../findings/findings.ts";
import type { VrrpInstance } from "../../model/vrrp.ts";
import { valueSpan } from "../../text/tree.ts";
import type { BoundInstance } from "./bound.ts";

/** The instances without those that could not be told from an earlier one. */
export function withoutDuplicateIds(
  instances: readonly VrrpInstance[],
  bound: readonly BoundInstance[],
  findings: Findings,
): readonly VrrpInstance[] {
  const kept = new Map<string, VrrpInstance[]>();
  const blocks = new Map(bound.map((one) => [one.value, one]));
  return instances.filter((instance) => {
    const block = blocks.get(instance.name);
    // Without its addresses the family is not known.
    if (!block || block.attempted.has("virtual_ipaddress")) return true;
    const key = `${instance.interface ?? ""}|${instance.family}|${instance.vrid}`;
    const others = kept.get(key) ?? [];
    const before = others.find((other) => clash(other, instance));
    if (!before) {
      kept.set(key, [...others, instance]);
      return true;
    }
    const first = blocks.get(before.name)?.statement;
    const place = valueSpan(block.statement);
    findings.add("error", place, {
      code: "duplicate-vrid",
      message: `${instance.name} and ${before.name} both have virtual_router_id ${instance.vrid} on ${instance.interface ?? "the same network"}: ${instance.name} is left out`,
      hint: "give each instance of an interface its own virtual_router_id",
      ...(first && { related: [{ span: valueSpan(first), message: "the other instance" }] }),
    });
    return false;
  });
}

/** keepalived: unicast instances are told apart by source and peers, the others by the group they speak to. */
function clash(one: VrrpInstance, other: VrrpInstance): boolean {
  if (!one.unicast || !other.unicast)
    return !one.unicast && !other.unicast && one.multicastGroup === other.multicastGroup;
  if (one.sourceIp !== other.sourceIp) return false;
  const peers = new Set(one.unicast.peers.map(({ ip }) => ip));
  return other.unicast.peers.some(({ ip }) => peers.has(ip));
}
