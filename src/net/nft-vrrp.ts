// Core: the packet filter around VRRP (rtnl.md §6): the transaction from what was applied to what is wanted.
// no_accept: traffic to and from the addresses is dropped, but for neighbour discovery and for what IPVS serves there: IPVS takes
// packets in the same hook after us (priority 98), so its services have to be let through here (trap R4).
// Virtual MACs: membership reports leave through the parent, or switches learn the virtual MAC on the backup's port.
import { familyOf } from "../base/ip.ts";
import type { FirewallSettings, FirewallWish } from "./firewall-wish.ts";
import * as nft from "./nft.ts";
import { type RuleSpec, rules4, rules6 } from "./nft-vrrp-rules.ts";
import {
  constantElements,
  type Elements,
  elementsOf,
  icmpElements,
  type Shape,
  serviceFamily,
  setsOf,
} from "./nft-vrrp-sets.ts";
import type { NetlinkRequest } from "./request.ts";

interface AppliedFamily {
  readonly shape: Shape;
  readonly elements: Elements;
}

/** What is in the kernel, as far as we put it there. */
export interface AppliedFirewall {
  readonly ip?: AppliedFamily;
  readonly ip6?: AppliedFamily;
}

export interface FirewallChange {
  /** One transaction; empty when nothing is to do. */
  readonly messages: readonly NetlinkRequest[];
  /** What holds once it has succeeded. */
  readonly applied: AppliedFirewall;
}

/** Transaction from `applied` to `wish`. With `applied` empty, a table of that name left by somebody is replaced. */
export function planFirewall(settings: FirewallSettings, wish: FirewallWish, applied: AppliedFirewall): FirewallChange {
  const ip = planFamily(settings, nft.NFPROTO_IPV4, wish, applied.ip);
  const ip6 = planFamily(settings, nft.NFPROTO_IPV6, wish, applied.ip6);
  return {
    messages: [...ip.messages, ...ip6.messages],
    applied: { ...(ip.applied && { ip: ip.applied }), ...(ip6.applied && { ip6: ip6.applied }) },
  };
}

/** Removes both tables. A table that is not there would fail the transaction, so it is made first. */
export function removeFirewall(settings: FirewallSettings): readonly NetlinkRequest[] {
  const families: readonly nft.NftFamily[] = [nft.NFPROTO_IPV4, nft.NFPROTO_IPV6];
  return families.flatMap((family) => {
    const ref = { family, table: settings.table };
    return [nft.newTable(ref), nft.deleteTable(ref)];
  });
}

function planFamily(
  settings: FirewallSettings,
  family: nft.NftFamily,
  wish: FirewallWish,
  applied: AppliedFamily | undefined,
): { readonly messages: readonly NetlinkRequest[]; readonly applied?: AppliedFamily } {
  const needed = shapeOf(family, wish);
  const old = applied?.shape;
  const shape: Shape = {
    noAccept: needed.noAccept || old?.noAccept === true,
    services: needed.services || old?.services === true,
    vmac: needed.vmac || old?.vmac === true,
  };
  if (!shape.noAccept && !shape.vmac) return { messages: [] };
  const ref = { family, table: settings.table };
  const elements = elementsOf(settings, family, shape, wish);
  const grown = old?.noAccept !== shape.noAccept || old.services !== shape.services || old.vmac !== shape.vmac;
  if (grown) {
    const empty: Elements = new Map();
    // Made, then deleted, so that deleting can't fail; then made anew: nobody sees a moment without it.
    const start = [nft.newTable(ref), nft.deleteTable(ref), nft.newTable(ref)];
    return {
      messages: [...start, ...structure(settings, ref, shape), ...elementChanges(ref, empty, elements)],
      applied: { shape, elements },
    };
  }
  return { messages: elementChanges(ref, applied?.elements ?? new Map(), elements), applied: { shape, elements } };
}

function shapeOf(family: nft.NftFamily, wish: FirewallWish): Shape {
  const version = family === nft.NFPROTO_IPV4 ? 4 : 6;
  const noAccept = wish.ready.includes(version) || wish.blocked.some(({ ip }) => familyOf(ip) === version);
  return {
    noAccept,
    services: noAccept && wish.services.some((service) => serviceFamily(service) === version),
    vmac: wish.vmacs.some((vmac) => vmac.family === version),
  };
}

function elementChanges(ref: nft.TableRef, from: Elements, to: Elements): NetlinkRequest[] {
  const messages: NetlinkRequest[] = [];
  for (const [set, wanted] of to) {
    const there = from.get(set) ?? new Map<string, nft.SetElement>();
    const gone = [...there].filter(([key]) => !wanted.has(key)).map(([, element]) => element);
    const fresh = [...wanted].filter(([key]) => !there.has(key)).map(([, element]) => element);
    messages.push(...nft.deleteElements(ref, set, gone), ...nft.addElements(ref, set, fresh));
  }
  return messages;
}

/** Chains, sets and rules of one family. */
function structure(settings: FirewallSettings, ref: nft.TableRef, shape: Shape): NetlinkRequest[] {
  const sets = setsOf(settings, ref, shape).map((set, i) => nft.newSet(ref, set, i + 1));
  const linkLocal = shape.noAccept && ref.family === nft.NFPROTO_IPV6;
  const chains = [
    nft.newChain(ref, "out", { hook: nft.HOOK_OUTPUT, priority: settings.priority }),
    ...(shape.noAccept ? [nft.newChain(ref, "in", { hook: nft.HOOK_INPUT, priority: settings.priority })] : []),
    ...(linkLocal ? [nft.newChain(ref, "in_link_local"), nft.newChain(ref, "out_link_local")] : []),
  ];
  const constants = ref.family === nft.NFPROTO_IPV6 ? constantElements(ref, shape) : icmpElements(ref, shape);
  const rules = ref.family === nft.NFPROTO_IPV4 ? rules4(shape) : rules6(settings, shape);
  return [...chains, ...sets, ...constants, ...rules.map((rule) => ruleMessage(settings, ref, rule))];
}

function ruleMessage(settings: FirewallSettings, ref: nft.TableRef, rule: RuleSpec): NetlinkRequest {
  const counter = settings.counters ? [nft.COUNTER] : [];
  return nft.newRule(ref, rule.chain, [...rule.match, ...counter, rule.verdict], rule.what);
}
