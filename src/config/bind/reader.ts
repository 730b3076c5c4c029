// Config core: reads the words of one statement from left to right for the values of the tables, and knows how to complain.
// One reader serves a whole binding; start() aims it at the next statement.
import * as v from "valibot";
import type { Code } from "../findings/codes.ts";
import type { Finding, Severity } from "../findings/diagnostic.ts";
import { type Findings, spanOver } from "../findings/findings.ts";
import { MAX_RANGED_ADDRESSES } from "../text/limits.ts";
import type { Span } from "../text/span.ts";
import type { Statement, Word } from "../text/tree.ts";

/** Names that the machine's tables give to numbers (language.md §14). */
export type NameTable = "rt_tables" | "rt_scopes" | "rt_protos" | "rt_dsfield" | "rt_realms" | "group" | "protocols";

/** `iproute_etc_dir` and `iproute_usr_dir`; absent: where they usually are. */
export interface NameDirectories {
  readonly etc?: string;
  readonly usr?: string;
}

/** What binding has to ask the outside for. */
export interface BindContext {
  /** The machine's name: default of `router_id` and of the mail names. */
  readonly hostName: string;
  /** Number of a name in `/etc/iproute2/FILE` (or `/etc/protocols`); absent: only the built-in names are known. */
  lookupName?(table: NameTable, name: string, directories?: NameDirectories): number | undefined;
  /** Whether there is such an account here; absent: nobody knows. */
  hasAccount?(kind: "user" | "group", name: string): boolean;
  /** Looked at while a dear configuration is bound; as in ExpandOptions. */
  spent?(): string | undefined;
  /** Content of a key file of `auth_hmac` that only its owner may read; absent or undefined: it can't be read. */
  readKeyFile?(path: string): Uint8Array | undefined;
}

/** What makes a value of one word. */
export interface WordSchema<T> {
  /** The value of a right word; undefined for a wrong one. */
  plain(text: string): T | undefined;
  /** The schema that says what is wrong. The message of its issue says what would be accepted. */
  schema(): v.GenericSchema<string, T>;
}

/** Marks an issue as «right kind, wrong size», so that the finding gets the code `out-of-range`. */
export const RANGE = "range";

export class Reader {
  readonly context: BindContext;
  readonly #findings: Findings;
  #statement: Statement | undefined;
  #at = 0;
  #from: 0 | 1 = 1;
  #complained = false;
  #ranged = 0;
  /** The option of a line that is being read, in place of the keyword, for messages. */
  subject: Word | undefined;

  constructor(context: BindContext, findings: Findings) {
    this.context = context;
    this.#findings = findings;
  }

  /** Aims at a statement; `from` is 1 behind a keyword, 0 where the line is an entry of a list. */
  start(statement: Statement, from: 0 | 1): void {
    this.#statement = statement;
    this.#at = from;
    this.#from = from;
    this.#complained = false;
    this.subject = undefined;
  }

  /** The first word of the statement: the keyword. */
  get keyword(): Word {
    return this.#aimed().first;
  }

  /** Something of this statement was reported: what else seems odd on the line may come of the same mistake. */
  get complained(): boolean {
    return this.#complained;
  }

  /** The line behind the keyword (all of it, where there is none) with its quotes, for words that are split again. */
  get rest(): string {
    const rest = this.#statement?.rest ?? "";
    if (this.#from === 1) return rest;
    const { text, quoted } = this.keyword;
    return `${quoted ? `"${text}"` : text} ${rest}`;
  }

  peek(): Word | undefined {
    return this.#statement?.word(this.#at);
  }

  /** What the next word says, without making it. */
  peekText(): string | undefined {
    return this.#statement?.text(this.#at);
  }

  next(): Word | undefined {
    return this.#statement?.word(this.#at++);
  }

  /** Puts the word taken last back, so that it is read as something else. */
  putBack(): void {
    this.#at--;
  }

  /** How many words were taken. */
  get position(): number {
    return this.#at;
  }

  /** Takes the word if it is this one. */
  take(text: string): boolean {
    if (this.peekText() !== text) return false;
    this.#at++;
    return true;
  }

  /** The word taken last; where words are missing, the last one there is. */
  get here(): Span {
    const statement = this.#aimed();
    return (statement.word(Math.min(this.#at, statement.count) - 1) ?? statement.first).span;
  }

  /** All words not taken yet; they count as taken afterwards. */
  takeAll(): readonly Word[] {
    const words = this.#aimed().words.slice(this.#at);
    this.#at += words.length;
    return words;
  }

  /** All words of the statement are taken. */
  get atEnd(): boolean {
    return this.#statement === undefined || this.#at >= this.#statement.count;
  }

  /** The next word, or a finding `missing-value` that tells what belongs here. */
  need(expected: string, of?: string): Word | undefined {
    const word = this.next();
    if (word) return word;
    const keyword = of ?? (this.subject ?? this.keyword).text;
    this.report("error", this.here, {
      code: "missing-value",
      message: `${keyword} lacks its value`,
      hint: expectedHint(expected),
      about: { kind: "value", keyword },
    });
    return undefined;
  }

  /** Value of a word, or a finding `bad-value` or `out-of-range`. */
  convert<T>(word: Word, schema: WordSchema<T>, of?: string): T | undefined {
    const plain = schema.plain(word.text);
    if (plain !== undefined) return plain;
    const read = v.safeParse(schema.schema(), word.text);
    if (read.success) return read.output;
    const issue = read.issues[0];
    const range = issue.expected === RANGE;
    const keyword = of ?? (this.subject ?? this.keyword).text;
    this.report("error", word.span, {
      code: range ? "out-of-range" : "bad-value",
      about: { kind: "value", keyword },
      message: `${keyword} ${range ? "is out of range" : "has a value it can't take"} (${shown(word)})`,
      hint: expectedHint(issue.message),
    });
    return undefined;
  }

  /** Refuses what is left of the line, where keepalived does so too; elsewhere left-over words are the binder's to report. */
  refuseRest(what: string, hint?: string): void {
    const word = this.peek();
    if (!word) return;
    if (!this.#complained) this.error(word, "unknown-word", `${what} does not know ${shown(word)}`, hint);
    this.takeAll();
  }

  /** Counts the addresses of ranges over the whole configuration; false, with a finding, when they are too many. */
  countRanged(word: Word, addresses: number): boolean {
    this.#ranged += addresses;
    if (this.#ranged <= MAX_RANGED_ADDRESSES) return true;
    this.error(word, "limit-exceeded", `all ranges together have more than ${MAX_RANGED_ADDRESSES} addresses`);
    return false;
  }

  /** Takes the next word if it is right; nothing is said of a wrong one. Nearly all words of a large file are right. */
  plain<T>(schema: WordSchema<T>): T | undefined {
    const text = this.peekText();
    const value = text === undefined ? undefined : schema.plain(text);
    if (value !== undefined) this.#at++;
    return value;
  }

  /** need() and convert() in one. */
  value<T>(schema: WordSchema<T>, expected: string, of?: string): T | undefined {
    const plain = this.plain(schema);
    if (plain !== undefined) return plain;
    const word = this.need(expected, of);
    return word && this.convert(word, schema, of);
  }

  error(at: Word | Span, code: Code, message: string, hint?: string): void {
    this.report("error", "span" in at ? at.span : at, hint === undefined ? { code, message } : { code, message, hint });
  }

  warn(at: Word | Span, code: Code, message: string, hint?: string): void {
    this.report(
      "warning",
      "span" in at ? at.span : at,
      hint === undefined ? { code, message } : { code, message, hint },
    );
  }

  /** Says something of a word that is right as it is. */
  note(at: Word, code: Code, message: string, hint: string): void {
    this.#findings.add("note", at.span, { code, message, hint });
  }

  report(severity: Severity, span: Span, finding: Finding): void {
    this.#complained = true;
    this.#findings.add(severity, span, finding);
  }

  /** The words that nobody took, and the span of all of them. */
  leftOver(): { readonly words: readonly Word[]; readonly span: Span } | undefined {
    const words = this.#aimed().words.slice(this.#at);
    const first = words[0];
    const last = words[words.length - 1];
    return first && last && { words, span: spanOver(first.span, last.span) };
  }

  #aimed(): Statement {
    if (!this.#statement) throw new Error("reader: not aimed at a statement");
    return this.#statement;
  }
}

function expectedHint(expected: string): string {
  return `expected ${expected}`;
}

/** A word as a message shows it; an empty one would be invisible. */
function shown(word: Word): string {
  return word.text === "" ? '""' : word.text;
}
