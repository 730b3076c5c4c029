// Layer 0: searches bytes from strangers for a pattern of the operator's, in time linear in their length: no backtracking.
// The tree of syntax.ts becomes a small program (Thompson's construction); its sets of states are remembered as they
// are met (a lazy automaton). Only «does it occur» is answered, so greediness and captures don't matter.
// Known gaps: ucp (ASCII is used), and what syntax.ts refuses.
import { type Decoded, err, ok } from "../base/result.ts";
import { Automaton, NEWLINE, type SearchResult } from "./automaton.ts";
import type { SyntaxOptions } from "./cursor.ts";
import { compile, MAX_STEPS } from "./program.ts";
import { parsePattern } from "./syntax.ts";
import type { PatternError } from "./tree.ts";
import { decodeUtf8 } from "./utf8.ts";

/** `regex_options` that change what matches. */
const KNOWN_OPTIONS = [
  "allow_empty_class",
  "alt_bsux",
  "alt_circumflex",
  "caseless",
  "dollar_endonly",
  "dotall",
  "extended",
  "firstline",
  "multiline",
  "utf",
] as const;

/** Those that change nothing here: they concern speed, captures, call-outs, greediness or syntax that is refused anyway. */
const IDLE_OPTIONS = [
  "alt_verbnames",
  "auto_callout",
  "dupnames",
  "match_unset_backref",
  "never_backslash_c",
  "never_ucp",
  "never_utf",
  "no_auto_capture",
  "no_auto_possess",
  "no_dotstar_anchor",
  "no_start_optimize",
  "ucp",
  "ungreedy",
  "use_offset_limit",
] as const;

export interface Pattern {
  /** Whether the pattern occurs in `bytes`, beginning at an offset of at least `minOffset` and at most `maxOffset`. */
  search(bytes: Uint8Array, minOffset?: number, maxOffset?: number): SearchResult;
}

/** Compiles a pattern with options named as in the configuration. */
export function compilePattern(text: string, optionNames: readonly string[]): Decoded<Pattern, PatternError> {
  const has = (name: (typeof KNOWN_OPTIONS)[number]) => optionNames.includes(name);
  const unknown = optionNames.find((name) => ![...KNOWN_OPTIONS, ...IDLE_OPTIONS].some((known) => known === name));
  if (unknown !== undefined) return err({ message: `unknown option ${unknown}`, at: 0 });
  const options: SyntaxOptions = {
    caseless: has("caseless"),
    dotall: has("dotall"),
    multiline: has("multiline"),
    extended: has("extended"),
    utf: has("utf"),
    dollarEndonly: has("dollar_endonly"),
    allowEmptyClass: has("allow_empty_class"),
    altBsux: has("alt_bsux"),
    altCircumflex: has("alt_circumflex"),
  };
  const tree = parsePattern(text, options);
  if (!tree.ok) return tree;
  const steps = compile(tree.value);
  if (!steps) return err({ message: `pattern is too large: more than ${MAX_STEPS} steps`, at: 0 });
  return ok(patternOf(new Automaton(steps), options.utf, has("firstline")));
}

function patternOf(automaton: Automaton, utf: boolean, firstLine: boolean): Pattern {
  return {
    search(bytes, minOffset = 0, maxOffset = Number.POSITIVE_INFINITY) {
      let last = maxOffset;
      if (firstLine) {
        const lineEnd = bytes.indexOf(NEWLINE, minOffset);
        if (lineEnd >= 0) last = Math.min(last, lineEnd);
      }
      if (!utf) return automaton.search(bytes, minOffset, last);
      const text = decodeUtf8(bytes);
      if (!text) return "not-utf8";
      return automaton.search(text.characters, text.indexAt(minOffset), text.indexAt(last + 1) - 1);
    },
  };
}
