// Layer 0: reads the regular expressions that people put into configurations (PCRE2 syntax) into a tree. What can't be matched in
// linear time, or is not known here, is an error that names the place: backreferences, lookaround, atomic groups, recursion, \p.
// Characters are code points: bytes without the option utf, Unicode characters with it.
import { type Decoded, err, ok } from "../base/result.ts";
import { bracket } from "./brackets.ts";
import { Cursor, Refused, type SyntaxOptions } from "./cursor.ts";
import { characterEscape, classEscape, UNSUPPORTED_ESCAPES } from "./escapes.ts";
import { complement, lineBreak, NEWLINE } from "./sets.ts";
import type { Assertion, PatternError, PatternNode } from "./tree.ts";

const MAX_DEPTH = 64;

const MAX_REPEAT = 65_535;

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

class Reader {
  readonly #cursor: Cursor;
  #depth = 0;
  /** Inside \Q…\E. */
  #quoting = false;

  constructor(text: string, options: SyntaxOptions) {
    this.#cursor = new Cursor(text, options);
  }

  all(): PatternNode {
    const node = this.#choice();
    if (this.#cursor.at < this.#cursor.text.length) this.#cursor.refuse("closing parenthesis without an opening one");
    return node;
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) this.#cursor.refuse(`more than ${MAX_DEPTH} groups inside each other`);
    const options: PatternNode[] = [this.#sequence()];
    while (this.#cursor.peek() === "|" && !this.#quoting) {
      this.#cursor.at++;
      options.push(this.#sequence());
    }
    this.#depth--;
    return options.length === 1 ? (options[0] ?? EMPTY) : { kind: "choice", options };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    for (;;) {
      const c = this.#cursor.peek();
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
      if (this.#cursor.looksAt("\\E")) {
        this.#quoting = false;
        this.#cursor.at += 2;
        return undefined;
      }
      this.#cursor.at++;
      return this.#literal(c);
    }
    if (this.#cursor.flags.extended && /[ \t\n\v\f\r]/.test(c)) {
      this.#cursor.at++;
      return undefined;
    }
    if (this.#cursor.flags.extended && c === "#") {
      while (this.#cursor.peek() !== undefined && this.#cursor.peek() !== "\n") this.#cursor.at++;
      return undefined;
    }
    switch (c) {
      case "(":
        return this.#group();
      case "[":
        return bracket(this.#cursor);
      case "\\":
        return this.#escape();
      case ".":
        this.#cursor.at++;
        return { kind: "set", set: this.#cursor.flags.dotall ? complement([]) : complement([[NEWLINE, NEWLINE]]) };
      case "^":
        this.#cursor.at++;
        return { kind: "assert", assertion: this.#circumflex() };
      case "$":
        this.#cursor.at++;
        return { kind: "assert", assertion: this.#dollar() };
      case "*":
      case "+":
      case "?":
        return this.#cursor.refuse(`nothing to repeat before ${c}`);
      default:
        this.#cursor.at++;
        return this.#literal(c);
    }
  }

  #circumflex(): Assertion {
    if (!this.#cursor.flags.multiline) return "subject-start";
    return this.#cursor.options.altCircumflex ? "line-start-alt" : "line-start";
  }

  #dollar(): Assertion {
    if (this.#cursor.flags.multiline) return "line-end";
    return this.#cursor.options.dollarEndonly ? "subject-end" : "subject-end-or-newline";
  }

  /** A literal character: without utf, the bytes of its UTF-8 form. */
  #literal(c: string): PatternNode {
    const codePoint = c.codePointAt(0) ?? 0;
    if (this.#cursor.options.utf || codePoint < 0x80) return this.#character(codePoint);
    const bytes = new TextEncoder().encode(c);
    return { kind: "sequence", parts: Array.from(bytes, (byte) => this.#character(byte)) };
  }

  #character(codePoint: number): PatternNode {
    return { kind: "set", set: this.#cursor.cased([[codePoint, codePoint]]) };
  }

  #repeated(part: PatternNode): PatternNode {
    let node = part;
    for (;;) {
      while (this.#cursor.looksAt("\\E")) {
        this.#quoting = false;
        this.#cursor.at += 2;
      }
      const start = this.#cursor.at;
      const bounds = this.#quoting ? undefined : this.#quantifier();
      if (!bounds) return node;
      // Lazy or greedy finds a match in the same texts; a possessive one does not, and can't be had in linear time.
      if (this.#cursor.peek() === "?") this.#cursor.at++;
      else if (this.#cursor.peek() === "+") this.#cursor.refuse("possessive repetition is not supported", start);
      node = { kind: "repeat", part: node, min: bounds[0], max: bounds[1] };
    }
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#cursor.flags.extended) while (/^[ \t\n\v\f\r]$/.test(this.#cursor.peek() ?? "")) this.#cursor.at++;
    switch (this.#cursor.peek()) {
      case "*":
        this.#cursor.at++;
        return [0, Number.POSITIVE_INFINITY];
      case "+":
        this.#cursor.at++;
        return [1, Number.POSITIVE_INFINITY];
      case "?":
        this.#cursor.at++;
        return [0, 1];
      case "{":
        return this.#braces();
      default:
        return undefined;
    }
  }

  /** `{2}`, `{2,}`, `{2,5}`, `{,5}`; anything else in braces is just text. */
  #braces(): readonly [number, number] | undefined {
    const found = /^\{(\d*)(,?)(\d*)\}/.exec(this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + 16).join(""));
    if (!found || (found[1] === "" && found[3] === "")) return undefined;
    const min = found[1] === "" ? 0 : Number(found[1]);
    const max = found[2] === "" ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT))
      this.#cursor.refuse(`more than ${MAX_REPEAT} repetitions`);
    if (max < min) this.#cursor.refuse(`repetition bounds are the wrong way round (${min} to ${max})`);
    this.#cursor.at += found[0].length;
    return [min, max];
  }

  #group(): PatternNode | undefined {
    const start = this.#cursor.at++;
    const outer = { ...this.#cursor.flags };
    if (this.#cursor.peek() === "*") this.#cursor.refuse("verbs are not supported", start);
    if (this.#cursor.peek() === "?") {
      this.#cursor.at++;
      if (this.#cursor.peek() === "#") return this.#comment(start);
      if (this.#groupKind(start) === "flags") return undefined;
    }
    const node = this.#choice();
    if (this.#cursor.peek() !== ")") this.#cursor.refuse("group is never closed", start);
    this.#cursor.at++;
    this.#cursor.flags = outer;
    return node;
  }

  #comment(start: number): undefined {
    while (this.#cursor.peek() !== ")") {
      if (this.#cursor.peek() === undefined) this.#cursor.refuse("comment is never closed", start);
      this.#cursor.at++;
    }
    this.#cursor.at++;
    return undefined;
  }

  /** Reads what stands behind `(?`. Flags that close at once hold for the rest of the enclosing group. */
  #groupKind(start: number): "group" | "flags" {
    for (const [mark, what] of UNSUPPORTED_GROUPS)
      if (this.#cursor.looksAt(mark)) this.#cursor.refuse(`${what} is not supported`, start);
    const name = /^(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/.exec(this.#cursor.rest(40));
    if (name) {
      this.#cursor.at += name[0].length;
      return "group";
    }
    const flags = /^(\^?[imsxnJU]*)(?:-([imsxnJU]*))?([:)])/.exec(this.#cursor.rest(24));
    if (!flags) this.#cursor.refuse("unknown kind of group", start);
    this.#cursor.at += flags[0].length;
    const on = flags[1] ?? "";
    if (on.startsWith("^")) this.#setFlags("imsx", false);
    this.#setFlags(on, true);
    this.#setFlags(flags[2] ?? "", false);
    return flags[3] === ":" ? "group" : "flags";
  }

  #setFlags(letters: string, value: boolean): void {
    if (letters.includes("i")) this.#cursor.flags.caseless = value;
    if (letters.includes("m")) this.#cursor.flags.multiline = value;
    if (letters.includes("s")) this.#cursor.flags.dotall = value;
    if (letters.includes("x")) this.#cursor.flags.extended = value;
  }

  #escape(): PatternNode | undefined {
    const start = this.#cursor.at++;
    const c = this.#cursor.peek();
    if (c === undefined) this.#cursor.refuse("backslash at the end", start);
    switch (c) {
      case "Q":
        this.#cursor.at++;
        this.#quoting = true;
        return undefined;
      case "E":
        this.#cursor.at++;
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
        this.#cursor.at++;
        return { kind: "set", set: complement([[NEWLINE, NEWLINE]]) };
      case "R":
        this.#cursor.at++;
        return lineBreak(this.#cursor.options.utf);
      default:
        break;
    }
    const set = classEscape(this.#cursor, c);
    if (set) return { kind: "set", set };
    if (/[1-9]/.test(c)) this.#cursor.refuse(`backreference \\${c} is not supported`, start);
    if (UNSUPPORTED_ESCAPES.has(c)) this.#cursor.refuse(`\\${c} is not supported`, start);
    return this.#character(characterEscape(this.#cursor, c, start));
  }

  #asserted(assertion: Assertion): PatternNode {
    this.#cursor.at++;
    return { kind: "assert", assertion };
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
