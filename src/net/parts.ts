// Core: what instances and the static part want of the kernel's tables, who wants it, and what of it waits for an interface: what a
// configuration would do, whoever asks.
import { OWNER_PRIORITY } from "../base/priority.ts";
import { type Decoded, ok } from "../base/result.ts";
import { sameItems } from "../base/same-items.ts";
import type { Address, Route, Rule } from "../config/model/net.ts";
import type { VrrpConfig, VrrpInstance } from "../config/model/vrrp.ts";
import { addressKey, type InterfaceAddress, type NetRoute, type NetRule, ruleKey } from "./model.ts";
import { type Placement, placedAddresses } from "./placement.ts";
import { type NetCommand, NOTHING_WANTED, routeOwnKey, type WantedTables } from "./plan.ts";
import type { NetEvent } from "./seen.ts";
import { type ResolveDevice, type WishProblem, wantedAddress, wantedRoute, wantedRule } from "./wanted.ts";

/** A part of the wish, and who wants it: the name of an instance, or undefined for the static part. */
export interface TablesPart {
  readonly owner: string | undefined;
  /** Priority 255 (RFC 9568 §1.7): its addresses are real ones of this machine. */
  readonly isAddressOwner?: boolean;
  /** Each with the interface that it goes to. */
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/** Parts that were made before, with what they were made of: the same one again tells a takeover that it was rehearsed. */
const instanceParts = new WeakMap<VrrpInstance, { readonly of: readonly unknown[]; readonly part: TablesPart }>();

const staticParts = new WeakMap<VrrpConfig, TablesPart>();

/** `instance`: the configuration that the instance owns its things by; in a reload not yet that of the place. */
export function partOf(place: Placement, instance: VrrpInstance): TablesPart {
  const of = [place.instance, place.vmac, place.addressVmacs];
  const known = instanceParts.get(instance);
  if (known && sameItems(known.of, of)) return known.part;
  const addresses = placedAddresses(place, instance);
  const part = {
    owner: instance.name,
    isAddressOwner: instance.priority === OWNER_PRIORITY,
    addresses,
    routes: instance.routes,
    rules: instance.rules,
  };
  instanceParts.set(instance, { of, part });
  return part;
}

export function staticPart(config: VrrpConfig): TablesPart {
  const known = staticParts.get(config);
  if (known) return known;
  const { staticAddresses: addresses, staticRoutes: routes, staticRules: rules } = config;
  const part = { owner: undefined, addresses, routes, rules };
  staticParts.set(config, part);
  return part;
}

export function isEmpty({ addresses, routes, rules }: TablesPart): boolean {
  return addresses.length + routes.length + rules.length === 0;
}

/** The static things that the instances of a `track_group` depend on. */
export function trackedStatics(config: VrrpConfig, group: string): TablesPart {
  const { addresses, routes, rules } = staticPart(config);
  const tracked = (item: Address | Route | Rule) => item.trackGroup === group && !item.noTrack;
  return {
    owner: undefined,
    addresses: addresses.filter(tracked),
    routes: routes.filter(tracked),
    rules: rules.filter(tracked),
  };
}

/** One address, route or rule that somebody wants. */
export interface Wish {
  readonly owner: string | undefined;
  /** `address 192.0.2.100/32`, `route 198.51.100.0/24`, `rule 100`. */
  readonly what: string;
  readonly key: string;
  readonly noTrack: boolean;
}

interface WantedAddress {
  readonly address: InterfaceAddress;
  readonly key: string;
  readonly what: string;
}

/** Addresses in the kernel's terms as they were made last: most are asked for again, on the same interface. */
const wantedAddresses = new WeakMap<Address, WantedAddress>();

function wantedOn(address: Address, resolve: ResolveDevice): Decoded<WantedAddress, WishProblem> {
  const known = wantedAddresses.get(address);
  if (known && resolve(address.device ?? "")?.index === known.address.index) return ok(known);
  const wish = wantedAddress(address, undefined, resolve);
  if (!wish.ok) return wish;
  const what = `address ${address.ip}/${address.prefix}`;
  const wanted = { address: wish.value, key: addressKey(wish.value), what };
  wantedAddresses.set(address, wanted);
  return ok(wanted);
}

/** Each interface is looked for once. */
export function once(resolve: ResolveDevice): ResolveDevice {
  const known = new Map<string, ReturnType<ResolveDevice>>();
  return (name) => {
    if (!known.has(name)) known.set(name, resolve(name));
    return known.get(name);
  };
}

/** The parts in the kernel's terms, and what each key (`ownedKeys`) stands for; without those that were left. */
export function wantedOf(
  parts: readonly TablesPart[],
  resolveDevice: ResolveDevice,
  left: ReadonlyMap<string, unknown> = new Map(),
): {
  wanted: WantedTables;
  /** The addresses of `wanted`. */
  byKey: ReadonlyMap<string, InterfaceAddress>;
  waiting: string[];
  wishes: ReadonlyMap<string, Wish>;
} {
  const resolve = once(resolveDevice);
  const waiting: string[] = [];
  const addresses = new Map<string, WantedTables["addresses"][number]>();
  const routes: NetRoute[] = [];
  const rules: NetRule[] = [];
  const wishes = new Map<string, Wish>();
  /** False for one that is not wanted now. */
  const want = (key: string, part: TablesPart, what: string, noTrack: boolean): boolean => {
    if (left.has(key)) return false;
    wishes.set(key, { owner: part.owner, what, key, noTrack });
    return true;
  };
  for (const part of parts) {
    for (const address of part.addresses) {
      const wish = wantedOn(address, resolve);
      if (!wish.ok) waiting.push(describeProblem(`address ${address.ip}`, part, wish.error));
      else if (want(wish.value.key, part, wish.value.what, address.noTrack))
        addresses.set(wish.value.key, wish.value.address);
    }
    for (const route of part.routes) {
      const wish = wantedRoute(route, resolve);
      const what = `route ${route.destination.ip}/${route.destination.prefix}`;
      if (!wish.ok) waiting.push(describeProblem(what, part, wish.error));
      else if (want(routeOwnKey(wish.value), part, what, route.noTrack)) routes.push(wish.value);
    }
    for (const rule of part.rules) {
      const wish = wantedRule(rule);
      if (want(ruleKey(wish), part, `rule ${rule.preference}`, rule.noTrack)) rules.push(wish);
    }
  }
  return { wanted: { addresses: [...addresses.values()], routes, rules }, byKey: addresses, waiting, wishes };
}

export function single(one: Exclude<NetEvent, { kind: "link" }> | NetCommand): WantedTables {
  if ("address" in one) return { ...NOTHING_WANTED, addresses: [one.address] };
  return "route" in one ? { ...NOTHING_WANTED, routes: [one.route] } : { ...NOTHING_WANTED, rules: [one.rule] };
}

function describeProblem(what: string, part: TablesPart, problem: WishProblem): string {
  const whose = part.owner === undefined ? "static" : `instance ${part.owner}`;
  if (problem.kind === "no-device")
    return `${whose}: ${what} waits: there is no interface ${problem.device === "" ? "(none is named)" : problem.device}`;
  return `${whose}: ${what}: ${problem.what} ${problem.value} can't be used`;
}

/** Which tables are worth watching for a configuration. */
export function tableScope(parts: readonly Pick<TablesPart, "routes">[]): {
  routeProtocols: readonly number[];
  rules: boolean;
} {
  const routes = parts.flatMap((part) => part.routes);
  const protocols = new Set([18, ...routes.map((route) => route.protocol ?? 18)]);
  return { routeProtocols: routes.length > 0 ? [...protocols] : [18], rules: true };
}
