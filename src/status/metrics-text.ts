// Status core: how a family of metrics and its samples are written (text format 0.0.4 of Prometheus).

export type Labels = Readonly<Record<string, string | number>>;

export type Add = (value: number, labels?: Labels, suffix?: string) => void;

export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Adds the samples; a family of many objects stops after each of them, so that the page is made in pieces. */
  readonly fill: (add: Add) => Iterable<void> | void;
}

/** Backslash, quote and line feed are what the format asks to escape in a label's value. */
export function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? escapeAll(text) : text;
}

function escapeAll(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Called a million times for a large director, so without arrays in between. */
export function renderLabels(labels: Labels | undefined): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "{" : ","}${name}="${escapeLabel(`${labels[name]}`)}"`;
  return text === "" ? "" : `${text}}`;
}

export function renderValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return `${value}`;
}

export function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

export function flag(value: boolean): number {
  return value ? 1 : 0;
}

export function gauge(name: string, help: string, fill: Family["fill"]): Family {
  return { name, type: "gauge", help, fill };
}

export function counter(name: string, help: string, fill: Family["fill"]): Family {
  return { name, type: "counter", help, fill };
}
