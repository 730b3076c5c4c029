// CLI: which command, or a director. A director takes keepalived's own command line; the commands are citty's. Each is loaded when it is
// asked for: what one needs costs less to load than what all need.
import { messageOf } from "../base/errors.ts";
import { EXIT } from "../process/options.ts";
import { isKeepalived } from "./as-keepalived.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { print } from "./output.ts";

/**
 * Does what the command line says. True: a director runs, and ends the process itself. False: it is done, and the exit status is set.
 */
export async function runCli(argv: readonly string[]): Promise<boolean> {
  const [first, ...rest] = argv;
  if (isKeepalived(process.argv0, [])) {
    const { directorCommand } = await import("./director.ts");
    return directorCommand(argv, help);
  }
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
    // What the system refuses (a disk that is full) is no wrong command line.
    if (error instanceof Error && "syscall" in error) (await import("./terminal.ts")).complain(messageOf(error), 1);
    // The reader of arguments colours its messages, wherever they go.
    else await complain((await import("node:util")).stripVTControlCharacters(messageOf(error)));
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
