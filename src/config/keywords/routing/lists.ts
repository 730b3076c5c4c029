// Config core: the bodies of list blocks: names, and lines of addresses, routes, rules, peers and group entries.

import type { Lines } from "../../bind/keyword.ts";
import { groupEntry } from "../lvs/server-names.ts";
import { linkbeatEntry } from "../vrrp/link-values.ts";
import { delayEntry } from "../vrrp/track-values.ts";
import { unicastPeer } from "../vrrp/values.ts";
import { ADDRESS, address } from "./address.ts";
import { route } from "./route.ts";
import { ROUTE } from "./route-words.ts";
import { RULE, rule } from "./rule.ts";
import { GROUP_ENTRY, UNICAST_PEER } from "./small-lines.ts";

/** Names in any number per line. */
export const names: Lines<string> = { kind: "words", entry: { grammar: "NAME", read: (words) => words.next()?.text } };

export const addresses = { kind: "lines", entry: address, options: ADDRESS } as const;
export const routes = { kind: "lines", entry: route, options: ROUTE } as const;
export const rules = { kind: "lines", entry: rule, options: RULE, beginnings: ["type"] } as const;
export const unicastPeers = { kind: "lines", entry: unicastPeer, options: UNICAST_PEER } as const;
export const groupEntries = { kind: "lines", entry: groupEntry, options: GROUP_ENTRY } as const;
export const linkbeats = { kind: "lines", entry: linkbeatEntry } as const;
export const delays = { kind: "lines", entry: delayEntry } as const;
