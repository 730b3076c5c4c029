// Process layer: standard error for the log, by a descriptor of our own: it does not block, and whoever shares the pipe with us finds it as it
// was. process.stderr would leave O_NONBLOCK on it for all, and costs each process a megabyte.
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { TextStream } from "./log-sink.ts";

const STDERR = 2;
/** How soon a reader that was slow is tried again. */
const TRY_AGAIN_MS = 20;

interface Waiting {
  readonly bytes: Buffer;
  written: number;
  readonly done: (error?: Error | null) => void;
}

/** Opens `fd` anew. A socket can't be opened anew: then it is process.stderr, and only the journal is at the other end of such. */
export function openLogStream(clock: Clock, fd: number = STDERR): TextStream {
  const own = openAnew(fd);
  return own === undefined ? process.stderr : logStream(own, clock);
}

function openAnew(fd: number): number | undefined {
  try {
    return openSync(
      `/proc/self/fd/${fd}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_APPEND | constants.O_NOCTTY,
    );
  } catch {
    return undefined;
  }
}

/** Lines in their order; what the descriptor does not take waits. Whoever calls bounds it. */
function logStream(fd: number, clock: Clock): TextStream {
  const waiting: Waiting[] = [];

  function flush(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      try {
        next.written += writeSync(fd, next.bytes, next.written);
        if (next.written < next.bytes.byteLength) continue;
      } catch (error) {
        if (codeOf(error) === "EAGAIN") {
          clock.at(clock.now() + TRY_AGAIN_MS, flush);
          return;
        }
        // Nobody is there any more, or the disk is full: the line is gone.
      }
      waiting.shift();
      next.done();
    }
  }

  return {
    write(text, done) {
      waiting.push({ bytes: Buffer.from(text), written: 0, done });
      if (waiting.length === 1) flush();
      return waiting.length === 0;
    },
    on: () => undefined,
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Is standard error the journal's own socket, as systemd says in JOURNAL_STREAM (systemd.exec(5)): `device:inode`? */
export function isJournal(variable: string | undefined, fd: number = STDERR): boolean {
  if (variable === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return variable === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
