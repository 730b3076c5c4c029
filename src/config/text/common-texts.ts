// Config core: one string for words that come again. A large file says the same few dozen keywords and numbers a hundred
// thousand times: as one string each they take no memory, and are hashed once for all look-ups.

/** Texts that are kept; a power of two. */
const SLOTS = 4096;
/** Longer words rarely come again. */
const MAX_CHARS = 32;

export class CommonTexts {
  readonly #slots: string[] = new Array(SLOTS).fill("");

  /** The text from `start` to before `end`: a string that was given before, where it is remembered. */
  slice(text: string, start: number, end: number): string {
    const length = end - start;
    if (length > MAX_CHARS) return text.slice(start, end);
    const middle = text.charCodeAt((start + end) >> 1);
    const slot = (length + 31 * text.charCodeAt(start) + 961 * text.charCodeAt(end - 1) + 7 * middle) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && known.length === length && text.startsWith(known, start)) return known;
    const fresh = text.slice(start, end);
    this.#slots[slot] = fresh;
    return fresh;
  }
}
