// Layer 0: JSON text made piece by piece, for values too large to be text as a whole: whoever sends it asks for the next piece when the
// one before has gone.

/** Values inside an object or array up to which it is made in one go. */
const SMALL_NODES = 500;
/** Characters of a string that weigh as much as one value. */
const CHARS_PER_NODE = 32;

/**
 * The text that JSON.stringify() gives, in pieces of a few kilobytes, each made when it is asked for. An iterable that is no array is
 * walked once and stands for an array, so that its items need not all be there at one time.
 */
export function* jsonPieces(value: unknown): Generator<string, void> {
  if (typeof value !== "object" || value === null || nodesLeft(value, SMALL_NODES) > 0) {
    yield JSON.stringify(value) ?? "null";
    return;
  }
  let before = isIterable(value) ? "[" : "{";
  const empty = `${before}${before === "[" ? "]" : "}"}`;
  if (isIterable(value)) {
    for (const item of value) {
      yield before;
      yield* jsonPieces(item);
      before = ",";
    }
    yield before === "," ? "]" : empty;
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || typeof item === "function") continue;
    yield `${before}${JSON.stringify(key)}:`;
    yield* jsonPieces(item);
    before = ",";
  }
  yield before === "," ? "}" : empty;
}

/** The same text in pieces of `chars` UTF-16 units, the last one shorter; no character is cut in two. */
export function* ofLength(parts: Iterable<string>, chars: number): Generator<string, void> {
  let held: string[] = [];
  let length = 0;
  for (const part of parts) {
    held.push(part);
    length += part.length;
    if (length < chars) continue;
    let text = held.join("");
    while (text.length >= chars) {
      const code = text.charCodeAt(chars - 1);
      const cut = code >= 0xd800 && code < 0xdc00 && chars > 1 ? chars - 1 : chars;
      yield text.slice(0, cut);
      text = text.slice(cut);
    }
    held = [text];
    length = text.length;
  }
  if (length > 0) yield held.join("");
}

/** What is left of `budget` when each value inside costs one; 0 or less stops the walk. */
function nodesLeft(value: unknown, budget: number): number {
  if (typeof value === "string") return budget - 1 - value.length / CHARS_PER_NODE;
  if (typeof value !== "object" || value === null) return budget - 1;
  if (isIterable(value) && !Array.isArray(value)) return 0;
  let left = budget - 1;
  for (const key in value) {
    left = nodesLeft((value as Readonly<Record<string, unknown>>)[key], left);
    if (left <= 0) return 0;
  }
  return left;
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}
