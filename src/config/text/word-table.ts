// Config core: the words of a configuration in columns. A large file has half a million: as objects they would take ten times
// the memory, and collecting that would take longer than reading. A word becomes an object when somebody looks at it.
import type { Place } from "./source.ts";
import type { Origin, Span } from "./span.ts";
import type { Word } from "./tree.ts";

/** What a lexed word is; a quoted brace is a word, not a brace. `UNENDED`: a quoted word whose closing quote is missing. */
export const WORD = 0;
export const QUOTED = 1;
export const UNENDED = 2;
export const OPEN = 3;
export const CLOSE = 4;

/** Words and braces by number, in lines. Whoever reads columns reads them below `count` only. */
export interface WordTable {
  count: number;
  texts: string[];
  /** Offset in the place, quotes included, and in the lowest bits what the word is and whether it begins a line. */
  starts: Int32Array;
  /** Number of the line in its file. */
  lines: Int32Array;
  /** Places, and the first word of each: a file is one, each line that a macro made is one. */
  readonly places: Place[];
  readonly placeFirsts: number[];
  /** The place that was asked for last: words are mostly looked at one after the other. */
  lastPlace: number;
}

/** The offsets of files of MAX_FILE_BYTES leave room for so many bits. */
const FLAG_BITS = 4;
const KIND = 7;
const BEGINS_LINE = 8;
/** Quotes that stand around a word of a kind. */
const QUOTES = [0, 2, 1, 0, 0];
const FIRST_WORDS = 1024;

export function createWordTable(): WordTable {
  return {
    count: 0,
    texts: new Array(FIRST_WORDS),
    starts: new Int32Array(FIRST_WORDS),
    lines: new Int32Array(FIRST_WORDS),
    places: [],
    placeFirsts: [],
    lastPlace: 0,
  };
}

/** Makes room for more words. */
export function reserveWords(table: WordTable, words: number): void {
  const { texts, starts, lines } = table;
  const needed = table.count + words;
  if (needed <= starts.length) return;
  const capacity = Math.max(Math.ceil(needed), 2 * starts.length);
  table.texts = new Array(capacity);
  for (let at = 0; at < table.count; at++) table.texts[at] = texts[at] ?? "";
  table.starts = new Int32Array(capacity);
  table.starts.set(starts);
  table.lines = new Int32Array(capacity);
  table.lines.set(lines);
}

/** Adds a word to the line that is being read. */
export function addWord(table: WordTable, kind: number, text: string, start: number, line: number): void {
  if (table.count === table.starts.length) reserveWords(table, 1);
  const at = table.count++;
  table.texts[at] = text;
  table.starts[at] = (start << FLAG_BITS) | kind;
  table.lines[at] = line;
}

/** Adds the words from `first` to before `end` once more. */
export function repeatWords(table: WordTable, first: number, end: number): void {
  reserveWords(table, end - first);
  for (let from = first; from < end; from++) {
    const at = table.count++;
    table.texts[at] = table.texts[from] ?? "";
    table.starts[at] = table.starts[from] ?? 0;
    table.lines[at] = table.lines[from] ?? 0;
  }
}

/** Ends the line whose first word has number `first`; a line without words leaves no trace. */
export function endLine(table: WordTable, first: number, place: Place): void {
  if (table.count === first) return;
  table.starts[first] = (table.starts[first] ?? 0) | BEGINS_LINE;
  if (table.places[table.places.length - 1] === place) return;
  table.places.push(place);
  table.placeFirsts.push(first);
}

export function textAt(table: WordTable, at: number): string {
  return table.texts[at] ?? "";
}

export function kindAt(table: WordTable, at: number): number {
  return (table.starts[at] ?? WORD) & KIND;
}

export function isBrace(table: WordTable, at: number): boolean {
  return kindAt(table, at) >= OPEN;
}

export function beginsLine(table: WordTable, at: number): boolean {
  return ((table.starts[at] ?? 0) & BEGINS_LINE) !== 0;
}

export function startAt(table: WordTable, at: number): number {
  return (table.starts[at] ?? 0) >> FLAG_BITS;
}

export function endAt(table: WordTable, at: number): number {
  return startAt(table, at) + textAt(table, at).length + (QUOTES[kindAt(table, at)] ?? 0);
}

export function placeAt(table: WordTable, at: number): Place {
  const { placeFirsts } = table;
  let low = table.lastPlace;
  let steps = 0;
  if ((placeFirsts[low] ?? 0) > at) steps = NEAR;
  while (steps < NEAR && (placeFirsts[low + 1] ?? at + 1) <= at) {
    low++;
    steps++;
  }
  if (steps === NEAR) low = placeIndex(placeFirsts, at);
  table.lastPlace = low;
  const place = table.places[low];
  if (!place) throw new Error(`word table: no word ${at}`);
  return place;
}

/** Places further on that are looked at before searching them all. */
const NEAR = 8;

function placeIndex(placeFirsts: readonly number[], at: number): number {
  let low = 0;
  for (let high = placeFirsts.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if ((placeFirsts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low;
}

export function spanAt(table: WordTable, at: number): Span {
  return placeAt(table, at).span(startAt(table, at), endAt(table, at), table.lines[at] ?? 0);
}

export function originAt(table: WordTable, at: number): Origin {
  return placeAt(table, at).origin(startAt(table, at), table.lines[at] ?? 0);
}

/** A word as the tree shows it. */
export class LexWord implements Word {
  readonly table: WordTable;
  readonly at: number;

  constructor(table: WordTable, at: number) {
    this.table = table;
    this.at = at;
  }

  get text(): string {
    return textAt(this.table, this.at);
  }

  get quoted(): boolean {
    const kind = kindAt(this.table, this.at);
    return kind === QUOTED || kind === UNENDED;
  }

  get span(): Span {
    return spanAt(this.table, this.at);
  }

  get origin(): Origin {
    return originAt(this.table, this.at);
  }
}
