// Config core: what instances share with each other and name elsewhere in the file.

import type { IpText } from "../../base/ip.ts";
import type { Findings } from "../findings/findings.ts";
import type { Config } from "../model/config.ts";
import type { VrrpInstance } from "../model/vrrp.ts";
import type { Span } from "../text/span.ts";
import { valueSpan } from "../text/tree.ts";
import type { BoundTop } from "../to-model/global.ts";
import { undefinedReference } from "./references.ts";

// --- instances

export function checkInstances(top: BoundTop, config: Config, findings: Findings): void {
  const statements = new Map(top.vrrp_instance?.map((bound) => [bound.value, bound] as const).reverse());
  const spanOf = (instance: VrrpInstance) => {
    const bound = statements.get(instance.name);
    return bound ? valueSpan(bound.statement) : undefined;
  };
  checkSharedAddresses(config.vrrp.instances, top, findings);
  for (const instance of config.vrrp.instances) {
    const bound = statements.get(instance.name);
    const span = spanOf(instance);
    if (!bound || !span) continue;
    const { block } = bound;
    if (
      instance.virtualAddresses.length === 0 &&
      !instance.noVirtualAddresses &&
      !block.virtual_ipaddress?.some(({ statement }) => (statement.block?.statements.length ?? 0) > 0) &&
      !bound.attempted.has("virtual_ipaddress")
    )
      findings.add("error", span, {
        code: "no-address",
        message: `vrrp_instance ${instance.name} has no virtual address`,
        hint: "add virtual_ipaddress, or no_virtual_ipaddress if none is meant",
        about: { kind: "lacks", keywords: ["virtual_ipaddress", "no_virtual_ipaddress"] },
      });
    if (instance.priority === 255 && block.priority && instance.virtualAddresses.length > 0)
      findings.add("note", valueSpan(block.priority.statement), {
        code: "address-owner",
        message: `vrrp_instance ${instance.name} owns its addresses: one that is on the interface already stays there, also at the end, if there is no other to speak from`,
        hint: "give the interface an address of its own beside it, so that the virtual one comes and goes; keepalived takes it away in any case",
      });
    if (block.owner_ignore_adverts && instance.priority !== 255)
      findings.add("warning", block.owner_ignore_adverts.statement.words[0].span, {
        code: "without-effect",
        message: `owner_ignore_adverts is for priority 255 only (${instance.priority}): it is ignored`,
      });
    if (instance.family === 6 && instance.virtualAddresses[0] && !instance.virtualAddresses[0].ip.startsWith("fe80:"))
      findings.add(
        instance.strict ? "error" : "note",
        originSpan(block.virtual_ipaddress?.[0]?.lines[0]?.word.span, span),
        {
          code: "link-local-first",
          message: `the first address of an IPv6 instance should be link-local (${instance.virtualAddresses[0].ip})`,
          hint: "put an fe80:: address first (RFC 9568 §5.2.9)",
        },
      );
  }
}

function originSpan(span: Span | undefined, otherwise: Span): Span {
  return span ?? otherwise;
}

/** keepalived does not notice one address in two instances: both would add it, and one would take it from the other. */
function checkSharedAddresses(instances: readonly VrrpInstance[], top: BoundTop, findings: Findings): void {
  const owners = new Map<IpText, { readonly name: string; readonly span: Span }>();
  const usable = new Set(instances.map((instance) => instance.name));
  for (const { value: name, block } of top.vrrp_instance ?? []) {
    if (!usable.delete(name)) continue;
    for (const entry of [...(block.virtual_ipaddress ?? []), ...(block.virtual_ipaddress_excluded ?? [])]) {
      for (const { value: address, word } of entry.lines) {
        const key = `${address.ip}|${address.device ?? ""}`;
        const before = owners.get(key);
        if (!before) owners.set(key, { name, span: word.span });
        else if (before.name !== name)
          findings.add("warning", word.span, {
            code: "shared-address",
            message: `${address.ip} stands in ${before.name} and in ${name}: they would take it from each other`,
            related: [{ span: before.span, message: `in ${before.name}` }],
          });
      }
    }
  }
}

/** `track_group` of static addresses, routes and rules. */
export function checkTrackGroups(top: BoundTop, config: Config, findings: Findings): void {
  const known = new Set(config.vrrp.trackGroups.map((group) => group.name));
  const lines = [
    ...(top.static_ipaddress ?? []).flatMap((entry) => entry.lines),
    ...(top.static_routes ?? []).flatMap((entry) => entry.lines),
    ...(top.static_rules ?? []).flatMap((entry) => entry.lines),
  ];
  for (const { value, word } of lines) {
    if (value.trackGroup !== undefined && !known.has(value.trackGroup))
      undefinedReference(
        findings,
        "error",
        word.span,
        "track_group",
        value.trackGroup,
        known,
        "nothing depends on this line",
      );
  }
}
