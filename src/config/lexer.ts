// Config core: words of a line (language.md §3). Double quotes make one word of what stands between; braces are words of
// their own anywhere outside quotes; # and ! begin a comment.
import { isBlank, isNameCode } from "./blanks.ts";
import type { Place } from "./source.ts";
import type { Span } from "./span.ts";
import type { Word } from "./tree.ts";

/** What a lexed word is; a quoted brace is a word, not a brace. */
export type LexKind = "word" | "quoted" | "open" | "close";

/** A word that makes its span when asked. `start` and `end` include the quotes. */
export class LexWord implements Word {
  readonly text: string;
  readonly kind: LexKind;
  readonly place: Place;
  readonly start: number;
  readonly end: number;
  readonly line: number;

  constructor(text: string, kind: LexKind, place: Place, start: number, end: number, line: number) {
    this.text = text;
    this.kind = kind;
    this.place = place;
    this.start = start;
    this.end = end;
    this.line = line;
  }

  get quoted(): boolean {
    return this.kind === "quoted";
  }

  get span(): Span {
    return this.place.span(this.start, this.end, this.line);
  }
}

const TAB = 9;
const VT = 11;
const FF = 12;
const SPACE = 32;
const BANG = 33;
const QUOTE = 34;
const HASH = 35;
const DOLLAR = 36;
const MINUS = 45;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** How reading a line ended: `special` means it needs more than splitting, and the words read so far are void. */
export type LexEnd = "line" | "special" | "open-quote";

/**
 * Appends the words of `text` from `from` to before `to`.
 * @param macros what a `$` does: "stop" gives up, so that macros are replaced first (also at an escaped comment sign); "text" takes it as it stands, with
 * the braces of an unknown `${NAME}`, which are then no block
 */
export function lexLine(
  place: Place,
  from: number,
  to: number,
  line: number,
  macros: "stop" | "text",
  words: LexWord[],
): LexEnd {
  const text = place.text;
  let at = from;
  while (at < to) {
    const code = text.charCodeAt(at);
    if (code === SPACE || code === TAB || code === FF || code === VT) {
      at++;
    } else if (code === OPEN) {
      words.push(new LexWord("{", "open", place, at, at + 1, line));
      at++;
    } else if (code === CLOSE) {
      words.push(new LexWord("}", "close", place, at, at + 1, line));
      at++;
    } else if (code === HASH || code === BANG) {
      return "line";
    } else if (code === QUOTE) {
      const close = text.indexOf('"', at + 1);
      if (close < 0 || close >= to) {
        words.push(new LexWord(text.slice(at + 1, to), "quoted", place, at, to, line));
        return "open-quote";
      }
      const inner = text.slice(at + 1, close);
      if (macros === "stop" && inner.includes("$")) return "special";
      words.push(new LexWord(inner, "quoted", place, at, close + 1, line));
      at = close + 1;
    } else {
      const start = at;
      for (; at < to; at++) {
        const c = text.charCodeAt(at);
        if (c > OPEN && c !== CLOSE) continue;
        if (c > DOLLAR && c < OPEN) continue;
        if (c === DOLLAR) {
          if (macros === "stop") return "special";
          at = unknownReferenceEnd(text, at, to);
          continue;
        }
        if (c === QUOTE || c === OPEN || c === CLOSE || isBlank(c)) break;
        if (c === HASH || c === BANG) {
          if (macros === "stop" && text.charCodeAt(at - 1) === BACKSLASH) return "special";
          break;
        }
      }
      if (at > start) words.push(new LexWord(text.slice(start, at), "word", place, start, at, line));
    }
  }
  return "line";
}

/** Offset of the last character of `${NAME …}` or of the `$` alone. */
function unknownReferenceEnd(text: string, at: number, to: number): number {
  if (text.charCodeAt(at + 1) !== OPEN || at + 1 >= to) return at;
  let end = at + 2;
  for (; end < to; end++) {
    const code = text.charCodeAt(end);
    if (code === CLOSE) return end > at + 2 ? end : at;
    if (!isNameCode(code) && code !== SPACE && code !== TAB && code !== MINUS) return at;
  }
  return at;
}

/** Offset where the comment of a line begins, or `to`. `escaped` tells of a comment sign behind a backslash. */
export function commentStart(text: string, from: number, to: number): { end: number; escaped: boolean } {
  let quoted = false;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) quoted = !quoted;
    else if (!quoted && (code === HASH || code === BANG)) {
      const escaped = at > from && text.charCodeAt(at - 1) === BACKSLASH;
      return { end: escaped ? at - 1 : at, escaped };
    }
  }
  return { end: to, escaped: false };
}
