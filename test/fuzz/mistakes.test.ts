// One mistake, one finding, on its line: every statement of the example configurations with a slip of the hand in it.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Diagnostic } from "../../src/config/findings/diagnostic.ts";
import { loadConfig } from "../../src/config/load.ts";
import { memoryFiles } from "../unit/config/engine/support.ts";

const EXAMPLES = join(import.meta.dir, "..", "golden", "examples");
const INCLUDED = Object.fromEntries(
  readdirSync(join(EXAMPLES, "inc")).map((name) => [`inc/${name}`, readFileSync(join(EXAMPLES, "inc", name), "utf8")]),
);
/** A line of the examples with macros may stand in the middle of a definition. */
const TEXTS = readdirSync(EXAMPLES)
  .filter((name) => name.endsWith(".conf") && name !== "core-macros.conf")
  .map((name) => [name, readFileSync(join(EXAMPLES, name), "utf8")] as const);

function findings(text: string): readonly Diagnostic[] {
  const context = { hostName: "lbd.example", hasAccount: (_: string, name: string) => ACCOUNTS.has(name) };
  const request = { paths: ["k.conf"], env: {}, random: () => 0.5, configId: "a", context };
  const { diagnostics } = loadConfig(request, memoryFiles({ ...INCLUDED, "k.conf": text }));
  return diagnostics.filter(({ severity }) => severity !== "note");
}

const ACCOUNTS: ReadonlySet<string> = new Set(["root", "nobody", "nogroup"]);

/** A statement of a line: its words with their places. */
interface Line {
  readonly text: string;
  readonly words: readonly { readonly text: string; readonly from: number; readonly to: number }[];
}

function lineOf(text: string): Line {
  const code = text.replace(/(^|\s)[#!].*/, "");
  const words = [...code.matchAll(/"[^"]*"|[^\s"{}]+/g)].map(({ 0: word, index }) => ({
    text: word,
    from: index,
    to: index + word.length,
  }));
  return { text, words };
}

/** The line with the slip; undefined where it can't be made. */
type Slip = (line: Line) => string | undefined;

function put(line: Line, index: number, word: string): string | undefined {
  const at = line.words.at(index);
  return at && line.text.slice(0, at.from) + word + line.text.slice(at.to);
}

const isKeyword = (word: string) => /^[A-Za-z_]{4,}$/.test(word);

const SLIPS: Readonly<Record<string, Slip>> = {
  "a letter of the first word is missing": (line) => {
    const first = line.words[0]?.text ?? "";
    return isKeyword(first) ? put(line, 0, first.slice(0, 2) + first.slice(3)) : undefined;
  },
  "two letters of the first word are swapped": (line) => {
    const [a = "", b = "", c = "", ...rest] = line.words[0]?.text ?? "";
    return isKeyword(a + b + c + rest.join("")) && b !== c ? put(line, 0, a + c + b + rest.join("")) : undefined;
  },
  "the first word is in the other case": (line) => {
    const first = line.words[0]?.text ?? "";
    const other = first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase();
    return isKeyword(first) ? put(line, 0, other) : undefined;
  },
  "the first word is missing": (line) => {
    return line.words.length > 1 && isKeyword(line.words[0]?.text ?? "") ? put(line, 0, "") : undefined;
  },
  "the only value is missing": (line) => {
    return line.words.length === 2 && isKeyword(line.words[0]?.text ?? "") ? put(line, 1, "") : undefined;
  },
  "the first word stands twice": (line) => {
    const first = line.words[0]?.text ?? "";
    return line.words.length > 1 && isKeyword(first) ? put(line, 0, `${first} ${first}`) : undefined;
  },
  "a word too many": (line) => {
    const last = line.words.at(-1)?.text ?? "";
    return line.words.length > 1 && isKeyword(line.words[0]?.text ?? "") ? put(line, -1, `${last} zz`) : undefined;
  },
  "a number is too large": (line) => {
    const at = line.words.findIndex(({ text }) => /^\d+$/.test(text));
    return at < 0 ? undefined : put(line, at, "99999999999");
  },
  "a number has a unit": (line) => {
    const at = line.words.findIndex(({ text }) => /^\d+$/.test(text));
    return at < 0 ? undefined : put(line, at, `${line.words[at]?.text}x`);
  },
};

/** Not the one finding, and why. */
const EXCEPTIONS: readonly (readonly [line: RegExp, why: string])[] = [
  [/^ *(OUT|IN)SIDE *$/, "a group of one instance"],
  [
    /^ *(checker_log_all_failures|lvs_flush_on_stop|log_all_failures|alpha|enable_sni|inhibit_on_failure) *(#.*)?$/,
    "no value is on",
  ],
  [/^ *(smtp_alert(_vrrp|_checker)?|vrrp_strict|strict_mode|dynamic_interfaces) *$/, "no value is on"],
  [/^ *(init_file|persistence_timeout|nftables|use_vmac) *$/, "the value may be left out"],
  [/^ *process /, "further words are parameters"],
  [/^ *script "/, "further words are arguments"],
  [/^ *blackhole blackhole/, "the type of a route, said twice"],
  [/^ *198\.18\.[68]\.0\/24$/, "a route without its type is a route"],
];

describe.each(Object.entries(SLIPS))("%s", (_why, slip) => {
  test.each(TEXTS)("%s", (_name, text) => {
    const known = countOf(findings(text));
    const lines = text.split("\n");
    const odd: string[] = [];
    for (const [index, line] of lines.entries()) {
      const changed = slip(lineOf(line));
      if (changed === undefined || EXCEPTIONS.some(([pattern]) => pattern.test(changed))) continue;
      const left = new Map(known);
      const fresh = findings(lines.with(index, changed).join("\n")).filter((finding) => {
        const count = left.get(keyOf(finding)) ?? 0;
        left.set(keyOf(finding), count - 1);
        return count <= 0;
      });
      if (fresh.length === 1 && fresh[0]?.span?.line === index + 1) continue;
      odd.push(`${index + 1}: ${changed}`, ...fresh.map((one) => `  ${one.span?.line}: ${one.code}: ${one.message}`));
    }
    expect(odd).toEqual([]);
  });
});

function countOf(all: readonly Diagnostic[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}

function keyOf({ code, message }: Diagnostic): string {
  return `${code} ${message}`;
}
