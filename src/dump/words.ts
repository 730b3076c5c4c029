// Dump core: how keepalived writes values in its dumps: words for switches, numbers as printf(3) has them, times as ctime(3) has them.
import type { Command } from "../config/model/command.ts";

export function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

export function trueFalse(value: boolean): string {
  return value ? "true" : "false";
}

export function enabled(value: boolean): string {
  return value ? "enabled" : "disabled";
}

export function onOff(value: boolean): string {
  return value ? "ON" : "OFF";
}

/** Whole seconds, cut off. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** Six digits behind the point, as %f. */
export function sixDigits(value: number): string {
  return value.toFixed(6);
}

/** As %g: six digits in all, none that say nothing. */
export function general(value: number): string {
  const short = Number(value.toPrecision(6));
  return Math.abs(short) >= 1e6 || (short !== 0 && Math.abs(short) < 1e-4) ? exponential(short) : String(short);
}

/** C writes two digits of an exponent at least. */
function exponential(value: number): string {
  const [digits = "", power = "0"] = value.toExponential().split("e");
  const sign = power.startsWith("-") ? "-" : "+";
  return `${digits}e${sign}${power.replace(/^[+-]/, "").padStart(2, "0")}`;
}

/** Seconds and microseconds of the epoch: `1796135076.809059`. */
export function epoch(wallMs: number): string {
  const { seconds, micros } = parts(wallMs);
  return `${seconds}.${micros}`;
}

/** `1796135076.809059 (Tue Dec  1 14:24:36.809059 2026)`, in the time zone of the process. */
export function stamp(wallMs: number): string {
  const { day, time, year, micros } = parts(wallMs);
  return `${epoch(wallMs)} (${day} ${time}.${micros} ${year})`;
}

/** `1796135076.809059 (Tue Dec  1 14:24:36 2026.809059)`: other lines have the microseconds there. */
export function stampAtEnd(wallMs: number): string {
  const { day, time, year, micros } = parts(wallMs);
  return `${epoch(wallMs)} (${day} ${time} ${year}.${micros})`;
}

/** `1796135076.809059 (Tue Dec  1 14:24:36.809059)`: others again lack the year. */
export function stampWithoutYear(wallMs: number): string {
  const { day, time, micros } = parts(wallMs);
  return `${epoch(wallMs)} (${day} ${time}.${micros})`;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function parts(wallMs: number) {
  const us = Math.round(wallMs * 1000);
  const seconds = Math.floor(us / 1_000_000);
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return {
    seconds,
    micros: String(us - seconds * 1_000_000).padStart(6, "0"),
    day: `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2, " ")}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    year: date.getFullYear(),
  };
}

/** A program with its words, each in quotes; one that only redirects has none at its beginning. */
export function commandText({ argv }: Pick<Command, "argv">): string {
  return argv.map((word, at) => (at === 0 && /^[<>]/.test(word) ? word : `'${word}'`)).join(" ");
}

/** Whose account a program runs by: `0:0`. */
export type AccountOf = (command: Pick<Command, "user" | "group">) => string;

/** A section's title. */
export function title(text: string): string {
  return `------< ${text} >------`;
}

/** Lines as a file has them. */
export function* text(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
