// Config core: puts the text of macros in the place of their names (language.md §7), again and again until none is left,
// and keeps for every character where it came from. A word made by a macro has the span of the reference.
import { isNameCode } from "../text/blanks.ts";
import { MAX_EXPANDED_CHARS, MAX_EXPANSION_CHARS, MAX_LINE_CHARS } from "../text/limits.ts";
import { type LinePart, type Place, partSpan, partText, TracedPlace, type TraceSource } from "../text/source.ts";
import type { TraceStep } from "../text/span.ts";
import {
  MAX_REFERENCE_CHARS,
  type Macro,
  type MacroTable,
  type MacroText,
  macroAt,
  nameEnd,
  type Reference,
  readReference,
} from "./macros.ts";
import { type Chain, ReplacedPlace, rangePart, type Segment, segmentAt, spliceSegments } from "./segments.ts";

/** Work done so far, over the whole configuration (limits.ts). */
export interface ReplaceBudget {
  movedChars: number;
  expandedChars: number;
}

export type ReplaceProblem =
  /** `braced`: written with braces outside of quotes, which then would open a block. */
  | {
      readonly kind: "undefined" | "needs-braces" | "not-closed";
      readonly name: string;
      readonly at: LinePart;
      readonly braced: boolean;
    }
  /** `cycle` holds the macros that name each other, beginning with the one that was met again. */
  | { readonly kind: "loop"; readonly cycle: readonly Macro[]; readonly at: LinePart }
  | { readonly kind: "unset"; readonly name: string; readonly at: LinePart }
  | { readonly kind: "random"; readonly args: readonly string[]; readonly at: LinePart }
  | { readonly kind: "text-behind"; readonly name: string; readonly at: LinePart }
  | { readonly kind: "limit"; readonly at: LinePart; readonly what: string };

/** What replacing needs to know. */
export interface ReplaceContext {
  readonly macros: MacroTable;
  readonly predefined: Predefined;
  /** The macros whose text the line is part of. */
  readonly chain: Chain | undefined;
  readonly budget: ReplaceBudget;
}

export interface Replaced {
  readonly part: LinePart;
  /** Multi-line macros at the end of the line, whose further lines are to be read next, one macro after the other. */
  readonly more: readonly MacroUse[];
  readonly problems: readonly ReplaceProblem[];
}

export interface PredefinedValue {
  readonly text: string;
  /** Something is wrong with the arguments; the text still stands. */
  readonly problem?: "unset" | "random";
}

/** Value of a predefined macro; undefined for any other name. */
export type Predefined = (reference: Reference) => PredefinedValue | undefined;

/** Replaces the macros of one line, whose comment is gone and which has no blanks at its ends. */
export function replaceMacros(line: LinePart, context: ReplaceContext): Replaced {
  return replaceInOneGo(line, context) ?? replaceByOne(line, context);
}

/**
 * As nearly all lines are: each `$` begins a whole reference to a macro whose text names no other, or, at the end of the line,
 * to one of several lines. Then what is put in can't complete a reference, and one pass does it. Undefined: it is no such line.
 */
export function replaceInOneGo(line: LinePart, { macros, chain: outer, budget }: ReplaceContext): Replaced | undefined {
  const segments: Segment[] = [];
  const more: MacroUse[] = [];
  let made = "";
  let part = line;
  let chain = outer;
  let text = partText(line);
  let done = 0;
  for (let at = text.indexOf("$"); ; at = text.indexOf("$", done)) {
    const end = at < 0 ? text.length : at;
    if (end > done) {
      segments.push({ at: made.length, part, ahead: part.from + done - made.length, opaque: false, chain });
      made += text.slice(done, end);
    }
    if (at < 0) break;
    const reference = macroAt(text, at, macros);
    if (!reference || made.length > MAX_LINE_CHARS) return undefined;
    const { macro } = reference;
    const origin = { place: part.place, from: part.from + at, to: part.from + reference.end, line: part.line };
    done = reference.end;
    if (macro.plain !== undefined) {
      macro.used = true;
      const own = { macro, outer: chain };
      if (macro.plain !== "") segments.push({ at: made.length, part: origin, ahead: 0, opaque: true, chain: own });
      made += macro.plain;
    } else {
      if (macro.lines.length < 2 || done < text.length || cycleOf(macro, chain)) return undefined;
      macro.used = true;
      chain = { macro, outer: chain };
      const use = new MacroUse(macro, origin, chain);
      more.unshift(use);
      part = use.next() ?? part;
      text = partText(part);
      done = 0;
    }
  }
  if (made.length > MAX_LINE_CHARS || budget.movedChars > MAX_EXPANSION_CHARS) return undefined;
  if (segments.length === 0) segments.push({ at: 0, part: line, ahead: line.from, opaque: false, chain: outer });
  budget.movedChars += made.length;
  budget.expandedChars += made.length;
  const problems = budget.expandedChars > MAX_EXPANDED_CHARS ? [tooMuchMade(line)] : NONE;
  return { part: replacedPart(made, segments, line), more, problems };
}

const NONE: readonly never[] = [];

function tooMuchMade(at: LinePart): ReplaceProblem {
  return { kind: "limit", at, what: `${MAX_EXPANDED_CHARS} characters made by macros` };
}

function replacedPart(text: string, segments: readonly Segment[], { line }: LinePart): LinePart {
  return { place: new ReplacedPlace(text, segments), from: 0, to: text.length, line };
}

/** Replaces one reference after the other, each time looking at what has come of the line. */
export function replaceByOne(line: LinePart, context: ReplaceContext): Replaced {
  const { macros, predefined, budget } = context;
  let text = partText(line);
  let segments: Segment[] = [{ at: 0, part: line, ahead: line.from, opaque: false, chain: context.chain }];
  const problems: ReplaceProblem[] = [];
  const more: MacroUse[] = [];

  const originOfRange = (from: number, to: number) => rangePart(segments, from, to);
  const splice = (from: number, to: number, value: string, piece: Omit<Segment, "at">) => {
    segments = spliceSegments(segments, from, to, text.length, value.length, piece);
    text = text.slice(0, from) + value + text.slice(to);
    budget.movedChars += text.length + 16 * segments.length;
  };

  for (let at = text.indexOf("$"); at >= 0; at = text.indexOf("$", at)) {
    const whole = readReference(text, at);
    const reference = whole ?? readHalfBraced(text, at, macros);
    const macro = reference && macros.get(reference.name);
    const own = reference && !macro ? predefined(reference) : undefined;
    if (!reference || (!macro && !own)) {
      at++;
      continue;
    }
    if (text.length > MAX_LINE_CHARS || budget.movedChars > MAX_EXPANSION_CHARS) {
      const what =
        text.length > MAX_LINE_CHARS
          ? `${MAX_LINE_CHARS} characters in one line`
          : `${MAX_EXPANSION_CHARS} characters moved by macros`;
      problems.push({ kind: "limit", at: line, what });
      break;
    }
    const segment = segmentAt(segments, at);
    const origin = originOfRange(at, reference.end);
    if (reference !== whole) {
      const kind = text.charAt(at + 1) === "{" ? "not-closed" : "needs-braces";
      problems.push({ kind, name: reference.name, at: origin, braced: true });
    }
    if (own) {
      if (own.problem === "unset") problems.push({ kind: "unset", name: reference.args[0] ?? "", at: origin });
      if (own.problem === "random") problems.push({ kind: "random", args: reference.args, at: origin });
      splice(at, reference.end, own.text, { part: origin, ahead: 0, opaque: true, chain: segment.chain });
    } else if (macro) {
      macro.used = true;
      const cycle = cycleOf(macro, segment.chain);
      if (cycle) {
        problems.push({ kind: "loop", cycle, at: origin });
        at = reference.end;
        continue;
      }
      const chain: Chain = { macro, outer: segment.chain };
      if (macro.lines.length <= 1) {
        const body = macro.lines[0];
        splice(at, reference.end, body ? partText(body) : "", { part: origin, ahead: 0, opaque: true, chain });
      } else {
        // A macro of several lines must end its line (§7); what stands behind is left out.
        if (reference.end < text.length) {
          problems.push({ kind: "text-behind", name: macro.name, at: originOfRange(reference.end, text.length) });
          text = text.slice(0, reference.end);
        }
        const use = new MacroUse(macro, origin, chain);
        const first = use.next();
        if (first)
          splice(at, reference.end, partText(first), { part: first, ahead: first.from - at, opaque: false, chain });
        more.unshift(use);
      }
    }
    // The value may complete a reference that began before it: ${A${N}}.
    at = referenceBegin(text, at);
  }

  budget.expandedChars += text.length;
  if (budget.expandedChars > MAX_EXPANDED_CHARS && !problems.some((p) => p.kind === "limit"))
    problems.push(tooMuchMade(line));
  for (let at = text.indexOf("$"); at >= 0; at = text.indexOf("$", at + 1)) {
    const left = leftReference(text, at, macros);
    if (left && !problems.some((p) => p.kind === "loop"))
      problems.push({ kind: left.kind, name: left.name, braced: left.braced, at: originOfRange(at, left.end) });
  }
  return { part: replacedPart(text, segments, line), more, problems };
}

/** The lines of a multi-line macro as they stand at one use, made as they are read. */
export class MacroUse implements TraceSource {
  readonly chain: Chain;
  readonly #macro: Macro;
  readonly #at: LinePart;
  #read = 0;
  #place: TracedPlace | undefined;

  constructor(macro: Macro, at: LinePart, chain: Chain) {
    this.#macro = macro;
    this.#at = at;
    this.chain = chain;
  }

  get isRead(): boolean {
    return this.#read >= this.#macro.lines.length;
  }

  /** The line as it stands in the definition; next() reads it. */
  get definition(): MacroText | undefined {
    return this.#macro.lines[this.#read];
  }

  next(): LinePart | undefined {
    const defined = this.#macro.lines[this.#read++];
    return defined && { place: this.placeOf(defined), from: defined.from, to: defined.to, line: defined.line };
  }

  placeOf({ place }: LinePart): Place {
    if (this.#place?.below !== place) this.#place = new TracedPlace(place, this);
    return this.#place;
  }

  steps(): readonly TraceStep[] {
    const span = partSpan(this.#at);
    return [{ message: `in $${this.#macro.name}, used here`, span }, ...(span.trace ?? [])];
  }
}

function cycleOf(macro: Macro, chain: Chain | undefined): Macro[] | undefined {
  const cycle: Macro[] = [];
  for (let link = chain; link; link = link.outer) {
    cycle.push(link.macro);
    if (link.macro === macro) return cycle.reverse();
  }
  return undefined;
}

/** Offset of a `$` before `at` whose reference reaches `at`, or `at`: `${A` in front of a value. */
function referenceBegin(text: string, at: number): number {
  let begin = at - 1;
  while (begin >= 0 && (isNameCode(text.charCodeAt(begin)) || text.charAt(begin) === " ") && at - begin < 200) begin--;
  if (text.charAt(begin) === "{") begin--;
  return begin >= 0 && text.charAt(begin) === "$" ? begin : at;
}

/** `${NAME` and `$NAME}` of a macro that is defined: one of two braces was forgotten, and the other one is no block's. */
function readHalfBraced(text: string, at: number, macros: MacroTable): Reference | undefined {
  const opened = text.charAt(at + 1) === "{";
  const from = at + (opened ? 2 : 1);
  const end = nameEnd(text, from);
  const name = text.slice(from, end);
  if (!macros.get(name)) return undefined;
  if (opened) return text.indexOf("}", end) < 0 ? { name, args: [], end } : undefined;
  return text.charAt(end) === "}" && !text.slice(0, at).includes("{") ? { name, args: [], end: end + 1 } : undefined;
}

/** A reference that stayed: its name is not defined, or it lacks the braces it needs here. */
function leftReference(
  text: string,
  at: number,
  macros: MacroTable,
): /** `braced`: written with braces outside of quotes, which then would open a block. */
  | {
      readonly kind: "undefined" | "needs-braces";
      readonly name: string;
      readonly braced: boolean;
      readonly end: number;
    }
  | undefined {
  const reference = readReference(text, at);
  if (reference) {
    if (macros.get(reference.name)) return undefined;
    const braced = text.charAt(at + 1) === "{" && !insideQuotes(text, at);
    return { kind: "undefined", name: reference.name, braced, end: reference.end };
  }
  // Only _ENV and _RANDOM take words; any other name in front of some is none of them.
  const withWords = /^\$\{([A-Za-z_][A-Za-z0-9_]*)[ \t][^{}$]*\}/.exec(text.slice(at, at + MAX_REFERENCE_CHARS));
  if (withWords) {
    const [whole, name = ""] = withWords;
    return { kind: "undefined", name, braced: !insideQuotes(text, at), end: at + whole.length };
  }
  const end = nameEnd(text, at + 1);
  const name = text.slice(at + 1, end);
  if (!macros.get(name)) return undefined;
  macros.use(name);
  return { kind: "needs-braces", name, braced: false, end };
}

function insideQuotes(text: string, at: number): boolean {
  let inside = false;
  for (let quote = text.indexOf('"'); quote >= 0 && quote < at; quote = text.indexOf('"', quote + 1)) inside = !inside;
  return inside;
}
