// Layer 0: a line that comes again and again is written once, and then how often it came.
import type { Cancel, Clock } from "./clock.ts";
import type { Log, LogLine } from "./log.ts";

/** Repetitions are told after this long at the latest. */
export const FOLD_MS = 10_000;

export interface Folding {
  readonly log: Log;
  /** Tells now what was held back. */
  flush(): void;
}

/** Only lines that follow one another directly are repetitions, so that the order of all others stays. */
export function foldRepeats(log: Log, clock: Clock): Folding {
  let last: LogLine | undefined;
  let held = 0;
  let cancel: Cancel = () => {};

  function flush(): void {
    cancel();
    const [line, count] = [last, held];
    last = undefined;
    held = 0;
    if (!line || count === 0) return;
    const times = count === 1 ? "once more" : `${count} times more`;
    log({ ...line, message: `${line.message} (${times})`, fields: { ...line.fields, repeated: count } });
  }

  return {
    flush,
    log(line) {
      if (last && isSame(last, line)) {
        held++;
        return;
      }
      flush();
      last = line;
      cancel = clock.at(clock.now() + FOLD_MS, flush);
      log(line);
    },
  };
}

function isSame(a: LogLine, b: LogLine): boolean {
  if (a.message !== b.message || a.level !== b.level || a.area !== b.area) return false;
  return a.fields === b.fields || JSON.stringify(a.fields) === JSON.stringify(b.fields);
}
