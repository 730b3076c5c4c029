// Config core: from finished lines, their macros replaced, to words of the table.
import { trimEnd } from "../text/blanks.ts";
import { CommonTexts } from "../text/common-texts.ts";
import { type LexEnd, lexLine } from "../text/lexer.ts";
import type { LinePart, Place } from "../text/source.ts";
import {
  addWord,
  endAt,
  endLine,
  kindAt,
  OPEN,
  repeatWords,
  startAt,
  textAt,
  UNENDED,
  WORD,
  type WordTable,
} from "../text/word-table.ts";
import { CLOSE_QUOTE } from "./definitions.ts";
import type { MacroText } from "./macros.ts";
import type { Findings } from "./reading.ts";

export class LineWords {
  readonly #findings: Findings;
  readonly #words: WordTable;
  readonly #common = new CommonTexts();

  constructor(findings: Findings, words: WordTable) {
    this.#findings = findings;
    this.#words = words;
  }

  /** Adds the words of a line of a file as it stands; false when it needs more than splitting, and then none is added. */
  addPlain(place: Place, from: number, to: number, line: number): boolean {
    const first = this.#words.count;
    if (this.#split(place.text, from, to, line, "stop") !== "line") {
      this.#words.count = first;
      return false;
    }
    this.endLine(first, place, line);
    return true;
  }

  add(part: LinePart): void {
    const { place, from, to, line } = part;
    const first = this.#words.count;
    if (this.#split(place.text, from, to, line, "text") === "open-quote") this.#closeQuote(part);
    this.endLine(first, place, line);
  }

  /** A line that says the same at each use of its macro: from the second one on the words of the first are taken again. */
  repeat(defined: MacroText, part: LinePart): void {
    const words = this.#words;
    const first = words.count;
    if (defined.words) {
      repeatWords(words, defined.words.first, defined.words.end);
      endLine(words, first, part.place);
      return;
    }
    const findings = this.#findings.list.length;
    this.add(part);
    if (this.#findings.list.length === findings) defined.words = { first, end: words.count };
  }

  #split(text: string, from: number, to: number, line: number, macros: "stop" | "text"): LexEnd {
    return lexLine(text, from, to, line, macros, this.#words, this.#common);
  }

  /** Ends a line whose first word has number `first`. */
  endLine(first: number, place: Place, line: number): void {
    const words = this.#words;
    const last = words.count - 1;
    if (last < first) return;
    // A backslash at the end of a statement joins nothing, though whoever wrote it thought so.
    if (textAt(words, last) === "\\" && kindAt(words, last) === WORD) {
      const start = startAt(words, last);
      words.count = last;
      this.#findings.warn(
        "stray-backslash",
        { place, from: start, to: start + 1, line },
        "a backslash joins lines only inside a definition",
        "a statement stands on one line; take the backslash away",
      );
    }
    endLine(words, first, place);
  }

  /** The last word lacks its closing quote: it ends with its line, but does not swallow the brace that opens a block. */
  #closeQuote(part: LinePart): void {
    const words = this.#words;
    const last = words.count - 1;
    const start = startAt(words, last);
    const end = endAt(words, last);
    const { text } = part.place;
    const at = { ...part, from: start, to: end };
    const message = "the quoted word does not end on its line";
    this.#findings.coverLine(at, this.#findings.error("quote-not-closed", at, message, CLOSE_QUOTE));
    const brace = text.charCodeAt(end - 1) === OPEN_BRACE ? end - 1 : end;
    words.count = last;
    addWord(words, UNENDED, text.slice(start + 1, trimEnd(text, start + 1, brace)), start, part.line);
    if (brace < end) addWord(words, OPEN, "{", brace, part.line);
  }
}

const OPEN_BRACE = 123;
