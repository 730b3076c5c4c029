// Benchmarks speak in figures: one JSON line each, behind a mark, so that they cross a serial console and can be put in a table.

/** What is measured side by side: the build of this tree, a build before it (`BEFORE=`), and the peer. */
export type Subject = "lbd" | "before" | "keepalived";

/** A value of each subject that took part. */
export type Results<T> = { readonly lbd: T } & { readonly [subject in Subject]?: T };

export interface Targets {
  /** What lbd's value should stay at or below. */
  readonly target?: number;
  /** What lbd's value by keepalived's should stay at or below. */
  readonly ratioTarget?: number;
}

/** Medians where several values were taken. */
export interface Figure extends Results<number>, Targets {
  readonly name: string;
  readonly unit: string;
}

export const FIGURE_MARK = "FIGURE ";

export function printFigure(figure: Figure): void {
  console.log(FIGURE_MARK + JSON.stringify(figure));
}

/** Prints one figure of what was measured of every subject. */
export function printOf<T>(
  results: Results<T>,
  name: string,
  unit: string,
  pick: (result: T) => number,
  targets: Targets = {},
): void {
  const values = Object.entries(results).map(([subject, result]) => [subject, pick(result)]);
  printFigure({ name, unit, ...(Object.fromEntries(values) as Results<number>), ...targets });
}

export function readFigure(line: string): Figure | undefined {
  return line.startsWith(FIGURE_MARK) ? JSON.parse(line.slice(FIGURE_MARK.length)) : undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The largest, of however many there are: as arguments of one call a million of them are too many. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}
