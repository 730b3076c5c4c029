// Config core: two keywords of one block that speak of the same thing.
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";

/** Of two entries the one that stands later in the configuration. */
export function laterOf<E extends { readonly order: number }>(one: E | undefined, other: E | undefined): E | undefined {
  if (!one || !other) return one ?? other;
  return one.order > other.order ? one : other;
}

/** A pair of flags that undo each other: true for the first, false for the second, undefined for neither. */
export function opposite(
  yes: Entry<boolean> | undefined,
  no: Entry<boolean> | undefined,
  findings: Findings,
): boolean | undefined {
  const later = laterOf(yes, no);
  if (!later) return undefined;
  if (yes && no) {
    const keyword = later.statement.words[0];
    const before = (later === yes ? no : yes).statement.words[0];
    findings.add("warning", keyword.span, {
      code: "duplicate-keyword",
      message: `${keyword.text} undoes ${before.text} of the same block`,
      related: [{ span: before.span, message: "given here" }],
    });
  }
  return later === yes ? later.value : !later.value;
}
