// CLI: text to a descriptor, as it is. Not by process.stdout, whose first touch costs a command 7 ms, and which leaves O_NONBLOCK on a pipe
// that others write to after us.
import { writeSync } from "node:fs";

const STDOUT = 1;
const STDERR = 2;
const TRY_AGAIN_MS = 5;

export function print(text: string): void {
  write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Text to standard output, as it is. A reader that had enough, such as head(1), ends the command, which is no failure. */
export function write(text: string): void {
  if (!writeAll(STDOUT, text)) process.exit(0);
}

/** Text to standard error, as it is. */
export function writeError(text: string): void {
  writeAll(STDERR, text);
}

/** Where somebody else set O_NONBLOCK we wait as if it were not. False: nobody reads any more. */
function writeAll(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.byteLength; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_AGAIN_MS);
    }
  }
  return true;
}
