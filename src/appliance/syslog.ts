// Appliance core: lines of the log as syslog messages (RFC 5424), and the bounded queue before a target that does not take them.
import type { Level } from "../base/log.ts";
import type { KeptLine } from "./log-book.ts";

/** RFC 5424 §6.2.1: daemon. */
const FACILITY = 3;
const SEVERITIES: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** One message. What the structured fields have no word for is nil. */
export function syslogMessage({ at, level, area, message }: Omit<KeptLine, "id">, hostname: string): string {
  return `<${FACILITY * 8 + SEVERITIES[level]}>1 ${at} ${word(hostname, 255)} lbd - ${word(area, 32)} - ${message}`;
}

/** RFC 6587 §3.4.1: octet counting, which needs no end of line. */
export function framed(message: string): Uint8Array {
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.from(`${bytes.byteLength} `), bytes]);
}

/** Printable ASCII without blanks. */
function word(text: string, max: number): string {
  const kept = text.replace(/[^\x21-\x7e]/g, "").slice(0, max);
  return kept === "" ? "-" : kept;
}

const MAX_QUEUE_BYTES = 256 * 1024;

export interface SyslogQueue {
  /** Lets the oldest go when it is full. */
  put(line: KeptLine): void;
  /** The oldest one; undefined: nothing waits. */
  take(): KeptLine | undefined;
  /** How many went since it was last asked. */
  lost(): number;
}

export function createSyslogQueue(maxBytes = MAX_QUEUE_BYTES): SyslogQueue {
  const lines: KeptLine[] = [];
  let bytes = 0;
  let lost = 0;
  const sizeOf = (line: KeptLine) => line.message.length + 100;
  return {
    put(line) {
      lines.push(line);
      bytes += sizeOf(line);
      while (bytes > maxBytes && lines.length > 1) {
        bytes -= sizeOf(lines.shift() ?? line);
        lost++;
      }
    },
    take() {
      const line = lines.shift();
      if (line) bytes -= sizeOf(line);
      return line;
    },
    lost() {
      const count = lost;
      lost = 0;
      return count;
    },
  };
}
