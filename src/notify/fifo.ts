// Adapter notify: the lines of the notify FIFOs (cli-signals.md §6), and a writer that never blocks: what a slow reader leaves
// no room for is lost and counted, as with keepalived.
import { closeSync, constants, fstatSync, openSync, unlinkSync, writeSync } from "node:fs";
import { unreachable } from "../base/never.ts";
import type { Notification } from "./notification.ts";

/**
 * The line of a notification, or undefined when the FIFO says nothing of it.
 * keepalived: 2.4 ends LVS lines in an extra NUL, 2.2 does not; a reader that takes lines stumbles over it.
 */
export function fifoLine(notification: Notification): string | undefined {
  switch (notification.kind) {
    case "instance":
      return `INSTANCE "${notification.name}" ${notification.state} ${notification.priority}\n`;
    case "group":
      return `GROUP "${notification.name}" ${notification.state} 0\n`;
    case "virtual-server":
      return `VS ${notification.service} ${notification.up ? "UP" : "DOWN"}\n`;
    case "real-server":
      if (!notification.fifo) return undefined;
      return `RS ${notification.server} ${notification.service} ${notification.up ? "UP" : "DOWN"}\n`;
    default:
      return unreachable(notification);
  }
}

export interface FifoWriter {
  /** True when the whole line went into the pipe. */
  write(line: string): boolean;
  readonly path: string;
  /** Closes the pipe, and removes it when we made it. */
  close(): void;
}

/**
 * Opens a FIFO for writing, making it when it is missing. The pipe is held open for reading too, so that lines wait for a reader
 * that comes later. `make` is mkfifo(3) with owner and mode, handed in because it is a system call.
 * @throws Error when the path holds something that is no FIFO, or can't be made
 */
export function openFifo(path: string, make: (path: string) => "made" | "exists"): FifoWriter {
  const made = make(path) === "made";
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd);
    throw new Error(`${path} exists and is not a FIFO: remove it or name another path`);
  }
  return {
    path,
    write(line) {
      try {
        const bytes = Buffer.from(line);
        // Lines are shorter than PIPE_BUF, so a pipe takes them whole or not at all.
        return writeSync(fd, bytes) === bytes.byteLength;
      } catch {
        return false;
      }
    },
    close() {
      closeSync(fd);
      if (made) unlinkSync(path);
    },
  };
}
