// Config core: errors by what they say and where in the configuration, not in the file: which of a new reading are new.
import type { Diagnostic } from "../findings/diagnostic.ts";
import type { SourceFile } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";

/** A block with the lines it stands on, and how it is called with the blocks around it. */
interface Place {
  readonly file: SourceFile;
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

/**
 * One text for each error: its code, its message and the block it stands in. Two readings of a configuration give the same text
 * for the same mistake, wherever its line moved to.
 */
export function errorKeys(diagnostics: readonly Diagnostic[], statements: readonly Statement[]): readonly string[] {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return [];
  const places: Place[] = [];
  collectPlaces(statements, "", places);
  return errors.map(({ code, message, span }) => {
    // Inner blocks come behind those around them.
    const place =
      span && places.findLast(({ file, from, to }) => file === span.file && from <= span.line && span.line <= to);
    return `${code}\t${message}\t${place?.title ?? ""}`;
  });
}

function collectPlaces(statements: readonly Statement[], around: string, places: Place[]): void {
  for (const { words, block } of statements) {
    if (!block) continue;
    const { file, line } = words[0].span;
    const title = `${around}/${words.map(({ text }) => text).join(" ")}`;
    const closed = block.close?.file === file ? block.close.line : Number.POSITIVE_INFINITY;
    places.push({ file, from: line, to: closed, title });
    collectPlaces(block.statements, title, places);
  }
}

/** Places in `next` of the errors that `running` does not have, or not as often. */
export function newErrors(running: readonly string[], next: readonly string[]): readonly number[] {
  const known = new Map<string, number>();
  for (const key of running) known.set(key, (known.get(key) ?? 0) + 1);
  return [...next.keys()].filter((index) => {
    const key = next[index] ?? "";
    const left = known.get(key) ?? 0;
    known.set(key, left - 1);
    return left <= 0;
  });
}
