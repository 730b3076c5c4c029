// Role vrrp: the one writer of addresses, routes and rules. What is wanted (static things and those of instances that are master) is compared with
// what the reflector saw, and the difference applied: all of it, or the parts of some instances (net/wanted-index.ts) where the rest is as it
// was wanted before.
import type { Steps } from "../../base/steps.ts";
import type { Address } from "../../config/model/net.ts";
import { addressKey } from "../../net/model.ts";
import { single, type TablesPart, type Wish, wantedOf } from "../../net/parts.ts";
import { ownedKeys, plan } from "../../net/plan.ts";
import type { NetEvent } from "../../net/seen.ts";
import { wantedAddress } from "../../net/wanted.ts";
import { emptyIndex } from "../../net/wanted-index.ts";
import { applyAll, applySome, noteBeforehand } from "./tables-apply.ts";
import { compareAll, compareSome, isAsWanted, preparing, rehearsedFor } from "./tables-compare.ts";
import {
  changed,
  claim,
  resolving,
  setOwned,
  type TablesChange,
  type TablesPorts,
  type TablesState,
} from "./tables-state.ts";

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

function missing(state: TablesState, part: TablesPart): readonly string[] {
  const { wanted, waiting, wishes } = wantedOf([part], resolving(state));
  const todo = plan(wanted, state.ports.reflector.seen, { marks: false, keys: new Set() });
  const absent = todo
    .filter(({ kind }) => kind.startsWith("add-"))
    .flatMap((command) => [...ownedKeys(single(command))]);
  return [...waiting, ...absent.map((key) => `${wishes.get(key)?.what ?? key} is missing`)];
}
