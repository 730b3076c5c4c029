// Appliance core: the newest lines of the log, kept in memory for those who ask (GET /v1/logs, the console), bounded in lines and bytes.
import { escapeControls, type Level, type LogLine } from "../base/log.ts";

/** Lines that are kept; older ones go. */
export const MAX_LINES = 4000;
const MAX_BYTES = 1024 * 1024;
/** Of one line; the rest of a longer one is cut off. */
export const MAX_LINE_CHARS = 2000;

export interface KeptLine {
  /** Grows by one; lines that are no longer kept leave a gap. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly level: Level;
  readonly area: string;
  readonly message: string;
}

export interface LogBook {
  /** Control characters are escaped. @param at ISO 8601 */
  add(line: LogLine, at: string): KeptLine;
  /** Lines behind `id`, the oldest first; at most the newest `limit`. */
  after(id: number, limit: number): readonly KeptLine[];
  /** Calls with every line from now on; the result ends that. */
  follow(take: (line: KeptLine) => void): () => void;
}

export function createLogBook(): LogBook {
  const lines: KeptLine[] = [];
  const readers = new Set<(line: KeptLine) => void>();
  let lastId = 0;
  let bytes = 0;
  return {
    add({ level, area, message }, at) {
      const line = { id: ++lastId, at, level, area: clip(area), message: clip(message) };
      lines.push(line);
      bytes += sizeOf(line);
      while (lines.length > MAX_LINES || bytes > MAX_BYTES) bytes -= sizeOf(lines.shift());
      for (const take of readers) take(line);
      return line;
    },
    after: (id, limit) => (limit === 0 ? [] : lines.filter((line) => line.id > id).slice(-limit)),
    follow(take) {
      readers.add(take);
      return () => readers.delete(take);
    },
  };
}

const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];

/** A line of the director's log: JSON as `--log-format json` writes it; what is none is a line of its own (last words of a runtime). */
export function readLogLine(text: string): LogLine {
  const other: LogLine = { level: "warning", area: "director", message: text };
  if (!text.startsWith("{")) return other;
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== "object" || read === null || !("message" in read) || !("level" in read)) return other;
    const level = LEVELS.find((one) => one === read.level);
    if (level === undefined || typeof read.message !== "string") return other;
    return { level, area: "area" in read ? String(read.area) : "director", message: read.message };
  } catch {
    return other;
  }
}

function clip(text: string): string {
  const escaped = escapeControls(text);
  return escaped.length > MAX_LINE_CHARS ? `${escaped.slice(0, MAX_LINE_CHARS)}…` : escaped;
}

function sizeOf(line: KeptLine | undefined): number {
  return line === undefined ? 0 : line.message.length + line.area.length + 64;
}
