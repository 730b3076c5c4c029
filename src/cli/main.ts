// CLI: which command, or a run. A run takes keepalived's own command line; the commands are citty's.
import { resolve } from "node:path";
import { type ArgsDef, type CommandDef, runCommand } from "citty";
import { EXIT } from "../process/options.ts";
import { endOnInterrupt } from "../process/signals.ts";
import { REVISION, VERSION } from "../version.ts";
import { CHECK_EXIT, checkCommand } from "./check.ts";
import { ASK_EXIT } from "./client.ts";
import { configTest } from "./config-test.ts";
import { docsCommand } from "./docs.ts";
import { explainCommand } from "./explain.ts";
import { FLAGS, type ReadFlags, readFlags } from "./flags.ts";
import { commandHelp, helpText } from "./help.ts";
import { licensesCommand } from "./licenses.ts";
import { reloadCommand } from "./reload.ts";
import { run } from "./run.ts";
import { runOptions } from "./run-options.ts";
import { statusCommand, vrrpCommand } from "./status.ts";
import { badArgument } from "./strict.ts";
import { complainUsage, nearOnes, print } from "./terminal.ts";

interface Command {
  readonly summary: string;
  /** Exit status of a wrong command line. */
  readonly usageExit: number;
  readonly description: string;
  args(): Promise<ArgsDef>;
  run(rawArgs: string[]): Promise<unknown>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  check: command("check configuration files", CHECK_EXIT.unreadable, checkCommand),
  explain: command("what a finding or a keyword means", CHECK_EXIT.unreadable, explainCommand),
  docs: command("print the manual of all keywords", CHECK_EXIT.unreadable, docsCommand),
  status: command("what the running director does", ASK_EXIT.usage, statusCommand),
  vrrp: command("VRRP instances of the running director", ASK_EXIT.usage, vrrpCommand),
  licenses: command("licences of what is compiled in", EXIT.failed, licensesCommand),
  reload: command("have it read its configuration again", ASK_EXIT.usage, reloadCommand),
};

/** One of citty's commands; what its type says of its own options ends here. */
function command<T extends ArgsDef>(summary: string, usageExit: number, of: CommandDef<T>): Command {
  const description =
    typeof of.meta === "object" && "description" in of.meta ? (of.meta.description ?? summary) : summary;
  return {
    summary,
    usageExit,
    description,
    args: async () => (typeof of.args === "function" ? await of.args() : ((await of.args) ?? {})),
    run: (rawArgs) => runCommand(of, { rawArgs }),
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
  return run(read.value);
}

function testConfiguration(flags: ReadFlags) {
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complainUsage(options.error, EXIT.failed);
  const { configFile, configId, allConfig } = options.value;
  const logFile = flags.given.get("config-test")?.at(-1);
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
  // A reader that had enough, such as head(1), is no failure.
  process.stdout.on("error", () => process.exit(EXIT.ok));
  const args = await chosen.args();
  if (rawArgs.includes("--help") || rawArgs.includes("-h")) return print(commandHelp(name, chosen.description, args));
  const bad = badArgument(rawArgs, args);
  if (bad) return complainUsage(bad.message, usageExit, nearOnes(bad.word, bad.known), `lbd ${name}`);
  try {
    await chosen.run([...rawArgs]);
  } catch (error) {
    complainUsage(error instanceof Error ? error.message : String(error), usageExit, [], `lbd ${name}`);
  }
}

function help(): string {
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return helpText([["run", "run the director, as without a command"], ...summaries]);
}

function say(text: string, toStderr: boolean): void {
  if (toStderr) process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  else print(text);
}

function signum(flags: ReadFlags) {
  const name = flags.given.get("signum")?.at(-1) ?? "";
  const number = Object.hasOwn(SIGNUMS, name) ? SIGNUMS[name] : undefined;
  if (number === undefined)
    return complainUsage(`--signum ${name}: expected ${Object.keys(SIGNUMS).join(" ")}`, EXIT.failed);
  print(`${number}`);
}
