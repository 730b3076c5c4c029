// Appliance core: a Network in the kernel's terms. Which card is which, which links are to be made with which numbers, and which addresses,
// routes and rules are wanted once the links have their indexes; the difference to what is there is net/plan.ts, as for everything else.
import type { InterfaceAddress, NetRoute, NetRule } from "../../net/model.ts";
import { IPV6_DEFAULT_METRIC, ROUTE_TYPES, RT_TABLE_MAIN } from "../../net/model.ts";
import type { WantedTables } from "../../net/plan.ts";
import type { BondOptions, StackedForm } from "../../net/stacked-links.ts";
import {
  BOND_MODES,
  type BondParameters,
  type Match,
  type Network,
  type NetworkLink,
  type NetworkRoute,
  type NetworkRule,
} from "./model.ts";

/** `/etc/iproute2/rt_protos`: static, by the administrator. IFA_PROTO has no number for it and stays unset. */
export const RTPROT_STATIC = 4;
/** linux/rtnetlink.h: RT_SCOPE_*. */
const SCOPES = { global: 0, link: 253, host: 254 } as const;
/** RTAX_MTU. */
const RTAX_MTU = 2;
/** Where rules without a priority go: before the main table's 32766, in the order of the file. */
const FIRST_RULE_PRIORITY = 30_000;

/** A network card as the machine shows it. */
export interface Card {
  readonly name: string;
  /** What the kernel called it first, when it has been renamed since: what `match: {name: …}` and a link's key look at. */
  readonly firstName?: string;
  /** The permanent address, in lower case. */
  readonly mac: string;
  readonly driver?: string;
  /** `pci-0000:03:00.0`. */
  readonly path?: string;
}

export interface Assignment {
  readonly link: NetworkLink & { readonly kind: "ethernet" };
  readonly card: Card;
}

export interface Assigned {
  readonly assignments: readonly Assignment[];
  /** Links whose card is not there. */
  readonly absent: readonly NetworkLink[];
  /** In words: more than one card fits, a card fits two links. */
  readonly doubts: readonly string[];
}

/** Which card is which link. Cards never get a link by their order: a link without `match` is the card of its name. */
export function assignCards(network: Network, cards: readonly Card[]): Assigned {
  const assignments: Assignment[] = [];
  const absent: NetworkLink[] = [];
  const doubts: string[] = [];
  const taken = new Map<string, string>();
  for (const link of network.links) {
    if (link.kind !== "ethernet") continue;
    const fitting = cards.filter((card) =>
      link.match ? fits(link.match, card) : (card.firstName ?? card.name) === link.name,
    );
    const free = fitting.filter((card) => !taken.has(card.name));
    const [card] = free;
    if (!card) {
      const [other] = fitting;
      if (other) doubts.push(`${link.id}: ${other.name} (${other.mac}) is ${taken.get(other.name)} already`);
      absent.push(link);
      continue;
    }
    if (free.length > 1)
      doubts.push(
        `${link.id}: ${free.map(({ name, mac }) => `${name} (${mac})`).join(" and ")} fit; ${card.name} is taken`,
      );
    taken.set(card.name, link.id);
    assignments.push({ link, card });
  }
  return { assignments, absent, doubts };
}

function fits({ mac, name, drivers, path }: Match, card: Card): boolean {
  if (mac !== undefined && mac !== card.mac) return false;
  if (name !== undefined && !matches(name, card.firstName ?? card.name)) return false;
  if (path !== undefined && path !== card.path) return false;
  return drivers === undefined || drivers.some((driver) => matches(driver, card.driver ?? ""));
}

/** A shell's pattern with `*` and `?`, in linear time for the short names of links. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

/** What is made for a link that is no card. @param indexOf a link's index by its id; undefined: it is not there */
export function formOf(link: NetworkLink, indexOf: (id: string) => number | undefined): StackedForm | undefined {
  switch (link.kind) {
    case "ethernet":
      return undefined;
    case "dummy":
      return { kind: "dummy" };
    case "vlan": {
      const lower = indexOf(link.lower);
      return lower === undefined ? undefined : { kind: "vlan", lower, id: link.vlanId };
    }
    case "bridge":
      return { kind: "bridge", options: link.bridge };
    case "bond":
      return { kind: "bond", options: bondOptions(link.bond) };
  }
}

/** linux/if_bonding.h and drivers/net/bonding/bond_options.c: each list in the order of the kernel's numbers. */
const HASH_POLICIES = ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"] as const;
const ARP_VALIDATE = ["none", "active", "backup", "all"] as const;
const PRIMARY_RESELECT = ["always", "better", "failure"] as const;
const FAIL_OVER_MAC = ["none", "active", "follow"] as const;
const AD_SELECT = ["stable", "bandwidth", "count"] as const;
/** Without monitoring a bond never notices that a cable is out; netplan leaves that to whoever writes the file. */
const DEFAULT_MII_MONITOR_MS = 100;

function bondOptions(bond: BondParameters): BondOptions {
  const index = <const T extends string>(name: keyof BondOptions, words: readonly T[], word: T | undefined) =>
    word === undefined ? {} : { [name]: words.indexOf(word) };
  const number = (name: keyof BondOptions, value: number | undefined) => (value === undefined ? {} : { [name]: value });
  const monitored = bond.miiMonitorMs !== undefined || bond.arpIntervalMs !== undefined;
  return {
    ...index("mode", BOND_MODES, bond.mode ?? "balance-rr"),
    ...number("miimon", monitored ? bond.miiMonitorMs : DEFAULT_MII_MONITOR_MS),
    ...number("updelay", bond.upDelayMs),
    ...number("downdelay", bond.downDelayMs),
    ...number("arpInterval", bond.arpIntervalMs),
    ...(bond.arpTargets && { arpTargets: bond.arpTargets }),
    ...index("arpValidate", ARP_VALIDATE, bond.arpValidate),
    ...index("arpAllTargets", ["any", "all"], bond.arpAllTargets),
    ...index("primaryReselect", PRIMARY_RESELECT, bond.primaryReselect),
    ...index("failOverMac", FAIL_OVER_MAC, bond.failOverMac),
    ...index("xmitHashPolicy", HASH_POLICIES, bond.transmitHashPolicy),
    ...number("resendIgmp", bond.resendIgmp),
    ...number("numPeerNotif", bond.gratuitousArp),
    ...(bond.allMembersActive === undefined ? {} : { allSlavesActive: bond.allMembersActive ? 1 : 0 }),
    ...number("minLinks", bond.minLinks),
    ...number("lpInterval", bond.learnPacketS),
    ...number("packetsPerSlave", bond.packetsPerMember),
    ...index("adLacpRate", ["slow", "fast"], bond.lacpRate),
    ...index("adSelect", AD_SELECT, bond.adSelect),
  };
}

/** Addresses, routes and rules of the links that have an index. */
export function wantedTables(network: Network, indexOf: (id: string) => number | undefined): WantedTables {
  const addresses: InterfaceAddress[] = [];
  const routes: NetRoute[] = [];
  const rules: NetRule[] = [];
  let priority = FIRST_RULE_PRIORITY;
  for (const link of network.links) {
    // Rules are the machine's and not a link's: they hold whether or not it is there.
    for (const rule of link.rules) rules.push(ruleOf(rule, rule.priority ?? priority++));
    const index = indexOf(link.id);
    if (index === undefined) continue;
    for (const { ip, family, prefix } of link.addresses) addresses.push({ family, index, ip, prefix, flags: 0 });
    for (const route of link.routes) routes.push(routeOf(route, index));
  }
  return { addresses, routes, rules };
}

function routeOf(route: NetworkRoute, index: number): NetRoute {
  const { to, via, type } = route;
  const nowhere = type !== "unicast";
  return {
    family: to.family,
    type: ROUTE_TYPES[type] ?? 1,
    destination: { ip: to.ip, prefix: to.prefix },
    tos: 0,
    table: route.table ?? RT_TABLE_MAIN,
    metric: route.metric ?? (to.family === 6 ? IPV6_DEFAULT_METRIC : 0),
    protocol: RTPROT_STATIC,
    ...(route.scope !== undefined && to.family === 4 && { scope: SCOPES[route.scope] }),
    ...(route.from !== undefined && { source: route.from }),
    hops: nowhere ? [] : [{ ...(via !== undefined && { via }), index, weight: 1, onlink: route.onLink }],
    metrics: new Map(route.mtu === undefined ? [] : [[RTAX_MTU, route.mtu]]),
  };
}

function ruleOf(rule: NetworkRule, priority: number): NetRule {
  const place = (prefix: NetworkRule["from"]) => prefix && { ip: prefix.ip, prefix: prefix.prefix };
  const [from, to] = [place(rule.from), place(rule.to)];
  return {
    family: rule.family,
    priority,
    invert: false,
    ...(from && { from }),
    ...(to && { to }),
    ...(rule.mark !== undefined && { fwmark: { mark: rule.mark, mask: 0xffff_ffff } }),
    tos: rule.tos ?? 0,
    l3mdev: false,
    action: { kind: "table", table: rule.table ?? RT_TABLE_MAIN },
    protocol: RTPROT_STATIC,
  };
}
