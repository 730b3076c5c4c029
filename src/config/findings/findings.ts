// Config core: the list that binding writes its findings to. Secrets never come here: their readers leave the value out.

import { MAX_KEPT_FINDINGS } from "../text/limits.ts";
import type { Span } from "../text/span.ts";
import type { Diagnostic, Finding, Severity } from "./diagnostic.ts";

export interface Findings {
  readonly list: readonly Diagnostic[];
  add(severity: Severity, span: Span, finding: Finding): void;
}

/** One mistake, one finding: what several users of a value would say of it is said once. */
export function createFindings(): Findings {
  const list: Diagnostic[] = [];
  const said = new Set<string>();
  let errors = 0;
  return {
    list,
    add(severity, span, finding) {
      if (list.length >= MAX_KEPT_FINDINGS) {
        // That there is an error must not get lost behind warnings.
        if (severity === "error" && errors++ === 0) list[list.length - 1] = { severity, span, ...finding };
        return;
      }
      const key = `${finding.code}|${span.line}|${span.column}|${span.file.name}|${finding.message}`;
      if (said.has(key)) return;
      said.add(key);
      if (severity === "error") errors++;
      list.push({ severity, span, ...finding });
    },
  };
}

/** One span from the first to the last word, when both stand on one line of one file; else the first. */
export function spanOver(first: Span, last: Span): Span {
  if (first.file !== last.file || first.line !== last.line) return first;
  return { ...first, endLine: last.endLine, endColumn: last.endColumn };
}
