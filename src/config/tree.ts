// Config core: what parsing gives. Macros, loops, conditions and includes are gone; every word keeps its span.
import type { Span } from "./span.ts";

export interface Word {
  /** Text after macro replacement, quotes removed. */
  readonly text: string;
  readonly span: Span;
  readonly quoted: boolean;
}

/** `words [ { body } ]`. The first word is the keyword, or the first value in a list block. */
export interface Statement {
  readonly words: readonly [Word, ...Word[]];
  /**
   * The rest of the line behind the keyword as it stood after macro replacement, quotes kept:
   * script words are split again by their own rules (language.md §4).
   */
  readonly rest: string;
  readonly block?: Block;
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
