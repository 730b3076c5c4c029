// Process layer: reads a configuration until its files stand still, within a bound.
import type { Clock, MonoMs } from "../../base/clock.ts";
import type { Look, Unsettled } from "./settled-files.ts";

/** Files that don't stand still for this long are not waited for any more. */
export const SETTLE_LIMIT_MS = 1000;

export interface SettledReading<R> {
  readonly look: Look<R>;
  /** When this reading of the files began. */
  readonly beganAt: MonoMs;
}

/** The first reading of files that stood still, or the last one within SETTLE_LIMIT_MS, which says `unsettled`. */
export async function readSettled<R>(read: () => Look<R>, clock: Clock): Promise<SettledReading<R>> {
  const deadline = clock.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const beganAt = clock.now();
    const look = read();
    const left = deadline - clock.now();
    if (!look.unsettled || left <= 0) return { look, beganAt };
    const waitMs = Math.min(look.unsettled.waitMs, left);
    await new Promise<void>((resolve) => clock.at(clock.now() + waitMs, resolve));
  }
}

/** Why a reading may not be used at a reload though nothing in it is wrong: nobody knows whether it is whole. */
export function unsettledError(unsettled: Unsettled | undefined): readonly string[] {
  return unsettled
    ? [`${unsettled.reason}, and so it went on for ${SETTLE_LIMIT_MS} ms: ask again when it is written`]
    : [];
}
