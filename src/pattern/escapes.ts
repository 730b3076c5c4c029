// Pattern core: what stands behind a backslash.
import type { Cursor } from "./cursor.ts";
import { CLASSES, complement } from "./sets.ts";
import type { CharSet } from "./tree.ts";

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };
/** Escapes that can't be matched in linear time, or are not known here. */
export const UNSUPPORTED_ESCAPES = new Set(["p", "P", "X", "K", "G", "C", "g", "k"]);

/** `\d` and its like; upper case is the complement. */
export function classEscape(cursor: Cursor, c: string): CharSet | undefined {
  const set = CLASSES[c.toLowerCase()];
  if (!set) return undefined;
  cursor.at++;
  return c === c.toLowerCase() ? set : complement(set);
}

/** The character behind a backslash; `#at` is on the letter. */
export function characterEscape(cursor: Cursor, c: string, start: number): number {
  cursor.at++;
  const simple = SIMPLE_ESCAPES[c];
  if (simple !== undefined) return simple;
  switch (c) {
    case "x":
      return hexadecimal(cursor, start);
    case "u":
      return bsux(cursor, start);
    case "U":
      if (cursor.options.altBsux) return 85;
      return cursor.refuse("\\U is not supported", start);
    case "0":
      return octal(cursor, 2);
    case "o":
      return bracedOctal(cursor, start);
    case "c": {
      const code = (cursor.peek() ?? "").toUpperCase().charCodeAt(0);
      if (!(code >= 32 && code < 127)) cursor.refuse("\\c needs a printable character behind it", start);
      cursor.at++;
      return code ^ 64;
    }
    default:
      if (/[A-Za-z]/.test(c)) cursor.refuse(`unknown escape \\${c}`, start);
      return cursor.inRange(c.codePointAt(0) ?? 0, start);
  }
}

function hexadecimal(cursor: Cursor, start: number): number {
  if (cursor.options.altBsux) {
    const pair = /^[0-9a-fA-F]{2}/.exec(cursor.rest(2));
    if (!pair) return 120;
    cursor.at += 2;
    return Number.parseInt(pair[0], 16);
  }
  const braced = /^\{([0-9a-fA-F]{1,8})\}/.exec(cursor.rest(10));
  if (braced) {
    cursor.at += braced[0].length;
    return cursor.inRange(Number.parseInt(braced[1] ?? "0", 16), start);
  }
  const digits = /^[0-9a-fA-F]{0,2}/.exec(cursor.rest(2))?.[0] ?? "";
  cursor.at += digits.length;
  return digits === "" ? 0 : Number.parseInt(digits, 16);
}

/** `\u0041`, only with alt_bsux; there, without four digits it is the letter. */
function bsux(cursor: Cursor, start: number): number {
  if (!cursor.options.altBsux) cursor.refuse("\\u is not supported without the option alt_bsux", start);
  const digits = /^[0-9a-fA-F]{4}/.exec(cursor.rest(4));
  if (!digits) return 117;
  cursor.at += 4;
  return cursor.inRange(Number.parseInt(digits[0], 16), start);
}

export function octal(cursor: Cursor, limit: number): number {
  const digits = /^[0-7]*/.exec(cursor.rest(limit))?.[0] ?? "";
  cursor.at += digits.length;
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function bracedOctal(cursor: Cursor, start: number): number {
  const found = /^\{([0-7]{1,11})\}/.exec(cursor.rest(13));
  if (!found) cursor.refuse("\\o needs octal digits in braces", start);
  cursor.at += found[0].length;
  return cursor.inRange(Number.parseInt(found[1] ?? "0", 8), start);
}
