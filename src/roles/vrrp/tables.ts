// Role vrrp: the one writer of addresses, routes and rules. What is wanted is worked out whole each time (static ones
// and those of instances that are master), compared with what the reflector saw, and the difference applied.
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { sameItems } from "../../base/same-items.ts";
import type { Address } from "../../config/model/net.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import type { CommandOutcome } from "../../kernel/rtnetlink.ts";
import { addressKey, type InterfaceAddress, linkByName, RTPROT_VRRP, speaksVrrp } from "../../net/model.ts";
import { single, type TablesPart, type Wish, wantedOf } from "../../net/parts.ts";
import { type NetCommand, ownedKeys, plan } from "../../net/plan.ts";
import type { NetEvent } from "../../net/seen.ts";
import { wantedAddress } from "../../net/wanted.ts";
import type { Journal } from "../journal.ts";

/**
 * All that this role may have in the kernel: what the configuration names, held or not, so that a takeover writes no file. Keys hold
 * interface indexes, so they mean something in one world only.
 */
export interface TablesJournal {
  readonly world: string;
  readonly keys: readonly string[];
  /** Of these what the machine had before: addresses of an owner (priority 255). */
  readonly machines?: readonly string[];
}

/** For openJournal(): undefined for what is none. */
export function parseTablesJournal(raw: unknown): TablesJournal | undefined {
  if (typeof raw !== "object" || raw === null || !("world" in raw) || !("keys" in raw)) return undefined;
  const { world, keys } = raw;
  const machines = "machines" in raw ? raw.machines : [];
  if (typeof world !== "string" || !isTexts(keys) || !isTexts(machines)) return undefined;
  return { world, keys, machines };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

export interface Tables {
  /** An earlier process ended without taking away what it had. */
  readonly crashedBefore: boolean;
  /**
   * Everything that the configuration names, wanted or not: ours to remove. What it named before is ours up to the next apply(), which
   * takes it away.
   */
  setOwned(parts: readonly TablesPart[]): void;
  /** Works out what setOwned() was given, which else the next comparison does: of thousands of addresses it takes its time. */
  prepare(): void;
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

export interface TablesPorts {
  readonly reflector: Reflector;
  readonly journal: Journal<TablesJournal>;
  readonly world: string;
  readonly log: Log;
}

export function createTables({ reflector, journal, world, log }: TablesPorts): Tables {
  const earlier = journal.read();
  /** Ours until the kernel has been put right once. */
  let leftBehind: readonly string[] = earlier?.world === world ? earlier.keys : [];
  /** Addresses of owners that were there before any of us: nothing here touches them. */
  let machines: ReadonlySet<string> = new Set(earlier?.world === world ? earlier.machines : []);
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
      journal.write({ world, keys: [...keys].sort(), ...(machines.size > 0 && { machines: [...machines].sort() }) });
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

  /**
   * What an owner of addresses finds on the interface, and nobody here has put there, is the machine's where there is no other address to
   * speak from: without it the owner could never advertise. Else it comes and goes, and whoever takes over is the only one that has it.
   */
  function lookForMachines(parts: readonly TablesPart[], known: ReadonlySet<string>): void {
    const owners = parts.filter(({ isAddressOwner }) => isAddressOwner);
    if (owners.length === 0 && machines.size === 0) return;
    const wanted = new Map(wantedOf(owners, resolve).wanted.addresses.map((address) => [addressKey(address), address]));
    const seen = reflector.seen.addresses;
    const others = [...seen].filter(([key, address]) => !wanted.has(key) && speaksVrrp(address));
    const isMachines = (key: string, { index, family }: InterfaceAddress) => {
      if (machines.has(key)) return true;
      const there = seen.get(key);
      if (there === undefined || there.protocol === RTPROT_VRRP || known.has(key)) return false;
      return !others.some(([, other]) => other.index === index && other.family === family);
    };
    machines = new Set([...wanted].flatMap(([key, address]) => (isMachines(key, address) ? [key] : [])));
  }

  function prepare(): void {
    if (!owned) return;
    lookForMachines(owned, outgoing.union(new Set(leftBehind)));
    configured = new Set(wantedOf(owned, resolve).wishes.keys());
    owned = undefined;
  }

  /** What the parts ask for, and the commands that lead there. */
  function compare(parts: readonly TablesPart[]) {
    prepare();
    const { wanted, waiting, wishes: named } = wantedOf(parts, resolve, left);
    const keys = configured.union(new Set(named.keys()));
    const ours = keys.union(outgoing).union(new Set(leftBehind));
    const todo: readonly NetCommand[] = plan(wanted, reflector.seen, { marks, keys: ours, machines });
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
    prepare,
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
