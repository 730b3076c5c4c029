// CLI: which command, or a director. A director takes keepalived's own command line; the commands are citty's. Each is loaded when it is
// asked for: what one needs costs less to load than what all need.
import type { ArgsDef, CommandDef } from "citty";
import { messageOf } from "../base/errors.ts";
import { EXIT } from "../process/options.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { print } from "./output.ts";

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
  bfd: command(
    "BFD sessions of the running director",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).bfdCommand,
  ),
  events: command(
    "what happened, and with -f what happens",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).eventsCommand,
  ),
  logs: command("log lines of an appliance", ASK_EXIT.usage, async () => (await import("./machine.ts")).logsCommand),
  audit: command(
    "who changed what on an appliance",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).auditCommand,
  ),
  drain: command(
    "empty the director of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).drainCommand,
  ),
  "config get": command(
    "the configuration folder of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./config-folder.ts")).configGetCommand,
  ),
  "config put": command(
    "replace the configuration folder of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./config-folder.ts")).configPutCommand,
  ),
  reboot: command("start an appliance again", ASK_EXIT.usage, async () => (await import("./machine.ts")).rebootCommand),
  update: command(
    "bring an update to an appliance, or to a pair of them",
    ASK_EXIT.usage,
    async () => (await import("./update.ts")).updateCommand,
  ),
  poweroff: command(
    "switch an appliance off",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).poweroffCommand,
  ),
  token: command(
    "make a token for the API of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./token.ts")).tokenCommand,
  ),
  appliance: command(
    "run the machine of an image (its first process starts it)",
    EXIT.failed,
    async () => (await import("./appliance.ts")).applianceCommand,
  ),
  "appliance console": command(
    "the screen at the machine itself (an image starts it)",
    ASK_EXIT.usage,
    async () => (await import("./console.ts")).consoleCommand,
  ),
  "appliance flash": command(
    "write an image to a disk, with its configuration",
    CHECK_USAGE,
    async () => (await import("./flash.ts")).flashCommand,
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
      const [of, { runCommand }] = await Promise.all([load(), import("citty")]);
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

/**
 * Does what the command line says. True: a director runs, and ends the process itself. False: it is done, and the exit status is set.
 */
export async function runCli(argv: readonly string[]): Promise<boolean> {
  const [first, ...rest] = argv;
  if (first === "help" && rest.length === 0) {
    print(await help());
    return false;
  }
  if (first === "help") return runCli([...rest, "--help"]);
  const behind = hostWords(argv);
  if (behind >= argv.length && behind > 0) {
    const { complainUsage } = await import("./terminal.ts");
    complainUsage(`${argv.join(" ")}: expected --host NAME and a command`, ASK_EXIT.usage);
    return false;
  }
  if (behind > 0) return runCli([...argv.slice(behind), ...argv.slice(0, behind)]);
  if (first === undefined || first === "run" || first.startsWith("-")) {
    const { directorCommand } = await import("./director.ts");
    return directorCommand(first === "run" ? rest : argv, help);
  }
  const [name, left] = commandIn(first, rest);
  const chosen = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (chosen) await runOther(name, chosen, left);
  else {
    const { complainUsage, nearOnes } = await import("./terminal.ts");
    const known = [...Object.keys(COMMANDS), "run", "help"];
    complainUsage(`unknown command ${first}`, EXIT.failed, nearOnes(first, known));
  }
  return false;
}

/** Some commands have two words. */
function commandIn(first: string, rest: readonly string[]): readonly [name: string, left: readonly string[]] {
  const two = `${first} ${rest[0]}`;
  return Object.hasOwn(COMMANDS, two) ? [two, rest.slice(1)] : [first, rest];
}

/** Options that say which machine is meant, and have a value. */
const HOST_WORDS = /^--(host|token-file|client-cert|client-key|fingerprint)(=|$)/;

/** How many words before the command name another machine: `lbd --host NAME status` is `lbd status --host NAME`. */
function hostWords(argv: readonly string[]): number {
  let at = 0;
  while (HOST_WORDS.test(argv[at] ?? "")) at += argv[at]?.includes("=") ? 1 : 2;
  return at;
}

async function runOther(name: string, chosen: Command, rawArgs: readonly string[]): Promise<void> {
  const { usageExit } = chosen;
  const [{ description, args, run }, { badArgument }] = await Promise.all([chosen.load(), import("./strict.ts")]);
  if (rawArgs.includes("--help") || rawArgs.includes("-h")) {
    const { commandHelp } = await import("./help.ts");
    return print(commandHelp(name, description, args));
  }
  const bad = badArgument(rawArgs, args);
  if (bad) return complain(bad.message, bad);
  try {
    await run([...rawArgs]);
  } catch (error) {
    await complain(messageOf(error));
  }

  async function complain(message: string, near?: { readonly word: string; readonly known: readonly string[] }) {
    const { complainUsage, nearOnes } = await import("./terminal.ts");
    complainUsage(message, usageExit, near ? nearOnes(near.word, near.known) : [], `lbd ${name}`);
  }
}

async function help(): Promise<string> {
  const { helpText } = await import("./help.ts");
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return helpText([["run", "run the director, as without a command"], ...summaries]);
}
