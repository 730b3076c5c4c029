// The figures of a run as a table: every subject's value, what they are to each other, and whether the targets are met.
import type { Figure } from "./figure.ts";

const NAME_COLUMNS = 66;
const VALUE_COLUMNS = 11;

/** All lines of the table. */
export function tableOf(figures: readonly Figure[]): string[] {
  const titles = ["lbd", "before", "keepalived", "of before", "of peer"];
  const head = `${"figure".padEnd(NAME_COLUMNS)}${titles.map(cell).join("")}  target`;
  return [head, ...figures.map(row)];
}

function row(figure: Figure): string {
  const { name, unit, lbd, before, keepalived } = figure;
  const values = [show(lbd), show(before), show(keepalived), ratio(lbd, before), ratio(lbd, keepalived)];
  const title = unit === "" ? name : `${name} (${unit})`;
  return `${title.padEnd(NAME_COLUMNS)}${values.map(cell).join("")}  ${verdict(figure)}`.trimEnd();
}

function cell(text: string): string {
  return text.padStart(VALUE_COLUMNS);
}

function ratio(value: number, by: number | undefined): string {
  return by === undefined || by === 0 ? "" : (value / by).toFixed(2);
}

/** `≤ 2: met`; of two targets each has its word. */
function verdict({ lbd, keepalived, target, ratioTarget }: Figure): string {
  const said: string[] = [];
  if (target !== undefined) said.push(`≤ ${target}: ${lbd <= target ? "met" : "missed"}`);
  if (ratioTarget !== undefined && keepalived !== undefined)
    said.push(`ratio ≤ ${ratioTarget}: ${lbd <= ratioTarget * keepalived ? "met" : "missed"}`);
  return said.join(", ");
}

function show(value: number | undefined): string {
  if (value === undefined) return "";
  if (value === 0) return "0";
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
