// Config core: BFD sessions, from the bound block.
import type { BlockEntry } from "../bind/keyword.ts";
import type { Findings } from "../findings/findings.ts";
import { BFD_INSTANCE } from "../keywords/bfd.ts";
import type { BfdInstance } from "../model/bfd.ts";

export type BoundBfd = BlockEntry<string, typeof BFD_INSTANCE>;

/** `max_hops` that switches the test of received TTLs off. */
const ANY_HOPS = 255;

/** Of sessions that a neighbour's packets could not be told apart for, the first ones. */
export function toSessions(bound: readonly BoundBfd[], findings: Findings): readonly BfdInstance[] {
  const sessions: BfdInstance[] = [];
  for (const one of bound) {
    const session = toBfd(one, findings);
    if (!session) continue;
    const before = sessions.find((other) => isAlike(other, session));
    if (!before) {
      sessions.push(session);
      continue;
    }
    const neighbor = one.block.neighbor_ip?.statement;
    findings.add("error", (neighbor?.words[1] ?? one.statement.words[0]).span, {
      code: "duplicate-neighbor",
      message: `bfd_instance ${session.name} has the neighbour ${session.neighborIp} of bfd_instance ${before.name}: it is left out`,
    });
  }
  return sessions;
}

/** keepalived: a session without source_ip is one from any address. */
function isAlike(a: BfdInstance, b: BfdInstance): boolean {
  if (a.neighborIp !== b.neighborIp || a.multihop !== b.multihop) return false;
  return a.sourceIp === undefined || b.sourceIp === undefined || a.sourceIp === b.sourceIp;
}

function toBfd(bound: BoundBfd, findings: Findings): BfdInstance | undefined {
  const { block } = bound;
  const span = bound.statement.words[0].span;
  const neighbor = block.neighbor_ip;
  if (!neighbor) {
    if (!bound.attempted.has("neighbor_ip"))
      findings.add("error", span, {
        code: "missing-keyword",
        message: `bfd_instance ${bound.value} lacks neighbor_ip: it is left out`,
        about: { kind: "lacks", keywords: ["neighbor_ip"] },
      });
    return undefined;
  }
  const ipv6 = neighbor.value.includes(":");
  const source = block.source_ip;
  if (source && source.value.includes(":") !== ipv6) {
    findings.add("error", (source.statement.words[1] ?? source.statement.words[0]).span, {
      code: "mixed-families",
      message: `source_ip ${source.value} is of another family than neighbor_ip: bfd_instance ${bound.value} is left out`,
    });
    return undefined;
  }
  const ttl = block.ttl?.value ?? (ipv6 ? BFD_INSTANCE_HOPLIMIT : BFD_INSTANCE.ttl.initial);
  const either = block.vrrp !== undefined || block.checker !== undefined;
  return {
    name: bound.value,
    origin: bound.statement.origin,
    neighborIp: neighbor.value,
    ...(source && { sourceIp: source.value }),
    minRxUs: block.min_rx?.value ?? BFD_INSTANCE.min_rx.initial,
    minTxUs: block.min_tx?.value ?? BFD_INSTANCE.min_tx.initial,
    idleTxUs: block.idle_tx?.value ?? BFD_INSTANCE.idle_tx.initial,
    multiplier: block.multiplier?.value ?? BFD_INSTANCE.multiplier.initial,
    passive: block.passive?.value ?? false,
    // RFC 5881 §5. keepalived sends 64 over IPv6, which no other speaker takes; from others it takes both.
    sentTtl: block.ttl?.value ?? BFD_INSTANCE.ttl.initial,
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
