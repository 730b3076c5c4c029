// Dump core: addresses, routes and rules as keepalived writes them, in dumps and JSON alike.
import { type Family, familyOf } from "../base/ip.ts";
import type { Address, Encap, NextHop, Route, Rule } from "../config/model/net.ts";
import { IFA_F_NODAD, RT_TABLE_MAIN } from "../net/model.ts";
import { general } from "./words.ts";

const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_MANAGETEMPADDR = 0x100;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFA_F_MCAUTOJOIN = 0x400;
/** Names of rt_scopes(5) that every machine has. */
const SCOPES: Readonly<Record<number, string>> = { 0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere" };
const PREFERENCES: Readonly<Record<number, string>> = { 0: "medium", 1: "high", 3: "low" };

/** Where an address is put. */
export interface AddressPlace {
  /** Absent: the link is not there. */
  readonly link?: string;
  /** The interface below, of a virtual one. */
  readonly below?: string;
  readonly isSet: boolean;
  /** The packet filter keeps traffic from it. */
  readonly isFiltered: boolean;
}

export function addressText(address: Address, { link, below, isSet, isFiltered }: AddressPlace): string {
  const { ip, family, prefix, broadcast, label, scope = 0, peer, flags, preferredLifetimeS } = address;
  const device = `${link ?? "(none)"}${link === undefined ? "@NOWHERE" : below === undefined ? "" : `@${below}`}`;
  return [
    withPrefix(ip, prefix, family),
    broadcast === undefined ? "" : ` brd ${broadcast}`,
    ` dev ${device}`,
    address.useVmac ? " use_vmac" : "",
    ` scope ${SCOPES[scope] ?? scope}`,
    label === undefined ? "" : ` label ${label}`,
    peer === undefined ? "" : ` peer ${peer.ip}/${peer.prefix}`,
    flags & IFA_F_HOMEADDRESS ? " home" : "",
    // IPv6 addresses have the flag unless `-nodad` takes it away, IPv4 ones never.
    family === 6 && (flags & IFA_F_NODAD) === 0 ? " -nodad" : "",
    flags & IFA_F_MANAGETEMPADDR ? " mngtmpaddr" : "",
    flags & IFA_F_NOPREFIXROUTE ? " noprefixroute" : "",
    flags & IFA_F_MCAUTOJOIN ? " autojoin" : "",
    address.noTrack ? " no_track" : "",
    address.trackGroup === undefined ? "" : ` track_group ${address.trackGroup}`,
    family === 6 ? lifetimeText(preferredLifetimeS) : "",
    isSet ? " set" : "",
    isFiltered ? " nftable_set" : "",
  ].join("");
}

function lifetimeText(preferredS: number | undefined): string {
  if (preferredS === undefined) return " preferred_lft forever";
  return preferredS === 0 ? " deprecated" : ` preferred_lft ${preferredS}`;
}

function withPrefix(ip: string, prefix: number, family: Family): string {
  return prefix === (family === 4 ? 32 : 128) ? ip : `${ip}/${prefix}`;
}

function prefixText({ ip, prefix }: { readonly ip: string; readonly prefix: number }): string {
  return withPrefix(ip, prefix, familyOf(ip));
}

// --- routes

/** RTAX_* that stand behind their name, with what they are counted in and whether a lock is shown. */
const METRICS: readonly (readonly [name: string, number: number, lock: boolean])[] = [
  ["mtu", 2, true],
  ["window", 3, false],
  ["ssthresh", 6, true],
  ["cwnd", 7, true],
  ["advmss", 8, true],
  ["reordering", 9, true],
  ["hoplimit", 10, false],
  ["initcwnd", 11, false],
  ["initrwnd", 14, false],
  ["quickack", 15, false],
];
const RTAX_RTT = 4;
const RTAX_RTTVAR = 5;
const RTAX_RTO_MIN = 13;
const RTAX_CC_ALGO = 16;
const ECN = 1;

/** RTPROT_KEEPALIVED: of all that it tracks, whatever is said. */
const RTPROT_KEEPALIVED = 18;

/** `installed`: what stands at the end of a static one that is set. */
export function routeText(route: Route, installed = ""): string {
  const { family, destination, table = RT_TABLE_MAIN, realms, trackGroup } = route;
  // keepalived: without an interface there is nothing to track.
  const noTrack = route.noTrack || route.device === undefined;
  const protocol = route.noTrack ? route.protocol : RTPROT_KEEPALIVED;
  return [
    `${route.addMode ?? (route.type === "unicast" ? "prepend" : "add")} `,
    route.type === "unicast" ? "" : `${route.type} `,
    prefixText(destination),
    route.from === undefined ? "" : ` from ${prefixText(route.from)}`,
    route.source === undefined ? "" : ` src ${route.source}`,
    route.tos === undefined ? "" : ` tos ${route.tos}`,
    encapText(route.encap),
    route.via === undefined ? "" : ` via ${familyOf(route.via) === 6 ? "inet6" : "inet"} ${route.via}`,
    route.device === undefined ? "" : ` dev ${route.device}`,
    table === RT_TABLE_MAIN ? "" : ` table ${table}`,
    protocol === undefined ? "" : ` proto ${protocol}`,
    route.scope === undefined ? "" : ` scope ${route.scope}`,
    route.metric === undefined ? "" : ` metric ${route.metric}`,
    family === 4 && route.onlink ? " onlink" : "",
    realmsText(realms),
    route.expiresS === undefined ? "" : ` expires ${route.expiresS}sec`,
    metricsText(route.metrics),
    route.pref === undefined ? "" : ` pref ${PREFERENCES[route.pref] ?? "unknown"}`,
    fastOpenText(route.metrics),
    route.ttlPropagate === undefined ? "" : ` ttl-propagate ${route.ttlPropagate ? "en" : "dis"}abled`,
    ...route.nextHops.map(hopText),
    noTrack ? " no_track" : "",
    trackGroup === undefined ? "" : ` track_group ${trackGroup}`,
    noTrack ? "" : installed,
  ].join("");
}

function hopText(hop: NextHop): string {
  const { via, device, weight, onlink, realms, encap } = hop;
  return [
    " nexthop",
    via === undefined ? "" : ` via inet${familyOf(via) === 6 ? "6" : ""} ${via}`,
    device === undefined ? "" : ` dev ${device}`,
    weight === undefined ? "" : ` weight ${weight}`,
    onlink ? " onlink" : "",
    realmsText(realms),
    encapText(encap),
  ].join("");
}

function realmsText(realms: number | undefined): string {
  if (!realms) return "";
  const from = realms >>> 16;
  return from === 0 ? ` realm ${realms & 0xffff}` : ` realms ${from}/${realms & 0xffff}`;
}

function metricsText(metrics: Route["metrics"]): string {
  const lock = typeof metrics.lock === "number" ? metrics.lock : 0;
  const locked = (number: number) => (lock & (1 << number) ? "lock " : "");
  const numbers: Readonly<Record<string, number | string>> = metrics;
  const timed = (name: string, number: number, perMs: number) => {
    const value = numbers[name];
    if (typeof value !== "number") return "";
    const shown = value >= 1000 * perMs ? `${general(value / (1000 * perMs))}s` : `${general(value / perMs)}ms`;
    return ` ${name}${lock & (1 << number) ? " lock" : ""} ${shown}`;
  };
  const algorithm = numbers.congctl;
  const features = numbers.features;
  return [
    algorithm === undefined ? "" : ` congctl ${algorithm}${locked(RTAX_CC_ALGO)}`,
    timed("rtt", RTAX_RTT, 8),
    timed("rttvar", RTAX_RTTVAR, 4),
    timed("rto_min", RTAX_RTO_MIN, 1),
    typeof features === "number" && features & ECN ? " features ecn" : "",
    ...METRICS.map(([name, number, lockable]) =>
      numbers[name] === undefined ? "" : ` ${name} ${lockable ? locked(number) : ""}${numbers[name]}`,
    ),
  ].join("");
}

function fastOpenText(metrics: Route["metrics"]): string {
  const value = metrics.fastopen_no_cookie;
  return value === undefined ? "" : ` fastopen_no_cookie ${value}`;
}

function encapText(encap: Encap | undefined): string {
  if (!encap) return "";
  switch (encap.kind) {
    case "mpls":
      // keepalived: the label as it lies in the stack entry, in hexadecimal digits.
      return ` encap mpls ${encap.labels.map((label, at) => mplsEntry(label, at === encap.labels.length - 1)).join("/")}`;
    case "ila":
      return ` encap ila ${encap.locator}`;
    case "ip":
    case "ip6": {
      const [tos, ttl] = encap.kind === "ip" ? ["tos", "ttl"] : ["tc", "hoplimit"];
      return [
        ` encap ${encap.kind}`,
        encap.id === undefined ? "" : ` id ${encap.id}`,
        encap.dst === undefined ? "" : ` dst ${encap.dst}`,
        encap.src === undefined ? "" : ` src ${encap.src}`,
        encap.tos === undefined ? "" : ` ${tos} ${encap.tos}`,
        encap.ttl === undefined ? "" : ` ${ttl} ${encap.ttl}`,
        encap.flags === undefined ? "" : ` flags 0x${encap.flags.toString(16)}`,
      ].join("");
    }
  }
}

/** RFC 3032 §2.1: 20 bits of label, 3 of class, the bottom of the stack, 8 of TTL. */
function mplsEntry(label: number, isLast: boolean): string {
  return (label * 4096 + (isLast ? 256 : 0)).toString(16);
}

// --- rules

export function ruleText(rule: Rule): string {
  const { from, to, fwmark, uidRange, sport, dport, realms, action } = rule;
  const protocol = rule.noTrack ? rule.protocol : RTPROT_KEEPALIVED;
  return [
    !from && !to && rule.family === 6 ? "inet6 " : "",
    rule.invert ? "not " : "",
    from ? `from ${prefixText(from)}` : "from all",
    to ? ` to ${prefixText(to)}` : "",
    ` priority ${rule.preference}`,
    ` tos 0x${(rule.tos ?? 0).toString(16)}`,
    fwmark ? ` fwmark 0x${fwmark.mark.toString(16)}${maskText(fwmark.mask)}` : "",
    rule.iif === undefined ? "" : ` iif ${rule.iif}`,
    rule.oif === undefined ? "" : ` oif ${rule.oif}`,
    rule.suppressPrefixLength === undefined ? "" : ` suppress_prefixlen ${rule.suppressPrefixLength}`,
    rule.suppressGroup === undefined ? "" : ` suppress_ifgroup ${rule.suppressGroup}`,
    rule.tunnelId === undefined ? "" : ` tunnel-id ${rule.tunnelId}`,
    uidRange ? ` uidrange ${uidRange[0]}-${uidRange[1]}` : "",
    rule.l3mdev ? " l3mdev" : "",
    protocol === undefined ? "" : ` protocol ${protocol}`,
    rule.ipProto === undefined ? "" : ` ipproto ${rule.ipProto}`,
    sport ? ` sport ${sport[0]}-${sport[1]}` : "",
    dport ? ` dport ${dport[0]}-${dport[1]}` : "",
    realms ? ` realms ${realms >>> 16}/${realms & 0xffff}` : "",
    actionText(action),
    rule.noTrack ? " no_track" : "",
    rule.trackGroup === undefined ? "" : ` track_group ${rule.trackGroup}`,
  ].join("");
}

function maskText(mask: number | undefined): string {
  return mask === undefined || mask === 0xffffffff ? "" : `/0x${mask.toString(16)}`;
}

function actionText(action: Rule["action"]): string {
  switch (action.kind) {
    case "table":
      return ` lookup ${action.table}`;
    case "goto":
      return ` goto ${action.preference}`;
    case "nop":
      return " nop";
    default:
      return ` type ${action.kind}`;
  }
}
