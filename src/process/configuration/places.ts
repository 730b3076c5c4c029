// Process layer: where in the files the values of a configuration stand. That alone is no difference: it is sent as how many lines they moved,
// and put right in place, so that messages name the line of today and nobody takes anything for new. Pure but for that.
import { PLACES } from "../../base/same-value.ts";

/** An Origin (config/text/span.ts). */
interface Place {
  file: string;
  line: number;
  column: number;
}

type Visit = (a: Place, b: Place) => boolean;

/** How many lines `b` stands below `a`, all of it; 0: they are the same; undefined: one says something else, or stands apart. */
export function linesBetween(a: unknown, b: unknown): number | undefined {
  let lines: number | undefined;
  const apart = eachPlace(a, b, (from, to) => {
    lines ??= to.line - from.line;
    return from.file === to.file && from.column === to.column && to.line - from.line === lines;
  });
  return apart ? (lines ?? 0) : undefined;
}

/** Its places are so many lines further down from now on. */
export function moveLines(value: unknown, lines: number): void {
  eachPlace(value, value, (place) => {
    place.line += lines;
    return true;
  });
}

/**
 * `next`, in which what says the same as before is the very same value as before, with the places of `next`. Lists are gone through by
 * position.
 */
export function adopt(before: unknown, next: unknown): unknown {
  if (eachPlace(before, next, () => true)) {
    eachPlace(before, next, (place, other) => {
      Object.assign(place, other);
      return true;
    });
    return before;
  }
  if (Array.isArray(before) && Array.isArray(next)) return next.map((item, i) => adopt(before[i], item));
  if (!isRecord(before) || !isRecord(next)) return next;
  return Object.fromEntries(Object.entries(next).map(([key, value]) => [key, adopt(before[key], value)]));
}

/** Goes through the places of two values that say the same; false when they don't, or when `visit` said so. */
function eachPlace(a: unknown, b: unknown, visit: Visit): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => eachPlace(item, b[i], visit));
  if (!isRecord(a) || !isRecord(b) || Array.isArray(b)) return Object.is(a, b);
  for (const key in a)
    if (PLACES.has(key) ? !eachOf(a[key], b[key], visit) : !eachPlace(a[key], b[key], visit)) return false;
  // A field that is undefined counts as missing.
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** `origin`, or `origins` by keyword. */
function eachOf(a: unknown, b: unknown, visit: Visit): boolean {
  if (isPlace(a) && isPlace(b)) return visit(a, b);
  if (!isRecord(a) || !isRecord(b)) return Object.is(a, b);
  for (const key in a) if (!eachOf(a[key], b[key], visit)) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

function isPlace(value: unknown): value is Place {
  return isRecord(value) && typeof value.file === "string" && typeof value.line === "number";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
