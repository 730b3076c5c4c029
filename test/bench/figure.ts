// Benchmarks speak in figures: one JSON line each, behind a mark, so that they cross a serial console and can be put in a table.

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** lbd's value; the median where several were taken. */
  readonly lbd: number;
  /** keepalived's value in the same run; absent where there is nothing to compare with. */
  readonly keepalived?: number;
  /** What the ratio, or the value where there is no peer, should stay at or below. */
  readonly target?: number;
}

export const FIGURE_MARK = "FIGURE ";

export function printFigure(figure: Figure): void {
  console.log(FIGURE_MARK + JSON.stringify(figure));
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
