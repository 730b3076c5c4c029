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
  return `${new Date(wallMs).toISOString()} ${line.level} ${line.area}: ${escapeControls(line.message)}`;
}

export function renderJson(line: LogLine, wallMs: number): string {
  const { fields, ...rest } = line;
  return JSON.stringify({ time: new Date(wallMs).toISOString(), ...rest, ...fields });
}

/** Makes text from outside safe for one line of a log, a header or a terminal. */
export function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through.
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
