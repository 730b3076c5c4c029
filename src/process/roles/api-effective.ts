// Process layer, api role: the effective configuration, asked of the parent when somebody wants to see it and kept for a while.
import type { Cancel, Clock } from "../../base/clock.ts";

/** It may be large, so it is not kept longer than somebody looks at it. */
export const KEEP_MS = 60_000;
/** The parent reads a file or starts a process in this time. */
const ANSWER_LIMIT_MS = 20_000;

export interface EffectiveCache {
  /** JSON text; undefined when there is none, or the parent does not answer. */
  get(): Promise<string | undefined>;
  /** The parent's answer. */
  take(json: string | null): void;
  /** Another configuration is in force. */
  forget(): void;
}

export function createEffectiveCache(clock: Clock, ask: () => void): EffectiveCache {
  let kept: string | undefined;
  let waiters: ((json: string | undefined) => void)[] = [];
  let cancelForget: Cancel = () => {};
  let cancelLimit: Cancel = () => {};

  function answer(json: string | undefined): void {
    cancelLimit();
    const waiting = waiters;
    waiters = [];
    for (const done of waiting) done(json);
  }

  return {
    get() {
      if (kept !== undefined) return Promise.resolve(kept);
      return new Promise((resolve) => {
        waiters.push(resolve);
        if (waiters.length > 1) return;
        cancelLimit = clock.at(clock.now() + ANSWER_LIMIT_MS, () => answer(undefined));
        ask();
      });
    },
    take(json) {
      kept = json ?? undefined;
      cancelForget();
      cancelForget = clock.at(clock.now() + KEEP_MS, () => {
        kept = undefined;
      });
      answer(kept);
    },
    forget() {
      kept = undefined;
    },
  };
}
