// CLI: `lbd check FILE…`: reads configurations as a run would, and says what is wrong with them. Each FILE is a configuration
// of its own. Exit status: 0 without errors, 1 with errors, 2 when a file can't be read or the call is wrong.
import { defineCommand } from "citty";
import type { EffectiveNode, EffectiveTree } from "../config/effective.ts";
import { type LoadResult, loadConfig } from "../config/load.ts";
import { renderDiagnostic, toJson } from "../config/render.ts";
import { machineContext } from "../process/bind-context.ts";
import { configFiles } from "../process/config-files.ts";
import { DEFAULT_CONFIG } from "../process/options.ts";
import { isTerminal, write } from "./terminal.ts";

export const CHECK_EXIT = { ok: 0, errors: 1, unreadable: 2 } as const;

export interface CheckOptions {
  readonly json: boolean;
  /** Warnings count as errors. */
  readonly strict: boolean;
  readonly effective: boolean;
  readonly color: boolean;
  readonly configId?: string;
  readonly allConfig: boolean;
}

export const checkCommand = defineCommand({
  meta: { name: "lbd check", description: "Check configurations: exit 0 without errors, 1 with, 2 when unreadable" },
  args: {
    file: {
      type: "positional",
      required: false,
      description: `Configuration files (${DEFAULT_CONFIG})`,
      valueHint: "FILE",
    },
    json: { type: "boolean", description: "Print one JSON object" },
    strict: { type: "boolean", description: "Count warnings as errors" },
    effective: { type: "boolean", description: "Print the effective values with the place each comes from" },
    "config-id": {
      type: "string",
      alias: "i",
      valueHint: "ID",
      description: "Id for @ID lines; the host name by default",
    },
    "all-config": { type: "boolean", alias: "e", description: "Every problem with an include is an error" },
    color: {
      type: "boolean",
      default: true,
      negativeDescription: "No colors (also by NO_COLOR)",
      description: "Colors on a terminal",
    },
  },
  run: ({ args }) => {
    const words = args._.length > 0 ? args._ : [DEFAULT_CONFIG];
    const configId = args["config-id"];
    const done = runCheck(words, {
      json: args.json ?? false,
      strict: args.strict ?? false,
      effective: args.effective ?? false,
      color: args.color && isTerminal() && !process.env.NO_COLOR,
      allConfig: args["all-config"] ?? false,
      ...(configId === undefined ? {} : { configId }),
    });
    write(done.output);
    process.exitCode = done.exit;
  },
});

/** What `lbd check` prints for these files, and its exit status. */
export function runCheck(
  paths: readonly string[],
  options: CheckOptions,
): { readonly output: string; readonly exit: number } {
  const loaded = paths.map((path) => ({ path, result: load(path, options) }));
  const unreadable = loaded.some(({ result }) => result.unreadable);
  const counts = countAll(loaded.map(({ result }) => result));
  const failed = counts.error > 0 || (options.strict && counts.warning > 0);
  return {
    output: options.json ? jsonOf(loaded, options) : textOf(loaded, counts, options),
    exit: unreadable ? CHECK_EXIT.unreadable : failed ? CHECK_EXIT.errors : CHECK_EXIT.ok,
  };
}

interface Loaded {
  readonly path: string;
  readonly result: LoadResult;
}

function load(path: string, options: CheckOptions): LoadResult {
  const { configId, allConfig } = options;
  const request = { paths: [path], env: process.env, random: Math.random, allConfig, context: machineContext() };
  return loadConfig(configId === undefined ? request : { ...request, configId }, configFiles);
}

interface Counts {
  error: number;
  warning: number;
  note: number;
}

function countAll(results: readonly LoadResult[]): Counts {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { diagnostics } of results) for (const { severity } of diagnostics) counts[severity]++;
  return counts;
}

function jsonOf(loaded: readonly Loaded[], options: CheckOptions): string {
  const files = [...new Set(loaded.flatMap(({ result }) => result.files))];
  const diagnostics = loaded.flatMap(({ path, result }) => result.diagnostics.map((one) => toJson(one, path)));
  return `${JSON.stringify({ files, diagnostics, ...(options.effective && effectiveOf(loaded)) }, undefined, 2)}\n`;
}

/** The tree of the one file, or a list of trees. Each is made by looking at it, which costs more than reading the file. */
function effectiveOf(loaded: readonly Loaded[]): { readonly effective: unknown } {
  const trees = loaded.map(({ result }) => effectiveJson(result.effective));
  return { effective: trees.length === 1 ? trees[0] : trees };
}

function effectiveJson({ config, blocks, notYetEffective }: EffectiveTree): unknown {
  return { config, blocks, notYetEffective };
}

function textOf(loaded: readonly Loaded[], counts: Counts, options: CheckOptions): string {
  const lines: string[] = [];
  for (const { result } of loaded) {
    for (const diagnostic of result.diagnostics) lines.push(renderDiagnostic(diagnostic, { color: options.color }));
    if (options.effective) lines.push(...effectiveLines(result.effective.blocks, ""));
  }
  const files = new Set(loaded.flatMap(({ result }) => result.files)).size;
  lines.push(summary(counts, files));
  return `${lines.join("\n")}\n`;
}

/** `2 errors, 1 warning in 3 files`. */
function summary(counts: Counts, files: number): string {
  const said = [plural(counts.error, "error")];
  if (counts.warning > 0) said.push(plural(counts.warning, "warning"));
  if (counts.note > 0) said.push(plural(counts.note, "note"));
  return `${said.join(", ")} in ${plural(files, "file")}`;
}

function plural(count: number, word: string): string {
  return `${count === 0 ? "no" : count} ${word}${count === 1 ? "" : "s"}`;
}

/** The effective values as a configuration, each with its place. */
function effectiveLines(nodes: readonly EffectiveNode[], indent: string): string[] {
  return nodes.flatMap((node) => {
    const { keyword, words, value, origin, inherited, block } = node;
    const said = words ? words.map(quoteIfNeeded).join(" ") : valueText(value);
    const place = origin === "default" ? "default" : `${origin.file}:${origin.line}${inherited ? " (inherited)" : ""}`;
    const head = `${indent}${keyword}${said === "" ? "" : ` ${said}`}`;
    if (!block) return [`${head.padEnd(PLACE_COLUMN)} # ${place}`];
    return [`${`${head} {`.padEnd(PLACE_COLUMN)} # ${place}`, ...effectiveLines(block, `${indent}  `), `${indent}}`];
  });
}

const PLACE_COLUMN = 48;

function valueText(value: unknown): string {
  if (value === undefined || value === true) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function quoteIfNeeded(word: string): string {
  return word === "" || /[\s"{}#!]/.test(word) ? `"${word}"` : word;
}
