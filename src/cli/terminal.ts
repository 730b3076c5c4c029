// CLI: what commands print, and the ways they end.
import { escapeControls } from "../base/log.ts";
import { nearest } from "../config/suggest.ts";

export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** One line on standard error; the process ends with `status` once everything was written. */
export function complain(message: string, status: number): void {
  process.stderr.write(`lbd: ${escapeControls(message)}\n`);
  process.exitCode = status;
}

/** A wrong command line: what is wrong, what is near, where the help is. */
export function complainUsage(message: string, status: number, near: readonly string[] = [], command = "lbd"): void {
  const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "";
  complain(`${message}${hint}`, status);
  process.stderr.write(`Try: ${command} --help\n`);
}

/** The known words near a wrong one, as complainUsage() takes them. */
export function nearOnes(word: string, known: readonly string[]): string[] {
  const candidate = nearest(word, known);
  return candidate === undefined ? [] : [candidate];
}

/** Columns of the terminal; 80 where there is none. */
export function columns(): number {
  return process.stdout.isTTY ? Math.max(process.stdout.columns, 20) : 80;
}
