// Config core: bytes of a file to text. Accepts UTF-8 with or without a byte order mark; names what else it finds.

/** What is wrong with the bytes; `line` counts from 1. */
export type TextFlaw =
  | { readonly kind: "byte-order-mark" }
  | { readonly kind: "utf-16"; readonly encoding: string }
  | { readonly kind: "nul" | "invalid"; readonly line: number; readonly offset: number };

export interface DecodedText {
  /** Without byte order mark and NUL bytes; empty when the encoding can't be read. */
  readonly text: string;
  /** There may be characters that take two units. */
  readonly wide: boolean;
  /** At most one of each kind but `nul`, of which there is one for each line. */
  readonly flaws: readonly TextFlaw[];
}

/** NUL lines that are named; a file with more is no text at all. */
const MAX_NUL_LINES = 20;

export function decodeText(bytes: Uint8Array): DecodedText {
  const flaws: TextFlaw[] = [];
  const wide = wideEncoding(bytes);
  if (wide !== undefined) return { text: "", wide: false, flaws: [{ kind: "utf-16", encoding: wide }] };
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (marked) flaws.push({ kind: "byte-order-mark" });
  const body = marked ? bytes.subarray(3) : bytes;
  let text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  if (body.includes(0)) text = withoutNuls(text, flaws);
  const replaced = text.indexOf("\ufffd");
  if (replaced >= 0 && !isUtf8(body)) flaws.push({ kind: "invalid", line: lineOf(text, replaced), offset: replaced });
  // Every other character has more bytes than units.
  return { text, wide: text.length !== body.byteLength, flaws };
}

/** UTF-16 or UTF-32 by its mark, or by every other byte of the beginning being NUL. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 && bytes.byteLength >= 4 ? "UTF-32" : "UTF-16";
  if (a === 0xfe && b === 0xff) return "UTF-16";
  const head = bytes.subarray(0, 64);
  if (head.byteLength < 8) return undefined;
  let even = 0;
  let odd = 0;
  for (const [index, byte] of head.entries()) {
    if (byte !== 0) continue;
    if (index % 2 === 0) even++;
    else odd++;
  }
  const half = head.byteLength / 2;
  const lopsided = (even > half * 0.7 && odd === 0) || (odd > half * 0.7 && even === 0);
  return lopsided ? "UTF-16" : undefined;
}

function withoutNuls(text: string, flaws: TextFlaw[]): string {
  let line = 1;
  // Looked for once a line, not once a NUL: a damaged file may be one line of nothing else.
  let lineEnd = endOfLine(text, 0);
  let removed = 0;
  for (let at = text.indexOf("\0"); at >= 0 && flaws.length <= MAX_NUL_LINES; at = text.indexOf("\0", at + 1)) {
    while (lineEnd < at) {
      line++;
      lineEnd = endOfLine(text, lineEnd + 1);
    }
    const last = flaws[flaws.length - 1];
    if (last === undefined || last.kind !== "nul" || last.line !== line)
      flaws.push({ kind: "nul", line, offset: at - removed });
    removed++;
  }
  return text.replaceAll("\0", "");
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let end = text.indexOf("\n"); end >= 0 && end < offset; end = text.indexOf("\n", end + 1)) line++;
  return line;
}
