// Config core: findings as values. Reading never throws and never prints; it collects these.
import type { Span } from "../text/span.ts";

export type Severity = "error" | "warning" | "note";

export interface Diagnostic {
  readonly severity: Severity;
  /** Stable kebab-case name, explained by `lbd explain CODE`; all codes stand in codes.ts. */
  readonly code: string;
  /** Absent only for findings about no place at all, such as a file that can't be opened from the command line. */
  readonly span?: Span;
  /** Lower case, no full stop, with the offending value. */
  readonly message: string;
  /** What would be accepted, the near miss, or what to do. */
  readonly hint?: string;
  /** A second place: the first definition of a duplicate, the opener of a block. */
  readonly related?: readonly { readonly span: Span; readonly message: string }[];
}
