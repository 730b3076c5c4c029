// Config core: script words (language.md §4). The rest of the line is split with quotes of both kinds and backslash escapes;
// its first word is the command line, which the same rules split again into program and arguments. No shell, no globbing.
import { type Decoded, err, ok } from "../../base/result.ts";

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  E: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Splits text into words: `'…'` and `"…"` may stand anywhere in a word, `\` escapes inside and outside of them. */
export function splitEscaped(text: string): Decoded<string[], string> {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const word = readEscapedWord(text, at);
    if (!word.ok) return word;
    words.push(word.value.text);
    at = word.value.end;
  }
  return ok(words);
}

function readEscapedWord(text: string, start: number): Decoded<{ text: string; end: number }, string> {
  let word = "";
  let quote = "";
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === "\\") {
      const escaped = readEscape(text, at + 1);
      if (!escaped) return err("a backslash at the end escapes nothing");
      word += escaped.text;
      at = escaped.end;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
      at++;
    } else if (char === '"' || char === "'") {
      quote = char;
      at++;
    } else if (isBlank(text.charCodeAt(at))) break;
    else {
      word += char;
      at++;
    }
  }
  if (quote !== "") return err(`the quote ${quote} is never closed`);
  return ok({ text: word, end: at });
}

/** Reads what follows a backslash: `nnn` octal, `xXX`, `cC` (control), a named one, or the character itself. */
function readEscape(text: string, at: number): { text: string; end: number } | undefined {
  if (at >= text.length) return undefined;
  const octal = /^[0-7]{1,3}/.exec(text.slice(at, at + 3));
  if (octal) return { text: String.fromCharCode(Number.parseInt(octal[0], 8) & 0xff), end: at + octal[0].length };
  const hex = /^x[0-9a-fA-F]{1,2}/.exec(text.slice(at, at + 3));
  if (hex) return { text: String.fromCharCode(Number.parseInt(hex[0].slice(1), 16)), end: at + hex[0].length };
  const char = text.charAt(at);
  if (char === "c" && at + 1 < text.length)
    return { text: String.fromCharCode(text.charCodeAt(at + 1) & 0x1f), end: at + 2 };
  return { text: NAMED_ESCAPES[char] ?? char, end: at + 1 };
}

/** The blanks of the language: space, tab, line feed, vertical tab, form feed, carriage return. U+00A0 is none. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
