// Pattern core: text as code points.

interface Text {
  readonly characters: Uint32Array;
  /** Index of the first character at or behind a byte offset. */
  indexAt(offset: number): number;
}

/** Characters of UTF-8; undefined when it is none. A character cut off at the very end is left out: bodies are cut by length. */
export function decodeUtf8(bytes: Uint8Array): Text | undefined {
  let whole = bytes.byteLength;
  for (let back = 1; back <= 3 && back <= whole; back++) {
    const byte = bytes[whole - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (needed > back) whole -= back;
    break;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, whole));
  } catch {
    return undefined;
  }
  const characters = Uint32Array.from(text, (c) => c.codePointAt(0) ?? 0);
  return {
    characters,
    indexAt(offset) {
      let at = 0;
      for (let index = 0; index < characters.length; index++) {
        if (at >= offset) return index;
        const character = characters[index] ?? 0;
        at += character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
      }
      return Number.isFinite(offset) ? characters.length + Math.max(0, offset - at) : Number.POSITIVE_INFINITY;
    },
  };
}
