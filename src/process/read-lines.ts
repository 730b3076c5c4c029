// Process layer: lines that a child writes on a pipe, in bounded memory and no faster than this process can bear: what it has not read yet
// waits in the pipe, and then the child does.
import type { Readable } from "node:stream";
import { createLineCutter } from "../base/line-cutter.ts";

/** Of a line; the rest of a longer one is dropped. */
export const MAX_LINE_CHARS = 4096;
/** What a child writes beside its channel is read no faster than this. */
export const PIPE_BYTES_PER_MS = 64;

export interface LineLimits {
  readonly maxChars?: number;
  /** Infinity: as fast as it comes. */
  readonly bytesPerMs?: number;
}

/** Until the stream ends or breaks; never throws. @param take `cut`: the line was longer */
export async function readLines(
  stream: Readable,
  take: (line: string, cut: boolean) => void,
  { maxChars = MAX_LINE_CHARS, bytesPerMs = PIPE_BYTES_PER_MS }: LineLimits = {},
): Promise<void> {
  const lines = createLineCutter(maxChars, take);
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      lines.push(decoder.decode(chunk, { stream: true }));
      await new Promise<void>((resolve) => setTimeout(resolve, chunk.byteLength / bytesPerMs));
    }
  } catch {
    // The pipe broke with the child, whose end is told elsewhere.
  }
  lines.end();
}
