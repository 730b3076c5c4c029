// Config core: macros (language.md §7): the table of definitions, what a reference looks like, and the predefined names.
import { isNameCode } from "../text/blanks.ts";
import { FixedPlace, type LinePart, partText } from "../text/source.ts";

export interface Macro {
  readonly name: string;
  /** Text of the definition, one part a line, blank lines left out. Several make a multi-line macro. */
  readonly lines: readonly MacroText[];
  /** Its whole text, if it has one line at most and names no other macro. */
  readonly plain: string | undefined;
  /** The `$NAME=` of the definition, or the loop that sets the variable. */
  readonly definedAt: LinePart;
  /** Counts definitions, so that the later of two is known. */
  readonly order: number;
  /** What set it: an unused loop variable is no finding. */
  readonly from: "definition" | "loop";
  used: boolean;
}

/** A line of a macro. Where it says the same at each use, its words are split once: those from `first` to before `end` of the table. */
export interface MacroText extends LinePart {
  /** Nothing of it is to be replaced, recognised or followed. */
  readonly constant: boolean;
  words: { readonly first: number; readonly end: number } | undefined;
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

  define(name: string, lines: readonly LinePart[], definedAt: LinePart): void {
    const texts = lines.map(macroText);
    const macro = this.#set(name, texts, plainText(texts), definedAt, "definition");
    this.#all.push(macro);
  }

  /** Sets the variable of a loop for one pass. */
  setVariable(name: string, value: string, loop: LinePart): void {
    const line = { place: new FixedPlace(value, loop), from: 0, to: value.length, line: loop.line };
    const text = { ...line, constant: false, words: undefined };
    this.#set(name, value === "" ? [] : [text], value.includes("$") ? undefined : value, loop, "loop");
  }

  #set(
    name: string,
    lines: readonly MacroText[],
    plain: string | undefined,
    definedAt: LinePart,
    from: Macro["from"],
  ): Macro {
    const macro: Macro = { name, lines, plain, definedAt, order: this.#all.length, from, used: false };
    this.#macros.set(name, macro);
    return macro;
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

function macroText({ place, from, to, line }: LinePart): MacroText {
  const text = place.text.slice(from, to);
  const constant = !text.includes("$") && !/^(?:[@~]|include)/.test(text);
  return { place, from, to, line, constant, words: undefined };
}

function plainText(lines: readonly MacroText[]): string | undefined {
  const [line, another] = lines;
  if (another) return undefined;
  const text = line ? partText(line) : "";
  return text.includes("$") ? undefined : text;
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
  return end === at + 1 || !endsBareName(text, end) ? undefined : { name: text.slice(at + 1, end), args: [], end };
}

/** Without braces a name ends only at these; `$VIP/24` and `"$VIP"` are plain text. */
function endsBareName(text: string, end: number): boolean {
  return end >= text.length || " \t\f\v,)".includes(text.charAt(end));
}

/** A reference of which it matters only where it ends. */
export interface WholeReference {
  readonly macro: Macro;
  readonly end: number;
}

/** The reference to a macro of the table at `at`, where a `$` stands; undefined for anything else. */
export function macroAt(text: string, at: number, macros: MacroTable): WholeReference | undefined {
  const braced = text.charCodeAt(at + 1) === OPEN;
  const from = braced ? at + 2 : at + 1;
  const end = nameEnd(text, from);
  if (end === from || !(braced ? text.charCodeAt(end) === CLOSE : endsBareName(text, end))) return undefined;
  const macro = macros.get(text.slice(from, end));
  return macro && { macro, end: braced ? end + 1 : end };
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
