// Role vrrp: what is wanted of addresses, routes and rules, beside what the reflector saw: all of it, what some owners ask for, or all step by step.
import { sameItems } from "../../base/same-items.ts";
import { inOneGo, portions, type Steps } from "../../base/steps.ts";
import { type InterfaceAddress, RTPROT_VRRP, speaksVrrp } from "../../net/model.ts";
import { once, type TablesPart, wantedOf } from "../../net/parts.ts";
import { addressMatches, plan, planAddressesAt, routeOwnKey } from "../../net/plan.ts";
import { addPart, changeOf, emptyIndex, wantedPart } from "../../net/wanted-index.ts";
import { applyAll } from "./tables-apply.ts";
import {
  type Found,
  type FoundAll,
  type FoundSome,
  resolving,
  type TablesChange,
  type TablesState,
} from "./tables-state.ts";

/** Parts that are gone through in one step; one of thousands of addresses takes its time. */
const PARTS_AT_ONCE = 32;
/** Keys that are compared in one step. */
const KEYS_AT_ONCE = 256;
const NOTHING_LEFT: ReadonlyMap<string, unknown> = new Map();

/** Behind it `configured` is what setOwned() was given. */
export function* preparing(state: TablesState): Steps {
  const { owned } = state;
  if (!owned) return;
  const keys = new Set<string>();
  for (const some of portions(owned, PARTS_AT_ONCE)) {
    for (const key of wantedOf(some, resolving(state)).wishes.keys()) keys.add(key);
    yield;
    // A takeover in between has done it.
    if (state.owned !== owned) return;
  }
  lookForMachines(state, owned);
  state.configured = keys;
  state.owned = undefined;
}

/**
 * What an owner of addresses finds on the interface, and nobody here has put there, is the machine's where there is no other address to
 * speak from: without it the owner could never advertise. Else it comes and goes, and whoever takes over is the only one that has it.
 */
function lookForMachines(state: TablesState, parts: readonly TablesPart[]): void {
  const { machines, outgoing, ports } = state;
  const owners = parts.filter(({ isAddressOwner }) => isAddressOwner);
  if (owners.length === 0 && machines.size === 0) return;
  const known = outgoing.union(new Set(state.leftBehind));
  const wanted = wantedOf(owners, resolving(state)).byKey;
  const seen = ports.reflector.seen.addresses;
  const others = [...seen].filter(([key, address]) => !wanted.has(key) && speaksVrrp(address));
  const isMachines = (key: string, { index, family }: InterfaceAddress) => {
    if (machines.has(key)) return true;
    const there = seen.get(key);
    if (there === undefined || there.protocol === RTPROT_VRRP || known.has(key)) return false;
    return !others.some(([, other]) => other.index === index && other.family === family);
  };
  state.machines = new Set([...wanted].flatMap(([key, address]) => (isMachines(key, address) ? [key] : [])));
}

export function compareAll(state: TablesState, parts: readonly TablesPart[]): FoundAll {
  inOneGo(preparing(state));
  const { configured, outgoing, leftBehind, left, marks, machines, ports } = state;
  const index = emptyIndex();
  const resolve = once(resolving(state));
  for (const part of parts) addPart(index, wantedPart(part, resolve, left));
  const wanted = {
    addresses: [...index.addresses.values()],
    routes: [...index.parts].flatMap(({ others }) => others?.routes ?? []),
    rules: [...index.parts].flatMap(({ others }) => others?.rules ?? []),
  };
  const keys = configured.union(index.wishes).union(outgoing).union(new Set(leftBehind));
  const todo = plan(wanted, ports.reflector.seen, { marks, keys, machines });
  return { kind: "all", todo, index, waiting: [...index.parts].flatMap(({ waiting }) => waiting) };
}

/** Undefined: all has to be compared. */
export function compareSome(state: TablesState, change: TablesChange): FoundSome | undefined {
  const { isCurrent, marks, leftBehind, left, machines, index, ports } = state;
  if (!isCurrent || marks || leftBehind.length > 0) return undefined;
  inOneGo(preparing(state));
  const found = changeOf(index, change, resolving(state), left);
  if (!found) return undefined;
  const { keys, wishOf } = found;
  const todo = planAddressesAt(keys, wishOf, ports.reflector.seen, { marks, keys, machines });
  return { kind: "some", todo, change: found };
}

/** What a rehearsal found for the very same parts; it is good for one time. */
export function rehearsedFor(
  { rehearsed, ports }: TablesState,
  change: TablesChange,
  parts: () => readonly TablesPart[],
): Found | undefined {
  if (rehearsed?.revision !== ports.reflector.revision || !sameItems(rehearsed.change, [...change].flat()))
    return undefined;
  return rehearsed.found.kind === "some" || sameItems(rehearsed.all, parts()) ? rehearsed.found : undefined;
}

export function* isAsWanted(state: TablesState, parts: readonly TablesPart[]): Steps<boolean> {
  yield* preparing(state);
  const { configured, outgoing, machines, version, ports } = state;
  const { seen, revision } = ports.reflector;
  const isOther = () => state.version !== version || ports.reflector.revision !== revision;
  if (state.marks || state.leftBehind.length + state.left.size > 0) return false;
  const index = emptyIndex();
  for (const some of portions(parts, PARTS_AT_ONCE)) {
    // Of routes and rules there are few, and whoever has them compares all.
    if (some.some(({ routes, rules }) => routes.length + rules.length > 0)) return false;
    for (const part of some) addPart(index, wantedPart(part, resolving(state), NOTHING_LEFT));
    yield;
  }
  for (const some of portions([...index.addresses], KEYS_AT_ONCE)) {
    const isThere = ([key, wish]: readonly [string, InterfaceAddress]) => {
      const there = seen.addresses.get(key);
      return there !== undefined && (machines.has(key) || addressMatches(wish, there));
    };
    if (isOther() || !some.every(isThere)) return false;
    yield;
  }
  const ours = configured.union(outgoing);
  if ([...seen.rules.keys()].some((key) => ours.has(key))) return false;
  if ([...seen.routes.values()].some((route) => ours.has(routeOwnKey(route)))) return false;
  for (const some of portions([...ours], KEYS_AT_ONCE)) {
    const isTooMuch = (key: string) => seen.addresses.has(key) && !index.addresses.has(key) && !machines.has(key);
    if (isOther() || some.some(isTooMuch)) return false;
    yield;
  }
  if (isOther()) return false;
  const waiting = [...index.parts].flatMap((one) => one.waiting);
  applyAll(state, { kind: "all", todo: [], index, waiting });
  return true;
}
