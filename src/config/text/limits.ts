// Config core: how much a configuration may ask of the reader. Ten thousand virtual servers of four real servers each
// (300,000 lines, 9 MB) use a seventh of these; what goes beyond is refused with file and line, in bounded time and memory.

/** Size of one file, and of all files together. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;
export const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
/** Length of one line, as written and after its macros are replaced. */
export const MAX_LINE_CHARS = 1024 * 1024;
export const MAX_FILES = 1000;
/** Files that include each other. */
export const MAX_INCLUDE_DEPTH = 100;
/** Lines that macros and loops make, over the whole configuration. */
export const MAX_EXPANDED_LINES = 2_000_000;
/** Of these so many are never too dear; what more of them cost is measured (LoadRequest.spent). */
export const FREE_EXPANDED_LINES = 250_000;
/** How often that is looked at, in lines and statements. */
export const LINES_PER_LOOK = 1024;
/** Characters moved while replacing macros: bounds the work of macros that double each other. */
export const MAX_EXPANSION_CHARS = 256 * 1024 * 1024;
/** Characters of all lines after replacement. */
export const MAX_EXPANDED_CHARS = 64 * 1024 * 1024;
/** Words and braces of the whole configuration. */
export const MAX_WORDS = 3_000_000;
/** Blocks in blocks; the language itself needs six. */
export const MAX_NESTING = 64;
/** Multi-line macros and loops inside each other. */
export const MAX_MACRO_DEPTH = 100;
/** Lines of one multi-line definition. */
export const MAX_DEFINITION_LINES = 100_000;
/** Names that one include pattern may stand for: `{a,b}` multiply. */
export const MAX_ALTERNATIVES = 1000;
/** Words that are no keyword where they stand, and braces that fit nothing: what has more is no configuration. */
export const MAX_MISFITS = 10_000;
/** Findings of binding that are kept: a generated file may have the same mistake in each of its blocks. */
export const MAX_KEPT_FINDINGS = 20_000;
/** Findings that are shown; a last one counts the rest. */
export const MAX_DIAGNOSTICS = 1000;
/** Addresses of one range or block: a slip of the hand must not fill the kernel. */
export const MAX_RANGE_ADDRESSES = 65_536;
/** Addresses of all ranges and blocks together: each may become a server with its checks. */
export const MAX_RANGED_ADDRESSES = 262_144;
