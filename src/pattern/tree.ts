// Pattern core: what a pattern is made of.

/** Inclusive ranges of characters, sorted, not touching. */
export type CharSet = readonly (readonly [number, number])[];

export type Assertion =
  | "subject-start"
  | "line-start"
  | "line-start-alt"
  | "subject-end"
  | "subject-end-or-newline"
  | "line-end"
  | "word-boundary"
  | "not-word-boundary";

export type PatternNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly part: PatternNode; readonly min: number; readonly max: number };

/** Why a pattern can't be used, and the position in its text (in characters, from 0). */
export interface PatternError {
  readonly message: string;
  readonly at: number;
}
