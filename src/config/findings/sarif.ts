// Config core: findings as SARIF 2.1.0 (OASIS), the form in which editors and code hosts take them.

import type { Span } from "../text/span.ts";
import { CODES } from "./codes.ts";
import type { Diagnostic, Severity } from "./diagnostic.ts";

const LEVELS = { error: "error", warning: "warning", note: "note" } as const satisfies Record<Severity, string>;

/** One log with one run. `mainFile` stands for findings that have no place. */
export function toSarif(
  found: readonly { readonly diagnostic: Diagnostic; readonly mainFile: string }[],
  version: string,
): unknown {
  const codes = [...new Set(found.map(({ diagnostic }) => diagnostic.code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "lbd check",
            version,
            rules: codes.map((id) => ({
              id,
              shortDescription: { text: CODES[id]?.title ?? id },
              fullDescription: { text: CODES[id]?.explanation ?? id },
            })),
          },
        },
        // Columns are code points, as the spans count them.
        columnKind: "unicodeCodePoints",
        results: found.map(({ diagnostic, mainFile }) => resultOf(diagnostic, mainFile)),
      },
    ],
  };
}

function resultOf({ severity, code, message, hint, span, related }: Diagnostic, mainFile: string): unknown {
  return {
    ruleId: code,
    level: LEVELS[severity],
    message: { text: hint === undefined ? message : `${message} (${hint})` },
    locations: [{ physicalLocation: span ? placeOf(span) : { artifactLocation: { uri: mainFile } } }],
    ...(related && {
      relatedLocations: related.map((other, id) => ({
        id,
        message: { text: other.message },
        physicalLocation: placeOf(other.span),
      })),
    }),
  };
}

function placeOf(span: Span): unknown {
  return {
    artifactLocation: { uri: encodeURI(span.file.name) },
    region: { startLine: span.line, startColumn: span.column, endLine: span.endLine, endColumn: span.endColumn },
  };
}
