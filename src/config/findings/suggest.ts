// Config core: the nearest known word for one that is not known.
import { meant } from "./meanings.ts";

/** Longer words are not compared: nobody misspells one, and the time is bounded. */
const MAX_COMPARED_CHARS = 64;

/**
 * The candidate that `word` was most likely meant to be; undefined when none is near.
 * A letter too many, too few, changed or two swapped cost one each; a third of the word may differ.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > MAX_COMPARED_CHARS) return undefined;
  const folded = fold(word);
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === word || Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = damerauDistance(folded, fold(candidate), bestDistance - 1);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The candidate that `word` names in another program's words, or else the nearest one. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  return meant(fold(word), candidates) ?? nearest(word, candidates);
}

/** `did you mean X?`, or undefined when nothing is near: what a Diagnostic takes as its hint. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const candidate = closest(word, candidates);
  return candidate === undefined ? undefined : `did you mean ${candidate}?`;
}

/** The candidate that `word` names in another program's words; undefined when there is none. */
export function inOtherWords(word: string, candidates: readonly string[]): string | undefined {
  return meant(fold(word), candidates);
}

/** Case and `-` against `_` are no real difference: `Delay-Loop` is at distance 0 of `delay_loop`. */
function fold(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/** Optimal string alignment distance; any value above `limit` means only "further than that". */
export function damerauDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let rowBest = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped =
        i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
      rowBest = Math.min(rowBest, cost);
    }
    if (rowBest > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? limit + 1;
}
