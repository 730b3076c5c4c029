// Core: what the kernel's tables look like, kept by its messages: a state that changes in place with one event per real change,
// and the difference between two states, which makes a missed message good after a dump.
import {
  addressKey,
  type InterfaceAddress,
  type Link,
  type NetRoute,
  type NetRule,
  routeKey,
  routePrefixKey,
  ruleKey,
  type SeenTables,
} from "./model.ts";
import type { NetMessage, NetObject } from "./rtnetlink.ts";

export type Change = "added" | "changed" | "removed";

/** `by`: netlink port of whoever asked for the change, where the kernel says so and it was not us. */
export type NetEvent = { readonly by?: number } & NetChange;

type NetChange =
  /** `before` is what was known of the link: an interface that came back with another index is removed and added. */
  | {
      readonly kind: "link";
      readonly change: Change;
      readonly link: Link;
      readonly before?: Link;
      readonly ours: boolean;
    }
  | { readonly kind: "address"; readonly change: Change; readonly address: InterfaceAddress; readonly ours: boolean }
  | { readonly kind: "route"; readonly change: Change; readonly route: NetRoute; readonly ours: boolean }
  | { readonly kind: "rule"; readonly change: Change; readonly rule: NetRule; readonly ours: boolean };

export interface SeenState extends SeenTables {
  readonly links: Map<number, Link>;
  readonly addresses: Map<string, InterfaceAddress>;
  readonly routes: Map<string, NetRoute>;
  readonly rules: Map<string, NetRule>;
}

export function emptyState(): SeenState {
  return { links: new Map(), addresses: new Map(), routes: new Map(), rules: new Map() };
}

/** Which routes are worth keeping: a director may carry a full Internet table that is none of our business. */
export type RouteFilter = (route: NetRoute) => boolean;

/**
 * Works a message into the state; gives the events, none when nothing changed. `ours`: the change was asked for by this process.
 * A tentative IPv6 address is there; whether it can be used already is for addressUsable() to say, and a change when it can.
 */
export function applyMessage(
  state: SeenState,
  message: NetMessage,
  keepRoute: RouteFilter,
  ours: boolean,
): readonly NetEvent[] {
  if (message.object.kind === "route")
    return keepRoute(message.object.route) ? applyRoute(state, message.object.route, message, ours) : [];
  const event = applyOne(state, message.object, message.removed, ours);
  return event ? [event] : [];
}

/**
 * kernel: IPv6 shows a multipath route as one, but adds and removes its next hops one by one: each is an entry here. A replaced
 * route is not told of by itself: whatever else has the prefix is gone.
 */
function applyRoute(state: SeenState, route: NetRoute, message: NetMessage, ours: boolean): NetEvent[] {
  const parts =
    route.family === 6 && route.hops.length > 1 ? route.hops.map((hop) => ({ ...route, hops: [hop] })) : [route];
  const events: NetEvent[] = [];
  if (message.replaces) {
    const kept = new Set(parts.map(routeKey));
    const prefix = routePrefixKey(route);
    for (const [key, other] of state.routes) {
      if (kept.has(key) || routePrefixKey(other) !== prefix) continue;
      state.routes.delete(key);
      events.push({ kind: "route", change: "removed", route: other, ours });
    }
  }
  for (const part of parts) {
    const change = put(state.routes, routeKey(part), part, message.removed);
    if (change) events.push({ kind: "route", change, route: part, ours });
  }
  return events;
}

function applyOne(
  state: SeenState,
  object: Exclude<NetObject, { kind: "route" }>,
  removed: boolean,
  ours: boolean,
): NetEvent | undefined {
  switch (object.kind) {
    case "link": {
      const { link } = object;
      const before = state.links.get(link.index);
      const change = put(state.links, link.index, link, removed);
      return change && { kind: "link", change, link, ...(before && { before }), ours };
    }
    case "address": {
      const { address } = object;
      const change = put(state.addresses, addressKey(address), address, removed);
      return change && { kind: "address", change, address, ours };
    }
    case "rule": {
      const { rule } = object;
      const change = put(state.rules, ruleKey(rule), rule, removed);
      return change && { kind: "rule", change, rule, ours };
    }
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V, removed: boolean): Change | undefined {
  const before = map.get(key);
  if (removed) return map.delete(key) ? "removed" : undefined;
  map.set(key, value);
  if (before === undefined) return "added";
  return sameValue(before, value) ? undefined : "changed";
}

/** The events that lead from one state to another; used after a dump, when messages were lost. */
export function differences(from: SeenTables, to: SeenTables): NetEvent[] {
  const events: NetEvent[] = [];
  for (const [change, link, before] of compare(from.links, to.links))
    events.push({ kind: "link", change, link, ...(before && { before }), ours: false });
  for (const [change, address] of compare(from.addresses, to.addresses))
    events.push({ kind: "address", change, address, ours: false });
  for (const [change, route] of compare(from.routes, to.routes))
    events.push({ kind: "route", change, route, ours: false });
  for (const [change, rule] of compare(from.rules, to.rules)) events.push({ kind: "rule", change, rule, ours: false });
  return events;
}

function compare<K, V>(from: ReadonlyMap<K, V>, to: ReadonlyMap<K, V>): [Change, V, V?][] {
  const changes: [Change, V, V?][] = [];
  for (const [key, value] of from) if (!to.has(key)) changes.push(["removed", value, value]);
  for (const [key, value] of to) {
    const before = from.get(key);
    if (before === undefined) changes.push(["added", value]);
    else if (!sameValue(before, value)) changes.push(["changed", value, before]);
  }
  return changes;
}

/** Values here are plain data made by one decoder each, so their fields come in one order. */
function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => sameValue(value, b.get(key)));
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => sameValue(Reflect.get(a, name), Reflect.get(b, name)))
  );
}
