// Process layer: a small file that seldom changes, looked at each second: its text is told when two looks in a row saw the same, so that
// nothing half written is.
import type { Cancel, Clock } from "../../base/clock.ts";

const LOOK_MS = 1000;

/**
 * Tells the text now and after each change; undefined: there is no such file. Returns what ends it.
 * @param look never throws
 */
export function pollFile(
  clock: Clock,
  look: () => string | undefined,
  onText: (text: string | undefined) => void,
): () => void {
  let told = look();
  let seen = told;
  let cancel: Cancel = clock.at(clock.now() + LOOK_MS, again);
  onText(told);

  function again(): void {
    cancel = clock.at(clock.now() + LOOK_MS, again);
    const text = look();
    const isSettled = text === seen;
    seen = text;
    if (!isSettled || text === told) return;
    told = text;
    onText(text);
  }

  return () => cancel();
}
