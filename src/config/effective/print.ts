// Config core: a configuration printed again in keepalived's own words and units, from what was read: includes, macros, loops and
// conditions are resolved, what a finding left out is gone, and each line says where it stands. What it prints loads to the same
// model. Secrets are masked; what holds by default, or is handed down, is told in comments.
import type { CompiledRow, CompiledTable, UntypedBound, UntypedEntry } from "../bind/binder.ts";
import { compileTable } from "../bind/binder.ts";
import { TOP_LEVEL } from "../keywords/top-level.ts";
import type { Origin } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";
import { defaultNode, entriesOf, MASK } from "./effective.ts";

const INDENT = "    ";
/** Where the place of a line begins. */
const PLACE_COLUMN = 56;

/** The lines of the configuration that was bound to the top-level table. */
export function* printConfig(bound: UntypedBound): Generator<string, void> {
  const { rows } = compileTable(TOP_LEVEL);
  for (const { entry, found } of inOrder(bound, rows)) yield* printEntry(entry, found, [bound], "");
}

/** Entries in the order in which they were written: of some words the last one counts. */
function inOrder(bound: UntypedBound, rows: CompiledTable["rows"]): { entry: UntypedEntry; found: CompiledRow }[] {
  const all = Object.keys(bound).flatMap((keyword) => {
    const found = rows.get(keyword);
    return found ? entriesOf(bound, keyword).map((entry) => ({ entry, found })) : [];
  });
  return all.sort((a, b) => a.entry.order - b.entry.order);
}

function* printEntry(
  entry: UntypedEntry,
  found: CompiledRow,
  outer: readonly UntypedBound[],
  indent: string,
): Generator<string, void> {
  const { statement, block, lines } = entry;
  const { text: keyword } = statement.first;
  const rest = found.row.secret ? maskedRest(found, statement) : statement.rest;
  const head = `${indent}${keyword}${rest === "" ? "" : ` ${rest}`}`;
  const { table } = found;
  if (!table && !lines) {
    yield placed(head, statement.origin);
    return;
  }
  yield placed(`${head} {`, statement.origin);
  if (table && block) {
    const around = [block, ...outer];
    for (const inner of inOrder(block, table.rows))
      yield* printEntry(inner.entry, inner.found, around, indent + INDENT);
    yield* printDefaults(block, table, outer, indent + INDENT);
  }
  if (lines) yield* printLines(entry, found, indent + INDENT);
  yield `${indent}}`;
}

/** The number of a key stays: it names it. */
function maskedRest(found: CompiledRow, statement: Statement): string {
  const words = statement.words.slice(1).map(({ text }) => text);
  return found.keyword === "key" ? `${words[0] ?? ""} ${MASK}` : words.map(() => MASK).join(" ");
}

/** Lists of lines as they were written, lists of words a word a line; without what belongs to no entry. */
function* printLines({ statement, lines }: UntypedEntry, found: CompiledRow, indent: string): Generator<string, void> {
  if (found.lines?.kind === "words") {
    for (const { word } of lines ?? []) yield placed(`${indent}${quoteIfNeeded(word.text)}`, word.origin);
    return;
  }
  const used = new Set((lines ?? []).map(({ word }) => placeOf(word.origin, true)));
  for (const line of statement.block?.statements ?? []) {
    if (!used.has(placeOf(line.origin, true))) continue;
    yield placed(`${indent}${quoteIfNeeded(line.first.text)}${line.rest === "" ? "" : ` ${line.rest}`}`, line.origin);
  }
}

function* printDefaults(
  block: UntypedBound,
  table: CompiledTable,
  outer: readonly UntypedBound[],
  indent: string,
): Generator<string, void> {
  for (const found of table.rows.values()) {
    if (found.held !== found.keyword || found.row.status || entriesOf(block, found.keyword).length > 0) continue;
    const node = defaultNode(found, outer);
    if (!node || found.row.secret) continue;
    const text = valueText(node.value, found.row.unit);
    const line = `${indent}# ${found.keyword}${text === "" ? "" : ` ${text}`}`;
    if (node.origin === "default") yield `${line.padEnd(PLACE_COLUMN)} # default`;
    else yield `${line.padEnd(PLACE_COLUMN)} # ${placeOf(node.origin)} (inherited)`;
  }
}

/** A value of the model as it is written: times are milliseconds there and seconds here. */
function valueText(value: unknown, unit: string | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return `${unit === "s" ? value / 1000 : value}`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function placed(line: string, origin: Origin): string {
  return `${line.padEnd(PLACE_COLUMN)} # ${placeOf(origin)}`;
}

function placeOf({ file, line, column }: Origin, exact = false): string {
  return exact ? `${file}:${line}:${column}` : `${file}:${line}`;
}

/** A word as it has to be written to be one. */
function quoteIfNeeded(word: string): string {
  return word === "" || /[\s{}#!]/.test(word) ? `"${word}"` : word;
}
