// Adapter notify: the lines of the notify FIFOs (cli-signals.md §6), and a writer that never blocks: what a slow reader leaves
// no room for is lost and counted, as with keepalived.
import { writeSync } from "node:fs";
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
  /** Closes the pipe, and removes it when we made it. */
  close(): void;
}

/** A FIFO that is open for reading too, so that lines wait for a reader that comes later (kernel/make-fifo.ts). */
export interface OpenedFifo {
  readonly fd: number;
  readonly warning?: string;
  close(): void;
}

/** Writes lines to a FIFO that does not block; whole ones or nothing. */
export function fifoWriter({ fd, close }: OpenedFifo): FifoWriter {
  return {
    write(line) {
      try {
        const bytes = Buffer.from(line);
        // Lines are shorter than PIPE_BUF, so a pipe takes them whole or not at all.
        return writeSync(fd, bytes) === bytes.byteLength;
      } catch {
        return false;
      }
    },
    close,
  };
}
