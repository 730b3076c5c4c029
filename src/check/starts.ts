// Check core: at which times checks start. Starts stand on marks, so that several share a wake-up of the process.
import type { MonoMs } from "../base/clock.ts";
import type { Check } from "../config/model/check.ts";
import type { Entry, Mark, Runner } from "./runner-state.ts";

/** A period or retry delay of nothing at all would let one check fill the loop. */
export const MIN_DELAY_MS = 1;
/**
 * Starts stand on marks this far apart: checks that are due at nearly the same time share one wake-up of the process, which costs more
 * than a check. Each divides the one before it, and a second, so that marks for many checks are also marks for few.
 */
const GRAINS_MS = [100, 50, 10, 2, 1] as const;
/** Where so many come together anyway, the marks are closer. */
const CHECKS_PER_WAKE = 20;
/** Marks are no farther apart than this part of a delay: no start is moved by more than a thirtieth, and the next one makes it good. */
const GRAINS_PER_DELAY = 15;
/** Starts of one mark before sockets get a turn. */
const STARTS_PER_TURN = 64;

/** Puts a check on the mark next to `now + delayMs`; what it had before is void. `runner.start` runs it. */
export function planStart<Owner>(runner: Runner<Owner>, entry: Entry<Owner>, now: MonoMs, delayMs: number): void {
  const grainMs = grainFor(runner.perSecond, delayMs);
  const wished = now + delayMs;
  const when = grainMs === 0 ? wished : Math.round(wished / grainMs) * grainMs;
  entry.movedMs = when - wished;
  entry.nextAt = when;
  entry.stage = "planned";
  const mark = runner.marks.get(when);
  if (mark) mark.entries.push(entry);
  else {
    const { clock } = runner.ports;
    const added: Mark<Owner> = { entries: [entry], cancel: () => {} };
    added.cancel = clock.at(when, () => startMark(runner, when, added, 0));
    runner.marks.set(when, added);
  }
}

/** Starts what stands on a mark, from the entry of number `from` on. */
function startMark<Owner>(runner: Runner<Owner>, when: MonoMs, mark: Mark<Owner>, from: number): void {
  const { clock } = runner.ports;
  let at = from;
  for (let starts = 0; at < mark.entries.length && starts < STARTS_PER_TURN; at++) {
    const entry = mark.entries[at];
    if (entry?.stage !== "planned" || entry.nextAt !== when) continue;
    runner.start(entry, when);
    starts++;
  }
  if (at < mark.entries.length) mark.cancel = clock.at(clock.now(), () => startMark(runner, when, mark, at));
  else if (runner.marks.get(when) === mark) runner.marks.delete(when);
}

/** Runs a second that a check wants. */
export function rateOf({ timing }: Check): number {
  return 1000 / Math.max(MIN_DELAY_MS, timing.delayLoopMs);
}

/** How far apart marks are for a delay; 0: it is too short for any. */
function grainFor(perSecond: number, delayMs: number): number {
  for (const grainMs of GRAINS_MS) {
    const together = (perSecond * grainMs) / 1000;
    if (grainMs * GRAINS_PER_DELAY <= delayMs && (together <= CHECKS_PER_WAKE || grainMs === 1)) return grainMs;
  }
  return 0;
}
