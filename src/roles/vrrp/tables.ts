// Role vrrp: the one writer of addresses, routes and rules. What is wanted (static things and those of instances that are master) is compared with
// what the reflector saw, and the difference applied: all of it, or the parts of some instances (net/wanted-index.ts) where the rest is as it
// was wanted before.
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { sameItems } from "../../base/same-items.ts";
import { inOneGo, portions, type Steps } from "../../base/steps.ts";
import type { Address } from "../../config/model/net.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import type { CommandOutcome } from "../../kernel/rtnetlink.ts";
import { addressKey, type InterfaceAddress, linkByName, RTPROT_VRRP, speaksVrrp } from "../../net/model.ts";
import { single, type TablesPart, type Wish, wantedOf } from "../../net/parts.ts";
import { addressMatches, type NetCommand, ownedKeys, plan, planAddressesAt, routeOwnKey } from "../../net/plan.ts";
import type { NetEvent } from "../../net/seen.ts";
import { wantedAddress } from "../../net/wanted.ts";
import {
  addPart,
  changeOf,
  emptyIndex,
  type PartsChange,
  takeChange,
  type WantedIndex,
  wantedPart,
} from "../../net/wanted-index.ts";
import type { Journal } from "../journal.ts";
import type { TablesJournal } from "./tables-journal.ts";

/** Parts that are gone through in one step; one of thousands of addresses takes its time. */
const PARTS_AT_ONCE = 32;
/** Keys that are compared in one step. */
const KEYS_AT_ONCE = 256;
const NOTHING_LEFT: ReadonlyMap<string, unknown> = new Map();

/** What owners ask for from now on; undefined: nothing. */
export type TablesChange = ReadonlyMap<string, TablesPart | undefined>;

export interface Tables {
  /** An earlier process ended without taking away what it had. */
  readonly crashedBefore: boolean;
  /**
   * Everything that the configuration names, wanted or not: ours to remove. What it named before is ours up to the next apply(), which
   * takes it away.
   */
  setOwned(parts: readonly TablesPart[]): void;
  /** Works out what setOwned() was given, which else the next comparison does, and writes it down. */
  prepare(): Steps;
  /**
   * No other VRRP daemon works in this namespace: what carries our protocol number and is not wanted was left by one that died, and
   * goes with the next apply(). Later ones leave it alone, for another daemon may have come.
   */
  takeOverMarked(): void;
  /** Makes the kernel's tables hold exactly the parts; how many things were changed. The reflector has to settle then. */
  apply(parts: readonly TablesPart[]): number;
  /** The same where only these owners ask for something else than at the last apply(). `parts`: all of them, where that can't be told apart. */
  change(change: TablesChange, parts: () => readonly TablesPart[]): void;
  /** Does all of change() but the commands, and remembers what it found for the change() that follows. */
  rehearse(change: TablesChange, parts: () => readonly TablesPart[]): void;
  /** Looks step by step whether apply() would do nothing; false: it may have to. */
  isAsWanted(parts: readonly TablesPart[]): Steps<boolean>;
  /** Who wants what an event says is gone; undefined when nobody does. */
  ownerOf(event: NetEvent): Wish | undefined;
  /** Does anybody want what has this key? */
  isWanted(key: string): boolean;
  /** Somebody took this away, and it is no_track: it is not wanted any more, until its owner claims it again. */
  leave(wish: Wish): void;
  /** What an owner has left is wanted again: it became master, or has another configuration. True when there was such a thing. */
  claim(owner: string | undefined): boolean;
  /** Owners have other names: the next comparison is of all. */
  renamed(): void;
  /** Since setOwned() there was no apply(). */
  isOutdated(): boolean;
  /** What a part names and the kernel does not hold, in words. */
  missing(part: TablesPart): readonly string[];
  /** Is the address on the interface that it names? */
  has(address: Address): boolean;
  /** Kernel commands by kind and result, for /metrics. */
  metrics(): Readonly<Record<string, number>>;
  /** Nothing of ours is left. */
  forget(): void;
}

export interface TablesPorts {
  readonly reflector: Reflector;
  readonly journal: Journal<TablesJournal>;
  readonly world: string;
  readonly log: Log;
}

interface Rehearsed {
  /** Owners and parts, in turn. */
  readonly change: readonly unknown[];
  /** All parts, where all were compared. */
  readonly all: readonly TablesPart[];
  readonly revision: number;
  readonly found: Found;
}

interface TablesState {
  readonly ports: TablesPorts;
  /** Ours until the kernel has been put right once. */
  leftBehind: readonly string[];
  /** Addresses of owners that were there before any of us: nothing here touches them. */
  machines: ReadonlySet<string>;
  /** Keys that the configuration names. */
  configured: Set<string>;
  /** Undefined: worked out. With thousands of addresses that takes its time, and a director that starts is in a hurry. */
  owned: readonly TablesPart[] | undefined;
  /** Of the configuration before, until it is gone. */
  outgoing: ReadonlySet<string>;
  marks: boolean;
  /** What is wanted since the last comparison. */
  index: WantedIndex;
  /** Nothing is wanted otherwise than `index` says, but what a change() tells. */
  isCurrent: boolean;
  /** By key, and who left it. */
  readonly left: Map<string, string | undefined>;
  problems: readonly string[];
  journalled: ReadonlySet<string>;
  /** What the last rehearsal found. It holds for the same parts, as long as nothing has changed here or in the kernel. */
  rehearsed: Rehearsed | undefined;
  /** Another one with each thing that is wanted otherwise. */
  version: number;
  readonly counters: Record<string, number>;
}

export function createTables(ports: TablesPorts): Tables {
  const { reflector, journal, world } = ports;
  const earlier = journal.read();
  const leftBehind = earlier?.world === world ? earlier.keys : [];
  const state: TablesState = {
    ports,
    leftBehind,
    machines: new Set(earlier?.world === world ? earlier.machines : []),
    configured: new Set(),
    owned: undefined,
    outgoing: new Set(),
    marks: false,
    index: emptyIndex(),
    isCurrent: false,
    left: new Map(),
    problems: [],
    journalled: new Set(leftBehind),
    rehearsed: undefined,
    version: 0,
    counters: {},
  };
  return {
    crashedBefore: leftBehind.length > 0,
    setOwned: (parts) => setOwned(state, parts),
    *prepare() {
      yield* preparing(state);
      yield;
      const { configured, outgoing } = state;
      noteBeforehand(state, configured.union(outgoing).union(new Set(state.leftBehind)));
    },
    takeOverMarked() {
      state.rehearsed = undefined;
      state.marks = true;
    },
    apply: (parts) => applyAll(state, compareAll(state, parts)),
    change(change, parts) {
      const found = rehearsedFor(state, change, parts) ?? compareSome(state, change) ?? compareAll(state, parts());
      if (found.kind === "some") applySome(state, found);
      else applyAll(state, found);
    },
    rehearse(change, parts) {
      const found = compareSome(state, change) ?? compareAll(state, parts());
      const all = found.kind === "all" ? parts() : [];
      state.rehearsed = { change: [...change].flat(), all, revision: reflector.revision, found };
      reflector.rehearse(found.todo);
    },
    isAsWanted: (parts) => isAsWanted(state, parts),
    ownerOf(event) {
      if (event.kind === "link") return undefined;
      for (const key of ownedKeys(single(event))) {
        const found = state.index.wishes.get(key);
        if (found) return found;
      }
      return undefined;
    },
    isWanted: (key) => state.index.wishes.has(key),
    leave({ key, owner }) {
      changed(state);
      state.left.set(key, owner);
    },
    renamed: () => changed(state),
    isOutdated: () => state.owned !== undefined || state.outgoing.size > 0,
    claim: (owner) => claim(state, owner),
    missing: (part) => missing(state, part),
    has(address) {
      const wish = wantedAddress(address, undefined, resolving(state));
      return wish.ok && reflector.seen.addresses.has(addressKey(wish.value));
    },
    metrics: () => state.counters,
    forget: () => journal.clear(),
  };
}

// --- what is ours

function setOwned(state: TablesState, parts: readonly TablesPart[]): void {
  state.rehearsed = undefined;
  state.owned = parts;
  state.outgoing = state.outgoing.union(state.configured);
  state.configured = new Set();
}

/** Behind it `configured` is what setOwned() was given. */
function* preparing(state: TablesState): Steps {
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

function resolving({ ports: { reflector } }: TablesState) {
  return (name: string) => linkByName(reflector.seen, name);
}

/** What is wanted is another thing than `index` says. */
function changed(state: TablesState): void {
  state.rehearsed = undefined;
  state.isCurrent = false;
  state.version++;
}

function claim(state: TablesState, owner: string | undefined): boolean {
  const { left } = state;
  const before = left.size;
  for (const [key, who] of left) if (who === owner) left.delete(key);
  if (left.size === before) return false;
  changed(state);
  return true;
}

// --- comparing

interface FoundAll {
  readonly kind: "all";
  readonly todo: readonly NetCommand[];
  readonly index: WantedIndex;
  readonly waiting: readonly string[];
}

interface FoundSome {
  readonly kind: "some";
  readonly todo: readonly NetCommand[];
  readonly change: PartsChange;
}

/** What parts ask for, and the commands that lead there. */
type Found = FoundAll | FoundSome;

function compareAll(state: TablesState, parts: readonly TablesPart[]): FoundAll {
  inOneGo(preparing(state));
  const { configured, outgoing, leftBehind, left, marks, machines, ports } = state;
  const index = emptyIndex();
  for (const part of parts) addPart(index, wantedPart(part, resolving(state), left));
  const wanted = {
    addresses: [...index.addresses.values()],
    routes: [...index.parts].flatMap(({ tables }) => tables.routes),
    rules: [...index.parts].flatMap(({ tables }) => tables.rules),
  };
  const keys = configured.union(index.wishes).union(outgoing).union(new Set(leftBehind));
  const todo = plan(wanted, ports.reflector.seen, { marks, keys, machines });
  return { kind: "all", todo, index, waiting: [...index.parts].flatMap(({ waiting }) => waiting) };
}

/** Undefined: all has to be compared. */
function compareSome(state: TablesState, change: TablesChange): FoundSome | undefined {
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
function rehearsedFor(
  { rehearsed, ports }: TablesState,
  change: TablesChange,
  parts: () => readonly TablesPart[],
): Found | undefined {
  if (rehearsed?.revision !== ports.reflector.revision || !sameItems(rehearsed.change, [...change].flat()))
    return undefined;
  return rehearsed.found.kind === "some" || sameItems(rehearsed.all, parts()) ? rehearsed.found : undefined;
}

function* isAsWanted(state: TablesState, parts: readonly TablesPart[]): Steps<boolean> {
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

// --- putting right

function applyAll(state: TablesState, { todo, index, waiting }: FoundAll): number {
  const { outgoing } = state;
  changed(state);
  state.marks = false;
  // An interface that came later had no index when the configuration was read.
  for (const key of index.wishes.keys()) state.configured.add(key);
  state.index = index;
  state.isCurrent = true;
  noteBeforehand(state, state.configured.union(outgoing).union(new Set(state.leftBehind)));
  const { done, failed } = judge(state, todo);
  if (failed.length === 0) state.leftBehind = [];
  state.outgoing = new Set();
  // Nobody but an earlier process or configuration had the rest.
  if (state.leftBehind.length === 0 && state.journalled.size > state.configured.size) write(state, state.configured);
  tell(state, [...waiting, ...failed]);
  return done;
}

function applySome(state: TablesState, { todo, change }: FoundSome): void {
  const { index, journalled } = state;
  state.rehearsed = undefined;
  state.version++;
  takeChange(index, change);
  for (const { wishes } of change.arriving) for (const key of wishes.keys()) state.configured.add(key);
  if (![...change.keys].every((key) => journalled.has(key))) noteBeforehand(state, journalled.union(change.keys));
  const { failed } = judge(state, todo);
  const now = [...change.arriving.flatMap(({ waiting }) => waiting), ...failed];
  if (now.length > 0) tell(state, [...new Set([...state.problems, ...now])]);
}

/** Whatever may come into the kernel is written down before. */
function noteBeforehand(state: TablesState, ours: ReadonlySet<string>): void {
  if (!ours.isSubsetOf(state.journalled)) write(state, ours);
}

function write(state: TablesState, keys: ReadonlySet<string>): void {
  const { machines } = state;
  const { journal, world, log } = state.ports;
  // A copy: keys come to those that are configured.
  state.journalled = new Set(keys);
  try {
    journal.write({ world, keys: [...keys], ...(machines.size > 0 && { machines: [...machines] }) });
  } catch (error) {
    const reason = messageOf(error);
    log({ level: "warning", area: "vrrp", message: `the journal of addresses can't be written: ${reason}` });
  }
}

function judge(state: TablesState, todo: readonly NetCommand[]): { done: number; failed: string[] } {
  const { counters, ports } = state;
  const failed: string[] = [];
  let done = 0;
  for (const outcome of todo.length > 0 ? ports.reflector.apply(todo) : []) {
    const result = outcome.meaning === "done" ? "ok" : outcome.meaning;
    const name = `lbd_kernel_ops_total{kind="rtnetlink",op="${outcome.command.kind}",result="${result}"}`;
    counters[name] = (counters[name] ?? 0) + 1;
    if (outcome.meaning === "done") done++;
    else if (outcome.meaning !== "already-so") failed.push(describeFailure(state, outcome));
  }
  return { done, failed };
}

/** `V1: address 192.0.2.100/24 on eth0: ipv4: Invalid scope value: EINVAL`. */
function describeFailure({ index, ports }: TablesState, { command, message = command.kind }: CommandOutcome): string {
  const [owner] = [...ownedKeys(single(command))].flatMap((key) => index.wishes.get(key)?.owner ?? []);
  const text = message.replace(/\binterface (\d+)/g, (unnamed, link) => {
    return ports.reflector.seen.links.get(Number(link))?.name ?? unnamed;
  });
  return owner === undefined ? text : `${owner}: ${text}`;
}

function tell(state: TablesState, now: readonly string[]): void {
  const known = new Set(state.problems);
  for (const problem of now)
    if (!known.has(problem)) state.ports.log({ level: "warning", area: "vrrp", message: problem });
  state.problems = now;
}

// --- questions

function missing(state: TablesState, part: TablesPart): readonly string[] {
  const { wanted, waiting, wishes } = wantedOf([part], resolving(state));
  const todo = plan(wanted, state.ports.reflector.seen, { marks: false, keys: new Set() });
  const absent = todo
    .filter(({ kind }) => kind.startsWith("add-"))
    .flatMap((command) => [...ownedKeys(single(command))]);
  return [...waiting, ...absent.map((key) => `${wishes.get(key)?.what ?? key} is missing`)];
}
