// CLI: how far something long has come.
import { writeError } from "./output.ts";
import { isTerminal } from "./terminal.ts";

/** On a terminal a line of progress is drawn over so often. */
const DRAW_MS = 200;

export interface Step {
  /** A word: what is done now. */
  readonly kind: string;
  readonly doneBytes: number;
  /** Absent: nobody knows. */
  readonly allBytes?: number | undefined;
}

/** Over one line on a terminal, else a line every tenth. */
export function drawer(): (step: Step) => void {
  const live = isTerminal();
  let [kind, startedMs, drawnMs, tenth] = ["", 0, 0, -1];
  return (step) => {
    const now = performance.now();
    if (step.kind !== kind) [kind, startedMs, drawnMs, tenth] = [step.kind, now, 0, -1];
    const done = step.doneBytes === step.allBytes;
    const text = progressText(step, now - startedMs);
    if (live) {
      if (!done && now - drawnMs < DRAW_MS) return;
      drawnMs = now;
      writeError(`\r${text.padEnd(70)}${done ? "\n" : ""}`);
      return;
    }
    const reached = Math.floor((10 * step.doneBytes) / (step.allBytes ?? Number.POSITIVE_INFINITY));
    if (reached === tenth) return;
    tenth = reached;
    writeError(`${text}\n`);
  };
}

/** `write  123.4 of 642.0 MB  19 %  45.1 MB/s  0:12 left`. */
export function progressText({ kind, doneBytes, allBytes }: Step, elapsedMs: number): string {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const perSecond = elapsedMs > 0 ? (doneBytes / elapsedMs) * 1000 : 0;
  const words = [kind.padEnd(7)];
  if (allBytes === undefined) words.push(`${megabytes(doneBytes)} MB`, `${megabytes(perSecond)} MB/s`);
  else {
    words.push(`${megabytes(doneBytes)} of ${megabytes(allBytes)} MB`, `${Math.floor((100 * doneBytes) / allBytes)} %`);
    words.push(`${megabytes(perSecond)} MB/s`);
    if (perSecond > 0) words.push(`${clock((allBytes - doneBytes) / perSecond)} left`);
  }
  return words.join("  ");
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${`${whole % 60}`.padStart(2, "0")}`;
}
