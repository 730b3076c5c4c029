// CLI: `lbd explain CODE|KEYWORD`: what a finding means, or what a keyword does, from the tables that check and bind use.
import { defineCommand } from "citty";
import type { Keyword } from "../config/bind/keyword.ts";
import { CODES, isCode } from "../config/findings/codes.ts";
import { nearest } from "../config/findings/suggest.ts";
import { type CatalogEntry, catalog } from "../config/keywords/catalog.ts";
import { print } from "./output.ts";
import { complainUsage } from "./terminal.ts";

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
  const code = isCode(word) ? CODES[word] : undefined;
  if (code) {
    const example = code.example.split("\n").map((line) => `    ${line}`);
    parts.unshift([`${word}: ${code.title}`, "", ...wrap(code.explanation, ""), "", "Example:", ...example].join("\n"));
  }
  return parts.length === 0 ? undefined : parts.join("\n\n");
}

/** A keyword or word of a line by its name, or by as much of its path as it takes: `real_server/weight`. */
function findKeyword(word: string): CatalogEntry[] {
  return catalog().flatMap(({ entries }) =>
    entries.filter(({ id, keyword }) => keyword === word || keyword === `--${word}` || `/${id}`.endsWith(`/${word}`)),
  );
}

function allKeywords(): Set<string> {
  return new Set(catalog().flatMap(({ entries }) => entries.map(({ keyword }) => keyword)));
}

/** Where a word stands, in words for what is no block. */
const PLACES: Readonly<Record<string, string>> = {
  "": "the top level",
  directive: "any line",
  macro: "any text",
  cli: "the command line",
  address: "lines of addresses",
  route: "lines of routes",
  rule: "lines of rules",
  tracker: "lines of track_* blocks",
  unicast_peer: "lines of unicast_peer",
  vsg: "lines of virtual_server_group",
  tunnel: "lvs_method TUN",
  vmac: "use_vmac and use_ipvlan",
};

/** One text for each meaning, with all blocks that know it so. */
function keywordTexts(found: readonly CatalogEntry[]): string[] {
  const blocks = new Map<string, { head: string; places: string[] }>();
  for (const { id, keyword, row } of found) {
    const body = row.block || row.lines ? " { … }" : "";
    // Directives and macros write their own word in the grammar.
    const said = /^(directive|macro)\//.test(id) && /[$@~]/.test(keyword + row.value.grammar.charAt(0));
    const head = `${said ? "" : keyword} ${row.value.grammar}${body}`.replace(/\s+/g, " ").trim();
    const about = keywordText(row);
    const meaning = blocks.get(head + about) ?? { head, places: [] };
    const path = id.split("/").slice(0, -1).join("/");
    meaning.places.push(PLACES[path] ?? path);
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
