// Role vrrp: when a takeover is rehearsed that does not loom, so that it never finds its code uncompiled and its memory
// cold (docs/decisions/007-takeover-in-time.md). The core says when one looms (vrrp/rehearsal.ts).
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";

/** The engine compiles what has run some dozen times, and optimises what has run twice as often. */
const WARM_UPS = 100;
/** Apart, so that packets and timers come in between. */
const WARM_UP_EVERY_MS = 20;
/** What rests for longer is out of the caches, and where the host looks after idle memory, a takeover would take milliseconds. */
const KEEP_WARM_EVERY_MS = 100;
/** It may cost this part of a processor: one that holds a thousand addresses beside goes through them each time. */
const MOST_SHARE = 1 / 300;

export interface Warmth {
  /**
   * The process is awake anyway: a packet of a master was heard, a state has changed. A rehearsal that is due follows in the next turn;
   * one with its own wake-up would be the most frequent thing that a backup at rest does.
   */
  awake(): void;
  stop(): void;
}

/** `rehearse` gives false when no instance waits for a master. */
export function createWarmth(clock: Clock, rehearse: () => boolean, warmUps = WARM_UPS): Warmth {
  let left = warmUps;
  let nextAt: MonoMs = Number.NEGATIVE_INFINITY;
  let pending: Cancel | undefined;

  function later(delayMs: number): void {
    pending = clock.at(clock.now() + delayMs, run);
  }

  function run(): void {
    pending = undefined;
    const began = clock.now();
    const waiting = rehearse();
    const tookMs = clock.now() - began;
    nextAt = began + Math.max(KEEP_WARM_EVERY_MS, tookMs / MOST_SHARE);
    // Some dozens within the first seconds of waiting, in which a director waits for a master anyway.
    if (waiting && left > 0) left--;
    if (waiting && left > 0) later(WARM_UP_EVERY_MS);
  }

  return {
    awake() {
      if (!pending && clock.now() >= nextAt) later(0);
    },
    stop() {
      pending?.();
      nextAt = Number.POSITIVE_INFINITY;
    },
  };
}
