// Config core: how much is read. What goes beyond the limits ends the reading with a finding that says where.
import type { Diagnostic } from "../findings/diagnostic.ts";
import { FREE_EXPANDED_LINES, LINES_PER_LOOK, MAX_EXPANDED_LINES, MAX_WORDS } from "../text/limits.ts";
import { type LinePart, partSpan } from "../text/source.ts";
import type { Span } from "../text/span.ts";
import type { WordTable } from "../text/word-table.ts";
import type { Findings } from "./reading.ts";

/** What is used up by one reading. */
export class Budget {
  readonly #findings: Findings;
  readonly #words: WordTable;
  readonly #spent: (() => string | undefined) | undefined;
  /** Without a measure of what they cost, the free ones are all there may be. */
  readonly #mostLines: number;
  #lines = 0;
  #isCut = false;

  /** @param spent what of the machine is used up, in words; undefined while there is enough */
  constructor(findings: Findings, words: WordTable, spent: (() => string | undefined) | undefined) {
    this.#findings = findings;
    this.#words = words;
    this.#spent = spent;
    this.#mostLines = spent ? MAX_EXPANDED_LINES : FREE_EXPANDED_LINES;
  }

  /** A limit was met: nothing more is read. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** So many lines were made that binding them has to be watched, too. */
  get isDear(): boolean {
    return this.#lines > FREE_EXPANDED_LINES;
  }

  /** Counts a line that a macro or loop made; false when there may be no more. */
  countLine(at: LinePart): boolean {
    if (++this.#lines > this.#mostLines) this.cut(partSpan(at), `${this.#mostLines} ${MADE_LINES}`);
    else if (this.#lines > FREE_EXPANDED_LINES && this.#lines % LINES_PER_LOOK === 0) this.#look(at);
    else if (this.#words.count > MAX_WORDS) this.cut(partSpan(at), `${MAX_WORDS} words`);
    return !this.#isCut;
  }

  /** False when a loop of so many passes would make more lines than there may be. */
  allowsPasses(count: number, head: LinePart): boolean {
    if (count <= this.#mostLines) return true;
    this.cut(partSpan(head), `${this.#mostLines} ${MADE_LINES} (this loop makes ${count})`);
    return false;
  }

  /** Ends reading: what a configuration of this size means can't be judged from a part of it. */
  cut(span: Span, what: string): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const message = `the configuration has more than ${what}`;
    this.#findings.add({ severity: "error", code: "limit-exceeded", span, message });
  }

  #look(at: LinePart): void {
    const what = this.#spent?.();
    if (what === undefined) return;
    this.#isCut = true;
    this.#findings.add(tooDear(partSpan(at), what));
  }
}

/** Reading or binding a configuration costs more than it may. */
export function tooDear(span: Span, what: string): Diagnostic {
  return {
    severity: "error",
    code: "limit-exceeded",
    span,
    message: `the configuration takes more than ${what} to read, up to here`,
    hint: "let loops and macros make fewer lines",
  };
}

const MADE_LINES = "lines made by macros and loops";
