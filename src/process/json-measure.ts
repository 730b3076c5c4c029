// Process layer: how deep a JSON text goes and how much it holds, seen before it is parsed: JSON.parse takes any depth and makes of three
// bytes a hundred, and what it gives has then to be written again. One pass over the bytes, which knows strings and nothing else: what
// is no JSON the parser refuses. Pure.

/** What a text may have. Honest values have levels by the dozen, and a name or some digits for each thing they hold. */
export interface JsonBounds {
  /** Arrays and objects within each other; a text without any has 0. */
  readonly maxDepth: number;
  /** So many arrays and objects, and one more for each of these bytes. */
  readonly freeContainers: number;
  readonly bytesPerContainer: number;
  /** So many values in arrays and objects, and one more for each of these bytes. */
  readonly freeValues: number;
  readonly bytesPerValue: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Undefined for a text within its bounds, or one that is no JSON; else what it has too much of. */
export function beyondBounds(bytes: Uint8Array, bounds: JsonBounds): string | undefined {
  const { byteLength } = bytes;
  const { maxDepth } = bounds;
  const maxContainers = bounds.freeContainers + byteLength / bounds.bytesPerContainer;
  const maxValues = bounds.freeValues + byteLength / bounds.bytesPerValue;
  let depth = 0;
  let containers = 0;
  let commas = 0;
  for (let at = 0; at < byteLength; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      for (at++; at < byteLength && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    } else if (byte === COMMA) commas++;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      containers++;
      if (++depth > maxDepth) return `JSON more than ${maxDepth} levels deep`;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
  }
  if (containers > maxContainers) return `${byteLength} bytes of JSON with ${containers} arrays and objects`;
  // One that is not empty has one value more than commas.
  if (commas + containers > maxValues) return `${byteLength} bytes of JSON with ${commas + containers} values`;
  return;
}
