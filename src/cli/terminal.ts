// CLI: what commands print, and the ways they end.
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { escapeControls } from "../base/log.ts";
import { nearest } from "../config/findings/suggest.ts";

const STDOUT = 1;
const STDERR = 2;
const TRY_AGAIN_MS = 5;

export function print(text: string): void {
  write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Text to standard output, as it is. A reader that had enough, such as head(1), ends the command, which is no failure. */
export function write(text: string): void {
  if (!writeAll(STDOUT, text)) process.exit(0);
}

/** Text to standard error, as it is. */
export function writeError(text: string): void {
  writeAll(STDERR, text);
}

export function isTerminal(): boolean {
  return isatty(STDOUT);
}

/**
 * Not by process.stdout, which leaves O_NONBLOCK on a pipe that others write to after us. Where somebody else set it we wait as if it were
 * not. False: nobody reads any more.
 */
function writeAll(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let written = 0; written < bytes.byteLength; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(never, 0, 0, TRY_AGAIN_MS);
    }
  }
  return true;
}

/** One line on standard error; the process ends with `status`. */
export function complain(message: string, status: number): void {
  writeError(`lbd: ${escapeControls(message)}\n`);
  process.exitCode = status;
}

/** The same with lines of details below it. */
export function complainLines(message: string, details: readonly string[], status: number): void {
  complain(message, status);
  for (const line of details) writeError(`  ${escapeControls(line)}\n`);
}

/** Whether escape sequences for colour are wanted (no-color.org) and understood. */
export function takesColour(): boolean {
  const { NO_COLOR, TERM } = process.env;
  return isTerminal() && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}

/** A wrong command line: what is wrong, what is near, where the help is. */
export function complainUsage(message: string, status: number, near: readonly string[] = [], command = "lbd"): void {
  const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "";
  complain(`${message}${hint}`, status);
  writeError(`Try: ${command} --help\n`);
}

/** The known words near a wrong one, as complainUsage() takes them. */
export function nearOnes(word: string, known: readonly string[]): string[] {
  const candidate = nearest(word, known);
  return candidate === undefined ? [] : [candidate];
}

/** Columns of the terminal; 80 where there is none. */
export function columns(): number {
  // A serial console does not know how wide it is.
  return isTerminal() && process.stdout.columns > 0 ? Math.max(process.stdout.columns, 20) : 80;
}
