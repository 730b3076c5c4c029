// Config core: what parsing gives. Macros, loops, conditions and includes are gone; every word keeps its span.
import type { Origin, Span } from "./span.ts";

export interface Word {
  /** Text after macro replacement, quotes removed. */
  readonly text: string;
  readonly span: Span;
  /** Where it begins. */
  readonly origin: Origin;
  readonly quoted: boolean;
}

/** `words [ { body } ]`. Words are made when they are asked for: a large configuration has half a million. */
export interface Statement {
  /** The keyword, or the first value in a list block. */
  readonly first: Word;
  readonly words: readonly [Word, ...Word[]];
  /** Number of words. */
  readonly count: number;
  word(index: number): Word | undefined;
  /** What the word at `index` says, without making it. */
  text(index: number): string | undefined;
  /**
   * The rest of the line behind the keyword as it stood after macro replacement, quotes kept:
   * script words are split again by their own rules (language.md §4).
   */
  readonly rest: string;
  /** Where its first word begins. */
  readonly origin: Origin;
  readonly block?: Block | undefined;
}

export interface Block {
  readonly statements: readonly Statement[];
  readonly open: Span;
  /** Absent when the file ended first. */
  readonly close?: Span | undefined;
}

export interface Tree {
  readonly statements: readonly Statement[];
}

/** Where the value of a statement stands: the first word behind its keyword, or the keyword that has none. */
export function valueSpan(statement: Statement): Span {
  return (statement.word(1) ?? statement.first).span;
}
