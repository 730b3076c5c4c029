// Config core: the shape of a row. One table per block says of each keyword how its words are read, what holds without it,
// what a second occurrence does, and how far lbd has come with it. Parsing, checking, defaults, the reference manual and
// docs/compat.md all read these rows and nothing else.

import type { Statement, Word } from "../text/tree.ts";
import type { Reader } from "./reader.ts";

/** seed: known since 2009; core: what most directors use; full: the rest; optional: SNMP, D-Bus and build helpers. */
export type Tier = "seed" | "core" | "full" | "optional";

/** The test that shows a keyword to act: with the word in a configuration or on a command line something is seen to be another way. */
export interface ShownBy {
  readonly test: string;
  /** What it asks for lbd does with and without it: the test shows that it is done. */
  readonly always?: string;
  /** Why the test's file does not hold the word as it is written here. */
  readonly unsaid?: string;
}

/**
 * How far lbd has come with a keyword: a test shows its effect; or it acts and no test names it (`untested`); or the model
 * holds the value and nothing acts on it yet (`parsed`);
 * or it's refused on purpose, with the reason.
 */
export type Effective = ShownBy | "untested" | "parsed" | { readonly unsupported: string };

/** How the words behind a keyword are read. */
export interface Value<T> {
  /** As the manual prints it: `INT(1..255)`, `[BOOL]`, `IP [PORT(0..65535)]`. */
  readonly grammar: string;
  /** Takes words from the reader. `undefined`: nothing usable, and a finding says why; the statement then counts as absent. */
  read(words: Reader): T | undefined;
}

/** What a second occurrence in the same block does. */
export type Repeat = keyof typeof REPEAT;

export type RepeatKind = "last" | "last-error" | "first" | "max" | "once" | "list";

/** The rules in the words of the manual, and how the binder acts on them. */
export const REPEAT = {
  last: "last",
  "last, with error": "last-error",
  first: "first",
  "first name": "first",
  "first that differs from 1": "first",
  "first non-zero": "first",
  "MASTER sticks": "list",
  flag: "last",
  max: "max",
  once: "once",
  "once per line": "list",
  "once per interface": "list",
  append: "list",
  "append, id once": "list",
  accumulate: "list",
  merge: "list",
  each: "list",
  "once each": "list",
  "dup name: error, block skipped": "list",
  "duplicates not noticed": "list",
  "duplicates not noticed, first wins": "list",
  "second identical one: error, dropped": "list",
  error: "last",
  repeat: "last",
  nest: "list",
  "one per line": "last",
  exits: "last",
  count: "list",
  internal: "last",
  "first option": "last",
  "": "last",
} as const satisfies Record<string, RepeatKind>;

export interface Keyword<T = unknown> {
  readonly value: Value<T>;
  /** Effective value when absent, in the unit of the model. */
  readonly initial?: T;
  /** The default as the manual prints it, where `initial` can't say it: brackets hold a description. */
  readonly default?: string;
  /** Unit of the number as written. */
  readonly unit?: string;
  readonly repeat: Repeat;
  readonly tier: Tier;
  /** First release of keepalived that has the word; `A..B`: gone after B; empty: never told; `lbd`: a word of ours. */
  readonly since: string;
  /** Absent: ok. `removed` and `doc-only` words are known, so that the finding can name their successor. */
  readonly status?: "deprecated" | "removed" | "doc-only";
  /** A deprecated word that keepalived only logs or takes in silence: a note here, and no error. */
  readonly quiet?: true;
  /** The word to use in its place. */
  readonly successor?: string;
  /** Other name of the same setting: its value is kept under that name. */
  readonly sameAs?: string;
  /** Other spellings or remarks, for the manual. */
  readonly aliases?: string;
  /** Compile-time option of keepalived that brings the word. */
  readonly build?: string;
  /** Absent: a reload takes the change. */
  readonly reload?: "restart" | "start-only" | "n/a";
  /** Never shown: `/v1/config`, `lbd check --effective` and messages mask it. */
  readonly secret?: true;
  readonly effective: Effective;
  /** What it does, in one sentence. */
  readonly doc: string;
  /** The body holds keywords of this table. */
  readonly block?: Table;
  /** The body holds one entry per line, or words in any number per line. */
  readonly lines?: Lines<unknown>;
}

export type Table = Readonly<Record<string, Keyword>>;

/** The block lacks something without the keyword: that is what its default says in words. */
export function isNeeded({ default: text }: Keyword): boolean {
  return text !== undefined && /\brequired\b|with an error/.test(text);
}

/** The body of a list block. */
export interface Lines<L> {
  /** `words`: each word is an entry of its own; `lines`: each line is one. */
  readonly kind: "words" | "lines";
  readonly entry: Value<L>;
  /** The words that an entry may hold beside its name or address. */
  readonly options?: Table;
  /** Further words that an entry may begin with, though they are keywords of some block. */
  readonly beginnings?: readonly string[];
}

// --- what binding gives, typed by the tables

/** One statement with its value. */
export interface Entry<T> {
  readonly value: T;
  readonly statement: Statement;
  /** Counts statements over all files: which of two opposite keywords came last. */
  readonly order: number;
}

/** A statement with a body of keywords. */
export interface BlockEntry<T, B> extends Entry<T> {
  readonly block: Bound<B>;
  /** Keywords that stand in the block but gave no value, so that nobody complains that they are missing as well. */
  readonly attempted: ReadonlySet<string>;
}

/** A statement with a body of entries. */
export interface LinesEntry<T, L> extends Entry<T> {
  readonly lines: readonly Line<L>[];
}

export interface Line<L> {
  readonly value: L;
  readonly word: Word;
}

type ValueOf<R> = R extends { readonly value: Value<infer T> } ? T : never;

type EntryOf<R> = R extends { readonly block: infer B }
  ? BlockEntry<ValueOf<R>, B>
  : R extends { readonly lines: Lines<infer L> }
    ? LinesEntry<ValueOf<R>, L>
    : Entry<ValueOf<R>>;

type ListRepeat = { [K in Repeat]: (typeof REPEAT)[K] extends "list" ? K : never }[Repeat];

type Held<R> = R extends { readonly repeat: ListRepeat } ? readonly EntryOf<R>[] : EntryOf<R>;

/** What one block holds: for each keyword that occurred, its statement and value, or a list of them where the rule says so. */
export type Bound<T> = { readonly [K in keyof T]?: Held<T[K]> };
