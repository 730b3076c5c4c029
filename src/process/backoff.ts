// Process layer: how long a dead child waits for its next start.

/** Delay in milliseconds before restart number 1, 2, 3 … in a row; later ones take the last (reliability.md, requirement 11). */
const RESTART_DELAYS_MS: readonly number[] = [0, 1000, 2000, 4000, 5000];
/** A child that ran this long starts the count anew. */
export const HEALTHY_AFTER_MS = 60_000;

/** @param failures starts in a row that ended early, this one included; 1 or more */
export function restartDelayMs(failures: number): number {
  return RESTART_DELAYS_MS[Math.min(failures, RESTART_DELAYS_MS.length) - 1] ?? 0;
}

/** The count of failures after a child ended that had run for `ranMs`. */
export function failuresAfter(failures: number, ranMs: number): number {
  return ranMs >= HEALTHY_AFTER_MS ? 1 : failures + 1;
}
