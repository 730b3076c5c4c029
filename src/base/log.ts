// Layer 0: log lines as data, rendered once. A Log is passed in; nobody writes to a terminal by himself.

export type Level = "debug" | "info" | "warning" | "error";

export interface LogLine {
  readonly level: Level;
  /** Which part speaks: `vrrp`, `checker`, `ipvs`, `config`, `api`, `process` … */
  readonly area: string;
  /** One sentence without a full stop: what happened, to what, why. */
  readonly message: string;
  /** Facts for machines; names in lower camel case. */
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

export type Log = (line: LogLine) => void;

/** `2026-11-23T08:00:00.000Z info checker: message`. Control characters in the message are escaped. */
export function renderText(line: LogLine, wallMs: number): string {
  return `${new Date(wallMs).toISOString()} ${line.level} ${escapeControls(line.area)}: ${escapeControls(line.message)}`;
}

export function renderJson(line: LogLine, wallMs: number): string {
  const { fields, ...rest } = line;
  return JSON.stringify({ time: new Date(wallMs).toISOString(), ...rest, ...fields });
}

/** Makes text from outside safe for one line of a log, a header or a terminal. */
export function escapeControls(text: string): string {
  let safe = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    safe += isControl(code) ? `\\x${code.toString(16).padStart(2, "0")}` : character;
  }
  return safe;
}

/** C0, DEL, C1, and the line and paragraph separators of Unicode. */
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029;
}
