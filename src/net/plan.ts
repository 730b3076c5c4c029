// Core of the network tables: plan(wanted, seen, owned) → commands. A pure difference over managed fields, so that taking over,
// giving up, reload, start after a crash and drift are one code path. Giving up comes first (rules, routes, addresses), then
// taking over (addresses in the order given, routes, rules): an IPv6 address can't change its prefix while the old one stands.
import {
  addressKey,
  IFA_F_SECONDARY,
  type InterfaceAddress,
  leadsNowhere,
  type NetRoute,
  type NetRule,
  type RouteHop,
  RTAX_LOCK,
  RTPROT_VRRP,
  routeHopTexts,
  routePrefixKey,
  ruleKey,
  type SeenTables,
} from "./model.ts";
import { maskedPrefix } from "./wanted.ts";

/** All that should be there; addresses in the order in which they are to be added (virtual before excluded). */
export interface WantedTables {
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly NetRoute[];
  readonly rules: readonly NetRule[];
}

export const NOTHING_WANTED: WantedTables = { addresses: [], routes: [], rules: [] };

/** Which seen entries may be removed when they are not wanted. Strangers' entries are never touched. */
export interface Ownership {
  /** Entries that carry our protocol number (18) are ours. False when another VRRP daemon works in the same namespace. */
  readonly marks: boolean;
  /** Keys (see ownedKeys) that the configuration names, in whatever role, or that the journal says we added. */
  readonly keys: ReadonlySet<string>;
  /** Addresses that the machine had before us: they stay as they are, wanted or not. */
  readonly machines?: ReadonlySet<string>;
}

export type NetCommand =
  | { readonly kind: "add-address" | "delete-address"; readonly address: InterfaceAddress }
  | { readonly kind: "add-route" | "delete-route"; readonly route: NetRoute }
  | { readonly kind: "add-rule" | "delete-rule"; readonly rule: NetRule };

/** Commands that turn `seen` into `wanted`, in the order in which they have to run; empty when nothing is to do. */
export function plan(wanted: WantedTables, seen: SeenTables, owned: Ownership): readonly NetCommand[] {
  const addresses = planAddresses(wanted.addresses, seen, owned);
  const routes = planRoutes(wanted.routes, seen, owned);
  const rules = planRules(wanted.rules, seen, owned);
  return [...rules.remove, ...routes.remove, ...addresses.remove, ...addresses.add, ...routes.add, ...rules.add];
}

/** The keys under which wanted entries are owned, for Ownership.keys: addressKey, routeOwnKey and ruleKey of each. */
export function ownedKeys(wanted: WantedTables): ReadonlySet<string> {
  return new Set([
    ...wanted.addresses.map(addressKey),
    ...wanted.routes.map(routeOwnKey),
    ...wanted.rules.map(ruleKey),
  ]);
}

/** A prefix belongs to whoever put it there: the configuration names it together with its protocol. */
export function routeOwnKey(route: NetRoute): string {
  return `${routePrefixKey(route)} proto ${route.protocol}`;
}

interface Difference {
  readonly remove: readonly NetCommand[];
  readonly add: readonly NetCommand[];
}

function planAddresses(wanted: readonly InterfaceAddress[], seen: SeenTables, owned: Ownership): Difference {
  const wantedByKey = new Map(wanted.map((address) => [addressKey(address), address]));
  const wishOf = (key: string) => wantedByKey.get(key);
  const { remove, gone } = notWanted(seen.addresses.keys(), wishOf, seen, owned);
  return { remove, add: missing(wantedByKey.keys(), wishOf, seen, gone) };
}

/**
 * What plan() has to say of the addresses with these keys; all others are as wanted. `wishOf` knows what is wanted under any key: removing an
 * address may take others along.
 */
export function planAddressesAt(
  keys: ReadonlySet<string>,
  wishOf: (key: string) => InterfaceAddress | undefined,
  seen: SeenTables,
  owned: Ownership,
): readonly NetCommand[] {
  const { remove, gone } = notWanted(keys, wishOf, seen, owned);
  return [...remove, ...missing(keys.union(gone), wishOf, seen, gone)];
}

/** Of the addresses with these keys, those that have to go; `gone`: they, and what goes with them. */
function notWanted(
  keys: Iterable<string>,
  wishOf: (key: string) => InterfaceAddress | undefined,
  seen: SeenTables,
  owned: Ownership,
): { readonly remove: NetCommand[]; readonly gone: ReadonlySet<string> } {
  const remove: NetCommand[] = [];
  const gone = new Set<string>();
  for (const key of keys) {
    const there = seen.addresses.get(key);
    if (!there || owned.machines?.has(key)) continue;
    const wish = wishOf(key);
    if (wish ? addressMatches(wish, there) : !ownsAddress(owned, key, there)) continue;
    remove.push({ kind: "delete-address", address: there });
    gone.add(key);
    for (const lost of secondariesOf(there, seen)) gone.add(lost);
  }
  return { remove, gone };
}

function missing(
  keys: Iterable<string>,
  wishOf: (key: string) => InterfaceAddress | undefined,
  seen: SeenTables,
  gone: ReadonlySet<string>,
): NetCommand[] {
  const add: NetCommand[] = [];
  for (const key of keys) {
    const wish = wishOf(key);
    if (wish && (!seen.addresses.has(key) || gone.has(key))) add.push({ kind: "add-address", address: wish });
  }
  return add;
}

function ownsAddress(owned: Ownership, key: string, address: InterfaceAddress): boolean {
  return owned.keys.has(key) || (owned.marks && address.protocol === RTPROT_VRRP);
}

/**
 * kernel: with promote_secondaries off, removing an IPv4 primary takes its secondaries along. They are added again if they are
 * wanted; where the sysctl is on, they are still there and the kernel says so.
 */
function secondariesOf(primary: InterfaceAddress, seen: SeenTables): string[] {
  if (primary.family !== 4 || (primary.flags & IFA_F_SECONDARY) !== 0) return [];
  const network = maskedPrefix(primary.peer?.ip ?? primary.ip, primary.prefix).ip;
  const keys: string[] = [];
  for (const other of seen.addresses.values()) {
    if (other.family !== 4 || other.index !== primary.index || (other.flags & IFA_F_SECONDARY) === 0) continue;
    if (other.prefix !== primary.prefix) continue;
    if (maskedPrefix(other.peer?.ip ?? other.ip, other.prefix).ip === network) keys.push(addressKey(other));
  }
  return keys;
}

/** IFA_F_* bits that the configuration decides; the rest is the kernel's business. */
const MANAGED_ADDRESS_FLAGS = 0x10 | 0x100 | 0x200 | 0x400;

/** Does the address that is there do for the one that is wanted? Only fields that the wish names are compared. */
export function addressMatches(wish: InterfaceAddress, there: InterfaceAddress): boolean {
  if (wish.prefix !== there.prefix) return false;
  if (((wish.flags ^ there.flags) & MANAGED_ADDRESS_FLAGS) !== 0) return false;
  if (wish.family === 4) {
    if (wish.scope !== undefined && wish.scope !== there.scope) return false;
    if (wish.label !== undefined && wish.label !== there.label) return false;
    if (wish.broadcast !== undefined && wish.broadcast !== there.broadcast) return false;
  } else if (wish.peer?.ip !== there.peer?.ip) return false;
  // A lifetime that runs can't be compared; "no longer preferred" against "forever" can.
  return (wish.preferredS === 0) === (there.preferredS === 0);
}

function planRoutes(wanted: readonly NetRoute[], seen: SeenTables, owned: Ownership): Difference {
  const remove: NetCommand[] = [];
  const add: NetCommand[] = [];
  const thereByPrefix = groupBy(seen.routes.values(), routePrefixKey);
  const wantedByPrefix = groupBy(wanted, routePrefixKey);
  for (const [key, wishes] of wantedByPrefix) {
    const there = thereByPrefix.get(key) ?? [];
    for (const wish of wishes) {
      const found = there.filter((route) => route.protocol === wish.protocol && leadsAlike(wish, route));
      const differs = found.some((route) => !routeMatches(wish, route));
      if (differs) for (const route of found) remove.push({ kind: "delete-route", route });
      // kernel: a second IPv6 route with the same next hop is refused whatever its protocol, so a stranger's does for ours.
      const covering = wish.family === 6 && found.length === 0 ? there : found;
      if (differs || !hopsCovered(wish, covering)) add.push({ kind: "add-route", route: wish });
    }
  }
  for (const [key, there] of thereByPrefix) {
    const wishes = wantedByPrefix.get(key) ?? [];
    for (const route of there) {
      const ours = owned.keys.has(routeOwnKey(route)) || (owned.marks && route.protocol === RTPROT_VRRP);
      if (ours && !wishes.some((wish) => leadsAlike(wish, route))) remove.push({ kind: "delete-route", route });
    }
  }
  return { remove, add };
}

/** IPv4: the same set of next hops. IPv6: the seen route is one next hop (see seen.ts), and the wish has it. */
function leadsAlike(wish: NetRoute, there: NetRoute): boolean {
  const wanted = routeHopTexts(wish);
  const seen = routeHopTexts(there);
  if (wish.family === 4 || wanted.length === 0 || seen.length === 0)
    return wanted.length === seen.length && wanted.every((hop, i) => sameHop(hop, seen[i] ?? ""));
  return seen.every((other) => wanted.some((hop) => sameHop(hop, other)));
}

/** A wish without a device is content with the device that the kernel found for its gateway. */
function sameHop(wanted: string, seen: string): boolean {
  return wanted === seen || (wanted.endsWith(" dev -") && seen.startsWith(wanted.slice(0, -1)));
}

function hopsCovered(wish: NetRoute, found: readonly NetRoute[]): boolean {
  if (found.length === 0) return false;
  const seen = found.flatMap(routeHopTexts);
  return routeHopTexts(wish).every((hop) => seen.some((other) => sameHop(hop, other)));
}

/** Does the route that is there do for the one that is wanted? Only fields that the wish names are compared. */
function routeMatches(wish: NetRoute, there: NetRoute): boolean {
  if (wish.protocol !== there.protocol) return false;
  if (wish.family === 4 && wish.scope !== undefined && wish.scope !== there.scope) return false;
  if (wish.source !== undefined && wish.source !== there.source) return false;
  if (wish.pref !== undefined && wish.pref !== (there.pref ?? 0)) return false;
  for (const [number, value] of wish.metrics) {
    const seen = there.metrics.get(number);
    if (number === RTAX_LOCK ? (Number(seen ?? 0) & Number(value)) !== Number(value) : seen !== value) return false;
  }
  return leadsNowhere(wish.type) || there.hops.every((hop) => weightMatches(wish, hop));
}

function weightMatches(wish: NetRoute, there: RouteHop): boolean {
  const same = wish.hops.find((hop) => hop.via === there.via && (hop.index === undefined || hop.index === there.index));
  return same === undefined || same.weight === there.weight;
}

function planRules(wanted: readonly NetRule[], seen: SeenTables, owned: Ownership): Difference {
  const remove: NetCommand[] = [];
  const add: NetCommand[] = [];
  const wantedByKey = new Map(wanted.map((rule) => [ruleKey(rule), rule]));
  for (const [key, there] of seen.rules) {
    if (wantedByKey.has(key)) continue;
    const ours = owned.keys.has(key) || (owned.marks && there.protocol === RTPROT_VRRP);
    if (ours) remove.push({ kind: "delete-rule", rule: there });
  }
  for (const [key, rule] of wantedByKey) if (!seen.rules.has(key)) add.push({ kind: "add-rule", rule });
  return { remove, add };
}

function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
