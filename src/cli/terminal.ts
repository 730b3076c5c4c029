// CLI: the terminal that a command has, or not, and the ways a command ends.
import { fstatSync } from "node:fs";
import { escapeControls } from "../base/log.ts";
import { nearest } from "../config/findings/suggest.ts";
import { writeError } from "./output.ts";

const STDOUT = 1;

export function isTerminal(): boolean {
  // The module of terminals takes longer to load than most answers take to print: a file or a pipe is none.
  return fstatSync(STDOUT).isCharacterDevice() && process.getBuiltinModule("node:tty").isatty(STDOUT);
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
  return isTerminal() && (process.env.NO_COLOR ?? "") === "" && takesSequences();
}

/** Whether the terminal says that it understands escape sequences at all. */
export function takesSequences(): boolean {
  return process.env.TERM !== "dumb";
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
