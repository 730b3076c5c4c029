// Config core: lines of virtual_routes and static_routes (language.md §14.3).
import { type Family, familyOf, type IpText } from "../../../base/ip.ts";
import type { Table, Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { choice, flag, iface, ip, strictInteger, text, UINT32_MAX } from "../../bind/values.ts";
import type { NextHop, Route } from "../../model/net.ts";
import type { Word } from "../../text/tree.ts";
import { encap } from "./encap.ts";
import { type Option, type Options, readOptions } from "./line-reader.ts";
import {
  gateway,
  lockable,
  lockableText,
  metricTime,
  type Prefix,
  prefix6,
  readPrefix,
  realms,
  routePreference,
  routeProtocol,
  routeScope,
  routeTable,
  typeOfService,
} from "./line-values.ts";
import { familyWord, positional, refused } from "./positional.ts";

/** One leg of a multipath route. */
const NEXT_HOP = {
  via: {
    value: gateway,
    repeat: "last",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Gateway of the leg.",
  },
  dev: {
    value: iface,
    repeat: "last",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Output interface of the leg.",
  },
  weight: {
    value: strictInteger(1, 256),
    initial: 1,
    repeat: "last",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Share of the leg.",
  },
  onlink: {
    value: flag,
    initial: false,
    repeat: "flag",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Gateway is directly reachable.",
  },
  encap: {
    value: encap,
    repeat: "last",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Encapsulation of the leg.",
  },
  realms: {
    value: realms,
    repeat: "last",
    tier: "full",
    since: "1.2.24",
    effective: "parsed",
    doc: "Realms of the leg.",
  },
} as const satisfies Table;

const nextHop: Value<NextHop> = {
  grammar: "[via [inet|inet6] IP] [dev IFNAME] [weight INT(1..256)] [onlink] [encap ...] [realms R]",
  read: readNextHop,
};

// biome-ignore format: a table reads by rows
export const ROUTE = {
  "<dst>": { value: positional("[to] IP[/LEN]|default|any|all|default6"), default: "(required)", repeat: "last", tier: "seed", since: "<=1.0.3",
    aliases: "default6 is deprecated", effective: { test: "test/netns/vrrp-lines.test.ts", unsaid: "any destination" },
    doc: "Destination; the word default must come before via or src, or families seem to clash." },
  "<type>": { value: positional("ENUM(unicast|local|broadcast|brd|anycast|multicast|blackhole|unreachable|prohibit|throw|nat|xresolve)"),
    default: "unicast", repeat: "last", tier: "seed", since: "1.1.16", effective: { test: "test/netns/vrrp-lines.test.ts", unsaid: "any of the types" },
    doc: "Route type, directly before the destination (no \"to\" between)." },
  inet: { value: familyWord(isRouteWord), default: "inet", repeat: "flag", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Says IPv4; in this version it also swallows the next word." },
  inet6: { value: familyWord(isRouteWord), default: "(from addresses)", repeat: "flag", tier: "full", since: "1.2.24",
    effective: { test: "test/unit/net/rtnetlink.test.ts" },
    doc: "Says IPv6; in this version it also swallows the next word, so the manual's way to write an IPv6 default route fails." },
  via: { value: gateway, default: "(none)", repeat: "last", tier: "seed", since: "1.0.1", aliases: "gw",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Gateway." },
  gw: { value: ip, repeat: "last", tier: "seed", since: "1.0.1", sameAs: "via", status: "deprecated", successor: "via",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Old word for via; works but is reported." },
  or: { value: ip, repeat: "once", tier: "seed", since: "1.1.16", status: "deprecated", successor: "nexthop",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Second gateway of a two-way multipath route; works but is reported." },
  src: { value: ip, default: "(none)", repeat: "last", tier: "seed", since: "1.0.2", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Preferred source address." },
  from: { value: prefix6, default: "(none)", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Source prefix, IPv6 only." },
  tos: { value: typeOfService, default: "0", repeat: "last", tier: "full", since: "1.2.24", aliases: "dsfield",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Type of service." },
  dsfield: { value: typeOfService, repeat: "last", tier: "full", since: "1.2.24", sameAs: "tos", aliases: "tos",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for tos." },
  table: { value: routeTable, default: "main", repeat: "last", tier: "seed", since: "1.0.2", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Routing table." },
  protocol: { value: routeProtocol, default: "18", repeat: "last", tier: "full", since: "1.2.24", aliases: "(proto is not accepted)",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Originator; anything but 18 is reset with an error unless no_track is given." },
  scope: { value: routeScope, default: "global", repeat: "last", tier: "seed", since: "1.0.3",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Scope." },
  metric: { value: strictInteger(0, UINT32_MAX), initial: 0, repeat: "last", tier: "seed", since: "1.1.15", aliases: "priority, preference",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Metric." },
  priority: { value: strictInteger(0, UINT32_MAX), repeat: "last", tier: "full", since: "1.2.24", sameAs: "metric", aliases: "metric",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for metric." },
  preference: { value: strictInteger(0, UINT32_MAX), repeat: "last", tier: "full", since: "1.2.24", sameAs: "metric", aliases: "metric",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for metric." },
  dev: { value: iface, default: "(none)", repeat: "last", tier: "seed", since: "1.0.1", aliases: "oif",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Output interface." },
  oif: { value: iface, repeat: "last", tier: "seed", since: "1.0.1", sameAs: "dev", aliases: "dev",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for dev." },
  onlink: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Treat the gateway as directly reachable." },
  encap: { value: encap, default: "(none)", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Lightweight tunnel encapsulation; ip and ip6 need id or dst." },
  expires: { value: strictInteger(0, UINT32_MAX), default: "(never)", unit: "s", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Lifetime, IPv6 only." },
  mtu: { value: lockable, default: "(path)", unit: "bytes", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Path MTU." },
  hoplimit: { value: strictInteger(0, 255), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Hop limit." },
  advmss: { value: lockable, default: "(kernel)", unit: "bytes", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Advertised MSS." },
  rtt: { value: metricTime("[lock] TIME (INT in 1/8 ms, or with s|ms suffix; 200ms..120s)", 8), default: "(kernel)", repeat: "last", tier: "full",
    since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Initial round-trip estimate; out-of-range values are clamped with an error." },
  rttvar: { value: metricTime("[lock] TIME (INT in 1/4 ms, or with suffix)", 4), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Initial round-trip variance." },
  rto_min: { value: metricTime("[lock] TIME (INT in ms, or with suffix)", 1), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Least retransmission timeout." },
  reordering: { value: lockable, default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Tolerated reordering." },
  window: { value: strictInteger(0, UINT32_MAX), default: "(kernel)", unit: "bytes", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Largest window." },
  cwnd: { value: lockable, default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Congestion window clamp." },
  ssthresh: { value: lockable, default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Slow-start threshold." },
  realms: { value: realms, default: "(none)", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Realm, IPv4 only." },
  initcwnd: { value: strictInteger(0, UINT32_MAX), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Initial congestion window." },
  initrwnd: { value: strictInteger(0, UINT32_MAX), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Initial receive window." },
  features: { value: choice("ecn"), default: "(none)", repeat: "accumulate", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Feature bits." },
  quickack: { value: choice("0", "1"), default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Quick acknowledgements." },
  congctl: { value: lockableText, default: "(kernel)", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Congestion algorithm." },
  pref: { value: routePreference, default: "medium", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Router preference, IPv6 only." },
  "ttl-propagate": { value: choice("enabled", "disabled"), default: "(kernel)", repeat: "last", tier: "full", since: "2.0.8",
    effective: { test: "test/unit/net/rtnetlink.test.ts" },
    doc: "MPLS TTL handling." },
  fastopen_no_cookie: { value: choice("0", "1"), default: "(kernel)", repeat: "last", tier: "full", since: "1.4.3",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "TCP fast open without cookie." },
  add: { value: flag, default: "prepend", repeat: "last", tier: "full", since: "2.2.5", effective: { test: "test/netns/vrrp-settings.test.ts" },
    doc: "Insert only if no equal route exists." },
  append: { value: flag, default: "prepend", repeat: "last", tier: "full", since: "2.2.5", effective: { test: "test/netns/vrrp-settings.test.ts" },
    doc: "Insert after equal routes." },
  prepend: { value: flag, default: "prepend", repeat: "last", tier: "full", since: "2.2.5", effective: { test: "test/netns/vrrp-settings.test.ts" },
    doc: "Insert before equal routes." },
  nexthop: { value: nextHop, default: "(none)", repeat: "append", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Multipath leg; legs must be the last words of the line." },
  vrf: { value: iface, default: "(none)", repeat: "last", tier: "full", since: "2.2.5", build: "vrf", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Table of an existing VRF." },
  no_track: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Losing the route does not disturb the instance." },
  track_group: { value: text("NAME"), default: "(none)", repeat: "once", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Instances that fault when the route is lost; needs dev." },
  as: { value: refused, repeat: "error", tier: "full", since: "1.2.24", status: "deprecated",
    effective: { unsupported: "keepalived refuses it too" },
    doc: "Recognised and always refused." },
} as const satisfies Table;

function isRouteWord(text: string): boolean {
  return Object.hasOwn(ROUTE, text) || isType(text) || ANYWHERE.has(text) || text === "to";
}

/** Destinations that are words. */
const ANYWHERE: ReadonlySet<string> = new Set(["default", "any", "all", "default6"]);

const TYPES: ReadonlySet<string> = new Set(
  "unicast local broadcast brd anycast multicast blackhole unreachable prohibit throw nat xresolve".split(" "),
);

function isType(text: string): boolean {
  return TYPES.has(text);
}

/** RTPROT of routes that keepalived adds; anything else needs `no_track`, so that it knows its own. */
const RTPROT_KEEPALIVED = 18;

/** RTAX_FEATURE_ECN. */
const FEATURE_ECN = 1;

/** One line. */
export const route: Value<Route> = { grammar: "ROUTE", read: readRoute };

interface Destination {
  readonly word: Word;
  /** Absent for `default`, `any` and `all`, whose family the other words decide. */
  readonly prefix?: Prefix;
  readonly family?: Family;
}

function readRoute(words: Reader): Route | undefined {
  const first = words.peek();
  if (!first) return undefined;
  let type = "unicast";
  let destination: Destination | undefined;
  let broken = false;
  const other = (word: Word): boolean => {
    if (isType(word.text)) {
      words.next();
      type = word.text;
      return true;
    }
    const marked = words.take("to");
    const target = words.peek();
    if (!marked && !looksLikeDestination(word.text)) return false;
    if (!target) {
      broken = true;
      words.error(word, "missing-value", "to lacks its destination", "expected a prefix or default");
      return true;
    }
    words.next();
    if (destination)
      words.warn(
        target,
        "duplicate-keyword",
        "the route has two destinations: the last one counts",
        "one route a line",
      );
    const read = readDestination(words, target);
    if (read) destination = read;
    else broken = true;
    return true;
  };
  const { options, failed, strange } = readOptions(words, ROUTE, "a route", other, undefined, LEFT_OUT);
  // keepalived takes a strange word for a destination that is none.
  if (broken || strange || failed.length > 0) return undefined;
  if (!destination) {
    words.error(
      first,
      "missing-value",
      "the route has no destination",
      "expected a prefix such as 198.51.100.0/24, or default",
    );
    return undefined;
  }
  return buildRoute(words, first, type, destination, options);
}

const LEFT_OUT = "the route is left out";

function looksLikeDestination(text: string): boolean {
  return ANYWHERE.has(text) || /^[0-9a-fA-F:]*[.:][0-9a-fA-F.:]*(\/.*)?$/.test(text);
}

function readDestination(words: Reader, word: Word): Destination | undefined {
  if (word.text === "default6") {
    words.warn(word, "deprecated", "default6 is an old word", "use ::/0");
    return { word, family: 6 };
  }
  if (ANYWHERE.has(word.text)) return { word };
  const prefix = readPrefix(words, word, "the destination");
  return prefix && { word, prefix, family: familyOf(prefix.ip) };
}

type RouteOptions = Options<typeof ROUTE>;

function buildRoute(
  words: Reader,
  first: Word,
  type: string,
  destination: Destination,
  options: RouteOptions,
): Route | undefined {
  const legs = legsOf(options);
  const family = familyOfRoute(words, destination, options, legs);
  if (family === undefined) return undefined;
  reportOtherFamily(words, options, family);
  const protocol = protocolOf(words, options);
  return {
    family,
    type: type === "brd" ? "broadcast" : type,
    destination: destination.prefix ?? { ip: family === 6 ? "::" : "0.0.0.0", prefix: 0 },
    ...(options.via && legs.length === 0 && { via: options.via.value }),
    ...(options.src && { source: options.src.value }),
    ...(options.from && { from: options.from.value }),
    ...(options.dev && { device: options.dev.value }),
    ...(options.table && { table: options.table.value }),
    ...(options.metric && { metric: options.metric.value }),
    ...(options.scope && { scope: options.scope.value }),
    ...(options.tos && { tos: options.tos.value }),
    ...(protocol !== undefined && { protocol }),
    onlink: options.onlink !== undefined,
    ...(options.realms && family === 4 && { realms: options.realms.value }),
    metrics: metricsOf(options),
    ...(options.pref && family === 6 && { pref: options.pref.value }),
    ...(options.expires && family === 6 && { expiresS: options.expires.value }),
    ...(options["ttl-propagate"] && { ttlPropagate: options["ttl-propagate"].value === "enabled" }),
    ...(options.encap && { encap: options.encap.value }),
    ...(options.vrf && { vrf: options.vrf.value }),
    nextHops: legs,
    ...addModeOf(options),
    noTrack: options.no_track !== undefined,
    ...(options.track_group && { trackGroup: options.track_group.value }),
    origin: first.origin,
  };
}

/** The legs of `nexthop`, or the two gateways of the old `via A or B`. */
function legsOf(options: RouteOptions): readonly NextHop[] {
  const legs = (options.nexthop ?? []).map((leg) => leg.value);
  if (!options.or) return legs;
  const gateways = options.via ? [options.via.value, options.or.value] : [options.or.value];
  const device = options.dev && { device: options.dev.value };
  return [...gateways.map((via) => ({ via, ...device, onlink: options.onlink !== undefined })), ...legs];
}

function familyOfRoute(
  words: Reader,
  destination: Destination,
  options: RouteOptions,
  legs: readonly NextHop[],
): Family | undefined {
  const said = options.inet6 ? 6 : options.inet ? 4 : undefined;
  const seen: { readonly family: Family; readonly word: Word }[] = [];
  if (destination.family !== undefined) seen.push({ family: destination.family, word: destination.word });
  for (const option of [options.via, options.src] as readonly (Option<IpText> | undefined)[])
    if (option) seen.push({ family: familyOf(option.value), word: option.word });
  for (const leg of legs) if (leg.via !== undefined) seen.push({ family: familyOf(leg.via), word: destination.word });
  const family = said ?? seen[0]?.family ?? 4;
  if (said === undefined && destination.family === undefined && family === 6)
    words.warn(
      destination.word,
      "intention-wins",
      `${destination.word.text} is taken for IPv6; keepalived would take it for IPv4`,
      "write ::/0",
    );
  const clash = seen.find((one) => one.family !== family);
  if (!clash) return family;
  words.error(
    clash.word,
    "mixed-families",
    `${clash.word.text} is IPv${clash.family} in an IPv${family} route: the route is left out`,
  );
  return undefined;
}

function reportOtherFamily(words: Reader, options: RouteOptions, family: Family): void {
  const wrong = family === 6 ? [options.realms] : [options.pref, options.expires];
  for (const option of wrong)
    if (option)
      words.error(
        option.word,
        "without-effect",
        `${option.word.text} is for IPv${family === 6 ? 4 : 6} routes: it is ignored`,
      );
}

function protocolOf(words: Reader, options: RouteOptions): number | undefined {
  if (!options.protocol || options.protocol.value === RTPROT_KEEPALIVED) return undefined;
  if (options.no_track) return options.protocol.value;
  words.error(
    options.protocol.word,
    "protocol-reset",
    `protocol ${options.protocol.value} needs no_track: ${RTPROT_KEEPALIVED} is taken`,
    "add no_track, or leave protocol out",
  );
  return undefined;
}

/** RTAX_* numbers of the lockable metrics (<linux/rtnetlink.h>): the bits of RTAX_LOCK. */
const RTAX = {
  mtu: 2,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  rto_min: 13,
  congctl: 16,
} as const;

function metricsOf(options: RouteOptions): Route["metrics"] {
  const metrics: Record<string, number | string> = {};
  let lock = 0;
  const lockables = [
    ["mtu", options.mtu],
    ["rtt", options.rtt],
    ["rttvar", options.rttvar],
    ["ssthresh", options.ssthresh],
    ["cwnd", options.cwnd],
    ["advmss", options.advmss],
    ["reordering", options.reordering],
    ["rto_min", options.rto_min],
    ["congctl", options.congctl],
  ] as const;
  for (const [name, option] of lockables) {
    if (!option) continue;
    metrics[name] = option.value.value;
    if (option.value.lock) lock |= 1 << RTAX[name];
  }
  const plain = [
    ["window", options.window],
    ["hoplimit", options.hoplimit],
    ["initcwnd", options.initcwnd],
    ["initrwnd", options.initrwnd],
  ] as const;
  for (const [name, option] of plain) if (option) metrics[name] = option.value;
  if (options.quickack) metrics.quickack = Number(options.quickack.value);
  if (options.fastopen_no_cookie) metrics.fastopen_no_cookie = Number(options.fastopen_no_cookie.value);
  if (options.features) metrics.features = FEATURE_ECN;
  if (lock !== 0) metrics.lock = lock;
  return metrics;
}

function addModeOf(options: RouteOptions): Pick<Route, "addMode"> {
  if (options.append) return { addMode: "append" };
  if (options.add) return { addMode: "add" };
  return options.prepend ? { addMode: "prepend" } : {};
}

/** Reads up to the next `nexthop`. Words of the route itself may not follow: legs stand last on the line. */
function readNextHop(words: Reader): NextHop | undefined {
  const start = words.subject;
  const { options, failed } = readOptions(words, NEXT_HOP, "a nexthop", undefined, "nexthop");
  words.subject = start;
  if (failed.length > 0) return undefined;
  return {
    ...(options.via && { via: options.via.value }),
    ...(options.dev && { device: options.dev.value }),
    ...(options.weight && { weight: options.weight.value }),
    onlink: options.onlink !== undefined,
    ...(options.encap && { encap: options.encap.value }),
    ...(options.realms && { realms: options.realms.value }),
  };
}
