// Process layer, parent: whether a child is alive. It is asked now and then, and any word of it counts.
import type { Clock, MonoMs } from "../base/clock.ts";

/** How often a child is asked for a sign of life, all in one wake-up. */
export const HEARTBEAT_MS = 5000;
/** How often it is looked for while an answer is missing. */
const LOOK_MS = 1000;
/** Without a word for longer a child counts as stuck. */
export const SILENT_MS = 10_000;
/** While it starts: programming ten thousand services takes a while, and the role may do it in one go. */
export const SILENT_WHILE_STARTING_MS = 60_000;
/** A child that was killed for its silence is gone by then, or the kernel keeps it. */
const GONE_MS = 2000;
/** A tick this late means that this process itself stood still; children are not to blame for that. */
const THAW_MS = 3000;

export interface SignPorts {
  /** The child is still the one that is watched; when not, the watch ends. */
  isWatched(): boolean;
  /** It has started, or stops: it should answer sooner than one that starts. */
  isAtWork(): boolean;
  ask(): void;
  /** It has been silent for longer than can be borne; told again until it is gone. */
  silent(silentMs: number): void;
}

export interface SignsOfLife {
  heard(): void;
  /** It was told silent a while ago, and is not gone. */
  isStuck(): boolean;
}

/** Watches from the next heartbeat on. */
export function watchSigns(clock: Clock, ports: SignPorts): SignsOfLife {
  let heardAt: MonoMs = clock.now();
  /** It was asked since it was heard. */
  let isAsked = false;
  let silentAt: MonoMs | undefined;

  /** At the same times for all children, and soon again where an answer is missing. */
  function beat(everyMs: number): void {
    const due = (Math.floor(clock.now() / everyMs) + 1) * everyMs;
    clock.at(due, () => {
      if (!ports.isWatched()) return;
      if (clock.now() - due > THAW_MS) heardAt = clock.now();
      const silentMs = clock.now() - heardAt;
      if (silentMs > (ports.isAtWork() ? SILENT_MS : SILENT_WHILE_STARTING_MS)) {
        silentAt ??= clock.now();
        ports.silent(silentMs);
      }
      if (isAsked) return beat(LOOK_MS);
      ports.ask();
      isAsked = true;
      beat(HEARTBEAT_MS);
    });
  }

  beat(HEARTBEAT_MS);
  return {
    heard() {
      heardAt = clock.now();
      isAsked = false;
    },
    isStuck: () => silentAt !== undefined && clock.now() - silentAt > GONE_MS,
  };
}
