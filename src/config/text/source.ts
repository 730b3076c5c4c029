// Config core: text with places. A Place is a text whose characters know where they were written; a SourceText is a file,
// a TracedPlace the same text as a macro brought it in. Spans are made on demand: most words never need theirs.
import { skipBlanks } from "./blanks.ts";
import type { Origin, SourceFile, Span, TraceStep } from "./span.ts";

/** A text, and where its characters come from. Offsets count UTF-16 units of `text`. */
export interface Place {
  readonly text: string;
  /** Span of the characters from `start` to before `end`, which stand on line `line` of the file below. */
  span(start: number, end: number, line: number): Span;
  /** Where the span of these characters begins. */
  origin(start: number, line: number): Origin;
}

/** One file: the place at the bottom of all others. */
export class SourceText implements SourceFile {
  readonly name: string;
  readonly text: string;
  readonly includedFrom?: Span;
  /** A character may be a pair of surrogates. */
  readonly #wide: boolean;

  constructor(name: string, text: string, includedFrom?: Span, wide = true) {
    this.name = name;
    this.text = text;
    this.#wide = wide;
    if (includedFrom) this.includedFrom = includedFrom;
  }

  span(start: number, end: number, line: number): Span {
    const from = lineStart(this.text, start);
    return {
      file: this,
      line,
      column: this.#characters(from, start) + 1,
      endLine: line,
      endColumn: this.#characters(from, end) + 1,
    };
  }

  origin(start: number, line: number): Origin {
    return { file: this.name, line, column: this.#characters(lineStart(this.text, start), start) + 1 };
  }

  /** Characters (code points) between two offsets: a pair of surrogates counts once. */
  #characters(start: number, end: number): number {
    if (!this.#wide) return end - start;
    let count = 0;
    for (const _ of this.text.slice(start, end)) count++;
    return count;
  }
}

/** What brought a text to where it stands. */
export interface TraceSource {
  steps(): readonly TraceStep[];
}

/** Text of a file that stands somewhere else by way of a macro: same places, with the step that brought it there. */
export class TracedPlace implements Place {
  readonly text: string;
  readonly below: Place;
  readonly #by: TraceSource;

  constructor(below: Place, by: TraceSource) {
    this.text = below.text;
    this.below = below;
    this.#by = by;
  }

  span(start: number, end: number, line: number): Span {
    const span = this.below.span(start, end, line);
    return { ...span, trace: [...(span.trace ?? []), ...this.#by.steps()] };
  }

  origin(start: number, line: number): Origin {
    return this.below.origin(start, line);
  }
}

/** Text that was made rather than written; all of it stands for one part of a line. */
export class FixedPlace implements Place {
  readonly text: string;
  readonly #part: LinePart;

  constructor(text: string, part: LinePart) {
    this.text = text;
    this.#part = part;
  }

  span(): Span {
    return partSpan(this.#part);
  }

  origin(): Origin {
    return partOrigin(this.#part);
  }
}

/** A part of one line: from `from` to before `to` in the text of a place. */
export interface LinePart {
  readonly place: Place;
  readonly from: number;
  readonly to: number;
  readonly line: number;
}

export function partText(part: LinePart): string {
  return part.place.text.slice(part.from, part.to);
}

export function partSpan(part: LinePart, from: number = part.from, to: number = part.to): Span {
  return part.place.span(from, to, part.line);
}

export function partOrigin(part: LinePart): Origin {
  return part.place.origin(part.from, part.line);
}

/** The part from an offset on, without its leading blanks. */
export function restOf(part: LinePart, from: number): LinePart {
  return { ...part, from: skipBlanks(part.place.text, from, part.to) };
}

/** Offset of the first character of the line that holds `at`. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}
