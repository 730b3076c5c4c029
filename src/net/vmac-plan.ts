// Core: the steps from what is seen to a virtual interface as it is wanted; none when it is. The same for the first time, after a reload, when
// its parent has come back, and when somebody else has changed it. Pure.
import { familyOf } from "../base/ip.ts";
import type { Ipv4Setting, NewVirtualLink } from "./links.ts";
import { IFA_F_NODAD, IFF_UP, type InterfaceAddress, type Link, linkByName, type SeenTables } from "./model.ts";
import { linkLocalOf, newLinkOf, presenceOf, type VirtualInterface } from "./vmac.ts";

/** Those behind `create` are about the link that it makes. */
export type VirtualStep =
  | { readonly kind: "delete"; readonly link: Link }
  | { readonly kind: "create"; readonly link: NewVirtualLink }
  /** The kernel is made to tell of the parent. */
  | { readonly kind: "retell"; readonly parent: Link }
  | { readonly kind: "settings"; readonly values: readonly (readonly [Ipv4Setting, number])[] }
  /** No IPv6 on it at all: it has the MAC of others. */
  | { readonly kind: "disable-ipv6" }
  /** No link-local address of the kernel's making. */
  | { readonly kind: "no-address-generation" }
  | { readonly kind: "up" }
  /** Without our mark: it goes with the link, and what is marked and nobody wants is taken away. */
  | {
      readonly kind: "address";
      readonly what: string;
      readonly address: Omit<InterfaceAddress, "index">;
      /** The parent may have got it only now: at boot it is tentative for a second or two. */
      readonly mayComeLate?: true;
    };

export type VirtualPlan =
  /** `link`: the one that stays; absent where one is made. */
  | { readonly ok: true; readonly parent: Link; readonly link?: Link; readonly steps: readonly VirtualStep[] }
  /** In words: `no interface eth7`, `vrrp.51 is a bridge, not a macvlan`. */
  | { readonly ok: false; readonly reason: string };

type Seen = Pick<SeenTables, "links" | "addresses">;

/** `isKnown`: it has been set up by this process, so that what the kernel does not tell is as it should be. */
export function planVirtual(wish: VirtualInterface, seen: Seen, isKnown: boolean): VirtualPlan {
  const parent = linkByName(seen, wish.parent);
  if (!parent) return { ok: false, reason: `no interface ${wish.parent}` };
  const presence = presenceOf(wish, seen);
  if (presence.kind === "stranger")
    return { ok: false, reason: `${wish.name} is a ${presence.link.kind ?? "device"}, not a ${wish.form.kind}` };
  const link = presence.kind === "adopt" ? presence.link : undefined;
  const made: VirtualStep[] = link
    ? []
    : [
        ...(presence.kind === "replace" ? [{ kind: "delete" as const, link: presence.link }] : []),
        { kind: "create", link: newLinkOf(wish, parent, isInVrf(parent, seen)) },
        ...(wish.notifyParent ? [{ kind: "retell" as const, parent }] : []),
      ];
  const steps = [
    ...made,
    ...setUpSteps(wish, link, link !== undefined && isKnown),
    ...addressSteps(wish, link, parent, seen),
  ];
  return { ok: true, parent, ...(link && { link }), steps };
}

/** Why each: rtnl.md §4. */
const IPV4_SETTINGS: readonly (readonly [Ipv4Setting, number])[] = [
  ["arp_ignore", 1],
  ["accept_local", 1],
  ["rp_filter", 0],
  ["promote_secondaries", 1],
];
const IPV6_SETTINGS: readonly (readonly [Ipv4Setting, number])[] = [["arp_ignore", 1]];

function setUpSteps(wish: VirtualInterface, link: Link | undefined, isKnown: boolean): VirtualStep[] {
  const values = (wish.family === 4 ? IPV4_SETTINGS : IPV6_SETTINGS).filter(([name, value]) => {
    const now = link?.ipv4?.[name];
    return now === undefined ? !isKnown : now !== value;
  });
  return [
    ...(values.length > 0 ? [{ kind: "settings" as const, values }] : []),
    ...(!isKnown && wish.family === 4 && wish.form.kind === "macvlan" ? [{ kind: "disable-ipv6" as const }] : []),
    ...(isKnown ? [] : [{ kind: "no-address-generation" as const }]),
    ...(link && (link.flags & IFF_UP) !== 0 ? [] : [{ kind: "up" as const }]),
  ];
}

function addressSteps(wish: VirtualInterface, link: Link | undefined, parent: Link, seen: Seen): VirtualStep[] {
  const { name, family, form, address: own } = wish;
  const steps: VirtualStep[] = [];
  // Adverts must come from a link-local address (RFC 9568 §5.1.2.1), and this interface makes none of its own.
  const lower = family === 6 && form.kind === "macvlan" ? linkLocalOf(seen, parent.index) : undefined;
  if (lower && !(link && linkLocalOf(seen, link.index))) {
    const address = { family: 6 as const, ...lower, flags: IFA_F_NODAD, preferredS: 0 };
    steps.push({ kind: "address", what: `link-local address of ${name}`, address, mayComeLate: true });
  }
  if (own && !(link && hasAddress(seen, link.index, own.ip))) {
    const ownFamily = familyOf(own.ip);
    const address = { family: ownFamily, ...own, flags: ownFamily === 6 ? IFA_F_NODAD : 0 };
    steps.push({ kind: "address", what: `address of ${name}`, address });
  }
  return steps;
}

function hasAddress(seen: Seen, index: number, ip: string): boolean {
  return seen.addresses.values().some((address) => address.index === index && address.ip === ip);
}

function isInVrf(link: Link, seen: Seen): boolean {
  const master = link.master === undefined ? undefined : seen.links.get(link.master);
  return master?.kind === "vrf";
}

/** What somebody else changed of one that was as wanted, for people: `rp_filter, up`; `made anew`; empty: nothing. */
export function describeDrift(steps: readonly VirtualStep[]): string {
  if (steps.some(({ kind }) => kind === "create")) return "made anew";
  return steps
    .flatMap((step) => {
      if (step.kind === "settings") return step.values.map(([name]) => name);
      if (step.kind === "address") return step.mayComeLate ? [] : [step.address.ip];
      return [step.kind];
    })
    .join(", ");
}
