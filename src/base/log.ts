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
  return `${new Date(wallMs).toISOString()} ${renderBare(line)}`;
}

/** Without the time, which whoever keeps the line adds. */
export function renderBare(line: LogLine): string {
  return `${line.level} ${escapeControls(line.area)}: ${escapeControls(line.message)}`;
}

export function renderJson(line: LogLine, wallMs: number): string {
  const { fields, ...rest } = line;
  const own = { time: new Date(wallMs).toISOString(), ...rest };
  // Whatever facts are called, what the line says of itself stands.
  return safeJson(JSON.stringify({ ...own, ...fields, ...own }));
}

/** JSON text that a terminal shows as it is: JSON itself leaves DEL, C1 and direction marks alone. */
export function safeJson(json: string): string {
  // All of them can only stand inside strings.
  return json.replace(UNSAFE_IN_JSON, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const UNSAFE_IN_JSON = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** C0, DEL, C1, line and paragraph separators, direction marks and what can't be seen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNSAFE_IN_TEXT = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Makes text from outside safe for one line of a log, a header or a terminal. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE_IN_TEXT, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
