// Core of the network tables: what the configuration says, in the kernel's terms. Device names become indexes here; a device that
// is not there is an answer, not an error: the wish is kept and tried again when the link appears.
import { type Family, formatIp, type IpText, ipBytes } from "../base/ip.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import type { Address, Encap, NextHop, Route, Rule } from "../config/model/net.ts";
import {
  type InterfaceAddress,
  IPV6_DEFAULT_METRIC,
  type LightweightTunnel,
  type Link,
  type NetRoute,
  type NetRule,
  ROUTE_TYPES,
  type RouteHop,
  RT_TABLE_MAIN,
  RTAX_CC_ALGO,
  RTPROT_VRRP,
} from "./model.ts";

/** Why a wish can't be put into the kernel now. */
export type WishProblem =
  | { readonly kind: "no-device"; readonly device: string }
  | { readonly kind: "bad-value"; readonly what: string; readonly value: string };

/** A link by name; undefined when there is none of that name now. */
export type ResolveDevice = (name: string) => Pick<Link, "index" | "vrfTable"> | undefined;

const FOREVER_S = 0xffff_ffff;

/** The address on its own device, else on `fallbackDevice` (the instance's interface or virtual interface). */
export function wantedAddress(
  address: Address,
  fallbackDevice: string | undefined,
  resolve: ResolveDevice,
): Decoded<InterfaceAddress, WishProblem> {
  const device = address.device ?? fallbackDevice ?? "";
  const index = resolve(device)?.index;
  if (index === undefined) return err({ kind: "no-device", device });
  const preferredS = address.preferredLifetimeS;
  return ok({
    family: address.family,
    index,
    ip: address.ip,
    // kernel: with a peer, the prefix is that of the peer.
    prefix: address.peer?.prefix ?? address.prefix,
    ...(address.peer && { peer: address.peer }),
    ...(address.broadcast !== undefined && { broadcast: address.broadcast }),
    ...(address.label !== undefined && { label: address.label }),
    ...(address.scope !== undefined && { scope: address.scope }),
    flags: address.flags,
    ...(preferredS !== undefined && preferredS < FOREVER_S && { preferredS }),
    protocol: RTPROT_VRRP,
  });
}

export function wantedRoute(route: Route, resolve: ResolveDevice): Decoded<NetRoute, WishProblem> {
  const type = routeType(route.type, route.family);
  if (type === undefined) return err({ kind: "bad-value", what: "route type", value: route.type });
  const hops = routeHops(route, resolve);
  if (!hops.ok) return hops;
  const metrics = new Map<number, number | string>();
  for (const [name, value] of Object.entries(route.metrics)) {
    const number = metricNumber(name);
    if (number === undefined) return err({ kind: "bad-value", what: "route metric", value: name });
    metrics.set(number, value);
  }
  const table = routeTable(route, resolve);
  if (!table.ok) return table;
  const scope = route.scope ?? DEFAULT_SCOPES[type];
  return ok({
    family: route.family,
    type,
    destination: maskedPrefix(route.destination.ip, route.destination.prefix),
    ...(route.from && { from: maskedPrefix(route.from.ip, route.from.prefix) }),
    tos: route.tos ?? 0,
    table: table.value,
    metric: routeMetric(route.family, route.metric),
    protocol: route.protocol ?? RTPROT_VRRP,
    ...(scope !== undefined && route.family === 4 && { scope }),
    ...(route.source !== undefined && { source: route.source }),
    hops: hops.value,
    metrics,
    ...(route.pref !== undefined && { pref: route.pref }),
    ...(route.expiresS !== undefined && { expiresS: route.expiresS }),
    ...(route.ttlPropagate !== undefined && { ttlPropagate: route.ttlPropagate }),
    ...(route.addMode && { addMode: route.addMode }),
  });
}

export function wantedRule(rule: Rule): NetRule {
  const fwmark = rule.fwmark && { mark: rule.fwmark.mark, mask: rule.fwmark.mask ?? 0xffff_ffff };
  const action =
    rule.action.kind === "goto" ? { kind: "goto" as const, priority: rule.action.preference } : rule.action;
  return {
    family: rule.family,
    priority: rule.preference,
    invert: rule.invert,
    ...(rule.from && rule.from.prefix > 0 && { from: maskedPrefix(rule.from.ip, rule.from.prefix) }),
    ...(rule.to && rule.to.prefix > 0 && { to: maskedPrefix(rule.to.ip, rule.to.prefix) }),
    ...(rule.iif !== undefined && { iif: rule.iif }),
    ...(rule.oif !== undefined && { oif: rule.oif }),
    ...(fwmark && { fwmark }),
    tos: rule.tos ?? 0,
    ...(rule.realms !== undefined && { realms: rule.realms }),
    ...(rule.tunnelId !== undefined && /^\d+$/.test(rule.tunnelId) && { tunnelId: BigInt(rule.tunnelId) }),
    ...(rule.uidRange && { uidRange: rule.uidRange }),
    l3mdev: rule.l3mdev,
    ...(rule.ipProto !== undefined && { ipProto: rule.ipProto }),
    ...(rule.sport && { sport: rule.sport }),
    ...(rule.dport && { dport: rule.dport }),
    ...(rule.suppressPrefixLength !== undefined && { suppressPrefixLength: rule.suppressPrefixLength }),
    ...(rule.suppressGroup !== undefined && { suppressGroup: rule.suppressGroup }),
    action,
    protocol: rule.protocol ?? RTPROT_VRRP,
  };
}

/** `vrf NAME` stands for the table of that VRF. */
function routeTable({ table, vrf }: Route, resolve: ResolveDevice): Decoded<number, WishProblem> {
  if (vrf === undefined) return ok(table ?? RT_TABLE_MAIN);
  const link = resolve(vrf);
  if (!link) return err({ kind: "no-device", device: vrf });
  return link.vrfTable === undefined ? err({ kind: "bad-value", what: "vrf", value: vrf }) : ok(link.vrfTable);
}

/** A prefix with its host bits cleared, as the kernel shows it. */
export function maskedPrefix(ip: IpText, prefix: number): { readonly ip: IpText; readonly prefix: number } {
  const bytes = ipBytes(ip);
  for (let i = 0; i < bytes.byteLength; i++) {
    const bits = Math.max(0, Math.min(8, prefix - 8 * i));
    bytes[i] = (bytes[i] ?? 0) & (0xff << (8 - bits)) & 0xff;
  }
  return { ip: formatIp(bytes), prefix };
}

/** The kernel's default filled in; an explicit 0 means the default for IPv6 too. */
function routeMetric(family: Family, metric: number | undefined): number {
  return family === 6 ? metric || IPV6_DEFAULT_METRIC : (metric ?? 0);
}

/** kernel: fib_props demands these scopes at least; without them an IPv4 route of that type is refused. */
const DEFAULT_SCOPES: Readonly<Record<number, number>> = { 2: 254, 3: 253, 4: 253 };

function routeType(name: string, family: Family): number | undefined {
  const type = ROUTE_TYPES[name.toLowerCase().replace(/^rtn_/, "")];
  // kernel: IPv6 knows no broadcast and multicast routes and shows them as unicast.
  return family === 6 && (type === 3 || type === 5) ? 1 : type;
}

function routeHops(route: Route, resolve: ResolveDevice): Decoded<readonly RouteHop[], WishProblem> {
  const single: NextHop = {
    ...(route.via !== undefined && { via: route.via }),
    ...(route.device !== undefined && { device: route.device }),
    ...(route.encap && { encap: route.encap }),
    ...(route.realms !== undefined && { realms: route.realms }),
    onlink: route.onlink,
  };
  const empty = single.via === undefined && single.device === undefined;
  const wanted = route.nextHops.length > 0 ? route.nextHops : empty ? [] : [single];
  const hops: RouteHop[] = [];
  for (const hop of wanted) {
    const index = hop.device === undefined ? undefined : resolve(hop.device)?.index;
    if (hop.device !== undefined && index === undefined) return err({ kind: "no-device", device: hop.device });
    const encap = hop.encap && tunnel(hop.encap);
    if (hop.encap && !encap) return err({ kind: "bad-value", what: "encap", value: JSON.stringify(hop.encap) });
    hops.push({
      ...(hop.via !== undefined && { via: hop.via }),
      ...(index !== undefined && { index }),
      weight: hop.weight ?? 1,
      onlink: hop.onlink,
      ...(hop.realms !== undefined && { realms: hop.realms }),
      ...(encap && { encap }),
    });
  }
  return ok(hops);
}

function tunnel(encap: Encap): LightweightTunnel | undefined {
  if (encap.kind === "mpls") return encap;
  if (encap.kind === "ila") {
    const locator = ilaLocator(encap.locator);
    return locator === undefined ? undefined : { kind: "ila", locator };
  }
  const { id, ...rest } = encap;
  if (id === undefined) return rest;
  return /^(0[xX][0-9a-fA-F]+|\d+)$/.test(id) ? { ...rest, id: BigInt(id) } : undefined;
}

/** Four groups of hexadecimal digits, `0:1:2:3`: the upper half of an IPv6 address. */
function ilaLocator(text: string): bigint | undefined {
  const groups = text.split(":");
  if (groups.length !== 4 || groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** RTAX_* by the words of the configuration, underscores and case apart. */
const METRIC_NUMBERS: Readonly<Record<string, number>> = {
  lock: 1,
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  features: 12,
  rtomin: 13,
  initrwnd: 14,
  quickack: 15,
  congctl: RTAX_CC_ALGO,
  ccalgo: RTAX_CC_ALGO,
  fastopennocookie: 17,
};

function metricNumber(name: string): number | undefined {
  return METRIC_NUMBERS[
    name
      .toLowerCase()
      .replace(/^rtax_/, "")
      .replaceAll("_", "")
  ];
}
