// Config core: one `nexthop` of a route with several.
import type { Table, Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { iface } from "../../bind/values/names.ts";
import { strictInteger } from "../../bind/values/numbers.ts";
import { flag } from "../../bind/values/switches.ts";
import type { NextHop } from "../../model/net.ts";
import { encap } from "./encap.ts";
import { readOptions } from "./line-reader.ts";
import { gateway, realms } from "./line-values.ts";

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

export const nextHop: Value<NextHop> = {
  grammar: "[via [inet|inet6] IP] [dev IFNAME] [weight INT(1..256)] [onlink] [encap ...] [realms R]",
  read: readNextHop,
};

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
