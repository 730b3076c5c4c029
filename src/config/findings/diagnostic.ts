// Config core: findings as values. Reading never throws and never prints; it collects these.

import type { Span } from "../text/span.ts";
import type { Code } from "./codes.ts";

export type Severity = "error" | "warning" | "note";

export interface Diagnostic {
  readonly severity: Severity;
  /** Stable kebab-case name, explained by `lbd explain CODE`; all codes stand in codes.ts. */
  readonly code: Code;
  /** Absent only for findings about no place at all, such as a file that can't be opened from the command line. */
  readonly span?: Span;
  /** Lower case, no full stop, with the offending value. */
  readonly message: string;
  /** What would be accepted, the near miss, or what to do. */
  readonly hint?: string;
  /** A second place: the first definition of a duplicate, the opener of a block. */
  readonly related?: readonly { readonly span: Span; readonly message: string }[];
  readonly about?: About;
}

/** What a finding is about, for the rules that say which of several findings follow from another. Nobody is shown it. */
export type About =
  /** The block lacks one of these keywords, or takes a default in place of one. */
  | { readonly kind: "lacks"; readonly keywords: readonly string[] }
  /** There is no such block of this name. */
  | { readonly kind: "undefined"; readonly block: string; readonly name: string }
  /** The value of this keyword is wrong or missing. */
  | { readonly kind: "value"; readonly keyword: string }
  /** The unknown word is near to this keyword. */
  | { readonly kind: "near"; readonly keyword: string };

/** What a finding says beside its severity and place. */
export type Finding = Omit<Diagnostic, "severity" | "span">;
