// Status core: lines for a terminal: whole words, aligned columns, nothing wider than the terminal, nothing that could speak to it.
import { escapeControls } from "../base/log.ts";

export interface TextOptions {
  readonly columns: number;
  readonly nowWallMs: number;
  /** Escape sequences for colour: a terminal takes them. */
  readonly colour?: boolean;
}

const LEAST_COLUMNS = 60;
const GAP = "  ";
/** Columns of a table's first and last cells when the lines are too long. */
const LEAST_NAME = 12;
const LEAST_LAST = 16;

/** `1.5 ms`, `3 s`: a duration of a check or an interval. */
export function duration(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 100) / 10} s`;
}

/** `8 s`, `3 min`, `5 h`, `12 d`: how long something is so. */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** `1 server`, `40,000 servers`. */
export function count(n: number, what: string): string {
  return `${grouped(n)} ${what}${n === 1 ? "" : "s"}`;
}

export function grouped(n: number): string {
  return `${n}`.replace(/\B(?=(?:\d{3})+$)/g, ",");
}

export interface Writer {
  line(text: string): void;
  /** Lines of whole words; later ones are indented a little more. */
  wrapped(text: string, indent: number): void;
  /** Columns as wide as needed; the last takes what is left, and goes on in lines below itself. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
  blank(): void;
  ago(iso: string): string;
  text(): string;
}

export function writer({ columns: asked, nowWallMs, colour }: TextOptions): Writer {
  const columns = Math.max(LEAST_COLUMNS, asked);
  const lines: string[] = [];
  const line = (text: string) => void lines.push(cut(escapeControls(text).trimEnd(), columns));

  /** Whole words behind `first`; what does not fit goes to lines of its own behind `indent` blanks. */
  function flow(first: string, text: string, indent: number): void {
    let pad = first;
    let current = "";
    for (const word of text.split(" ")) {
      if (current !== "" && pad.length + current.length + 1 + word.length > columns) {
        line(pad + current);
        pad = " ".repeat(indent);
        current = word;
      } else current = current === "" ? word : `${current} ${word}`;
    }
    line(pad + current);
  }

  return {
    line,
    wrapped: (text, indent) => flow(" ".repeat(indent), text, indent + 2),
    table(head, rows) {
      const cells = [head, ...rows];
      const widths = head.slice(0, -1).map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ""))));
      // A long name gives way, so that the state beside it is seen.
      const rest = widths.slice(1).reduce((sum, width) => sum + width + GAP.length, LEAST_LAST + GAP.length);
      widths[0] = Math.min(widths[0] ?? 0, Math.max(LEAST_NAME, columns - GAP.length - rest));
      for (const row of cells) {
        const front = widths.map((width, i) => GAP + padded(cutName(row[i] ?? "", width), width)).join("") + GAP;
        flow(front, row[widths.length] ?? "", widthOf(front));
      }
    },
    blank: () => void lines.push(""),
    ago: (iso) => age(nowWallMs - Date.parse(iso)),
    text: () => `${(colour ? lines.map(paint) : lines).join("\n")}\n`,
  };
}

/** Characters of East Asia that take two columns (UAX #11), below those that are two UTF-16 units anyway. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

function widthOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0) - (text.match(/\p{Mn}/gu)?.length ?? 0);
}

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

/** Cut in the middle: names of a site begin alike, and an address without its port is another one. */
export function cutName(text: string, columns: number): string {
  const width = widthOf(text);
  if (width <= columns) return text;
  if (width > text.length) return cutName(text.slice(0, -1), columns);
  const port = /(?:\]?:\d+)?(?:\/[a-z0-9]+)?$/i.exec(text)?.[0] ?? "";
  const tail = Math.min(Math.max(port.length + 4, Math.floor((columns - 1) / 2)), columns - 2);
  return `${text.slice(0, columns - 1 - tail)}…${text.slice(-tail)}`;
}

const RED = "31";
const GREEN = "32";
const YELLOW = "33";
const COLOURS: Readonly<Record<string, string>> = {
  "NOT READY": RED,
  "ANOTHER MASTER": RED,
  DOWN: RED,
  FAULT: RED,
  STALE: RED,
  MISSING: RED,
  FAILED: RED,
  ERROR: RED,
  MASTER: GREEN,
  UP: GREEN,
  SUSPENDED: YELLOW,
  ACTIVE: YELLOW,
};
/** Whole words only; the longer ones stand first. */
const COLOURED = new RegExp(`(?<![\\w.-])(?:${Object.keys(COLOURS).join("|")})(?![\\w.-])`, "g");

/** Colours by the words of a line that is laid out already, so that columns stay. */
export function paint(line: string): string {
  return line.replace(COLOURED, (word) => `\u001b[${COLOURS[word]}m${word}\u001b[0m`);
}
