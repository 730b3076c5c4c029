// Config core: blocks of one kind have names of their own.

import type { Severity } from "../findings/diagnostic.ts";
import type { Findings } from "../findings/findings.ts";
import type { Statement } from "../text/tree.ts";
import { valueSpan } from "../text/tree.ts";

export interface Named {
  readonly value: string;
  readonly statement: Statement;
}

/** Blocks by name, the first of each; the others are reported and left out. */
export function uniqueByName<T extends Named>(
  entries: readonly T[] | undefined,
  keyword: string,
  severity: Severity,
  findings: Findings,
): readonly T[] {
  if (!entries) return [];
  const first = new Map<string, T>();
  for (const entry of entries) {
    const before = first.get(entry.value);
    if (!before) first.set(entry.value, entry);
    else
      findings.add(severity, valueSpan(entry.statement), {
        code: "duplicate-name",
        message: `${keyword} ${entry.value} is defined twice: the second one is left out`,
        related: [{ span: valueSpan(before.statement), message: "defined here first" }],
      });
  }
  return [...first.values()];
}
