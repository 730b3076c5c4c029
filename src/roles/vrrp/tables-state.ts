// Role vrrp: what the writer of addresses, routes and rules (tables.ts) keeps, as one record. tables-compare.ts works on it, and tables-apply.ts.
import type { Log } from "../../base/log.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import { linkByName } from "../../net/model.ts";
import type { TablesPart } from "../../net/parts.ts";
import type { NetCommand } from "../../net/plan.ts";
import type { PartsChange, WantedIndex } from "../../net/wanted-index.ts";
import type { Journal } from "../journal.ts";
import type { TablesJournal } from "./tables-journal.ts";

/** What owners ask for from now on; undefined: nothing. */
export type TablesChange = ReadonlyMap<string, TablesPart | undefined>;

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

export interface TablesState {
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

export interface FoundAll {
  readonly kind: "all";
  readonly todo: readonly NetCommand[];
  readonly index: WantedIndex;
  readonly waiting: readonly string[];
}

export interface FoundSome {
  readonly kind: "some";
  readonly todo: readonly NetCommand[];
  readonly change: PartsChange;
}

/** What parts ask for, and the commands that lead there. */
export type Found = FoundAll | FoundSome;

export function resolving({ ports: { reflector } }: TablesState) {
  return (name: string) => linkByName(reflector.seen, name);
}

/** What is wanted is another thing than `index` says. */
export function changed(state: TablesState): void {
  state.rehearsed = undefined;
  state.isCurrent = false;
  state.version++;
}

export function claim(state: TablesState, owner: string | undefined): boolean {
  const { left } = state;
  const before = left.size;
  for (const [key, who] of left) if (who === owner) left.delete(key);
  if (left.size === before) return false;
  changed(state);
  return true;
}

export function setOwned(state: TablesState, parts: readonly TablesPart[]): void {
  state.rehearsed = undefined;
  state.owned = parts;
  state.outgoing = state.outgoing.union(state.configured);
  state.configured = new Set();
}
