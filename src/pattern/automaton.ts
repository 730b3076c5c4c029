// Pattern core: the automaton that walks a text: states are made when they are first met, so that time is linear in the text.
import { unreachable } from "../base/never.ts";
import type { Step } from "./program.ts";
import { MAX_CODE_POINT } from "./sets.ts";
import type { Assertion, CharSet } from "./tree.ts";

export type SearchResult = "found" | "absent" | "not-utf8" | "too-costly";

/** States of the automaton that are kept; then all are forgotten and met again. */
const MAX_STATES = 1000;

/** Steps looked at for one search while states are new: about 20 ms. Past that the answer is `too-costly`. */
const MAX_WORK = 4_000_000;

// --- the automaton

export const NEWLINE = 10;

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

export class Automaton {
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
