// Pattern core: sets of characters: classes by name, complements, both cases.
import type { CharSet, PatternNode } from "./tree.ts";

export const MAX_CODE_POINT = 0x10ffff;

export const NEWLINE = 10;

const DIGITS: CharSet = [[48, 57]];

const WORD: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];

const SPACE: CharSet = [
  [9, 13],
  [32, 32],
];

const HORIZONTAL: CharSet = [
  [9, 9],
  [32, 32],
  [0xa0, 0xa0],
];

const VERTICAL: CharSet = [
  [10, 13],
  [0x85, 0x85],
];

export const CLASSES: Readonly<Record<string, CharSet>> = { d: DIGITS, w: WORD, s: SPACE, h: HORIZONTAL, v: VERTICAL };

export const POSIX: Readonly<Record<string, CharSet>> = {
  alnum: [
    [48, 57],
    [65, 90],
    [97, 122],
  ],
  alpha: [
    [65, 90],
    [97, 122],
  ],
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: DIGITS,
  graph: [[33, 126]],
  lower: [[97, 122]],
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: SPACE,
  upper: [[65, 90]],
  word: WORD,
  xdigit: [
    [48, 57],
    [65, 70],
    [97, 102],
  ],
};

/** Sorts ranges and joins those that touch. */
export function normalise(ranges: Iterable<readonly [number, number]>): CharSet {
  const sorted = [...ranges].toSorted((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= MAX_CODE_POINT) rest.push([next, MAX_CODE_POINT]);
  return rest;
}

/** `\R`: CR LF together, or any single line break. */
export function lineBreak(utf: boolean): PatternNode {
  const wide: CharSet = utf ? [[0x2028, 0x2029]] : [];
  const crlf: PatternNode = {
    kind: "sequence",
    parts: [
      { kind: "set", set: [[13, 13]] },
      { kind: "set", set: [[10, 10]] },
    ],
  };
  return { kind: "choice", options: [crlf, { kind: "set", set: normalise([...VERTICAL, ...wide]) }] };
}

/** Adds the other case. Without utf only ASCII letters have one (PCRE2's built-in tables). */
export function bothCases(set: CharSet, utf: boolean): CharSet {
  const ranges: (readonly [number, number])[] = [...set];
  const shift = (low: number, high: number, by: number) => {
    for (const [from, to] of set) {
      const first = Math.max(from, low);
      const last = Math.min(to, high);
      if (first <= last) ranges.push([first + by, last + by]);
    }
  };
  shift(65, 90, 32);
  shift(97, 122, -32);
  if (utf) ranges.push(...otherCases(set));
  return normalise(ranges);
}

/** Beyond ASCII one by one; a large range has both cases in it already, near enough. */
const MAX_FOLDED_RANGE = 512;

function* otherCases(set: CharSet): Iterable<readonly [number, number]> {
  for (const [from, to] of set) {
    if (to - from > MAX_FOLDED_RANGE) continue;
    for (let codePoint = Math.max(from, 0x80); codePoint <= to; codePoint++) {
      const c = String.fromCodePoint(codePoint);
      for (const other of [c.toLowerCase(), c.toUpperCase()]) {
        const folded = other.codePointAt(0) ?? codePoint;
        if (String.fromCodePoint(folded).length === other.length) yield [folded, folded];
      }
    }
  }
}
