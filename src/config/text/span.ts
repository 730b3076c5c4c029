// Config core: where a word stands. A span always names its file, and the chain that brought it there.

/** One file that was read. */
export interface SourceFile {
  /** Name as given by the user or as the include found it. */
  readonly name: string;
  readonly text: string;
  /** The include line that brought this file in; absent for the first file. */
  readonly includedFrom?: Span;
}

/** A piece of one line of one file. Lines and columns count from 1, columns in characters (code points). */
export interface Span {
  readonly file: SourceFile;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  /** The column behind the last character. */
  readonly endColumn: number;
  /** How macros and loops made the text that stands for this place, innermost first; absent for text of the file itself. */
  readonly trace?: readonly TraceStep[];
}

export interface TraceStep {
  readonly message: string;
  readonly span: Span;
}

/**
 * Span as plain data: what the model, the API and JSON carry. It says nothing about what a value means: in a role it follows the file at a
 * reload, in place (process/configuration/places.ts), so ask it when a message is made and keep no copy.
 */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
