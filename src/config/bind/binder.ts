// Config core: walks a tree along the keyword tables. What comes out holds a typed value for each statement that has one,
// and a finding for each that has not. Tables are compiled once; a statement costs one look-up and one value.
import type { Finding } from "../findings/diagnostic.ts";
import { createFindings, type Findings } from "../findings/findings.ts";
import { closest, inOtherWords, nearest } from "../findings/suggest.ts";
import { LINES_PER_LOOK } from "../text/limits.ts";
import type { Span } from "../text/span.ts";
import type { Statement, Word } from "../text/tree.ts";
import type { Keyword, Lines, RepeatKind, Table, Value } from "./keyword.ts";
import { isNeeded, REPEAT } from "./keyword.ts";
import { type BindContext, Reader } from "./reader.ts";

/** A row as binding asks for it: of one shape, where rows have many. */
export interface CompiledRow {
  readonly keyword: string;
  readonly row: Keyword;
  readonly value: Value<unknown>;
  /** The name under which the value is held: another's for an alias. */
  readonly held: string;
  readonly repeat: RepeatKind;
  /** Deprecated or removed. */
  readonly old: boolean;
  readonly table: CompiledTable | undefined;
  readonly lines: Lines<unknown> | undefined;
}

export interface CompiledTable {
  readonly rows: ReadonlyMap<string, CompiledRow>;
  readonly keywords: readonly string[];
}

const compiled = new WeakMap<Table, CompiledTable>();

/** The form of a table that binding, vocabulary and manual look things up in. */
export function compileTable(table: Table): CompiledTable {
  const known = compiled.get(table);
  if (known) return known;
  const rows = new Map<string, CompiledRow>();
  for (const [keyword, row] of Object.entries(table)) {
    const held = row.sameAs ?? keyword;
    const repeat: RepeatKind = REPEAT[row.repeat];
    rows.set(keyword, {
      keyword,
      row,
      value: row.value,
      held,
      repeat,
      old: row.status !== undefined,
      table: row.block && compileTable(row.block),
      lines: row.lines,
    });
  }
  const result = { rows, keywords: [...rows.keys()] };
  compiled.set(table, result);
  return result;
}

export interface UntypedEntry {
  readonly value: unknown;
  readonly statement: Statement;
  readonly order: number;
  readonly block?: UntypedBound;
  readonly attempted?: ReadonlySet<string>;
  readonly lines?: readonly { readonly value: unknown; readonly word: Word }[];
}

/** A block by keyword: one entry, or a list where the table says so. keyword.ts gives it its exact type. */
export interface UntypedBound {
  [keyword: string]: UntypedEntry | UntypedEntry[];
}

/** Binding costs more than it may: nothing of the configuration is used. */
export class Spent extends Error {
  readonly span: Span;

  constructor(span: Span, what: string) {
    super(what);
    this.span = span;
  }
}

function look(walk: Walk, statement: Statement): void {
  if (++walk.looked % LINES_PER_LOOK !== 0) return;
  const what = walk.reader.context.spent?.();
  if (what !== undefined) throw new Spent(statement.first.span, what);
}

interface Walk {
  /** Statements and lines so far. */
  looked: number;
  readonly reader: Reader;
  readonly findings: Findings;
  /** Where a keyword that is unknown here is at home: `vrrp_instance`, `virtual_server/real_server`. */
  readonly homeOf: (keyword: string) => readonly string[];
  order: number;
  /** Inside a block whose own word is old: its finding speaks for all inside. */
  inOldBlock: number;
  readonly literal: boolean;
}

export interface BoundTree {
  readonly block: UntypedBound;
}

export interface BindOptions {
  /** The statements are those that keepalived finds: no word stands for another that was meant. */
  readonly literal?: boolean;
}

/** Binds all statements to the top-level table. */
export function bindTree(
  statements: readonly Statement[],
  table: Table,
  context: BindContext,
  findings: Findings,
  homeOf: (keyword: string) => readonly string[],
  { literal = false }: BindOptions = {},
): BoundTree {
  const reader = new Reader(context, findings);
  const walk: Walk = { reader, findings, homeOf, order: 0, inOldBlock: 0, looked: 0, literal };
  return { block: bindStatements(walk, statements, compileTable(table), undefined).bound };
}

const NOTHING: ReadonlySet<string> = new Set();
const NONE: readonly never[] = [];

/** The block whose statements are being bound. */
interface Inside {
  readonly table: CompiledTable;
  /** Its keyword; undefined at the top level. */
  readonly owner: string | undefined;
  readonly bound: UntypedBound;
  /** Keywords that are there without a value. */
  missed: Set<string> | undefined;
  /** What can be said only when all statements are read. */
  atEnd: (() => void)[] | undefined;
}

function miss(inside: Inside, keyword: string): void {
  inside.missed ??= new Set();
  inside.missed.add(keyword);
}

function bindStatements(
  walk: Walk,
  statements: readonly Statement[],
  table: CompiledTable,
  owner: string | undefined,
): Inside {
  const inside: Inside = { table, owner, bound: {}, missed: undefined, atEnd: undefined };
  for (const statement of statements) {
    look(walk, statement);
    const found = table.rows.get(statement.text(0) ?? "");
    if (!found) {
      if (walk.literal) continue;
      reportUnknown(walk, statement, inside);
      for (const row of rowsMeant(walk, statement, table)) miss(inside, row.held);
      continue;
    }
    if (found.old && walk.inOldBlock === 0) reportStatus(walk, statement.first, found);
    const entry = bindStatement(walk, statement, found, inside);
    if (entry) hold(walk, inside.bound, entry, found);
  }
  for (const say of inside.atEnd ?? NONE) say();
  return inside;
}

function bindStatement(walk: Walk, statement: Statement, found: CompiledRow, inside: Inside): UntypedEntry | undefined {
  const { reader } = walk;
  reader.start(statement, 1);
  const value = found.value.read(reader);
  // A value that is taken in place of a wrong word is looked at no further either.
  if (value === undefined || reader.complained) miss(inside, found.held);
  if (!reader.atEnd) reportLeftOver(walk, found, inside.table, inside);
  const order = walk.order++;
  if (found.table) {
    if (found.old) walk.inOldBlock++;
    const { bound, missed } = bindStatements(walk, statement.block?.statements ?? [], found.table, found.keyword);
    if (found.old) walk.inOldBlock--;
    return value === undefined ? undefined : { value, statement, order, block: bound, attempted: missed ?? NOTHING };
  }
  if (found.lines) {
    const lines = bindLines(walk, statement, found.lines, inside);
    return value === undefined ? undefined : { value, statement, order, lines };
  }
  return value === undefined ? undefined : { value, statement, order };
}

function bindLines(
  walk: Walk,
  list: Statement,
  lines: Lines<unknown>,
  around: Inside,
): NonNullable<UntypedEntry["lines"]> {
  const { reader } = walk;
  const entries: { value: unknown; word: Word }[] = [];
  for (const statement of list.block?.statements ?? []) {
    look(walk, statement);
    if (!walk.literal && isStray(walk, statement, lines)) {
      const keyword = statement.first;
      reportMisplaced(walk, keyword, `in ${list.first.text}`);
      miss(around, around.table.rows.get(keyword.text)?.held ?? keyword.text);
      continue;
    }
    reader.start(statement, 0);
    for (let word = reader.peek(); word; word = reader.peek()) {
      const value = lines.entry.read(reader);
      if (value !== undefined) entries.push({ value, word });
      if (lines.kind === "lines") {
        if (!reader.atEnd) reportLeftOver(walk, undefined, undefined, around);
        break;
      }
    }
  }
  return entries;
}

/** A statement of some block, put into a list by mistake: a keyword with its value. One word alone, or with options, may be a name. */
function isStray(walk: Walk, statement: Statement, lines: Lines<unknown>): boolean {
  const first = statement.text(0) ?? "";
  const second = statement.text(1);
  if (second === undefined || walk.homeOf(first).length === 0) return false;
  const options = lines.options ?? {};
  if (lines.beginnings?.includes(first)) return false;
  return !Object.hasOwn(options, first) && !Object.hasOwn(options, second);
}

function hold(walk: Walk, block: UntypedBound, entry: UntypedEntry, found: CompiledRow): void {
  const before = block[found.held];
  if (found.repeat === "list") {
    if (Array.isArray(before)) before.push(entry);
    else block[found.held] = [entry];
    return;
  }
  if (before === undefined || Array.isArray(before)) {
    block[found.held] = entry;
    return;
  }
  block[found.held] = reportDuplicate(walk, before, entry, found);
}

/** Reports a scalar given twice, and says which of the two counts. */
function reportDuplicate(walk: Walk, before: UntypedEntry, entry: UntypedEntry, found: CompiledRow): UntypedEntry {
  const keyword = entry.statement.words[0];
  const first = found.repeat === "first" || found.repeat === "once";
  const larger = found.repeat === "max";
  const counts = first ? "the first one counts" : larger ? "the largest one counts" : "the last one counts";
  // keepalived 2.4.3 has an error for some of which the last counts ("last, with error"), 2.2.7 for fewer: nothing is lost.
  const severity = !first || (!found.row.lines && sameWords(before, entry)) ? "warning" : "error";
  walk.findings.add(severity, keyword.span, {
    code: "duplicate-keyword",
    message: `${keyword.text} is given twice in this block: ${counts}`,
    related: [{ span: before.statement.words[0].span, message: "given here first" }],
  });
  if (first) return before;
  if (larger && typeof before.value === "number" && typeof entry.value === "number")
    return before.value >= entry.value ? before : entry;
  return entry;
}

function sameWords(before: UntypedEntry, entry: UntypedEntry): boolean {
  const text = (one: UntypedEntry) => one.statement.words.map((word) => word.text).join(" ");
  return text(before) === text(entry);
}

function reportUnknown(walk: Walk, statement: Statement, { table, owner }: Inside): void {
  const keyword = statement.first;
  if (walk.homeOf(keyword.text).length > 0) {
    const where = owner === undefined ? "at the top level" : `in ${owner}`;
    reportMisplaced(walk, keyword, where, inOtherWords(keyword.text, table.keywords));
    return;
  }
  const near = closest(keyword.text, table.keywords);
  const where = owner === undefined ? "" : ` in ${owner}`;
  const skipped = statement.block ? "; its block is left out" : "";
  walk.findings.add("error", keyword.span, {
    code: "unknown-keyword",
    // Behind the sign may stand a secret.
    message: `unknown keyword${where}: ${keyword.text.replace(/=.*/s, "=…")}${skipped}`,
    ...(near !== undefined && { hint: `did you mean ${near}?`, about: { kind: "near", keyword: near } }),
  });
}

function reportMisplaced(walk: Walk, keyword: Word, where: string, meant?: string): void {
  const homes = walk.homeOf(keyword.text);
  const list = homes.slice(0, 3).join(", ");
  walk.findings.add("error", keyword.span, {
    code: "misplaced-keyword",
    message: `${keyword.text} does not belong ${where}`,
    hint: meant === undefined ? `it belongs in ${list}${homes.length > 3 ? " …" : ""}` : `did you mean ${meant}?`,
  });
}

/**
 * What a line without a known keyword may have been meant for: the keyword that is near, or, where the keyword was left out,
 * each that takes the words as its value. None of them is reported as missing as well.
 */
function rowsMeant(walk: Walk, statement: Statement, table: CompiledTable): readonly CompiledRow[] {
  const near = table.rows.get(nearest(statement.first.text, table.keywords) ?? "");
  if (near) return [near];
  return [...table.rows.values()].filter((row) => {
    if ((row.table ?? row.lines) ? !statement.block : statement.block) return false;
    const reader = new Reader(walk.reader.context, createFindings());
    reader.start(statement, 0);
    return row.value.read(reader) !== undefined && !reader.complained && reader.atEnd;
  });
}

function reportStatus(walk: Walk, keyword: Word, found: CompiledRow): void {
  const { row } = found;
  const hint = row.successor === undefined ? {} : { hint: `use ${row.successor}` };
  if (row.status === "deprecated") {
    const code = row.quiet ? "old-name" : "deprecated";
    walk.findings.add(row.quiet ? "note" : "warning", keyword.span, {
      code,
      message: `${keyword.text} is an old word`,
      ...hint,
    });
    return;
  }
  const message =
    row.status === "removed"
      ? `keepalived no longer knows ${keyword.text}`
      : `${keyword.text} stands in keepalived's manual, but keepalived does not know it`;
  walk.findings.add("error", keyword.span, { code: "removed-keyword", message, ...hint });
}

/** Words that nobody asked for: keepalived drops them in silence (language.md §3). */
function reportLeftOver(
  walk: Walk,
  found: CompiledRow | undefined,
  table: CompiledTable | undefined,
  inside: Inside,
): void {
  const { reader } = walk;
  const left = reader.leftOver();
  if (!left || walk.literal) return;
  const keyword = reader.keyword.text;
  const swallowed = left.words.flatMap((word) => table?.rows.get(word.text) ?? []);
  for (const { held } of swallowed) miss(inside, held);
  if (reader.complained) return;
  const [first] = swallowed;
  const finding: Finding = {
    code: "extra-words",
    message: found?.row.secret
      ? `${keyword} takes one word; what follows it is ignored`
      : `ignored behind ${keyword}: ${shownUpTo(left.words, first?.keyword)}`,
    hint: first
      ? `one statement a line: put ${first.keyword} on a line of its own`
      : "put text with blanks in double quotes, or take it out",
  };
  const needed = swallowed.filter(({ row }) => isNeeded(row));
  // keepalived reports words behind the keyword of a list ("Block X has extra parameters") and no others. What the block then
  // lacks is an error there; whether it does shows at its end.
  if (needed.length === 0) walk.findings.add(found?.lines ? "error" : "warning", left.span, finding);
  else {
    inside.atEnd ??= [];
    inside.atEnd.push(() => {
      const lacking = needed.some(({ held }) => inside.bound[held] === undefined);
      walk.findings.add(lacking ? "error" : "warning", left.span, finding);
    });
  }
}

/** Left-over words as a message shows them: nothing behind a keyword, whose value may be a secret. */
function shownUpTo(words: readonly Word[], keyword: string | undefined): string {
  const end = keyword === undefined ? MAX_SHOWN_WORDS : words.findIndex((word) => word.text === keyword) + 1;
  const texts = words.slice(0, Math.min(end, MAX_SHOWN_WORDS)).map((word) => word.text);
  return texts.length < words.length ? `${texts.join(" ")} …` : texts.join(" ");
}

const MAX_SHOWN_WORDS = 6;
