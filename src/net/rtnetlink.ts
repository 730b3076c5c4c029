// Core: rtnetlink as a whole: a message's type and body become a typed change, and a command of the plan becomes a request whose
// errors have a meaning (rtnl.md §8).
import { addAddress, decodeAddress, deleteAddress, RTM_DELADDR, RTM_NEWADDR } from "./addresses.ts";
import { decodeLink, RTM_DELLINK, RTM_NEWLINK } from "./links.ts";
import type { InterfaceAddress, Link, NetRoute, NetRule } from "./model.ts";
import type { NetCommand } from "./plan.ts";
import { type NetlinkRequest, NLM_F_REPLACE } from "./request.ts";
import { addRoute, deleteRoute, RTM_DELROUTE, RTM_NEWROUTE } from "./routes.ts";
import { decodeRoute } from "./routes-decode.ts";
import { addRule, decodeRule, deleteRule, RTM_DELRULE, RTM_NEWRULE } from "./rules.ts";

/** Multicast groups (linux/rtnetlink.h, RTNLGRP_*). */
export const RTNLGRP = {
  link: 1,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
} as const;

export type NetObject =
  | { readonly kind: "link"; readonly link: Link }
  | { readonly kind: "address"; readonly address: InterfaceAddress }
  | { readonly kind: "route"; readonly route: NetRoute }
  | { readonly kind: "rule"; readonly rule: NetRule };

export interface NetMessage {
  readonly removed: boolean;
  /** A route that took the place of others of its prefix. */
  readonly replaces?: boolean;
  readonly object: NetObject;
}

/** What a message says; undefined for types and families that don't matter here. Never throws. */
export function decodeNetMessage(type: number, payload: Uint8Array, flags = 0): NetMessage | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(payload);
      return link && { removed: type === RTM_DELLINK, object: { kind: "link", link } };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(payload);
      return address && { removed: type === RTM_DELADDR, object: { kind: "address", address } };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      const replaces = type === RTM_NEWROUTE && (flags & NLM_F_REPLACE) !== 0;
      return route && { removed: type === RTM_DELROUTE, replaces, object: { kind: "route", route } };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(payload);
      return rule && { removed: type === RTM_DELRULE, object: { kind: "rule", rule } };
    }
    default:
      return undefined;
  }
}

/**
 * rtm_protocol of a message about a route, without reading the rest of it; undefined for all others. A director may carry a full Internet
 * table, and who sends router advertisements can make the kernel tell of thousands of routes a second, of thousands of next hops each.
 */
export function routeProtocolOf(type: number, payload: Uint8Array): number | undefined {
  return type === RTM_NEWROUTE || type === RTM_DELROUTE ? payload[5] : undefined;
}

export function encodeCommand(command: NetCommand): NetlinkRequest {
  switch (command.kind) {
    case "add-address":
      return addAddress(command.address);
    case "delete-address":
      return deleteAddress(command.address);
    case "add-route":
      return addRoute(command.route);
    case "delete-route":
      return deleteRoute(command.route);
    case "add-rule":
      return addRule(command.rule);
    case "delete-rule":
      return deleteRule(command.rule);
  }
}

/** What an errno means for a command. */
export type Meaning =
  /** The kernel already has it so: done. */
  | "already-so"
  /** Not possible now: the interface, its link or a gateway is missing. The wish is kept and tried again on the next event. */
  | "later"
  /** Refused: no right to, or a wrong value. */
  | "refused";

const ALREADY_SO: Readonly<Record<NetCommand["kind"], readonly string[]>> = {
  "add-address": ["EEXIST"],
  "delete-address": ["EADDRNOTAVAIL", "ENODEV"],
  "add-route": ["EEXIST"],
  "delete-route": ["ESRCH", "ENODEV"],
  "add-rule": ["EEXIST"],
  "delete-rule": ["ENOENT", "ESRCH"],
};

const LATER = ["ENODEV", "ENXIO", "ENETUNREACH", "ENETDOWN", "EHOSTUNREACH", "ENOBUFS", "ENOMEM", "EAGAIN", "EBUSY"];

export function errorMeaning(kind: NetCommand["kind"], code: string): Meaning {
  if (ALREADY_SO[kind].includes(code)) return "already-so";
  // kernel: a route whose gateway or source is not there yet is called invalid.
  if (LATER.includes(code) || (kind === "add-route" && code === "EINVAL")) return "later";
  return "refused";
}
