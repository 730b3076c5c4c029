// Config core: groups of interfaces that share a rate of gratuitous ARP.
import type { BlockEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import type { GARP_GROUP } from "../../keywords/vrrp/groups.ts";
import type { GarpGroup } from "../../model/vrrp.ts";

export type BoundGarpGroup = BlockEntry<true, typeof GARP_GROUP>;

export function toGarpGroup(bound: BoundGarpGroup, findings: Findings): GarpGroup {
  const { block } = bound;
  const listed = block.interfaces?.flatMap((entry) => entry.lines.map((line) => line.value)) ?? [];
  const interfaces = [...(block.interface ?? []).map((entry) => entry.value), ...listed];
  if (interfaces.length === 0 && !bound.attempted.has("interface") && !bound.attempted.has("interfaces"))
    findings.add("warning", bound.statement.words[0].span, {
      code: "missing-keyword",
      message: "garp_group names no interface: it does nothing",
      about: { kind: "lacks", keywords: ["interface", "interfaces"] },
      hint: "write interface NAME or interfaces { NAME … }",
    });
  return {
    origin: bound.statement.origin,
    ...(block.garp_interval && { garpIntervalMs: block.garp_interval.value }),
    ...(block.gna_interval && { gnaIntervalMs: block.gna_interval.value }),
    interfaces: [...new Set(interfaces)],
  };
}
