// Adapter: a FIFO that others write lines to and this process reads. It is open for writing here as well, so that it has no end while nobody
// else has it open; what lies in it from before is read first.
import { lstatSync, rmSync, writeSync } from "node:fs";
import { close, mkfifo, O_CLOEXEC, O_NONBLOCK, O_RDWR, open, read } from "../../ffi/fd.ts";
import { createLineCutter } from "../base/line-cutter.ts";
import type { Readiness } from "./readiness.ts";

const CHUNK_BYTES = 65_536;

export interface LineFifo {
  close(): void;
}

/** The end that is written to. */
export interface LineWriter {
  /** False: it is full, since its reader does not read; the line is lost. */
  write(line: string): boolean;
}

/** pipe(7): a write of no more is whole or not at all. */
const PIPE_BUF = 4096;

/**
 * Makes it as openLineFifo() does, for writing. Lines wait in it, 64 KiB of them, while it has no reader. A longer one than PIPE_BUF is lost.
 * @throws SyscallError ENOSPC, EACCES
 */
export function openLineWriter(path: string): LineWriter {
  makeFifo(path);
  const fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return {
    write(line) {
      const bytes = new TextEncoder().encode(`${line}\n`);
      if (bytes.byteLength > PIPE_BUF) return false;
      try {
        return writeSync(fd, bytes) === bytes.byteLength;
      } catch {
        return false;
      }
    },
  };
}

function makeFifo(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFIFO()) rmSync(path, { recursive: true });
  if (!found?.isFIFO()) mkfifo(path, 0o600);
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
  makeFifo(path);
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
