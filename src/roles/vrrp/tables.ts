// Role vrrp: the one writer of addresses, routes and rules. What is wanted is worked out whole each time (static ones
// and those of instances that are master), compared with what the reflector saw, and the difference applied.
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { sameItems } from "../../base/same-items.ts";
import type { Address, Route, Rule } from "../../config/model/net.ts";
import type { VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import type { CommandOutcome } from "../../kernel/rtnetlink.ts";
import { addressKey, linkByName, type NetRoute, type NetRule, ruleKey } from "../../net/model.ts";
import { type NetCommand, ownedKeys, plan, routeOwnKey, type WantedTables } from "../../net/plan.ts";
import type { NetEvent } from "../../net/seen.ts";
import { type ResolveDevice, type WishProblem, wantedAddress, wantedRoute, wantedRule } from "../../net/wanted.ts";
import type { Journal } from "../journal.ts";
import { placedAddresses, type Station } from "./station.ts";

/**
 * All that this role may have in the kernel: what the configuration names, held or not, so that a takeover writes no file. Keys hold
 * interface indexes, so they mean something in one world only.
 */
export interface TablesJournal {
  readonly world: string;
  readonly keys: readonly string[];
}

/** For openJournal(): undefined for what is none. */
export function parseTablesJournal(raw: unknown): TablesJournal | undefined {
  if (typeof raw !== "object" || raw === null || !("world" in raw) || !("keys" in raw)) return undefined;
  const { world, keys } = raw;
  if (typeof world !== "string" || !Array.isArray(keys) || !keys.every((key) => typeof key === "string"))
    return undefined;
  return { world, keys };
}

/** A part of the wish, and who wants it: the name of an instance, or undefined for the static part. */
export interface TablesPart {
  readonly owner: string | undefined;
  /** Each with the interface that it goes to. */
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/** Parts that were made before, with what they were made of: the same one again tells a takeover that it was rehearsed. */
const stationParts = new WeakMap<Station, { readonly of: readonly unknown[]; readonly part: TablesPart }>();
const staticParts = new WeakMap<VrrpConfig, TablesPart>();

/** `instance`: the configuration that the instance owns its things by; in a reload not yet that of the station. */
export function partOf(station: Station, instance: VrrpInstance): TablesPart {
  const of = [instance, station.instance, station.addressVmacs];
  const known = stationParts.get(station);
  if (known && sameItems(known.of, of)) return known.part;
  const addresses = placedAddresses(station, instance);
  const part = { owner: instance.name, addresses, routes: instance.routes, rules: instance.rules };
  stationParts.set(station, { of, part });
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

export interface Tables {
  /** An earlier process ended without taking away what it had. */
  readonly crashedBefore: boolean;
  /**
   * Everything that the configuration names, wanted or not: ours to remove. What it named before is ours up to the next apply(), which
   * takes it away.
   */
  setOwned(parts: readonly TablesPart[]): void;
  /**
   * No other VRRP daemon works in this namespace: what carries our protocol number and is not wanted was left by one that died, and
   * goes with the next apply(). Later ones leave it alone, for another daemon may have come.
   */
  takeOverMarked(): void;
  /** Makes the kernel's tables hold exactly the parts; how many things were changed. The reflector has to settle then. */
  apply(parts: readonly TablesPart[]): number;
  /** Does all of apply() but the commands, and remembers what it found for the apply() that follows. */
  rehearse(parts: readonly TablesPart[]): void;
  /** Who wants what an event says is gone; undefined when nobody does. */
  ownerOf(event: NetEvent): Wish | undefined;
  /** Does anybody want what has this key? */
  isWanted(key: string): boolean;
  /** Somebody took this away, and it is no_track: it is not wanted any more, until its owner claims it again. */
  leave(wish: Wish): void;
  /** What an owner has left is wanted again: it became master, or has another configuration. True when there was such a thing. */
  claim(owner: string | undefined): boolean;
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

/** One address, route or rule that somebody wants. */
export interface Wish {
  readonly owner: string | undefined;
  /** `address 192.0.2.100/32`, `route 198.51.100.0/24`, `rule 100`. */
  readonly what: string;
  readonly key: string;
  readonly noTrack: boolean;
}

export interface TablesPorts {
  readonly reflector: Reflector;
  readonly journal: Journal<TablesJournal>;
  readonly world: string;
  readonly log: Log;
}

const EMPTY: WantedTables = { addresses: [], routes: [], rules: [] };

export function createTables({ reflector, journal, world, log }: TablesPorts): Tables {
  const earlier = journal.read();
  /** Ours until the kernel has been put right once. */
  let leftBehind: readonly string[] = earlier?.world === world ? earlier.keys : [];
  let configured: ReadonlySet<string> = new Set();
  /** Undefined: worked out. With thousands of addresses that takes its time, and a director that starts is in a hurry. */
  let owned: readonly TablesPart[] | undefined;
  /** Of the configuration before, until it is gone. */
  let outgoing: ReadonlySet<string> = new Set();
  let marks = false;
  let wishes: ReadonlyMap<string, Wish> = new Map();
  /** By key, and who left it. */
  const left = new Map<string, string | undefined>();
  let problems: readonly string[] = [];
  let journalled: ReadonlySet<string> = new Set(leftBehind);
  /** What the last rehearsal found. It holds for the same parts, as long as nothing has changed here or in the kernel. */
  let rehearsed:
    | { readonly parts: readonly TablesPart[]; readonly revision: number; readonly found: ReturnType<typeof compare> }
    | undefined;
  const counters: Record<string, number> = {};
  const resolve = (name: string) => linkByName(reflector.seen, name);

  function write(keys: ReadonlySet<string>): void {
    journalled = keys;
    try {
      journal.write({ world, keys: [...keys].sort() });
    } catch (error) {
      const reason = messageOf(error);
      log({ level: "warning", area: "vrrp", message: `the journal of addresses can't be written: ${reason}` });
    }
  }

  function judge(outcomes: readonly CommandOutcome[]): { done: number; failed: string[] } {
    const failed: string[] = [];
    let done = 0;
    for (const outcome of outcomes) {
      const result = outcome.meaning === "done" ? "ok" : outcome.meaning;
      const name = `lbd_kernel_ops_total{kind="rtnetlink",op="${outcome.command.kind}",result="${result}"}`;
      counters[name] = (counters[name] ?? 0) + 1;
      if (outcome.meaning === "done") done++;
      else if (outcome.meaning !== "already-so") failed.push(describeFailure(outcome));
    }
    return { done, failed };
  }

  /** `V1: address 192.0.2.100/24 on eth0: ipv4: Invalid scope value: EINVAL`. */
  function describeFailure({ command, message = command.kind }: CommandOutcome): string {
    const [owner] = [...ownedKeys(single(command))].flatMap((key) => wishes.get(key)?.owner ?? []);
    const text = message.replace(/\binterface (\d+)/g, (unnamed, index) => {
      return reflector.seen.links.get(Number(index))?.name ?? unnamed;
    });
    return owner === undefined ? text : `${owner}: ${text}`;
  }

  function report(now: readonly string[]): void {
    for (const problem of now)
      if (!problems.includes(problem)) log({ level: "warning", area: "vrrp", message: problem });
    problems = now;
  }

  /** What the parts ask for, and the commands that lead there. */
  function compare(parts: readonly TablesPart[]) {
    if (owned) configured = ownedKeys(wantedOf(owned, resolve).wanted);
    owned = undefined;
    const { wanted, waiting, wishes: named } = wantedOf(parts, resolve, left);
    const keys = new Set([...configured, ...ownedKeys(wanted)]);
    const ours = new Set([...keys, ...outgoing, ...leftBehind]);
    const todo: readonly NetCommand[] = plan(wanted, reflector.seen, { marks, keys: ours });
    return { todo, keys, ours, waiting, named };
  }

  function compareOnce(parts: readonly TablesPart[]) {
    const known = rehearsed;
    rehearsed = undefined;
    if (known?.revision === reflector.revision && sameItems(known.parts, parts)) return known.found;
    return compare(parts);
  }

  return {
    crashedBefore: leftBehind.length > 0,
    setOwned(parts) {
      rehearsed = undefined;
      owned = parts;
      outgoing = outgoing.union(configured);
      configured = new Set();
    },
    takeOverMarked() {
      rehearsed = undefined;
      marks = true;
    },
    apply(parts) {
      const { todo, keys, ours, waiting, named } = compareOnce(parts);
      marks = false;
      // An interface that came later had no index when the configuration was read.
      configured = keys;
      wishes = named;
      if (!ours.isSubsetOf(journalled)) write(ours);
      const { done, failed } = judge(todo.length > 0 ? reflector.apply(todo) : []);
      if (failed.length === 0) leftBehind = [];
      outgoing = new Set();
      // Nobody but an earlier process or configuration had the rest.
      if (leftBehind.length === 0 && journalled.size > keys.size) write(keys);
      report([...waiting, ...failed]);
      return done;
    },
    rehearse(parts) {
      const found = compare(parts);
      rehearsed = { parts, revision: reflector.revision, found };
      reflector.rehearse(found.todo);
    },
    ownerOf(event) {
      if (event.kind === "link") return undefined;
      for (const key of ownedKeys(single(event))) {
        const found = wishes.get(key);
        if (found) return found;
      }
      return undefined;
    },
    isWanted: (key) => wishes.has(key),
    leave({ key, owner }) {
      rehearsed = undefined;
      left.set(key, owner);
    },
    isOutdated: () => owned !== undefined || outgoing.size > 0,
    claim(owner) {
      const before = left.size;
      for (const [key, who] of left) {
        if (who !== owner) continue;
        rehearsed = undefined;
        left.delete(key);
      }
      return left.size < before;
    },
    missing(part) {
      const { wanted, waiting, wishes: named } = wantedOf([part], resolve);
      const todo = plan(wanted, reflector.seen, { marks: false, keys: new Set() });
      const absent = todo
        .filter(({ kind }) => kind.startsWith("add-"))
        .flatMap((command) => [...ownedKeys(single(command))]);
      return [...waiting, ...absent.map((key) => `${named.get(key)?.what ?? key} is missing`)];
    },
    has(address) {
      const wish = wantedAddress(address, undefined, resolve);
      return wish.ok && reflector.seen.addresses.has(addressKey(wish.value));
    },
    metrics: () => counters,
    forget: () => journal.clear(),
  };
}

/** The parts in the kernel's terms, and what each key stands for; without those that were left. */
function wantedOf(
  parts: readonly TablesPart[],
  resolve: ResolveDevice,
  left: ReadonlyMap<string, unknown> = new Map(),
): { wanted: WantedTables; waiting: string[]; wishes: ReadonlyMap<string, Wish> } {
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
      const wish = wantedAddress(address, undefined, resolve);
      if (!wish.ok) {
        waiting.push(describeProblem(`address ${address.ip}`, part, wish.error));
        continue;
      }
      const key = addressKey(wish.value);
      if (want(key, part, `address ${address.ip}/${address.prefix}`, address.noTrack)) addresses.set(key, wish.value);
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
  return { wanted: { addresses: [...addresses.values()], routes, rules }, waiting, wishes };
}

function single(one: Exclude<NetEvent, { kind: "link" }> | NetCommand): WantedTables {
  if ("address" in one) return { ...EMPTY, addresses: [one.address] };
  return "route" in one ? { ...EMPTY, routes: [one.route] } : { ...EMPTY, rules: [one.rule] };
}

function describeProblem(what: string, part: TablesPart, problem: WishProblem): string {
  const whose = part.owner === undefined ? "static" : `instance ${part.owner}`;
  if (problem.kind === "no-device")
    return `${whose}: ${what} waits: there is no interface ${problem.device === "" ? "(none is named)" : problem.device}`;
  return `${whose}: ${what}: ${problem.what} ${problem.value} can't be used`;
}

/** Which tables are worth watching for a configuration. */
export function tableScope(parts: readonly TablesPart[]): { routeProtocols: readonly number[]; rules: boolean } {
  const routes = parts.flatMap((part) => part.routes);
  const protocols = new Set([18, ...routes.map((route) => route.protocol ?? 18)]);
  return { routeProtocols: routes.length > 0 ? [...protocols] : [18], rules: true };
}
