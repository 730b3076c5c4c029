// Config core: a name that nothing in the file has.
import type { Severity } from "../findings/diagnostic.ts";
import type { Findings } from "../findings/findings.ts";
import { nearest } from "../findings/suggest.ts";
import type { Span } from "../text/span.ts";

export function undefinedReference(
  findings: Findings,
  severity: Severity,
  span: Span,
  keyword: string,
  name: string,
  known: ReadonlySet<string>,
  effect: string,
): void {
  const near = nearest(name, known);
  findings.add(severity, span, {
    code: "undefined-reference",
    message: `there is no ${keyword} ${name}: ${effect}`,
    about: { kind: "undefined", block: keyword, name },
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
