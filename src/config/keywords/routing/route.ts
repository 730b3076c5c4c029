// Config core: lines of virtual_routes and static_routes (language.md §14.3).
import { type Family, familyOf, type IpText } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import type { NextHop, Route } from "../../model/net.ts";
import type { Word } from "../../text/tree.ts";
import { type Option, type Options, readOptions } from "./line-reader.ts";
import { type Prefix, readPrefix } from "./line-values.ts";
import { protocolOf } from "./own-protocol.ts";
import { ANYWHERE, isType, ROUTE } from "./route-words.ts";

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
  if (broken || strange || failed.some((option) => !DISPENSABLE.has(option))) return undefined;
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

/** Options that keepalived ignores when they are wrong, and no more than them. */
const DISPENSABLE: ReadonlySet<string> = new Set(["as", "features", "ttl-propagate"]);

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
