// Config core: what the parser asks the keyword tables. It needs no meaning, only which words open blocks where,
// to tell a forgotten brace from a wrong word.

/**
 * `block`: holds statements; `list`: any number of words a line; `lines`: one entry a line (language.md §5);
 * `none`: a known keyword that takes no block; `unknown`: no keyword of this place.
 */
export type BlockKind = "block" | "list" | "lines" | "none" | "unknown";

export interface Vocabulary {
  /** @param path keywords of the enclosing blocks, outermost first; empty at the top level */
  blockKind(path: readonly string[], keyword: string): BlockKind;
  /** All keywords that may stand in the block at `path`; empty for lists and unknown blocks. */
  keywords(path: readonly string[]): readonly string[];
}
