// Layer 0: reads the regular expressions that people put into configurations (PCRE2 syntax) into a tree. What can't be matched in
// linear time, or is not known here, is an error that names the place: backreferences, lookaround, atomic groups, recursion, \p.
// Characters are code points: bytes without the option utf, Unicode characters with it.
import { type Decoded, err, ok } from "../base/result.ts";
import { bothCases, CLASSES, complement, lineBreak, MAX_CODE_POINT, NEWLINE, normalise, POSIX } from "./sets.ts";
import type { Assertion, CharSet, PatternError, PatternNode } from "./tree.ts";

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
