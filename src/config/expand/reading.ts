// Config core: what reading the files gives to the parser: lines of words, and the findings so far with the lines they cover.
import type { Code } from "../findings/codes.ts";
import type { Diagnostic } from "../findings/diagnostic.ts";
import { type LinePart, partSpan, type SourceText } from "../text/source.ts";
import type { Span } from "../text/span.ts";
import type { WordTable } from "../text/word-table.ts";

export interface Reading {
  /** Words and braces of the whole configuration: macros, loops, conditions and includes are gone. */
  readonly words: WordTable;
  readonly files: readonly SourceText[];
  readonly findings: Findings;
  /** A file named on the command line could not be read. */
  readonly unreadable: boolean;
  /** A limit was met: what was read is cut off, and must not be judged further. */
  readonly cutOff: boolean;
  /** So many lines were made by macros and loops that binding them has to be watched, too. */
  readonly dear: boolean;
}

/** Findings, and the lines on which one stands for all that later stages find wrong there. */
export class Findings {
  readonly list: Diagnostic[] = [];
  /** Line to the index of the finding that covers it. */
  readonly #covered = new Map<string, number>();
  /** Findings that stay as they are whatever follows from them. */
  readonly #settled = new Set<number>();

  /** Adds a finding and gives its index. */
  add(diagnostic: Diagnostic): number {
    return this.list.push(diagnostic) - 1;
  }

  /** Adds an error at a part of a line. */
  error(code: Code, at: LinePart, message: string, hint?: string): number {
    return this.add({ severity: "error", code, span: partSpan(at), message, ...(hint === undefined ? {} : { hint }) });
  }

  /** Adds a warning at a part of a line. */
  warn(code: Code, at: LinePart, message: string, hint?: string): number {
    return this.add({
      severity: "warning",
      code,
      span: partSpan(at),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  coverLine(at: LinePart, index: number): void {
    this.cover(partSpan(at), index);
  }

  /** From here on the finding speaks for its line: what follows from the same mistake is not reported. */
  cover(span: Span, index: number): void {
    this.#covered.set(lineKey(span), index);
  }

  isCovered(span: Span): boolean {
    return this.#covered.has(lineKey(span));
  }

  /** What follows from this finding is no worse than the finding itself. */
  settle(index: number): void {
    this.#settled.add(index);
  }

  replace(index: number, change: Partial<Diagnostic>): void {
    const old = this.list[index];
    if (old) this.list[index] = { ...old, ...change };
  }

  /**
   * Adds what a later stage found, without what a covering finding already says. A covering warning becomes an error
   * when an error follows from it: an unknown macro is harmless only where its name may stand as text.
   */
  merge(later: readonly Diagnostic[]): void {
    for (const diagnostic of later) {
      const index = diagnostic.span && this.#covered.get(lineKey(diagnostic.span));
      if (index === undefined) this.list.push(diagnostic);
      else if (diagnostic.severity === "error" && !this.#settled.has(index)) this.replace(index, { severity: "error" });
    }
  }
}

function lineKey(span: Span): string {
  return `${span.line} ${span.file.name}`;
}
