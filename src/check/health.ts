// Check core: how the outcomes of a check's runs become up or down (checkers.md §1). Pure.
import type { CheckKind, CheckTiming } from "../config/model/check.ts";

export interface Health {
  readonly up: boolean;
  /** A run of it has succeeded. Before that, one failure is enough. */
  readonly proven: boolean;
  /** Failures since the last success. */
  readonly failures: number;
}

/** Nearly all checks nearly always: one value for all of them. */
const PROVEN: Health = { up: true, proven: true, failures: 0 };

/** Before the first run: up unless `alpha` says otherwise. */
export function initialHealth(up: boolean): Health {
  return { up, proven: false, failures: 0 };
}

/** One success brings up; `retry` + 1 failures in a row take down, one is enough for a check that never succeeded. */
export function afterRun(health: Health, ok: boolean, retry: number): Health {
  if (ok) return PROVEN;
  const failures = health.failures + 1;
  const patience = health.proven ? retry : 0;
  return { up: health.up && failures <= patience, proven: health.proven, failures };
}

/** Time from the end of a run to the start of the next one, given the health after it. */
export function delayAfterRun(health: Health, ok: boolean, kind: CheckKind, timing: CheckTiming): number {
  if (ok) return timing.delayLoopMs;
  if (health.up) return timing.delayBeforeRetryMs;
  // keepalived: a failed web check waits for the longer of the two, the others for the period.
  if (kind === "HTTP_GET" || kind === "SSL_GET") return Math.max(timing.delayLoopMs, timing.delayBeforeRetryMs);
  return timing.delayLoopMs;
}
