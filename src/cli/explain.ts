// CLI: `lbd explain CODE|KEYWORD`: what a finding means, or what a keyword does, from the tables that check and bind use.
import { defineCommand } from "citty";
import { type CompiledTable, compileTable } from "../config/binder.ts";
import { CODES } from "../config/codes.ts";
import type { Keyword } from "../config/keywords/keyword.ts";
import { TOP_LEVEL } from "../config/keywords/top-level.ts";
import { nearest } from "../config/suggest.ts";
import { complainUsage, print } from "./terminal.ts";

const EXPLAIN_EXIT = { unknown: 1, usage: 2 } as const;

export const explainCommand = defineCommand({
  meta: { name: "lbd explain", description: "What a finding of lbd check means, or what a keyword does" },
  args: {
    word: {
      type: "positional",
      required: false,
      description: "Code of a finding, or keyword",
      valueHint: "CODE|KEYWORD",
    },
  },
  run: ({ args }) => {
    if (args._.length === 0) {
      complainUsage("explain needs a code or a keyword", EXPLAIN_EXIT.usage, [], "lbd explain");
      return;
    }
    for (const word of args._) {
      const text = explain(word);
      if (text !== undefined) print(text);
      else {
        const near = nearest(word, [...Object.keys(CODES), ...allKeywords()]);
        complainUsage(
          `${word} is no code and no keyword`,
          EXPLAIN_EXIT.unknown,
          near === undefined ? [] : [near],
          "lbd explain",
        );
      }
    }
  },
});

/** Text about a code, or about a keyword in each block that knows it; undefined for any other word. */
export function explain(word: string): string | undefined {
  const parts = keywordTexts(findKeyword(word));
  const code = Object.hasOwn(CODES, word) ? CODES[word] : undefined;
  if (code) {
    const example = code.example.split("\n").map((line) => `    ${line}`);
    parts.unshift([`${word}: ${code.title}`, "", ...wrap(code.explanation, ""), "", "Example:", ...example].join("\n"));
  }
  return parts.length === 0 ? undefined : parts.join("\n\n");
}

interface Found {
  readonly path: readonly string[];
  readonly row: Keyword;
}

/** A keyword by its name, or by its path: `virtual_server/delay_loop`. */
function findKeyword(word: string): Found[] {
  const found: Found[] = [];
  visit(compileTable(TOP_LEVEL), [], (path, row) => {
    if (path.at(-1) === word || path.join("/") === word) found.push({ path, row });
  });
  return found;
}

function allKeywords(): Set<string> {
  const words = new Set<string>();
  visit(compileTable(TOP_LEVEL), [], (path) => words.add(path.at(-1) ?? ""));
  return words;
}

function visit(
  table: CompiledTable,
  path: readonly string[],
  see: (path: readonly string[], row: Keyword) => void,
): void {
  for (const { keyword, row, table: inner } of table.rows.values()) {
    const here = [...path, keyword];
    see(here, row);
    if (inner) visit(inner, here, see);
  }
}

/** One text for each meaning, with all blocks that know it so. */
function keywordTexts(found: readonly Found[]): string[] {
  const blocks = new Map<string, { head: string; places: string[] }>();
  for (const { path, row } of found) {
    const body = row.block || row.lines ? " { … }" : "";
    const head = `${path.at(-1)} ${row.value.grammar}${body}`.replace(/\s+/g, " ").trim();
    const about = keywordText(row);
    const meaning = blocks.get(head + about) ?? { head, places: [] };
    meaning.places.push(path.length > 1 ? path.slice(0, -1).join("/") : "the top level");
    blocks.set(head + about, meaning);
  }
  return Array.from(blocks, ([key, { head, places }]) =>
    [head, ...wrap(`in ${places.join(", ")}`, "  "), "", key.slice(head.length)].join("\n"),
  );
}

function keywordText(row: Keyword): string {
  const lines = [...wrap(row.doc, "  "), ""];
  const fact = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") lines.push(`  ${name}: ${value}`);
  };
  fact("default", row.default ?? (row.initial === undefined ? undefined : JSON.stringify(row.initial)));
  fact("unit", row.unit);
  fact("repeated", row.repeat);
  fact("since keepalived", row.since);
  fact("status", row.status);
  fact("use instead", row.successor);
  fact("in lbd", effectText(row));
  return lines.join("\n").trimEnd();
}

function effectText(row: Keyword): string {
  if (row.effective === "parsed") return "parsed, not yet effective";
  if (row.effective === "untested") return "effective";
  return "test" in row.effective ? "effective" : `not supported: ${row.effective.unsupported}`;
}

const COLUMNS = 80;

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line];
}
