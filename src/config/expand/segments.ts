// Config core: a line whose macros are replaced, and where each of its characters came from.
import { type LinePart, type Place, partOrigin, partSpan, partText } from "../text/source.ts";
import type { Origin, Span, TraceStep } from "../text/span.ts";
import type { Macro } from "./macros.ts";

/** Macros that a piece of text came through, innermost first. */
export interface Chain {
  readonly macro: Macro;
  readonly outer: Chain | undefined;
}

/** Characters of the line from `at` up to the next segment. */
export interface Segment {
  readonly at: number;
  readonly part: LinePart;
  /** How far the offset in the part's text is ahead of the offset in the line; of no meaning when opaque. */
  readonly ahead: number;
  /** All characters stand for the whole part: the text of a macro for its reference. */
  readonly opaque: boolean;
  readonly chain: Chain | undefined;
}

/** Text of one line after replacement. */
export class ReplacedPlace implements Place {
  readonly text: string;
  readonly #segments: readonly Segment[];

  constructor(text: string, segments: readonly Segment[]) {
    this.text = text;
    this.#segments = segments;
  }

  span(start: number, end: number, _line: number): Span {
    const span = partSpan(rangePart(this.#segments, start, end));
    const steps: TraceStep[] = [];
    const seen = new Set<Macro>();
    for (const [index, segment] of this.#segments.entries()) {
      const next = this.#segments[index + 1]?.at ?? this.text.length;
      if (!segment.opaque || segment.at >= Math.max(end, start + 1) || next <= start) continue;
      for (let link = segment.chain; link; link = link.outer) {
        if (seen.has(link.macro) || steps.length >= MAX_TRACE_STEPS) continue;
        seen.add(link.macro);
        steps.push(definitionStep(link.macro));
      }
    }
    return steps.length === 0 ? span : { ...span, trace: [...(span.trace ?? []), ...steps] };
  }

  origin(start: number): Origin {
    return partOrigin(rangePart(this.#segments, start, start));
  }
}

const MAX_TRACE_STEPS = 10;

function definitionStep(macro: Macro): TraceStep {
  const body = macro.lines[0];
  const message =
    macro.from === "loop"
      ? `${macro.name} is ${body ? partText(body) : "empty"} in a pass of this loop`
      : `$${macro.name} is defined here`;
  return { message, span: partSpan(macro.definedAt) };
}

export function segmentAt(segments: readonly Segment[], at: number): Segment {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle]?.at ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  const found = segments[low];
  if (!found) throw new Error("replaced line: no segments");
  return found;
}

/** Where a range of the line was written: exact inside plain text, the whole reference inside a macro's. */
export function rangePart(segments: readonly Segment[], from: number, to: number): LinePart {
  const first = segmentAt(segments, from);
  const last = segmentAt(segments, Math.max(from, to - 1));
  const begin = first.opaque ? first.part.from : from + first.ahead;
  const ownEnd = first.opaque ? first.part.to : Math.min(first.part.to, to + first.ahead);
  const { place, line } = first.part;
  if (last.part.place !== place || last.part.line !== line)
    return { place, line, from: begin, to: Math.max(begin, ownEnd) };
  const end = last.opaque ? last.part.to : to + last.ahead;
  return { place, line, from: begin, to: Math.max(begin, end) };
}

export function spliceSegments(
  segments: readonly Segment[],
  from: number,
  to: number,
  textLength: number,
  length: number,
  piece: Omit<Segment, "at">,
): Segment[] {
  const grown = length - (to - from);
  const result: Segment[] = [];
  for (const segment of segments) if (segment.at < from) result.push(segment);
  if (length > 0 || result.length === 0) result.push({ ...piece, at: from });
  // What stood behind the reference goes on: the rest of the segment that held its end, then the later ones.
  const shifted = (segment: Segment, at: number) => ({ ...segment, at, ahead: segment.ahead - grown });
  if (to < textLength) result.push(shifted(segmentAt(segments, to), from + length));
  for (const segment of segments) if (segment.at > to) result.push(shifted(segment, segment.at + grown));
  return result;
}
