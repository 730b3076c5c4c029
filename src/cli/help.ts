// CLI: the help, made from the tables, 80 columns wide.
import type { ArgsDef } from "citty";
import { DEFAULT_RUN_DIR } from "../process/host/places.ts";
import { DEFAULT_API, DEFAULT_CONFIG } from "../process/options.ts";
import { FLAGS, type Flag } from "./flags.ts";

/** Widest line of the help. */
export const HELP_COLUMNS = 80;
const INDENT = 2;
const TEXT_COLUMN = 27;

const DEFAULTS: Readonly<Record<string, string>> = {
  "use-file": DEFAULT_CONFIG,
  "run-dir": DEFAULT_RUN_DIR,
  api: DEFAULT_API,
  "ipvs-transport": "auto",
  "log-format": "text",
};

/** @param commands name and what it does, in the order to show */
export function helpText(commands: readonly (readonly [name: string, summary: string])[]): string {
  const flags: readonly Flag[] = FLAGS;
  const working = flags.filter((flag) => flag.note === undefined);
  const silent = flags.filter((flag) => flag.note !== undefined && !flag.refused);
  return [
    "lbd: the LVS director in one binary",
    "",
    "Usage: lbd [OPTIONS]            run the director in the foreground",
    "       lbd COMMAND [OPTIONS]    lbd COMMAND --help says more",
    "       lbd --host NAME COMMAND  ask an appliance over the network",
    "",
    "Commands:",
    ...commands.flatMap(([name, summary]) => row(name, summary)),
    "",
    "Options of a run (keepalived's own spellings work):",
    ...working.flatMap((flag) => row(spelling(flag), describe(flag))),
    "",
    "Accepted from keepalived, without effect (a run says so):",
    ...wrap(silent.map((flag) => (flag.short ? `-${flag.short}` : `--${flag.long}`)).join(" "), INDENT, HELP_COLUMNS),
    "",
    "Exit status: 0 normal end, 1 fatal or wrong options, 2 nothing of the",
    "configuration can be used (or it has errors, with --strict), 3 already running",
    "in that run directory, 4 a right is missing.",
    "",
    "Signals: HUP reads the configuration again, TERM and INT stop.",
    "",
  ].join("\n");
}

/** Help of one command, from its definition. */
export function commandHelp(name: string, description: string, args: ArgsDef): string {
  const entries = Object.entries(args);
  const words = entries.filter(([, def]) => def.type === "positional");
  const options = entries.filter(([, def]) => def.type !== "positional");
  const nameOf = (word: string, def: ArgsDef[string]) => def.valueHint ?? word.toUpperCase();
  const operands = words
    .map(([word, def]) => (def.required === false ? `[${nameOf(word, def)}…]` : nameOf(word, def)))
    .join(" ");
  return [
    ...wrap(`lbd ${name}: ${description}`, 0, HELP_COLUMNS),
    "",
    ...wrap(
      `Usage: lbd ${name}${options.length > 0 ? " [OPTIONS]" : ""}${operands === "" ? "" : ` ${operands}`}`,
      0,
      HELP_COLUMNS,
    ),
    "",
    ...words.flatMap(([word, def]) => row(nameOf(word, def), def.description ?? "")),
    ...options.flatMap(([option, def]) => row(optionSpelling(option, def), optionText(def))),
    ...row("-h, --help", "print this"),
    "",
  ].join("\n");
}

function optionSpelling(name: string, def: ArgsDef[string]): string {
  const aliases = "alias" in def && def.alias !== undefined ? [def.alias].flat() : [];
  const short = aliases.find((alias) => alias.length === 1);
  const value = def.type === "boolean" || def.type === undefined ? "" : ` ${def.valueHint ?? "VALUE"}`;
  if (def.type === "boolean" && def.default === true) return `    --no-${name}`;
  return `${short ? `-${short}, ` : "    "}--${name}${value}`;
}

function optionText(def: ArgsDef[string]): string {
  const initial = typeof def.default === "string" && def.default !== "" ? `; default ${def.default}` : "";
  if (def.type === "boolean" && def.default === true) return def.negativeDescription ?? `not: ${def.description ?? ""}`;
  return `${def.description ?? ""}${initial}`;
}

function spelling({ short, also, long, value }: Flag): string {
  const joined = value === undefined ? "" : value.startsWith("[") ? `[=${value.slice(1)}` : ` ${value}`;
  return `${short ? `-${short}, ` : "    "}--${also?.[0] ?? long}${joined}`;
}

function describe(flag: Flag): string {
  const other = flag.also ? ` (also --${flag.long})` : "";
  const initial = DEFAULTS[flag.long];
  return `${flag.help}${other}${initial === undefined ? "" : `; default ${initial}`}`;
}

/** A term and its text beside it, or below it when the term is long. */
function row(term: string, text: string): string[] {
  const lines = wrap(text, TEXT_COLUMN, HELP_COLUMNS);
  const head = " ".repeat(INDENT) + term;
  if (head.length >= TEXT_COLUMN) return [head, ...lines];
  return [head.padEnd(TEXT_COLUMN) + (lines[0] ?? "").trimStart(), ...lines.slice(1)];
}

/** Words in lines of at most `columns`, each indented. */
export function wrap(text: string, indent: number, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > columns) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, " ".repeat(indent) + line];
}
