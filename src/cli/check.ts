// CLI: `lbd check FILE…`: reads configurations as a run would, and says what is wrong with them. Each FILE is a configuration
// of its own. Exit status: 0 without errors, 1 with errors, 2 when a file can't be read or the call is wrong.
import { defineCommand } from "citty";
import type { EffectiveTree } from "../config/effective/effective.ts";
import type { Diagnostic } from "../config/findings/diagnostic.ts";
import { renderDiagnostic, toJson } from "../config/findings/render.ts";
import { toSarif } from "../config/findings/sarif.ts";
import { type LoadResult, loadConfig } from "../config/load.ts";
import { machineContext } from "../process/configuration/bind-context.ts";
import { filesWithInput } from "../process/configuration/files.ts";
import { readBudget } from "../process/configuration/read-budget.ts";
import { DEFAULT_CONFIG } from "../process/options.ts";
import { VERSION } from "../version.ts";
import { write, writeError } from "./output.ts";
import { REMOTE_ARGS } from "./peer.ts";
import { isTerminal } from "./terminal.ts";

/** Exit status of `lbd check`. */
export const CHECK_EXIT = { ok: 0, errors: 1, unreadable: 2 } as const;

export interface CheckOptions {
  readonly format: "text" | "json" | "sarif";
  /** Warnings count as errors. */
  readonly strict: boolean;
  /** `config`: as a configuration; `json`: the typed model, alone. */
  readonly effective?: "config" | "json";
  /** Looks at this machine as well: interfaces, programs and their rights, parts of the kernel. */
  readonly here?: (loaded: LoadResult) => LoadResult;
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
    here: {
      type: "boolean",
      description: "Look at this machine too: interfaces, programs and their rights, the kernel",
    },
    appliance: {
      type: "string",
      valueHint: "DIR",
      description: "Check the configuration folder of an appliance: keepalived.conf, network.yaml, appliance.yaml",
    },
    strict: { type: "boolean", description: "Count warnings as errors" },
    format: { type: "enum", options: ["text", "json", "sarif"], default: "text", description: "text, json or sarif" },
    effective: {
      type: "boolean",
      description: "Print the configuration again, resolved, with the place of each line; =json: the typed one",
    },
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
    ...REMOTE_ARGS,
  },
  run: async ({ args, rawArgs }) => {
    if (args.appliance !== undefined && (args._.length > 0 || args.here)) {
      writeError(
        "lbd check: --appliance goes without FILE and --here: it judges DIR as the machine of an image will\n",
      );
      process.exitCode = CHECK_EXIT.unreadable;
      return;
    }
    if (args.host !== undefined) {
      const { checkRemote } = await import("./check-remote.ts");
      const here = ["here", "appliance", "strict", "effective", "config-id", "all-config"] as const;
      const rest = here.filter((name) => args[name] !== undefined && args[name] !== false).map((name) => `--${name}`);
      return checkRemote(args, args.json ? "json" : args.format, [...rest, ...args._]);
    }
    const words = args.appliance !== undefined ? [args.appliance] : args._.length > 0 ? args._ : [DEFAULT_CONFIG];
    const configId = args["config-id"];
    const typed = rawArgs.includes("--effective=json");
    const options: CheckOptions = {
      format: args.json ? "json" : args.format,
      ...(args.here ? { here: await hereLooker() } : {}),
      strict: args.strict ?? false,
      ...(typed || args.effective ? { effective: typed ? "json" : "config" } : {}),
      color: args.color && isTerminal() && !process.env.NO_COLOR,
      allConfig: args["all-config"] ?? false,
      ...(configId === undefined ? {} : { configId }),
    };
    const done = runCheck(words, options, args.appliance === undefined ? load : await folderReader());
    write(done.output);
    writeError(done.beside);
    process.exitCode = done.exit;
  },
});

/** Seldom asked for, and it brings the kernel's side with it. */
async function hereLooker(): Promise<(loaded: LoadResult) => LoadResult> {
  const { onThisMachine } = await import("../process/configuration/on-this-machine.ts");
  return (loaded) => onThisMachine(loaded, { kernel: true });
}

async function folderReader(): Promise<(path: string) => LoadResult> {
  const { judgeFolder } = await import("../process/appliance/judge-folder.ts");
  return (path) => judgeFolder(path, { named: true }).loaded;
}

export interface Checked {
  /** For standard output. */
  readonly output: string;
  /** For standard error: the findings where standard output is a configuration. */
  readonly beside: string;
  readonly exit: number;
}

/** What `lbd check` prints for these files, and its exit status. `-` is standard input. */
export function runCheck(paths: readonly string[], options: CheckOptions, read: typeof load = load): Checked {
  const loaded = paths.map((path): Loaded => {
    const result = read(path, options);
    return { path, result, diagnostics: [...result.diagnostics, ...result.unbuilt()] };
  });
  const unreadable = loaded.some(({ result }) => result.unreadable);
  const counts = countAll(loaded);
  const failed = counts.error > 0 || (options.strict && counts.warning > 0);
  const exit = unreadable ? CHECK_EXIT.unreadable : failed ? CHECK_EXIT.errors : CHECK_EXIT.ok;
  if (options.format === "sarif") return { output: sarifOf(loaded), beside: "", exit };
  if (options.format === "json") return { output: jsonOf(loaded, options), beside: "", exit };
  const text = textOf(loaded, counts, options);
  if (options.effective === undefined) return { output: text, beside: "", exit };
  return { output: loaded.map(({ result }) => effectiveText(result, options.effective)).join(""), beside: text, exit };
}

interface Loaded {
  readonly path: string;
  readonly result: LoadResult;
  /** The findings of the reading, and the words that have no effect. */
  readonly diagnostics: readonly Diagnostic[];
}

function load(path: string, options: CheckOptions): LoadResult {
  const { configId, allConfig } = options;
  const request = {
    paths: [path],
    env: process.env,
    random: Math.random,
    allConfig,
    context: machineContext(),
    spent: readBudget(),
  };
  const loaded = loadConfig(configId === undefined ? request : { ...request, configId }, filesWithInput);
  return options.here?.(loaded) ?? loaded;
}

function effectiveText(result: LoadResult, form: CheckOptions["effective"]): string {
  if (form === "json") return `${JSON.stringify(result.effective.config, undefined, 2)}\n`;
  return [...result.printed(), ""].join("\n");
}

interface Counts {
  error: number;
  warning: number;
  note: number;
}

function countAll(loaded: readonly Loaded[]): Counts {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { diagnostics } of loaded) for (const { severity } of diagnostics) counts[severity]++;
  return counts;
}

function jsonOf(loaded: readonly Loaded[], options: CheckOptions): string {
  const files = [...new Set(loaded.flatMap(({ result }) => result.files))];
  const diagnostics = loaded.flatMap((one) => one.diagnostics.map((found) => toJson(found, one.path)));
  return `${JSON.stringify({ files, diagnostics, ...(options.effective && effectiveOf(loaded)) }, undefined, 2)}\n`;
}

function sarifOf(loaded: readonly Loaded[]): string {
  const found = loaded.flatMap(({ path, diagnostics }) =>
    diagnostics.map((diagnostic) => ({ diagnostic, mainFile: path })),
  );
  return `${JSON.stringify(toSarif(found, VERSION), undefined, 2)}\n`;
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
  for (const { diagnostics } of loaded)
    for (const diagnostic of diagnostics) lines.push(renderDiagnostic(diagnostic, { color: options.color }));
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
