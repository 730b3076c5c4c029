// Core of the network tables: all that is wanted, key by key and part by part, so that what a part asks for can be compared by itself. The one
// who keeps an index changes it in place.
import type { InterfaceAddress } from "./model.ts";
import { type TablesPart, type Wish, wantedOf } from "./parts.ts";
import type { WantedTables } from "./plan.ts";
import type { ResolveDevice } from "./wanted.ts";

/** A part in the kernel's terms. */
export interface WantedPart {
  readonly part: TablesPart;
  readonly addresses: ReadonlyMap<string, InterfaceAddress>;
  /** Its routes and rules; undefined: it has none. */
  readonly others: Pick<WantedTables, "routes" | "rules"> | undefined;
  readonly wishes: ReadonlyMap<string, Wish>;
  /** What waits for an interface, in words. */
  readonly waiting: readonly string[];
  /** Indexes of the interfaces that its addresses name. */
  readonly devices: ReadonlyMap<string, number>;
}

export interface WantedIndex {
  /** In the order of adding. */
  readonly parts: Set<WantedPart>;
  /** Without what is static. */
  readonly byOwner: Map<string, WantedPart>;
  readonly addresses: Map<string, InterfaceAddress>;
  readonly wishes: Map<string, Wish>;
  /** Keys that several parts ask for. */
  readonly shared: Set<string>;
}

export function emptyIndex(): WantedIndex {
  return { parts: new Set(), byOwner: new Map(), addresses: new Map(), wishes: new Map(), shared: new Set() };
}

/** Parts of addresses alone as they were made last: an audit asks for all of them, and the interfaces are what they were. */
const knownParts = new WeakMap<TablesPart, WantedPart>();

/** Without what was `left`. */
export function wantedPart(part: TablesPart, resolve: ResolveDevice, left: ReadonlyMap<string, unknown>): WantedPart {
  const known = left.size === 0 ? knownParts.get(part) : undefined;
  if (known?.devices.entries().every(([device, index]) => resolve(device)?.index === index)) return known;
  const { wanted, byKey, waiting, wishes } = wantedOf([part], resolve, left);
  const devices = new Map(part.addresses.map(({ device = "" }) => [device, resolve(device)?.index ?? 0]));
  const others = part.routes.length + part.rules.length > 0 ? wanted : undefined;
  const made = { part, addresses: byKey, others, wishes, waiting, devices };
  if (!others && left.size + waiting.length === 0) knownParts.set(part, made);
  return made;
}

/** Of what several ask for, the last one's wish counts. */
export function addPart(index: WantedIndex, wanted: WantedPart): void {
  const { part, addresses, wishes } = wanted;
  index.parts.add(wanted);
  if (part.owner !== undefined) index.byOwner.set(part.owner, wanted);
  for (const [key, address] of addresses) index.addresses.set(key, address);
  for (const [key, wish] of wishes) {
    if (index.wishes.has(key)) index.shared.add(key);
    index.wishes.set(key, wish);
  }
}

/** What of an index is another thing when the owners have these parts. */
export interface PartsChange {
  readonly leaving: readonly WantedPart[];
  readonly arriving: readonly WantedPart[];
  /** Of both. */
  readonly keys: ReadonlySet<string>;
  /** What is wanted under a key behind it. */
  readonly wishOf: (key: string) => InterfaceAddress | undefined;
}

/**
 * Undefined where these parts can't be looked at by themselves: more than addresses is in them, or they share a key with another part.
 * @param next what each owner asks for from now on; undefined: nothing
 */
export function changeOf(
  index: WantedIndex,
  next: ReadonlyMap<string, TablesPart | undefined>,
  resolve: ResolveDevice,
  left: ReadonlyMap<string, unknown>,
): PartsChange | undefined {
  const leaving = [...next.keys()].flatMap((owner) => index.byOwner.get(owner) ?? []);
  const arriving = [...next.values()].flatMap((part) => (part ? [wantedPart(part, resolve, left)] : []));
  if (![...leaving, ...arriving].every(({ part }) => part.routes.length + part.rules.length === 0)) return undefined;
  const before = new Set(leaving.flatMap(({ wishes }) => [...wishes.keys()]));
  const after = new Map<string, InterfaceAddress>();
  for (const key of before) if (index.shared.has(key)) return undefined;
  for (const { addresses } of arriving)
    for (const [key, address] of addresses) {
      if (after.has(key) || (index.wishes.has(key) && !before.has(key))) return undefined;
      after.set(key, address);
    }
  const wishOf = (key: string) => after.get(key) ?? (before.has(key) ? undefined : index.addresses.get(key));
  return { leaving, arriving, keys: before.union(new Set(after.keys())), wishOf };
}

export function takeChange(index: WantedIndex, { leaving, arriving }: PartsChange): void {
  for (const wanted of leaving) {
    index.parts.delete(wanted);
    if (wanted.part.owner !== undefined) index.byOwner.delete(wanted.part.owner);
    for (const key of wanted.wishes.keys()) {
      index.addresses.delete(key);
      index.wishes.delete(key);
    }
  }
  for (const wanted of arriving) addPart(index, wanted);
}
