// The same answers as RE2, a kept engine that searches in linear time, too (docs/decisions/011-patterns.md). The seed is fixed, so
// that a failure is one anywhere: LBD_RE2_SEED and LBD_RE2_RUNS look further.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { compilePattern } from "../../../src/pattern/pattern.ts";

const RUNS = { seed: Number(process.env.LBD_RE2_SEED ?? 1), numRuns: Number(process.env.LBD_RE2_RUNS ?? 1500) };

interface Options {
  readonly caseless: boolean;
  readonly dotall: boolean;
  readonly multiline: boolean;
}

const options = fc.record({ caseless: fc.boolean(), dotall: fc.boolean(), multiline: fc.boolean() });

// Where the two differ by design is left out: \s and \h (vertical tab), \R, possessive and lookaround forms.
const plain = [
  "a",
  "B",
  "k",
  "5",
  " ",
  "_",
  "\\n",
  "\\.",
  "\\x41",
  "\\Qa.\\E",
  "(?i)b",
  "(?i:Ab)",
  "(?s:.)",
  "(?-i:a)",
];
const sets = [
  ".",
  "[ab]",
  "[^a]",
  "[^\\n]",
  "[a-c5]",
  "\\w",
  "\\W",
  "\\d",
  "\\D",
  "[[:alpha:]]",
  "[[:^digit:]]",
  "[\\d_]",
];
const places = ["^", "$", "\\A", "\\z", "\\b", "\\B"];
const wide = ["ä", "Ö", "[ä-ü]", "[^ä]", "€"];

function patterns(atoms: readonly string[]): fc.Arbitrary<string> {
  return fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(...atoms),
      fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((parts) => parts.join("")),
      fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(${a}|${b})`),
      fc
        .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"))
        .map(([a, q]) => `(?:${a})${q}`),
    ),
  })).node;
}

const texts = (characters: readonly string[]) =>
  fc.array(fc.constantFrom(...characters), { maxLength: 16 }).map((all) => all.join(""));

function ours(pattern: string, { caseless, dotall, multiline }: Options, utf: boolean, text: string): string {
  const names = Object.entries({ caseless, dotall, multiline, utf }).flatMap(([name, on]) => (on ? [name] : []));
  // RE2's ^ and $ are those of these options.
  const compiled = compilePattern(pattern, [...names, "dollar_endonly", "alt_circumflex"]);
  return compiled.ok ? compiled.value.search(new TextEncoder().encode(text)) : compiled.error.message;
}

function theirs(pattern: string, { caseless, dotall, multiline }: Options, text: string): string {
  const flags =
    (caseless ? RE2JS.CASE_INSENSITIVE : 0) | (dotall ? RE2JS.DOTALL : 0) | (multiline ? RE2JS.MULTILINE : 0);
  return RE2JS.compile(pattern, flags).matcher(text).find() ? "found" : "absent";
}

function agree(atoms: readonly string[], characters: readonly string[], utf: boolean): void {
  let found = 0;
  fc.assert(
    fc.property(patterns(atoms), options, texts(characters), (pattern, flags, text) => {
      const expected = theirs(pattern, flags, text);
      if (expected === "found") found++;
      expect(ours(pattern, flags, utf, text)).toBe(expected);
    }),
    RUNS,
  );
  // Both answers come up: neither engine is compared with a constant.
  expect(found).toBeGreaterThan(RUNS.numRuns / 10);
  expect(found).toBeLessThan(RUNS.numRuns);
}

// Among them the neighbours of letters and digits.
const ascii = [..."aAbBK5. _\n@[`{/:^"];

test("agrees with RE2 on bytes", () => agree([...plain, ...sets, ...places], ascii, false));

test("agrees with RE2 on characters beyond ASCII", () =>
  agree([...plain, ...sets, ...places, ...wide], [...ascii, "ä", "Ä", "ö", "ü", "€"], true));
