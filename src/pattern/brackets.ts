// Pattern core: character classes in brackets.
import type { Cursor } from "./cursor.ts";
import { characterEscape, classEscape, octal, UNSUPPORTED_ESCAPES } from "./escapes.ts";
import { complement, normalise, POSIX } from "./sets.ts";
import type { CharSet, PatternNode } from "./tree.ts";

const NOTHING: PatternNode = { kind: "set", set: [] };

/** `[…]`, from its opening bracket on. */
export function bracket(cursor: Cursor): PatternNode {
  const start = cursor.at++;
  const negated = cursor.peek() === "^";
  if (negated) cursor.at++;
  const ranges: (readonly [number, number])[] = [];
  if (cursor.peek() === "]" && cursor.options.allowEmptyClass) {
    cursor.at++;
    return negated ? { kind: "set", set: complement([]) } : NOTHING;
  }
  for (let first = true; ; first = false) {
    if (cursor.peek() === undefined) cursor.refuse("character class is never closed", start);
    if (cursor.peek() === "]" && !first) break;
    const read = member(cursor, start);
    if (typeof read !== "number") ranges.push(...read);
    else ranges.push([read, rangeEnd(cursor, read, start)]);
  }
  cursor.at++;
  const set = cursor.cased(normalise(ranges));
  return { kind: "set", set: negated ? complement(set) : set };
}

/** One member of a class: a character, or a set of them. */
function member(cursor: Cursor, start: number): number | CharSet {
  const c = cursor.peek() ?? "";
  if (c === "[" && /^\[[:.=]/.test(cursor.rest(2))) {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(cursor.rest(20));
    if (posix) {
      const set = POSIX[posix[2] ?? ""];
      if (!set) cursor.refuse(`unknown class [:${posix[2]}:]`);
      cursor.at += posix[0].length;
      return posix[1] === "^" ? complement(set) : set;
    }
  }
  if (c !== "\\") {
    cursor.at++;
    const codePoint = c.codePointAt(0) ?? 0;
    if (codePoint > 0x7f && !cursor.options.utf)
      cursor.refuse(`character ${c} in a class needs the option utf`, cursor.at - 1);
    return codePoint;
  }
  const escapeStart = cursor.at++;
  const letter = cursor.peek();
  if (letter === undefined) cursor.refuse("character class is never closed", start);
  if (letter === "b") {
    cursor.at++;
    return 8;
  }
  const set = classEscape(cursor, letter);
  if (set) return set;
  if (/[1-7]/.test(letter)) return cursor.inRange(octal(cursor, 3), escapeStart);
  if (UNSUPPORTED_ESCAPES.has(letter) || "QERBZzANK".includes(letter))
    cursor.refuse(`\\${letter} is not supported in a class`, escapeStart);
  return characterEscape(cursor, letter, escapeStart);
}

/** The end of a range that began with `from`; `from` itself when there is none. */
function rangeEnd(cursor: Cursor, from: number, start: number): number {
  if (cursor.peek() !== "-" || cursor.peek(1) === "]" || cursor.peek(1) === undefined) return from;
  const dash = cursor.at++;
  const to = member(cursor, start);
  if (typeof to !== "number") cursor.refuse("a range can't end in a class", dash);
  if (to < from) cursor.refuse("range is the wrong way round", dash);
  return to;
}
