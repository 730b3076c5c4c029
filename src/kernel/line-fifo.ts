// Adapter: a FIFO that others write lines to and this process reads. It is open for writing here as well, so that it has no end while nobody
// else has it open; what lies in it from before is read first.
import { lstatSync, rmSync } from "node:fs";
import { close, mkfifo, O_CLOEXEC, O_NONBLOCK, O_RDWR, open, read } from "../../ffi/fd.ts";
import { createLineCutter } from "../base/line-cutter.ts";
import type { Readiness } from "./readiness.ts";

const CHUNK_BYTES = 65_536;

export interface LineFifo {
  close(): void;
}

/**
 * Makes it, for root alone, in place of what is no FIFO. A line longer than `maxChars` is cut.
 * @throws SyscallError ENOSPC, EACCES
 */
export function openLineFifo(
  readiness: Readiness,
  path: string,
  maxChars: number,
  take: (line: string) => void,
): LineFifo {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFIFO()) rmSync(path, { recursive: true });
  if (!found?.isFIFO()) mkfifo(path, 0o600);
  const fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  const lines = createLineCutter(maxChars, take);
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  // One piece a turn: what is left is told again.
  const registration = readiness.add(fd, "read", () => {
    const count = read(fd, chunk);
    if (count) lines.push(decoder.decode(chunk.subarray(0, count), { stream: true }));
  });
  return {
    close() {
      registration.leave();
      close(fd);
    },
  };
}
