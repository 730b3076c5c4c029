// CLI: which command, or a run. A run takes keepalived's own command line; the commands are citty's.

import { resolve } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { messageOf } from "../base/errors.ts";
import { endOnInterrupt } from "../process/host/signals.ts";
import { EXIT } from "../process/options.ts";
import { REVISION, VERSION } from "../version.ts";
import { ASK_EXIT } from "./client.ts";
import { FLAGS, type ReadFlags, readFlags } from "./flags.ts";
import { commandHelp, helpText } from "./help.ts";
import { runOptions } from "./run-options.ts";
import { badArgument } from "./strict.ts";
import { complainUsage, nearOnes, print, writeError } from "./terminal.ts";

/** Exit status of a wrong command line of `check`, `explain` and `docs`. */
const CHECK_USAGE = 2;

interface Command {
  readonly summary: string;
  /** Exit status of a wrong command line. */
  readonly usageExit: number;
  load(): Promise<LoadedCommand>;
}

interface LoadedCommand {
  readonly description: string;
  readonly args: ArgsDef;
  run(rawArgs: string[]): Promise<unknown>;
}

/** Each is read when it is asked for: a start of one costs half of what all cost. */
const COMMANDS: Readonly<Record<string, Command>> = {
  check: command("check configuration files", CHECK_USAGE, async () => (await import("./check.ts")).checkCommand),
  explain: command(
    "what a finding or a keyword means",
    CHECK_USAGE,
    async () => (await import("./explain.ts")).explainCommand,
  ),
  docs: command("print the manual of all keywords", CHECK_USAGE, async () => (await import("./docs.ts")).docsCommand),
  status: command(
    "what the running director does",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).statusCommand,
  ),
  vrrp: command(
    "VRRP instances of the running director",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).vrrpCommand,
  ),
  licenses: command(
    "licences of what is compiled in",
    EXIT.failed,
    async () => (await import("./licenses.ts")).licensesCommand,
  ),
  reload: command(
    "have it read its configuration again",
    ASK_EXIT.usage,
    async () => (await import("./reload.ts")).reloadCommand,
  ),
};

/** One of citty's commands; what its type says of its own options ends here. */
function command<T extends ArgsDef>(summary: string, usageExit: number, load: () => Promise<CommandDef<T>>): Command {
  return {
    summary,
    usageExit,
    async load() {
      const of = await load();
      const { runCommand } = await import("citty");
      const description =
        typeof of.meta === "object" && "description" in of.meta ? (of.meta.description ?? summary) : summary;
      return {
        description,
        args: typeof of.args === "function" ? await of.args() : ((await of.args) ?? {}),
        run: (rawArgs) => runCommand(of, { rawArgs }),
      };
    },
  };
}

/** keepalived's names of what its signals ask for (cli-signals.md §1). */
const SIGNUMS: Readonly<Record<string, number>> = {
  STOP: 15,
  RELOAD: 1,
  DATA: 10,
  STATS: 12,
  STATS_CLEAR: 63,
  JSON: 36,
};

/** Does what the command line says. The exit status is set, or the process ended, when it is done. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  if (first === "run") return runDirectorCommand(rest);
  if (first === "help") return rest.length === 0 ? print(help()) : runCli([...rest, "--help"]);
  if (first !== undefined && !first.startsWith("-")) {
    const chosen = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
    if (chosen) return runOther(first, chosen, rest);
    return complainUsage(
      `unknown command ${first}`,
      EXIT.failed,
      nearOnes(first, [...Object.keys(COMMANDS), "run", "help"]),
    );
  }
  return runDirectorCommand(argv);
}

async function runDirectorCommand(argv: readonly string[]): Promise<void> {
  const read = readFlags(argv);
  if (!read.ok)
    return complainUsage(read.message, EXIT.failed, read.near.length > 0 ? read.near : nearFlags(read.message));
  const { given, typed } = read.value;
  // keepalived prints both to standard error, and its exporter reads them there; the long forms are for people.
  if (given.has("version"))
    return say(`lbd ${VERSION} (${REVISION}), speaks keepalived.conf`, typed.get("version") === "-v");
  if (given.has("help")) return say(help(), typed.get("help") === "-h");
  if (given.has("signum")) return signum(read.value);
  if (given.has("config-test")) return testConfiguration(read.value);
  const { run } = await import("./run.ts");
  return run(read.value);
}

async function testConfiguration(flags: ReadFlags) {
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complainUsage(options.error, EXIT.failed);
  const { configFile, configId, allConfig } = options.value;
  const logFile = flags.given.get("config-test")?.at(-1);
  const { configTest } = await import("./config-test.ts");
  process.exitCode = configTest({
    configFile,
    allConfig,
    ...(configId === undefined ? {} : { configId }),
    ...(logFile === undefined ? {} : { logFile }),
  });
}

/** The long options near an unknown one. */
function nearFlags(message: string): string[] {
  const word = /^unknown option --(.+)$/.exec(message)?.[1];
  if (word === undefined) return [];
  const known = FLAGS.flatMap((flag) => [flag.long, ...("also" in flag ? flag.also : [])]);
  return nearOnes(word, known).map((name) => `--${name}`);
}

async function runOther(name: string, chosen: Command, rawArgs: readonly string[]): Promise<void> {
  const { usageExit } = chosen;
  endOnInterrupt();
  const { description, args, run } = await chosen.load();
  if (rawArgs.includes("--help") || rawArgs.includes("-h")) return print(commandHelp(name, description, args));
  const bad = badArgument(rawArgs, args);
  if (bad) return complainUsage(bad.message, usageExit, nearOnes(bad.word, bad.known), `lbd ${name}`);
  try {
    await run([...rawArgs]);
  } catch (error) {
    complainUsage(messageOf(error), usageExit, [], `lbd ${name}`);
  }
}

function help(): string {
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return helpText([["run", "run the director, as without a command"], ...summaries]);
}

function say(text: string, toStderr: boolean): void {
  if (toStderr) writeError(text.endsWith("\n") ? text : `${text}\n`);
  else print(text);
}

function signum(flags: ReadFlags) {
  const name = flags.given.get("signum")?.at(-1) ?? "";
  const number = Object.hasOwn(SIGNUMS, name) ? SIGNUMS[name] : undefined;
  if (number === undefined)
    return complainUsage(`--signum ${name}: expected ${Object.keys(SIGNUMS).join(" ")}`, EXIT.failed);
  print(`${number}`);
}
