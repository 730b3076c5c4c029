// Core: requests for routes: RTM_NEWROUTE, RTM_DELROUTE and their dump (linux/rtnetlink.h, lwtunnel.h, mpls_iptunnel.h, ila.h).
import { familyOf, ipBytes } from "../base/ip.ts";
import { AF_INET, AF_INET6 } from "./addresses.ts";
import { type Attribute, be64, encodeAttributes, u16, u32 } from "./attribute-tree.ts";
import { IPV6_DEFAULT_METRIC, type LightweightTunnel, leadsNowhere, type NetRoute, type RouteHop } from "./model.ts";
import { buffer, type RawAttribute, routeBody } from "./package-codec.ts";
import {
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from "./request.ts";
import {
  ENCAP_TYPES,
  HEADER_BYTES,
  NEXT_HOP_BYTES,
  RTA_ENCAP,
  RTA_ENCAP_TYPE,
  RTA_FLOW,
  RTA_GATEWAY,
  RTA_VIA,
  RTNH_F_ONLINK,
} from "./routes-layout.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RT_SCOPE_NOWHERE = 255;
const RTN_UNSPEC = 0;
const RTN_UNICAST = 1;

export function addRoute(route: NetRoute): NetlinkRequest {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | addModeFlags(route.addMode),
    payload: newRouteBody(route),
    what: describeRoute(route),
  };
}

function addModeFlags(mode: NetRoute["addMode"]): number {
  if (mode === "add") return NLM_F_EXCL;
  return mode === "append" ? NLM_F_APPEND : 0;
}

/** Removes the route of this key and protocol; what else it carries need not match. */
export function deleteRoute(route: NetRoute): NetlinkRequest {
  const [only, ...others] = leadsNowhere(route.type) ? [] : route.hops;
  const many = others.length > 0;
  const payload = routeBody(
    {
      ...header(route),
      scope: RT_SCOPE_NOWHERE,
      type: route.type === RTN_UNICAST ? RTN_UNSPEC : route.type,
    },
    {
      ...prefixes(route),
      ...(only && !many && simpleHop(route, only)),
      // Explicit for IPv6 too: without it the kernel takes the first route of that next hop, whatever its metric.
      ...(route.metric !== 0 && { priority: route.metric }),
      ...(route.table > 255 && { table: route.table }),
      ...(many && { multipath: buffer(multipath(route, false)) }),
    },
    only && !many ? viaAttribute(route, only) : [],
  );
  return { type: RTM_DELROUTE, flags: NLM_F_REQUEST | NLM_F_ACK, payload, what: describeRoute(route) };
}

/** Routes of a family; with NETLINK_GET_STRICT_CHK on the socket, only those of `protocol`. */
export function dumpRoutes(family: 4 | 6, protocol = 0): NetlinkRequest {
  const head = new Uint8Array(HEADER_BYTES);
  head[0] = family === 4 ? AF_INET : AF_INET6;
  head[5] = protocol;
  return {
    type: RTM_GETROUTE,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    payload: encodeAttributes([], head),
    what: `IPv${family} routes`,
  };
}

function newRouteBody(route: NetRoute): Uint8Array {
  const [only, ...others] = route.hops;
  const many = others.length > 0;
  const single = many ? undefined : only;
  const defaultMetric = route.metric === 0 || (route.family === 6 && route.metric === IPV6_DEFAULT_METRIC);
  const encap = single?.encap;
  return routeBody(
    {
      ...header(route),
      scope: route.scope ?? 0,
      type: route.type,
      ...(single?.onlink && { flags: { __unknown: RTNH_F_ONLINK } }),
    },
    {
      ...prefixes(route),
      ...(single && simpleHop(route, single)),
      ...(!defaultMetric && { priority: route.metric }),
      ...(route.table > 255 && { table: route.table }),
      ...(route.source !== undefined && { prefsrc: buffer(ipBytes(route.source)) }),
      ...(route.metrics.size > 0 && { metrics: { ...metricsOf(route) } }),
      ...(single?.realms !== undefined && { flow: single.realms }),
      ...(many && { multipath: buffer(multipath(route, true)) }),
      ...(route.pref !== undefined && { pref: buffer(Uint8Array.of(route.pref)) }),
      ...(route.expiresS !== undefined && { expires: buffer(u32(route.expiresS)) }),
      ...(route.ttlPropagate !== undefined && { ttlPropagate: route.ttlPropagate ? 1 : 0 }),
      ...(encap && { encapType: encapType(encap), encap: buffer(encapBody(encap)) }),
    },
    single ? viaAttribute(route, single) : [],
  );
}

function header(route: NetRoute) {
  return {
    family: route.family === 4 ? AF_INET : AF_INET6,
    dstLen: route.destination.prefix,
    srcLen: route.from?.prefix ?? 0,
    tos: route.tos,
    // The byte holds tables up to 255; RTA_TABLE the others.
    table: route.table < 256 ? route.table : 0,
    protocol: route.protocol,
  };
}

function prefixes(route: NetRoute) {
  return {
    dst: buffer(ipBytes(route.destination.ip)),
    ...(route.from && { src: buffer(ipBytes(route.from.ip)) }),
  };
}

function simpleHop(route: NetRoute, hop: RouteHop) {
  const gateway = hop.via !== undefined && familyOf(hop.via) === route.family ? ipBytes(hop.via) : undefined;
  return {
    ...(gateway && { gateway: buffer(gateway) }),
    ...(hop.index !== undefined && { oif: hop.index }),
  };
}

/** A gateway of the other family: struct rtvia { u16 family; u8 address[] }. */
function viaAttribute(route: NetRoute, hop: RouteHop): RawAttribute[] {
  if (hop.via === undefined || familyOf(hop.via) === route.family) return [];
  const family = familyOf(hop.via) === 4 ? AF_INET : AF_INET6;
  return [[RTA_VIA, Uint8Array.of(family, 0, ...ipBytes(hop.via))]];
}

/** struct rtnexthop { u16 length; u8 flags; u8 weight - 1; u32 index } with attributes, one after the other. */
function multipath(route: NetRoute, whole: boolean): Uint8Array {
  const hops = route.hops.map((hop) => {
    const attributes: Attribute[] = [];
    if (hop.via !== undefined && familyOf(hop.via) === route.family)
      attributes.push({ type: RTA_GATEWAY, value: ipBytes(hop.via) });
    for (const [type, value] of viaAttribute(route, hop)) attributes.push({ type, value });
    if (whole && hop.realms !== undefined) attributes.push({ type: RTA_FLOW, value: u32(hop.realms) });
    if (whole && hop.encap) {
      attributes.push({ type: RTA_ENCAP_TYPE, value: u16(encapType(hop.encap)) });
      attributes.push({ type: RTA_ENCAP, value: encapBody(hop.encap) });
    }
    const head = new Uint8Array(NEXT_HOP_BYTES);
    const bytes = encodeAttributes(attributes, head);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, bytes.byteLength, true);
    view.setUint8(2, hop.onlink ? RTNH_F_ONLINK : 0);
    view.setUint8(3, hop.weight - 1);
    view.setUint32(4, hop.index ?? 0, true);
    return bytes;
  });
  return Uint8Array.from(hops.flatMap((bytes) => [...bytes]));
}

/** Field names of the package by RTAX_* number. */
const METRIC_FIELDS = [
  [1, "lock"],
  [2, "mtu"],
  [3, "window"],
  [4, "rtt"],
  [5, "rttvar"],
  [6, "ssthresh"],
  [7, "cwnd"],
  [8, "advmss"],
  [9, "reordering"],
  [10, "hoplimit"],
  [11, "initcwnd"],
  [12, "features"],
  [13, "rtoMin"],
  [14, "initrwnd"],
  [15, "quickack"],
  [16, "ccAlgo"],
  [17, "fastopenNoCookie"],
] as const;

function metricsOf(route: NetRoute) {
  const fields: { [K in (typeof METRIC_FIELDS)[number][1]]?: Buffer } = {};
  for (const [number, name] of METRIC_FIELDS) {
    const value = route.metrics.get(number);
    if (typeof value === "string") fields[name] = buffer(new TextEncoder().encode(`${value}\0`));
    else if (value !== undefined) fields[name] = buffer(u32(value));
  }
  return fields;
}

function encapType(encap: LightweightTunnel): number {
  return encap.kind === "other" ? encap.type : ENCAP_TYPES[encap.kind];
}

function encapBody(encap: LightweightTunnel): Uint8Array {
  switch (encap.kind) {
    case "mpls":
      return encodeAttributes([{ type: 1, value: labelStack(encap.labels) }]);
    case "ila":
      return encodeAttributes([{ type: 1, value: be64(encap.locator) }]);
    case "other":
      return new Uint8Array(0);
    default:
      return encodeAttributes(ipTunnel(encap));
  }
}

/** LWTUNNEL_IP_* and LWTUNNEL_IP6_* have the same numbers; the IPv6 ones say hop limit and traffic class. */
function ipTunnel(encap: LightweightTunnel & { kind: "ip" | "ip6" }): Attribute[] {
  const attributes: Attribute[] = [];
  if (encap.id !== undefined) attributes.push({ type: 1, value: be64(encap.id) });
  if (encap.dst !== undefined) attributes.push({ type: 2, value: ipBytes(encap.dst) });
  if (encap.src !== undefined) attributes.push({ type: 3, value: ipBytes(encap.src) });
  if (encap.ttl !== undefined) attributes.push({ type: 4, value: Uint8Array.of(encap.ttl) });
  if (encap.tos !== undefined) attributes.push({ type: 5, value: Uint8Array.of(encap.tos) });
  if (encap.flags !== undefined)
    attributes.push({ type: 6, value: Uint8Array.of((encap.flags >> 8) & 0xff, encap.flags & 0xff) });
  return attributes;
}

/** RFC 3032: label << 12 | traffic class << 9 | bottom of stack << 8 | TTL, four bytes each in network order. */
function labelStack(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * labels.length);
  const view = new DataView(bytes.buffer);
  for (const [i, label] of labels.entries())
    view.setUint32(4 * i, ((label << 12) | (i === labels.length - 1 ? 0x100 : 0)) >>> 0);
  return bytes;
}

function describeRoute(route: NetRoute): string {
  const via = route.hops.map((hop) => hop.via ?? `interface ${hop.index}`).join(", ");
  return `route ${route.destination.ip}/${route.destination.prefix}${via && ` via ${via}`} in table ${route.table}`;
}
