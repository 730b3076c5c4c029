// Config core: words of a line (language.md §3). Double quotes make one word of what stands between; braces are words of
// their own anywhere outside quotes; # and ! begin a comment.
import { isBlank, isNameCode } from "./blanks.ts";
import type { CommonTexts } from "./common-texts.ts";
import {
  addWord,
  CLOSE as CLOSE_WORD,
  OPEN as OPEN_WORD,
  QUOTED,
  UNENDED,
  WORD,
  type WordTable,
} from "./word-table.ts";

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
 * Adds the words of `text` from `from` to before `to` to the table.
 * @param macros what a `$` does: "stop" gives up, so that macros are replaced first (also at an escaped comment sign);
 * "text" takes it as it stands, with the braces of an unknown `${NAME}`, which are then no block
 */
export function lexLine(
  text: string,
  from: number,
  to: number,
  line: number,
  macros: "stop" | "text",
  words: WordTable,
  common: CommonTexts,
): LexEnd {
  let at = from;
  while (at < to) {
    const code = text.charCodeAt(at);
    if (code === SPACE || code === TAB || code === FF || code === VT) {
      at++;
    } else if (code === OPEN) {
      addWord(words, OPEN_WORD, "{", at, line);
      at++;
    } else if (code === CLOSE) {
      addWord(words, CLOSE_WORD, "}", at, line);
      at++;
    } else if (code === HASH || code === BANG) {
      return "line";
    } else if (code === QUOTE) {
      const close = text.indexOf('"', at + 1);
      if (close < 0 || close >= to) {
        addWord(words, UNENDED, text.slice(at + 1, to), at, line);
        return "open-quote";
      }
      const inner = text.slice(at + 1, close);
      if (macros === "stop" && inner.includes("$")) return "special";
      addWord(words, QUOTED, inner, at, line);
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
      if (at > start) addWord(words, WORD, common.slice(text, start, at), start, line);
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
