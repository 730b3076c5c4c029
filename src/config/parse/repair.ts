// Config core: what to do when braces don't add up. Looks for the fewest changes (a brace put in, a brace left out) that make
// the words fit the vocabulary and the indentation, so that one forgotten brace is one finding, at its opener.
// Runs only on a configuration whose braces are out of balance.
import { MAX_MISFITS, MAX_NESTING } from "../text/limits.ts";
import { lineStart } from "../text/source.ts";
import {
  beginsLine,
  CLOSE,
  kindAt,
  OPEN,
  placeAt,
  spanAt,
  startAt,
  textAt,
  WORD,
  type WordTable,
} from "../text/word-table.ts";
import { PlaceNode } from "./places.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type Edit =
  /** Close the block opened by word `opener` before word `at` (the number of words: at the end). */
  | { readonly kind: "close"; readonly at: number; readonly opener: number }
  /** Leave the brace at `at` out. */
  | { readonly kind: "drop"; readonly at: number }
  /** Open a block before word `at`, behind the statement that begins at word `statement`. */
  | { readonly kind: "open"; readonly at: number; readonly statement: number };

/** Costs: a change of braces weighs more than any single oddity that it would explain away. */
const COST_EDIT = 20;
const COST_BLOCK_MISSING = 16;
const COST_BRACE_UNEXPECTED = 14;
const COST_UNKNOWN = 9;
/** A word that is a keyword further out, inside a list. */
const COST_STRAY_KEYWORD = 12;
const COST_CLOSE_INDENT = 5;
const COST_INDENT = 2;
/** Guesses that go on side by side, and how much worse than the best one may be. */
const MAX_GUESSES = 12;
const MAX_LAG = 3 * COST_EDIT;

/** An open block in a guess; shared by guesses with the same past. */
interface OpenBlock {
  readonly outer: OpenBlock | undefined;
  readonly place: PlaceNode;
  /** Index of the brace, or of the word a missing brace would stand before. */
  readonly opener: number;
  readonly indent: number;
  readonly depth: number;
  /** Indentation of the first line inside, once there is one. */
  inside: number | undefined;
}

interface Guess {
  readonly block: OpenBlock | undefined;
  /** The statement just read wants a block: the next word must be `{`. */
  readonly pending:
    | { readonly place: PlaceNode; readonly statement: number; readonly indent: number; readonly needed: boolean }
    | undefined;
  readonly cost: number;
  readonly edits: EditList | undefined;
}

interface EditList {
  readonly edit: Edit;
  readonly before: EditList | undefined;
}

/** One statement's words, or one brace, with what stands around it. */
interface Piece {
  readonly kind: "words" | "open" | "close";
  readonly at: number;
  readonly first: string;
  /** A quoted first word is never a keyword. */
  readonly keyword: boolean;
  readonly lineStart: boolean;
  readonly indent: number;
}

/** The changes that repair the braces, in the order of their places; undefined when it takes too many. */
export function repairBraces(words: WordTable, vocabulary: Vocabulary): Edit[] | undefined {
  return new Repair(words.count, vocabulary).run(() => piecesOf(words));
}

class Repair {
  readonly #count: number;
  readonly #top: PlaceNode;
  /** Blocks that the brace at hand opened, by the block around them. */
  readonly #opened = new Map<OpenBlock | undefined, OpenBlock>();
  #indented = true;

  constructor(count: number, vocabulary: Vocabulary) {
    this.#count = count;
    this.#top = new PlaceNode(vocabulary);
  }

  run(pieces: () => Iterable<Piece>): Edit[] | undefined {
    this.#indented = isIndented(pieces());
    let guesses: Guess[] = [{ block: undefined, pending: undefined, cost: 0, edits: undefined }];
    for (const piece of pieces()) {
      this.#opened.clear();
      const next: Guess[] = [];
      for (const guess of guesses) this.#extend(guess, piece, next);
      guesses = bestOf(next);
      if ((guesses[0]?.cost ?? 0) > MAX_MISFITS * COST_UNKNOWN) return undefined;
    }
    const ends = guesses.map((guess) => this.#end(guess)).toSorted(byCost);
    return listed(ends[0]?.edits);
  }

  #extend(guess: Guess, piece: Piece, out: Guess[]): void {
    if (guess.pending && piece.kind !== "open") {
      const { place, statement, indent, needed } = guess.pending;
      // Either the brace was forgotten, or the statement stays without its block.
      if (needed) {
        const opened = this.#open(guess, place, piece.at, indent);
        this.#read(
          { ...opened, cost: guess.cost + COST_EDIT, edits: add(guess, { kind: "open", at: piece.at, statement }) },
          piece,
          out,
        );
      }
      this.#read({ ...guess, pending: undefined, cost: guess.cost + (needed ? COST_BLOCK_MISSING : 0) }, piece, out);
    } else this.#read(guess, piece, out);
  }

  #read(guess: Guess, piece: Piece, out: Guess[]): void {
    if (piece.kind === "open") this.#readOpen(guess, piece, out);
    else if (piece.kind === "close") this.#readClose(guess, piece, out);
    else this.#readWords(guess, piece, out);
  }

  #readOpen(guess: Guess, piece: Piece, out: Guess[]): void {
    const { pending } = guess;
    if (pending) {
      // An unknown word before a brace is taken as the block it seems to be; a list holds no blocks.
      const place = pending.place;
      const odd = place.kind === "none" || guess.block?.place.kind === "list" || guess.block?.place.kind === "lines";
      // What stands behind a brace that fits nothing, perhaps because its keyword was lost, belongs to no block that is known.
      out.push({
        ...this.#open(guess, place.kind === "none" ? this.#top.child("{") : place, piece.at, pending.indent),
        cost: guess.cost + (odd ? COST_BRACE_UNEXPECTED : 0),
      });
    } else {
      out.push({
        ...this.#open(guess, this.#top.child("{"), piece.at, piece.indent),
        cost: guess.cost + COST_BRACE_UNEXPECTED,
      });
      out.push({ ...guess, cost: guess.cost + COST_EDIT, edits: add(guess, { kind: "drop", at: piece.at }) });
    }
  }

  #readClose(guess: Guess, piece: Piece, out: Guess[]): void {
    out.push({ ...guess, cost: guess.cost + COST_EDIT, edits: add(guess, { kind: "drop", at: piece.at }) });
    let at: Guess = guess;
    while (at.block) {
      const { block } = at;
      const misplaced = this.#indented && piece.lineStart && piece.indent !== block.indent;
      const cost = at.cost + (misplaced ? COST_CLOSE_INDENT : 0);
      out.push({ block: block.outer, pending: undefined, cost, edits: at.edits });
      if (this.#indented && !misplaced) return;
      at = closed(at, block, piece.at);
    }
  }

  #readWords(guess: Guess, piece: Piece, out: Guess[]): void {
    const here = this.#stand(guess, piece);
    out.push(here);
    // Closing blocks is worth a thought only at the start of a line, and where the statement looks misplaced.
    if (!piece.lineStart || here.cost === guess.cost) return;
    let at: Guess = guess;
    while (at.block) {
      at = closed(at, at.block, piece.at);
      out.push(this.#stand(at, piece));
    }
  }

  /** The statement stands where the guess is. */
  #stand(guess: Guess, piece: Piece): Guess {
    const place = guess.block?.place ?? this.#top;
    const kind = piece.keyword ? place.kindOf(piece.first) : "unknown";
    let cost = guess.cost;
    if (place.kind === "block" && kind === "unknown") cost += COST_UNKNOWN;
    else if (place.kind !== "block" && piece.keyword && piece.lineStart && this.#knownOutside(place, piece.first))
      cost += COST_STRAY_KEYWORD;
    if (this.#indented && piece.lineStart) cost += indentCost(guess.block, piece.indent);
    const needed = kind === "block" || kind === "list" || kind === "lines";
    const pending = { place: place.child(piece.first), statement: piece.at, indent: piece.indent, needed };
    return { ...guess, cost, pending };
  }

  #knownOutside(place: PlaceNode, word: string): boolean {
    for (let outer = place.parent; outer; outer = outer.parent)
      if (outer.kind === "block" && outer.kindOf(word) !== "unknown") return true;
    return false;
  }

  /** Equal blocks of different guesses are one object, so that the guesses can be told to be equal. */
  #open(guess: Guess, place: PlaceNode, opener: number, indent: number): Guess {
    const { block: outer } = guess;
    let block = this.#opened.get(outer);
    if (block?.opener !== opener) {
      block = { outer, place, opener, indent, depth: (outer?.depth ?? 0) + 1, inside: undefined };
      this.#opened.set(outer, block);
    }
    return { ...guess, block: block.depth > MAX_NESTING ? outer : block, pending: undefined };
  }

  #end(guess: Guess): Guess {
    let at: Guess = guess.pending?.needed
      ? { ...guess, pending: undefined, cost: guess.cost + COST_BLOCK_MISSING }
      : guess;
    while (at.block) at = closed(at, at.block, this.#count);
    return at;
  }
}

/** A line of a block stands further right than its opener, and as far as the first line of the block. */
function indentCost(block: OpenBlock | undefined, indent: number): number {
  if (!block) return indent > 0 ? COST_INDENT : 0;
  block.inside ??= indent;
  return indent <= block.indent || indent !== block.inside ? COST_INDENT : 0;
}

function closed(guess: Guess, block: OpenBlock, at: number): Guess {
  return {
    block: block.outer,
    pending: undefined,
    cost: guess.cost + COST_EDIT,
    edits: add(guess, { kind: "close", at, opener: block.opener }),
  };
}

function add(guess: Guess, edit: Edit): EditList {
  return { edit, before: guess.edits };
}

function listed(edits: EditList | undefined): Edit[] {
  const list: Edit[] = [];
  for (let link = edits; link; link = link.before) list.push(link.edit);
  return list.reverse();
}

/** Of guesses that stand at the same point the cheapest goes on; of equal ones that which changed something later. */
function bestOf(guesses: readonly Guess[]): Guess[] {
  const best = new Map<OpenBlock | undefined, Guess>();
  for (const guess of guesses) {
    const rival = best.get(guess.block);
    if (!rival || byCost(guess, rival) < 0) best.set(guess.block, guess);
  }
  const kept = [...best.values()].toSorted(byCost);
  const limit = (kept[0]?.cost ?? 0) + MAX_LAG;
  return kept.slice(0, MAX_GUESSES).filter((guess) => guess.cost <= limit);
}

function byCost(a: Guess, b: Guess): number {
  return a.cost - b.cost || (b.edits?.edit.at ?? 0) - (a.edits?.edit.at ?? 0);
}

/** The configuration shows its blocks by indentation: most lines inside of blocks begin with blanks. */
function isIndented(pieces: Iterable<Piece>): boolean {
  let depth = 0;
  let inside = 0;
  let indented = 0;
  for (const piece of pieces) {
    if (piece.kind === "open") depth++;
    else if (piece.kind === "close") depth = Math.max(0, depth - 1);
    else if (depth > 0 && piece.lineStart) {
      inside++;
      if (piece.indent > 0) indented++;
    }
  }
  return indented > inside / 2;
}

function* piecesOf(words: WordTable): Generator<Piece> {
  let indent = 0;
  let inWords = false;
  for (let at = 0; at < words.count; at++) {
    const lineStart = beginsLine(words, at);
    if (lineStart) indent = indentOf(words, at);
    const code = kindAt(words, at);
    if (code === OPEN || code === CLOSE || lineStart || !inWords) {
      const kind = code === OPEN ? "open" : code === CLOSE ? "close" : "words";
      yield { at, first: textAt(words, at), indent, lineStart, keyword: code === WORD, kind };
    }
    inWords = code !== OPEN && code !== CLOSE;
  }
}

const TAB = 9;
const TAB_COLUMNS = 8;

/** Columns in front of the first word of a line, as an editor shows them. */
function indentOf(words: WordTable, at: number): number {
  const start = startAt(words, at);
  // The text of a replaced line begins with its first word; what counts is the line of the file.
  if (start === 0) return spanAt(words, at).column - 1;
  const { text } = placeAt(words, at);
  let columns = 0;
  for (let i = lineStart(text, start); i < start; i++) {
    if (text.charCodeAt(i) === TAB) columns += TAB_COLUMNS - (columns % TAB_COLUMNS);
    else columns++;
  }
  return columns;
}
