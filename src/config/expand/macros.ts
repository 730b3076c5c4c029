// Config core: macros (language.md §7): the table of definitions, what a reference looks like, and the predefined names.
import { isNameCode } from "../text/blanks.ts";
import type { LinePart } from "../text/source.ts";

export interface Macro {
  readonly name: string;
  /** Text of the definition, one part a line, blank lines left out. Several make a multi-line macro. */
  readonly lines: readonly LinePart[];
  /** The `$NAME=` of the definition, or the loop that sets the variable. */
  readonly definedAt: LinePart;
  /** Counts definitions, so that the later of two is known. */
  readonly order: number;
  /** What set it: an unused loop variable is no finding. */
  readonly from: "definition" | "loop";
  used: boolean;
}

/** `$NAME` or `${NAME}` in a text. */
export interface Reference {
  readonly name: string;
  /** Words behind the name, of `${_ENV NAME}` and `${_RANDOM MIN MAX}`. */
  readonly args: readonly string[];
  readonly end: number;
}

/** The macros defined so far. */
export class MacroTable {
  readonly #macros = new Map<string, Macro>();
  readonly #all: Macro[] = [];

  define(name: string, lines: readonly LinePart[], definedAt: LinePart, from: Macro["from"]): void {
    const macro: Macro = { name, lines, definedAt, order: this.#all.length, from, used: false };
    this.#macros.set(name, macro);
    if (from === "definition") this.#all.push(macro);
  }

  /** Nothing is to be said of it should nobody use it. */
  use(name: string): void {
    const macro = this.#macros.get(name);
    if (macro) macro.used = true;
  }

  get(name: string): Macro | undefined {
    return this.#macros.get(name);
  }

  /** Every definition that was read, in order, those that a later one replaced too. */
  get definitions(): readonly Macro[] {
    return this.#all;
  }

  names(): IterableIterator<string> {
    return this.#macros.keys();
  }
}

export const PREDEFINED = ["_PWD", "_INSTANCE", "_ENV", "_RANDOM", "_HASH", "_BANG"] as const;

const DOLLAR = 36;
const OPEN = 123;
const CLOSE = 125;
/** Longer than any name that is meant. */
export const MAX_REFERENCE_CHARS = 1024;

/** Reads the reference at `at`, where a `$` stands; undefined when there is none. */
export function readReference(text: string, at: number): Reference | undefined {
  if (text.charCodeAt(at) !== DOLLAR) return undefined;
  if (text.charCodeAt(at + 1) === OPEN) return readBracedReference(text, at + 2);
  const end = nameEnd(text, at + 1);
  if (end === at + 1) return undefined;
  const next = end < text.length ? text.charAt(end) : "";
  // Without braces a name ends only at these; `$VIP/24` and `"$VIP"` are plain text.
  if (next !== "" && !" \t\f\v,)".includes(next)) return undefined;
  return { name: text.slice(at + 1, end), args: [], end };
}

function readBracedReference(text: string, start: number): Reference | undefined {
  const end = nameEnd(text, start);
  if (end === start) return undefined;
  const name = text.slice(start, end);
  if (text.charCodeAt(end) === CLOSE) return { name, args: [], end: end + 1 };
  if (!" \t".includes(text.charAt(end)) || (name !== "_ENV" && name !== "_RANDOM")) return undefined;
  for (let at = end; at < text.length && at - end < MAX_REFERENCE_CHARS; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN || code === DOLLAR) return undefined;
    if (code === CLOSE)
      return {
        name,
        args: text
          .slice(end, at)
          .split(/[ \t]+/)
          .filter(Boolean),
        end: at + 1,
      };
  }
  return undefined;
}

/** Offset behind the name that begins at `from`; `from` itself when there is none. */
export function nameEnd(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (!isNameCode(first) || (first >= 48 && first <= 57)) return from;
  let at = from + 1;
  while (at < text.length && isNameCode(text.charCodeAt(at))) at++;
  return at;
}
