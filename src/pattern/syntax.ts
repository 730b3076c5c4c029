// Layer 0: reads the regular expressions that people put into configurations (PCRE2 syntax) into a tree. What can't be matched in
// linear time, or is not known here, is an error that names the place: backreferences, lookaround, atomic groups, recursion, \p.
// Characters are code points: bytes without the option utf, Unicode characters with it.
import { type Decoded, err, ok } from "../base/result.ts";

/** Inclusive ranges of characters, sorted, not touching. */
export type CharSet = readonly (readonly [number, number])[];

export type Assertion =
  | "subject-start"
  | "line-start"
  | "line-start-alt"
  | "subject-end"
  | "subject-end-or-newline"
  | "line-end"
  | "word-boundary"
  | "not-word-boundary";

export type PatternNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly part: PatternNode; readonly min: number; readonly max: number };

/** Why a pattern can't be used, and the position in its text (in characters, from 0). */
export interface PatternError {
  readonly message: string;
  readonly at: number;
}

export interface PatternFlags {
  caseless: boolean;
  dotall: boolean;
  multiline: boolean;
  extended: boolean;
}

export interface SyntaxOptions extends PatternFlags {
  readonly utf: boolean;
  readonly dollarEndonly: boolean;
  readonly allowEmptyClass: boolean;
  readonly altBsux: boolean;
  readonly altCircumflex: boolean;
}

const MAX_DEPTH = 64;
const MAX_REPEAT = 65_535;
export const MAX_CODE_POINT = 0x10ffff;

const NEWLINE = 10;
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
const CLASSES: Readonly<Record<string, CharSet>> = { d: DIGITS, w: WORD, s: SPACE, h: HORIZONTAL, v: VERTICAL };
const POSIX: Readonly<Record<string, CharSet>> = {
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
const SIMPLE_ESCAPES: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

class Refused extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Reads a pattern. */
export function parsePattern(text: string, options: SyntaxOptions): Decoded<PatternNode, PatternError> {
  try {
    return ok(new Reader(text, options).all());
  } catch (error) {
    if (error instanceof Refused) return err({ message: error.message, at: error.at });
    throw error;
  }
}

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

const EMPTY: PatternNode = { kind: "sequence", parts: [] };
const NOTHING: PatternNode = { kind: "set", set: [] };

class Reader {
  readonly #text: readonly string[];
  readonly #options: SyntaxOptions;
  #flags: PatternFlags;
  #at = 0;
  #depth = 0;
  /** Inside \Q…\E. */
  #quoting = false;

  constructor(text: string, options: SyntaxOptions) {
    this.#text = [...text];
    this.#options = options;
    const { caseless, dotall, multiline, extended } = options;
    this.#flags = { caseless, dotall, multiline, extended };
  }

  all(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) this.#refuse("closing parenthesis without an opening one");
    return node;
  }

  #refuse(message: string, at = this.#at): never {
    throw new Refused(message, at);
  }

  #peek(offset = 0): string | undefined {
    return this.#text[this.#at + offset];
  }

  #looksAt(words: string): boolean {
    return [...words].every((c, i) => this.#peek(i) === c);
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) this.#refuse(`more than ${MAX_DEPTH} groups inside each other`);
    const options: PatternNode[] = [this.#sequence()];
    while (this.#peek() === "|" && !this.#quoting) {
      this.#at++;
      options.push(this.#sequence());
    }
    this.#depth--;
    return options.length === 1 ? (options[0] ?? EMPTY) : { kind: "choice", options };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    for (;;) {
      const c = this.#peek();
      if (c === undefined) break;
      if (!this.#quoting && (c === "|" || c === ")")) break;
      const part = this.#item(c);
      if (part) parts.push(this.#repeated(part));
    }
    return { kind: "sequence", parts };
  }

  /** One thing that can be repeated; undefined for what matches nothing by itself (comments, flags, blanks). */
  #item(c: string): PatternNode | undefined {
    if (this.#quoting) {
      if (this.#looksAt("\\E")) {
        this.#quoting = false;
        this.#at += 2;
        return undefined;
      }
      this.#at++;
      return this.#literal(c);
    }
    if (this.#flags.extended && /[ \t\n\v\f\r]/.test(c)) {
      this.#at++;
      return undefined;
    }
    if (this.#flags.extended && c === "#") {
      while (this.#peek() !== undefined && this.#peek() !== "\n") this.#at++;
      return undefined;
    }
    switch (c) {
      case "(":
        return this.#group();
      case "[":
        return this.#bracket();
      case "\\":
        return this.#escape();
      case ".":
        this.#at++;
        return { kind: "set", set: this.#flags.dotall ? complement([]) : complement([[NEWLINE, NEWLINE]]) };
      case "^":
        this.#at++;
        return { kind: "assert", assertion: this.#circumflex() };
      case "$":
        this.#at++;
        return { kind: "assert", assertion: this.#dollar() };
      case "*":
      case "+":
      case "?":
        return this.#refuse(`nothing to repeat before ${c}`);
      default:
        this.#at++;
        return this.#literal(c);
    }
  }

  #circumflex(): Assertion {
    if (!this.#flags.multiline) return "subject-start";
    return this.#options.altCircumflex ? "line-start-alt" : "line-start";
  }

  #dollar(): Assertion {
    if (this.#flags.multiline) return "line-end";
    return this.#options.dollarEndonly ? "subject-end" : "subject-end-or-newline";
  }

  /** A literal character: without utf, the bytes of its UTF-8 form. */
  #literal(c: string): PatternNode {
    const codePoint = c.codePointAt(0) ?? 0;
    if (this.#options.utf || codePoint < 0x80) return this.#character(codePoint);
    const bytes = new TextEncoder().encode(c);
    return { kind: "sequence", parts: Array.from(bytes, (byte) => this.#character(byte)) };
  }

  #character(codePoint: number): PatternNode {
    return { kind: "set", set: this.#cased([[codePoint, codePoint]]) };
  }

  #cased(set: CharSet): CharSet {
    return this.#flags.caseless ? bothCases(set, this.#options.utf) : set;
  }

  #repeated(part: PatternNode): PatternNode {
    let node = part;
    for (;;) {
      while (this.#looksAt("\\E")) {
        this.#quoting = false;
        this.#at += 2;
      }
      const start = this.#at;
      const bounds = this.#quoting ? undefined : this.#quantifier();
      if (!bounds) return node;
      // Lazy or greedy finds a match in the same texts; a possessive one does not, and can't be had in linear time.
      if (this.#peek() === "?") this.#at++;
      else if (this.#peek() === "+") this.#refuse("possessive repetition is not supported", start);
      node = { kind: "repeat", part: node, min: bounds[0], max: bounds[1] };
    }
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#flags.extended) while (/^[ \t\n\v\f\r]$/.test(this.#peek() ?? "")) this.#at++;
    switch (this.#peek()) {
      case "*":
        this.#at++;
        return [0, Number.POSITIVE_INFINITY];
      case "+":
        this.#at++;
        return [1, Number.POSITIVE_INFINITY];
      case "?":
        this.#at++;
        return [0, 1];
      case "{":
        return this.#braces();
      default:
        return undefined;
    }
  }

  /** `{2}`, `{2,}`, `{2,5}`, `{,5}`; anything else in braces is just text. */
  #braces(): readonly [number, number] | undefined {
    const found = /^\{(\d*)(,?)(\d*)\}/.exec(this.#text.slice(this.#at, this.#at + 16).join(""));
    if (!found || (found[1] === "" && found[3] === "")) return undefined;
    const min = found[1] === "" ? 0 : Number(found[1]);
    const max = found[2] === "" ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT))
      this.#refuse(`more than ${MAX_REPEAT} repetitions`);
    if (max < min) this.#refuse(`repetition bounds are the wrong way round (${min} to ${max})`);
    this.#at += found[0].length;
    return [min, max];
  }

  #group(): PatternNode | undefined {
    const start = this.#at++;
    const outer = { ...this.#flags };
    if (this.#peek() === "*") this.#refuse("verbs are not supported", start);
    if (this.#peek() === "?") {
      this.#at++;
      if (this.#peek() === "#") return this.#comment(start);
      if (this.#groupKind(start) === "flags") return undefined;
    }
    const node = this.#choice();
    if (this.#peek() !== ")") this.#refuse("group is never closed", start);
    this.#at++;
    this.#flags = outer;
    return node;
  }

  #comment(start: number): undefined {
    while (this.#peek() !== ")") {
      if (this.#peek() === undefined) this.#refuse("comment is never closed", start);
      this.#at++;
    }
    this.#at++;
    return undefined;
  }

  /** Reads what stands behind `(?`. Flags that close at once hold for the rest of the enclosing group. */
  #groupKind(start: number): "group" | "flags" {
    for (const [mark, what] of UNSUPPORTED_GROUPS)
      if (this.#looksAt(mark)) this.#refuse(`${what} is not supported`, start);
    const name = /^(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/.exec(this.#rest(40));
    if (name) {
      this.#at += name[0].length;
      return "group";
    }
    const flags = /^(\^?[imsxnJU]*)(?:-([imsxnJU]*))?([:)])/.exec(this.#rest(24));
    if (!flags) this.#refuse("unknown kind of group", start);
    this.#at += flags[0].length;
    const on = flags[1] ?? "";
    if (on.startsWith("^")) this.#setFlags("imsx", false);
    this.#setFlags(on, true);
    this.#setFlags(flags[2] ?? "", false);
    return flags[3] === ":" ? "group" : "flags";
  }

  #rest(limit: number): string {
    return this.#text.slice(this.#at, this.#at + limit).join("");
  }

  #setFlags(letters: string, value: boolean): void {
    if (letters.includes("i")) this.#flags.caseless = value;
    if (letters.includes("m")) this.#flags.multiline = value;
    if (letters.includes("s")) this.#flags.dotall = value;
    if (letters.includes("x")) this.#flags.extended = value;
  }

  #escape(): PatternNode | undefined {
    const start = this.#at++;
    const c = this.#peek();
    if (c === undefined) this.#refuse("backslash at the end", start);
    switch (c) {
      case "Q":
        this.#at++;
        this.#quoting = true;
        return undefined;
      case "E":
        this.#at++;
        return undefined;
      case "A":
        return this.#asserted("subject-start");
      case "z":
        return this.#asserted("subject-end");
      case "Z":
        return this.#asserted("subject-end-or-newline");
      case "b":
        return this.#asserted("word-boundary");
      case "B":
        return this.#asserted("not-word-boundary");
      case "N":
        this.#at++;
        return { kind: "set", set: complement([[NEWLINE, NEWLINE]]) };
      case "R":
        this.#at++;
        return lineBreak(this.#options.utf);
      default:
        break;
    }
    const set = this.#classEscape(c);
    if (set) return { kind: "set", set };
    if (/[1-9]/.test(c)) this.#refuse(`backreference \\${c} is not supported`, start);
    if (UNSUPPORTED_ESCAPES.has(c)) this.#refuse(`\\${c} is not supported`, start);
    return this.#character(this.#characterEscape(c, start));
  }

  #asserted(assertion: Assertion): PatternNode {
    this.#at++;
    return { kind: "assert", assertion };
  }

  /** `\d` and its like; upper case is the complement. */
  #classEscape(c: string): CharSet | undefined {
    const set = CLASSES[c.toLowerCase()];
    if (!set) return undefined;
    this.#at++;
    return c === c.toLowerCase() ? set : complement(set);
  }

  /** The character behind a backslash; `#at` is on the letter. */
  #characterEscape(c: string, start: number): number {
    this.#at++;
    const simple = SIMPLE_ESCAPES[c];
    if (simple !== undefined) return simple;
    switch (c) {
      case "x":
        return this.#hexadecimal(start);
      case "u":
        return this.#bsux(start);
      case "U":
        if (this.#options.altBsux) return 85;
        return this.#refuse("\\U is not supported", start);
      case "0":
        return this.#octal(2);
      case "o":
        return this.#bracedOctal(start);
      case "c": {
        const code = (this.#peek() ?? "").toUpperCase().charCodeAt(0);
        if (!(code >= 32 && code < 127)) this.#refuse("\\c needs a printable character behind it", start);
        this.#at++;
        return code ^ 64;
      }
      default:
        if (/[A-Za-z]/.test(c)) this.#refuse(`unknown escape \\${c}`, start);
        return this.#inRange(c.codePointAt(0) ?? 0, start);
    }
  }

  #hexadecimal(start: number): number {
    if (this.#options.altBsux) {
      const pair = /^[0-9a-fA-F]{2}/.exec(this.#rest(2));
      if (!pair) return 120;
      this.#at += 2;
      return Number.parseInt(pair[0], 16);
    }
    const braced = /^\{([0-9a-fA-F]{1,8})\}/.exec(this.#rest(10));
    if (braced) {
      this.#at += braced[0].length;
      return this.#inRange(Number.parseInt(braced[1] ?? "0", 16), start);
    }
    const digits = /^[0-9a-fA-F]{0,2}/.exec(this.#rest(2))?.[0] ?? "";
    this.#at += digits.length;
    return digits === "" ? 0 : Number.parseInt(digits, 16);
  }

  /** `\u0041`, only with alt_bsux; there, without four digits it is the letter. */
  #bsux(start: number): number {
    if (!this.#options.altBsux) this.#refuse("\\u is not supported without the option alt_bsux", start);
    const digits = /^[0-9a-fA-F]{4}/.exec(this.#rest(4));
    if (!digits) return 117;
    this.#at += 4;
    return this.#inRange(Number.parseInt(digits[0], 16), start);
  }

  #octal(limit: number): number {
    const digits = /^[0-7]*/.exec(this.#rest(limit))?.[0] ?? "";
    this.#at += digits.length;
    return digits === "" ? 0 : Number.parseInt(digits, 8);
  }

  #bracedOctal(start: number): number {
    const found = /^\{([0-7]{1,11})\}/.exec(this.#rest(13));
    if (!found) this.#refuse("\\o needs octal digits in braces", start);
    this.#at += found[0].length;
    return this.#inRange(Number.parseInt(found[1] ?? "0", 8), start);
  }

  #inRange(codePoint: number, start: number): number {
    const highest = this.#options.utf ? MAX_CODE_POINT : 255;
    if (codePoint > highest) this.#refuse(`character above ${highest.toString(16)} (hexadecimal)`, start);
    return codePoint;
  }

  #bracket(): PatternNode {
    const start = this.#at++;
    const negated = this.#peek() === "^";
    if (negated) this.#at++;
    const ranges: (readonly [number, number])[] = [];
    if (this.#peek() === "]" && this.#options.allowEmptyClass) {
      this.#at++;
      return negated ? { kind: "set", set: complement([]) } : NOTHING;
    }
    for (let first = true; ; first = false) {
      if (this.#peek() === undefined) this.#refuse("character class is never closed", start);
      if (this.#peek() === "]" && !first) break;
      const member = this.#member(start);
      if (typeof member !== "number") ranges.push(...member);
      else ranges.push([member, this.#rangeEnd(member, start)]);
    }
    this.#at++;
    const set = this.#cased(normalise(ranges));
    return { kind: "set", set: negated ? complement(set) : set };
  }

  /** One member of a class: a character, or a set of them. */
  #member(start: number): number | CharSet {
    const c = this.#peek() ?? "";
    if (c === "[" && /^\[[:.=]/.test(this.#rest(2))) {
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#rest(20));
      if (posix) {
        const set = POSIX[posix[2] ?? ""];
        if (!set) this.#refuse(`unknown class [:${posix[2]}:]`);
        this.#at += posix[0].length;
        return posix[1] === "^" ? complement(set) : set;
      }
    }
    if (c !== "\\") {
      this.#at++;
      const codePoint = c.codePointAt(0) ?? 0;
      if (codePoint > 0x7f && !this.#options.utf)
        this.#refuse(`character ${c} in a class needs the option utf`, this.#at - 1);
      return codePoint;
    }
    const escapeStart = this.#at++;
    const letter = this.#peek();
    if (letter === undefined) this.#refuse("character class is never closed", start);
    if (letter === "b") {
      this.#at++;
      return 8;
    }
    const set = this.#classEscape(letter);
    if (set) return set;
    if (/[1-7]/.test(letter)) return this.#inRange(this.#octal(3), escapeStart);
    if (UNSUPPORTED_ESCAPES.has(letter) || "QERBZzANK".includes(letter))
      this.#refuse(`\\${letter} is not supported in a class`, escapeStart);
    return this.#characterEscape(letter, escapeStart);
  }

  /** The end of a range that began with `from`; `from` itself when there is none. */
  #rangeEnd(from: number, start: number): number {
    if (this.#peek() !== "-" || this.#peek(1) === "]" || this.#peek(1) === undefined) return from;
    const dash = this.#at++;
    const to = this.#member(start);
    if (typeof to !== "number") this.#refuse("a range can't end in a class", dash);
    if (to < from) this.#refuse("range is the wrong way round", dash);
    return to;
  }
}

const UNSUPPORTED_GROUPS = [
  ["=", "lookahead"],
  ["!", "negative lookahead"],
  ["<=", "lookbehind"],
  ["<!", "negative lookbehind"],
  [">", "an atomic group"],
  ["|", "a branch reset group"],
  ["(", "a conditional group"],
  ["R", "recursion"],
  ["&", "recursion"],
  ["P>", "recursion"],
  ["P=", "a backreference"],
  ["C", "a callout"],
  ["0", "recursion"],
  ["1", "recursion"],
  ["+", "recursion"],
  ["-1", "recursion"],
] as const;
const UNSUPPORTED_ESCAPES = new Set(["p", "P", "X", "K", "G", "C", "g", "k"]);

/** `\R`: CR LF together, or any single line break. */
function lineBreak(utf: boolean): PatternNode {
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
function bothCases(set: CharSet, utf: boolean): CharSet {
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
