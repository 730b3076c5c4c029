// Pattern core: where the reading of a pattern stands, and the flags that hold there.
import { bothCases, MAX_CODE_POINT } from "./sets.ts";
import type { CharSet } from "./tree.ts";

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

/** The pattern can not be read, or not be matched in linear time. */
export class Refused extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export class Cursor {
  readonly text: readonly string[];
  readonly options: SyntaxOptions;
  flags: PatternFlags;
  at = 0;

  constructor(text: string, options: SyntaxOptions) {
    this.text = [...text];
    this.options = options;
    const { caseless, dotall, multiline, extended } = options;
    this.flags = { caseless, dotall, multiline, extended };
  }

  refuse(message: string, at = this.at): never {
    throw new Refused(message, at);
  }

  peek(offset = 0): string | undefined {
    return this.text[this.at + offset];
  }

  looksAt(words: string): boolean {
    return [...words].every((c, i) => this.peek(i) === c);
  }

  /** At most `limit` characters from here on. */
  rest(limit: number): string {
    return this.text.slice(this.at, this.at + limit).join("");
  }

  cased(set: CharSet): CharSet {
    return this.flags.caseless ? bothCases(set, this.options.utf) : set;
  }

  inRange(codePoint: number, start: number): number {
    const highest = this.options.utf ? MAX_CODE_POINT : 255;
    if (codePoint > highest) this.refuse(`character above ${highest.toString(16)} (hexadecimal)`, start);
    return codePoint;
  }
}
