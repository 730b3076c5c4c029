// Layer 0: searches bytes from strangers for a pattern of the operator's, in time linear in their length: no backtracking.
// The tree of pattern-syntax.ts becomes a small program (Thompson's construction); its sets of states are remembered as they
// are met (a lazy automaton). Only «does it occur» is answered, so greediness and captures don't matter.
// Known gaps: ucp (ASCII is used), and what pattern-syntax.ts refuses.
import { unreachable } from "../base/never.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import {
  type Assertion,
  type CharSet,
  MAX_CODE_POINT,
  type PatternError,
  type PatternNode,
  parsePattern,
  type SyntaxOptions,
} from "./syntax.ts";

/** `regex_options` that change what matches. */
const KNOWN_OPTIONS = [
  "allow_empty_class",
  "alt_bsux",
  "alt_circumflex",
  "caseless",
  "dollar_endonly",
  "dotall",
  "extended",
  "firstline",
  "multiline",
  "utf",
] as const;
/** Those that change nothing here: they concern speed, captures, call-outs, greediness or syntax that is refused anyway. */
const IDLE_OPTIONS = [
  "alt_verbnames",
  "auto_callout",
  "dupnames",
  "match_unset_backref",
  "never_backslash_c",
  "never_ucp",
  "never_utf",
  "no_auto_capture",
  "no_auto_possess",
  "no_dotstar_anchor",
  "no_start_optimize",
  "ucp",
  "ungreedy",
  "use_offset_limit",
] as const;

export type SearchResult = "found" | "absent" | "not-utf8" | "too-costly";

export interface Pattern {
  /** Whether the pattern occurs in `bytes`, beginning at an offset of at least `minOffset` and at most `maxOffset`. */
  search(bytes: Uint8Array, minOffset?: number, maxOffset?: number): SearchResult;
}

/** Steps of the program after repetitions are written out: a larger pattern is refused. */
export const MAX_STEPS = 5000;
/** States of the automaton that are kept; then all are forgotten and met again. */
const MAX_STATES = 1000;
/** Steps looked at for one search while states are new: about 20 ms. Past that the answer is `too-costly`. */
const MAX_WORK = 4_000_000;

/** Compiles a pattern with options named as in the configuration. */
export function compilePattern(text: string, optionNames: readonly string[]): Decoded<Pattern, PatternError> {
  const has = (name: (typeof KNOWN_OPTIONS)[number]) => optionNames.includes(name);
  const unknown = optionNames.find((name) => ![...KNOWN_OPTIONS, ...IDLE_OPTIONS].some((known) => known === name));
  if (unknown !== undefined) return err({ message: `unknown option ${unknown}`, at: 0 });
  const options: SyntaxOptions = {
    caseless: has("caseless"),
    dotall: has("dotall"),
    multiline: has("multiline"),
    extended: has("extended"),
    utf: has("utf"),
    dollarEndonly: has("dollar_endonly"),
    allowEmptyClass: has("allow_empty_class"),
    altBsux: has("alt_bsux"),
    altCircumflex: has("alt_circumflex"),
  };
  const tree = parsePattern(text, options);
  if (!tree.ok) return tree;
  const steps = compile(tree.value);
  if (!steps) return err({ message: `pattern is too large: more than ${MAX_STEPS} steps`, at: 0 });
  return ok(patternOf(new Automaton(steps), options.utf, has("firstline")));
}

function patternOf(automaton: Automaton, utf: boolean, firstLine: boolean): Pattern {
  return {
    search(bytes, minOffset = 0, maxOffset = Number.POSITIVE_INFINITY) {
      let last = maxOffset;
      if (firstLine) {
        const lineEnd = bytes.indexOf(NEWLINE, minOffset);
        if (lineEnd >= 0) last = Math.min(last, lineEnd);
      }
      if (!utf) return automaton.search(bytes, minOffset, last);
      const text = decodeUtf8(bytes);
      if (!text) return "not-utf8";
      return automaton.search(text.characters, text.indexAt(minOffset), text.indexAt(last + 1) - 1);
    },
  };
}

interface Text {
  readonly characters: Uint32Array;
  /** Index of the first character at or behind a byte offset. */
  indexAt(offset: number): number;
}

/** Characters of UTF-8; undefined when it is none. A character cut off at the very end is left out: bodies are cut by length. */
function decodeUtf8(bytes: Uint8Array): Text | undefined {
  let whole = bytes.byteLength;
  for (let back = 1; back <= 3 && back <= whole; back++) {
    const byte = bytes[whole - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (needed > back) whole -= back;
    break;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, whole));
  } catch {
    return undefined;
  }
  const characters = Uint32Array.from(text, (c) => c.codePointAt(0) ?? 0);
  return {
    characters,
    indexAt(offset) {
      let at = 0;
      for (let index = 0; index < characters.length; index++) {
        if (at >= offset) return index;
        const character = characters[index] ?? 0;
        at += character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
      }
      return Number.isFinite(offset) ? characters.length + Math.max(0, offset - at) : Number.POSITIVE_INFINITY;
    },
  };
}

// --- the program

type Step =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "split"; first: number; second: number }
  | { readonly kind: "jump"; to: number }
  | { readonly kind: "found" };

/** Writes the tree out as steps; each goes on to the next one. undefined when there would be too many. */
function compile(root: PatternNode): readonly Step[] | undefined {
  const steps: Step[] = [];
  let fits = true;

  function push(step: Step): void {
    if (steps.length >= MAX_STEPS) fits = false;
    else steps.push(step);
  }

  function write(node: PatternNode): void {
    if (!fits) return;
    switch (node.kind) {
      case "set":
      case "assert":
        push(node);
        return;
      case "sequence":
        for (const part of node.parts) write(part);
        return;
      case "choice":
        writeChoice(node.options);
        return;
      case "repeat":
        writeRepeat(node.part, node.min, node.max);
        return;
      default:
        unreachable(node);
    }
  }

  function writeChoice(options: readonly PatternNode[]): void {
    const jumps: { kind: "jump"; to: number }[] = [];
    for (const [index, option] of options.entries()) {
      if (index === options.length - 1) {
        write(option);
        break;
      }
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      push(split);
      write(option);
      const jump = { kind: "jump" as const, to: 0 };
      push(jump);
      jumps.push(jump);
      split.second = steps.length;
    }
    for (const jump of jumps) jump.to = steps.length;
  }

  function writeRepeat(part: PatternNode, min: number, max: number): void {
    for (let i = 0; i < min && fits; i++) write(part);
    if (max === Number.POSITIVE_INFINITY) {
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      const start = steps.length;
      push(split);
      write(part);
      push({ kind: "jump", to: start });
      split.second = steps.length;
      return;
    }
    const splits: { kind: "split"; first: number; second: number }[] = [];
    for (let i = min; i < max && fits; i++) {
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      push(split);
      splits.push(split);
      write(part);
    }
    for (const split of splits) split.second = steps.length;
  }

  write(root);
  push({ kind: "found" });
  return fits ? steps : undefined;
}

// --- the automaton

const NEWLINE = 10;
/** What stands before a position. */
const START = 0;
const AFTER_NEWLINE = 1;
const AFTER_WORD = 2;
const AFTER_OTHER = 3;

/** Entries of the transition tables: a state's number + 1, or one of these. */
const UNKNOWN = 0;
const FOUND = -1;

interface State {
  /** Steps that wait for a character or an assertion, before closing over what needs none. */
  readonly waiting: readonly number[];
  readonly before: number;
  /** Next state by character class: while a match may still begin here, and when not. */
  readonly begins: Int32Array;
  readonly goesOn: Int32Array;
}

/** What follows a position, as far as assertions ask. */
interface Next {
  readonly character: "newline" | "word" | "other" | "end";
  readonly lastNewline: boolean;
}

class Automaton {
  readonly #steps: readonly Step[];
  /** First characters of the classes; no set tells two characters of one class apart. */
  readonly #classStarts: readonly number[];
  readonly #byteClass: Uint16Array;
  readonly #classNext: readonly Next[];
  #states: State[] = [];
  #numbers = new Map<string, number>();
  readonly #seen: Uint32Array;
  #generation = 0;
  #work = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
    this.#seen = new Uint32Array(steps.length);
    const sets = steps.flatMap((step) => (step.kind === "set" ? [step.set] : []));
    this.#classStarts = classBoundaries(sets);
    this.#byteClass = Uint16Array.from({ length: 256 }, (_, byte) => this.#searchClass(byte));
    this.#classNext = this.#classStarts.map((character) => ({ character: kindOf(character), lastNewline: false }));
  }

  search(characters: Uint8Array | Uint32Array, firstStart: number, lastStart: number): SearchResult {
    const { length } = characters;
    if (firstStart > length || lastStart < firstStart) return "absent";
    this.#work = 0;
    let state = this.#stateOf([], firstStart === 0 ? START : before(characters[firstStart - 1] ?? 0));
    for (let at = firstStart; at < length; at++) {
      const character = characters[at] ?? 0;
      const mayBegin = at <= lastStart;
      if (!mayBegin && state.waiting.length === 0) return "absent";
      const cls = character < 256 ? (this.#byteClass[character] ?? 0) : this.#searchClass(character);
      // The one place where a character's own position matters: a line break that ends the text.
      if (character === NEWLINE && at === length - 1) {
        const next = this.#advance(state, mayBegin, cls, { character: "newline", lastNewline: true });
        if (next === undefined) return "found";
        state = this.#stateOf(next, AFTER_NEWLINE);
        continue;
      }
      const table = mayBegin ? state.begins : state.goesOn;
      let entry = table[cls] ?? UNKNOWN;
      if (entry === UNKNOWN) {
        if (this.#work > MAX_WORK) return "too-costly";
        entry = this.#learn(state, mayBegin, cls, character);
      }
      if (entry === FOUND) return "found";
      const following = this.#states[entry - 1];
      if (!following) throw new Error(`pattern automaton: no state ${entry - 1}`);
      state = following;
    }
    const atEnd = this.#close(state, length <= lastStart, { character: "end", lastNewline: false });
    return atEnd === undefined ? "found" : "absent";
  }

  #learn(state: State, mayBegin: boolean, cls: number, character: number): number {
    const next = this.#advance(
      state,
      mayBegin,
      cls,
      this.#classNext[cls] ?? { character: "other", lastNewline: false },
    );
    const table = mayBegin ? state.begins : state.goesOn;
    if (next === undefined) {
      table[cls] = FOUND;
      return FOUND;
    }
    const forgot = this.#states.length >= MAX_STATES;
    const number = this.#numberOf(next, before(character));
    // After forgetting, the old state's table would speak of numbers that are others' now.
    if (!forgot) table[cls] = number + 1;
    return number + 1;
  }

  /** The steps that wait behind this character; undefined when the pattern was found before it. */
  #advance(state: State, mayBegin: boolean, cls: number, next: Next): readonly number[] | undefined {
    const ready = this.#close(state, mayBegin, next);
    if (!ready) return undefined;
    const character = this.#classStarts[cls] ?? 0;
    const waiting = new Set<number>();
    for (const at of ready) {
      const step = this.#steps[at];
      if (step?.kind === "set" && contains(step.set, character)) waiting.add(at + 1);
    }
    return [...waiting].toSorted((a, b) => a - b);
  }

  /** The steps that take a character at this position; undefined when `found` is among what can be reached. */
  #close(state: State, mayBegin: boolean, next: Next): readonly number[] | undefined {
    this.#generation++;
    const ready: number[] = [];
    const stack = [...state.waiting];
    if (mayBegin) stack.push(0);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (this.#seen[at] === this.#generation) continue;
      this.#seen[at] = this.#generation;
      this.#work++;
      const step = this.#steps[at];
      if (!step) continue;
      switch (step.kind) {
        case "found":
          return undefined;
        case "set":
          ready.push(at);
          break;
        case "jump":
          stack.push(step.to);
          break;
        case "split":
          stack.push(step.first, step.second);
          break;
        case "assert":
          if (holds(step.assertion, state.before, next)) stack.push(at + 1);
          break;
        default:
          unreachable(step);
      }
    }
    return ready;
  }

  #stateOf(waiting: readonly number[], beforeKind: number): State {
    const state = this.#states[this.#numberOf(waiting, beforeKind)];
    if (!state) throw new Error("pattern automaton: state not kept");
    return state;
  }

  #numberOf(waiting: readonly number[], beforeKind: number): number {
    const name = `${beforeKind}:${waiting.join(",")}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#states.length >= MAX_STATES) {
      this.#states = [];
      this.#numbers = new Map();
    }
    const classes = this.#classStarts.length;
    const number = this.#states.length;
    this.#states.push({
      waiting,
      before: beforeKind,
      begins: new Int32Array(classes),
      goesOn: new Int32Array(classes),
    });
    this.#numbers.set(name, number);
    return number;
  }

  #searchClass(character: number): number {
    let low = 0;
    let high = this.#classStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#classStarts[middle] ?? 0) <= character) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function classBoundaries(sets: readonly CharSet[]): readonly number[] {
  // Line breaks and word characters are told apart by assertions.
  const starts = new Set([0, NEWLINE, NEWLINE + 1, 48, 58, 65, 91, 95, 96, 97, 123]);
  for (const set of sets) {
    for (const [from, to] of set) {
      starts.add(from);
      if (to < MAX_CODE_POINT) starts.add(to + 1);
    }
  }
  return [...starts].toSorted((a, b) => a - b);
}

function contains(set: CharSet, character: number): boolean {
  return set.some(([from, to]) => from <= character && character <= to);
}

function isWord(character: number): boolean {
  return (
    (character >= 97 && character <= 122) ||
    (character >= 65 && character <= 90) ||
    (character >= 48 && character <= 57) ||
    character === 95
  );
}

function kindOf(character: number): Next["character"] {
  if (character === NEWLINE) return "newline";
  return isWord(character) ? "word" : "other";
}

function before(character: number): number {
  if (character === NEWLINE) return AFTER_NEWLINE;
  return isWord(character) ? AFTER_WORD : AFTER_OTHER;
}

function holds(assertion: Assertion, beforeKind: number, next: Next): boolean {
  const atEnd = next.character === "end";
  switch (assertion) {
    case "subject-start":
      return beforeKind === START;
    case "line-start":
      return beforeKind === START || (beforeKind === AFTER_NEWLINE && !atEnd);
    case "line-start-alt":
      return beforeKind === START || beforeKind === AFTER_NEWLINE;
    case "subject-end":
      return atEnd;
    case "subject-end-or-newline":
      return atEnd || next.lastNewline;
    case "line-end":
      return atEnd || next.character === "newline";
    case "word-boundary":
      return (beforeKind === AFTER_WORD) !== (next.character === "word");
    case "not-word-boundary":
      return (beforeKind === AFTER_WORD) === (next.character === "word");
    default:
      return unreachable(assertion);
  }
}
