// Layer 0: time as an argument. Core code never reads a clock; it is handed `now` or a Clock.

/** Milliseconds on the monotonic clock, fractions allowed. Only differences and comparisons mean something. */
export type MonoMs = number;

/** Ends a pending `Clock.at`; calling it twice, or after it ran, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** The monotonic time. */
  now(): MonoMs;
  /** Wall-clock time in milliseconds since 1970, for logs, the API and HMAC freshness only. */
  wallMs(): number;
  /** Runs `run` once, not before `when`. A `when` in the past runs it in the next turn. */
  at(when: MonoMs, run: () => void): Cancel;
}
