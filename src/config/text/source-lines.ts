// Config core: single lines of a file, for findings. Many findings of one large file must not each walk it from its beginning.
import type { Origin, SourceFile, Span } from "./span.ts";

const starts = new WeakMap<SourceFile, readonly number[]>();

/** The text of a line, counted from 1, without its end; empty beyond the last one. */
export function lineText(file: SourceFile, line: number): string {
  let offsets = starts.get(file);
  if (!offsets) {
    offsets = lineStarts(file.text);
    starts.set(file, offsets);
  }
  const from = offsets[line - 1];
  if (from === undefined) return "";
  const text = file.text.slice(from, offsets[line] ?? file.text.length);
  return text.replace(/\r?\n$|\r$/, "");
}

function lineStarts(text: string): readonly number[] {
  const offsets = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) offsets.push(end + 1);
  return offsets;
}

/** The word that begins at `origin`; undefined when none of `sources` is its file. */
export function spanAt({ file, line, column }: Origin, sources: readonly SourceFile[]): Span | undefined {
  const source = sources.find(({ name }) => name === file);
  if (!source) return undefined;
  const text = [...lineText(source, line)].slice(column - 1).join("");
  const word = /^("[^"]*"?|\S+)/.exec(text)?.[0] ?? "";
  return { file: source, line, column, endLine: line, endColumn: column + [...word].length };
}
