// Core of the network tables: links, addresses, routes and rules as the kernel shows them, as values with canonical keys.
// "Wanted" (from the configuration, device names resolved to indexes) and "seen" (from rtnetlink) share these shapes, so that
// plan.ts is a difference. Numbers are those of linux/if_addr.h, rtnetlink.h, fib_rules.h and lwtunnel.h.
import type { Family, IpText } from "../base/ip.ts";

/** IFA_PROTO, rtm_protocol and FRA_PROTOCOL of what a VRRP daemon adds (`/etc/iproute2/rt_protos`: keepalived). */
export const RTPROT_VRRP = 18;

export const IFF_UP = 0x1;
/** linux/if.h: it has a carrier. */
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_* bits. */
  readonly flags: number;
  readonly mtu: number;
  /** ARPHRD_*: 1 is Ethernet. */
  readonly hardwareType: number;
  /** Six octets in lower case, colon separated; absent for links without one. */
  readonly mac?: string;
  /** What the card was made with; absent for links that are no cards. */
  readonly permanentMac?: string;
  /** `macvlan`, `ipvlan`, `vlan`, `vrf` …; absent for hardware. */
  readonly kind?: string;
  /** MACVLAN_MODE_* bit, IPVLAN_MODE_* number. */
  readonly mode?: number;
  /** Of a macvlan or ipvlan: settings of net/ipv4/conf, where the kernel tells them. */
  readonly ipv4?: Readonly<Partial<Record<string, number>>>;
  /** Routing table of a VRF. */
  readonly vrfTable?: number;
  /** Index of the link below (IFLA_LINK), when it is in this namespace. */
  readonly parent?: number;
  /** Index of the bridge, bond or VRF above (IFLA_MASTER). */
  readonly master?: number;
  /** Interface group (IFLA_GROUP). */
  readonly group: number;
}

/** UP and RUNNING, as VRRP understands "the interface works" (rtnl.md §4). */
export function linkWorks(link: Link): boolean {
  return (link.flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING);
}

export const IFA_F_SECONDARY = 0x01;
export const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
export const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;

export interface InterfaceAddress {
  readonly family: Family;
  readonly index: number;
  readonly ip: IpText;
  readonly prefix: number;
  readonly peer?: { readonly ip: IpText; readonly prefix: number };
  readonly broadcast?: IpText;
  readonly label?: string;
  /** Wanted: absent means "the kernel's default". */
  readonly scope?: number;
  /** IFA_F_* bits, all 32. */
  readonly flags: number;
  /** Seconds; absent: forever. */
  readonly preferredS?: number;
  /** IFA_PROTO; kernels before 5.18 show none. */
  readonly protocol?: number;
}

/** May advertisements come from it (RFC 9568 §5.1.1.1 and §5.1.2.1: over IPv6 a link-local address)? */
export function speaksVrrp({ family, ip }: InterfaceAddress): boolean {
  return family === 4 || /^fe[89ab]/.test(ip);
}

/**
 * Can packets be sent from it? Not while the kernel looks for duplicates, nor when it found one. kernel: an address without
 * duplicate detection is tentative too, until a work queue has run.
 */
export function addressUsable(address: InterfaceAddress): boolean {
  if ((address.flags & IFA_F_DADFAILED) !== 0) return false;
  return (address.flags & IFA_F_TENTATIVE) === 0 || (address.flags & IFA_F_NODAD) !== 0;
}

/** What the kernel tells two addresses apart by: IPv4 has the prefix and the peer in it, IPv6 only the address. */
export function addressKey(address: InterfaceAddress): string {
  if (address.family === 6) return `${address.index}|${address.ip}`;
  const peer = address.peer ? `~${address.peer.ip}` : "";
  return `${address.index}|${address.ip}/${address.prefix}${peer}`;
}

export const RT_TABLE_MAIN = 254;
/** Metric that the kernel gives an IPv6 route without one (IP6_RT_PRIO_USER). */
export const IPV6_DEFAULT_METRIC = 1024;

/** RTN_* numbers by the names of ip(8). */
export const ROUTE_TYPES: Readonly<Record<string, number>> = {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  brd: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
  xresolve: 11,
};

export type LightweightTunnel =
  | { readonly kind: "mpls"; readonly labels: readonly number[] }
  | {
      readonly kind: "ip" | "ip6";
      readonly id?: bigint;
      readonly dst?: IpText;
      readonly src?: IpText;
      readonly tos?: number;
      readonly ttl?: number;
      readonly flags?: number;
    }
  | { readonly kind: "ila"; readonly locator: bigint }
  /** Seen, of a kind that we never add. */
  | { readonly kind: "other"; readonly type: number };

export interface RouteHop {
  readonly via?: IpText;
  readonly index?: number;
  /** 1..256. */
  readonly weight: number;
  readonly onlink: boolean;
  /** RTA_FLOW: from << 16 | to. */
  readonly realms?: number;
  readonly encap?: LightweightTunnel;
}

/** RTAX_* number to value; RTAX_LOCK (1) is a bit mask of numbers, RTAX_CC_ALGO (16) text. */
export type RouteMetrics = ReadonlyMap<number, number | string>;

export const RTAX_LOCK = 1;
export const RTAX_CC_ALGO = 16;

export interface NetRoute {
  readonly family: Family;
  /** RTN_* */
  readonly type: number;
  readonly destination: { readonly ip: IpText; readonly prefix: number };
  readonly from?: { readonly ip: IpText; readonly prefix: number };
  readonly tos: number;
  readonly table: number;
  /** The kernel's default filled in: 0 for IPv4, 1024 for IPv6. */
  readonly metric: number;
  readonly protocol: number;
  /** Wanted: absent means "the kernel's default". */
  readonly scope?: number;
  readonly source?: IpText;
  /** Empty for blackhole and the like; more than one is a multipath route. */
  readonly hops: readonly RouteHop[];
  readonly metrics: RouteMetrics;
  /** ICMPV6_ROUTER_PREF_*. */
  readonly pref?: number;
  readonly expiresS?: number;
  readonly ttlPropagate?: boolean;
  /** How it joins others of the same destination; only wanted ones have it. */
  readonly addMode?: "add" | "append" | "prepend";
}

/** Route types that lead nowhere, so next hops mean nothing (IPv6 shows `dev lo`). */
export function leadsNowhere(type: number): boolean {
  return type >= 6 && type <= 9;
}

/** What the kernel tells two routes apart by. A seen IPv6 route has one next hop: multipath ones are taken apart in seen.ts. */
export function routeKey(route: NetRoute): string {
  return `${routePrefixKey(route)} ${routeHopTexts(route).join(" + ")}`;
}

/** Destination, source prefix, table, TOS and metric: all but where it leads. */
export function routePrefixKey(route: NetRoute): string {
  const { destination: to, from } = route;
  const source = from && from.prefix > 0 ? ` from ${from.ip}/${from.prefix}` : "";
  // RTN_UNICAST, and RTN_LOCAL and so on, differ in the table that they mean; a blackhole differs from a unicast route of its key.
  return `${route.family}|${route.table}|${route.type}|${to.ip}/${to.prefix}${source}|tos ${route.tos}|metric ${route.metric}`;
}

/** One text per next hop, sorted. */
export function routeHopTexts(route: NetRoute): string[] {
  if (leadsNowhere(route.type)) return [];
  return route.hops.map((hop) => `via ${hop.via ?? "-"} dev ${hop.index ?? "-"}`).sort();
}

export type RuleAction =
  | { readonly kind: "table"; readonly table: number }
  | { readonly kind: "goto"; readonly priority: number }
  | { readonly kind: "nop" | "blackhole" | "unreachable" | "prohibit" }
  /** Seen, of a kind that we never add. */
  | { readonly kind: "other"; readonly action: number };

export interface NetRule {
  readonly family: Family;
  readonly priority: number;
  readonly invert: boolean;
  readonly from?: { readonly ip: IpText; readonly prefix: number };
  readonly to?: { readonly ip: IpText; readonly prefix: number };
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: { readonly mark: number; readonly mask: number };
  readonly tos: number;
  /** FRA_FLOW: from << 16 | to. */
  readonly realms?: number;
  readonly tunnelId?: bigint;
  readonly uidRange?: readonly [number, number];
  readonly l3mdev: boolean;
  readonly ipProto?: number;
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: number;
  readonly action: RuleAction;
  /** FRA_PROTOCOL; kernels before 4.17 show none. */
  readonly protocol?: number;
}

/** Every selector and the action; not the protocol, by which the kernel does not tell rules apart when one is added. */
export function ruleKey(rule: NetRule): string {
  const { protocol: _, ...selectors } = rule;
  const entries = Object.entries(selectors).filter(([, value]) => value !== undefined && value !== false);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, value]) => `${name}=${ruleText(value)}`).join(" ");
}

function ruleText(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.join("-");
  if (typeof value !== "object" || value === null) return String(value);
  const parts = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return parts.map(([, part]) => String(part)).join("/");
}

/** Everything the kernel showed, by key. */
export interface SeenTables {
  readonly links: ReadonlyMap<number, Link>;
  readonly addresses: ReadonlyMap<string, InterfaceAddress>;
  readonly routes: ReadonlyMap<string, NetRoute>;
  readonly rules: ReadonlyMap<string, NetRule>;
}

export function linkByName(seen: Pick<SeenTables, "links">, name: string): Link | undefined {
  for (const link of seen.links.values()) if (link.name === name) return link;
  return undefined;
}
