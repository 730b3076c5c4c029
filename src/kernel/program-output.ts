// Adapter: what a program writes while it runs, read as it comes; the end of it is kept. What it leaves behind in the background may
// write on: it is read until nobody can write any more, and handed over when this process ends. The program holds its pipe for reading,
// too, so that even where this process is killed nobody gets SIGPIPE.
import { closeSync, constants, fchmodSync, openSync } from "node:fs";
import { close, type Fd, pipe, read } from "../../ffi/fd.ts";
import type { Readiness, Registration } from "./readiness.ts";

/** So much of the end is kept. */
const KEPT_BYTES = 1024;
/** The last lines of it. */
const MAX_LINES = 3;
/** Characters that are told of it. */
export const MAX_OUTPUT_CHARS = 300;
/** One read, and so many in one turn of the loop: a program that writes without end waits between them. */
const READ_BYTES = 64 * 1024;
const MAX_READS = 4;
/** Programs that have ended and left others that may still write; the oldest are handed over. */
const MAX_LEFT = 64;

export interface ProgramOutput {
  /** What the program is given as its standard output and error. */
  readonly fd: number;
  /** The program has ended: the last lines that it wrote, with ` | ` between them; empty when it wrote nothing. */
  ended(): string;
  /** It was not started. */
  discard(): void;
}

/** Undefined where there is none to be had: no descriptor left, no /proc. */
export type OpenProgramOutput = () => ProgramOutput | undefined;

export interface ProgramOutputs {
  readonly open: OpenProgramOutput;
  /** Hands over what programs that have ended left running. */
  stop(): void;
}

/** @param handOver starts something that reads the descriptor to its end and outlives this process; the caller closes it */
export function programOutputs(readiness: Readiness, handOver: (fd: number) => void): ProgramOutputs {
  const buffer = new Uint8Array(READ_BYTES);
  const left = new Set<() => void>();

  function open(): ProgramOutput | undefined {
    const ends = openEnds();
    if (!ends) return undefined;
    const { readEnd, programEnd } = ends;
    let kept = Buffer.alloc(0);
    let registration: Registration | undefined = readiness.add(readEnd, "read", drain);

    /** Reads what there is; nothing is left open once nobody can write any more. */
    function drain(): void {
      for (let at = 0; registration && at < MAX_READS; at++) {
        const count = read(readEnd, buffer);
        if (count === undefined) return;
        if (count === 0) {
          end();
          return;
        }
        kept = Buffer.concat([kept, buffer.subarray(0, count)]).subarray(-KEPT_BYTES);
      }
    }

    function end(): void {
      if (!registration) return;
      registration.remove();
      registration = undefined;
      left.delete(letGo);
      close(readEnd);
    }

    function letGo(): void {
      // Opened anew: without the flags and signals of this process.
      const fd = openSync(`/proc/self/fd/${readEnd}`, constants.O_RDONLY);
      try {
        handOver(fd);
      } finally {
        closeSync(fd);
        end();
      }
    }

    return {
      fd: programEnd,
      ended() {
        closeSync(programEnd);
        drain();
        const text = lastLines(kept);
        if (!registration) return text;
        left.add(letGo);
        const [oldest] = left;
        if (left.size > MAX_LEFT) oldest?.();
        return text;
      },
      discard() {
        closeSync(programEnd);
        end();
      },
    };
  }

  return {
    open,
    stop() {
      for (const letGo of left) letGo();
    },
  };
}

function openEnds(): { readonly readEnd: Fd; readonly programEnd: number } | undefined {
  let ends: ReturnType<typeof pipe> | undefined;
  try {
    ends = pipe();
    // As with /dev/null, a program of another user may open its own output again by name.
    fchmodSync(ends.writeEnd, 0o666);
    const programEnd = openSync(`/proc/self/fd/${ends.writeEnd}`, constants.O_RDWR);
    close(ends.writeEnd);
    return { readEnd: ends.readEnd, programEnd };
  } catch {
    if (ends) for (const fd of [ends.readEnd, ends.writeEnd]) close(fd);
    return undefined;
  }
}

function lastLines(bytes: Buffer): string {
  const lines = bytes
    .toString("utf8")
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-MAX_LINES).join(" | ").slice(-MAX_OUTPUT_CHARS);
}
