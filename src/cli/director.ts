// CLI: a command line without a command, which is keepalived's own: a run, or one of the options that ask for something else.
import { resolve } from "node:path";
import { ENGINE_VARIABLE } from "../base/environment.ts";
import { EXIT } from "../process/options.ts";
import { VERSION_LINE } from "../version.ts";
import { FLAGS, type ReadFlags, readFlags } from "./flags.ts";
import { print, writeError } from "./output.ts";

/** keepalived's names of what its signals ask for (cli-signals.md §1). */
const SIGNUMS: Readonly<Record<string, number>> = {
  STOP: 15,
  RELOAD: 1,
  DATA: 10,
  STATS: 12,
  STATS_CLEAR: 63,
  JSON: 36,
};

/** True: a director runs, and ends the process itself. False: what was asked for is done, and the exit status set. */
export async function directorCommand(argv: readonly string[], help: () => Promise<string>): Promise<boolean> {
  const read = readFlags(argv);
  if (!read.ok) {
    const near = read.near.length > 0 ? read.near : await nearFlags(read.message);
    return complain(read.message, near);
  }
  const { given, typed } = read.value;
  // keepalived prints both to standard error, and its exporter reads them there; the long forms are for people.
  if (given.has("version")) return say(VERSION_LINE, typed.get("version") === "-v");
  if (given.has("help")) return say(await help(), typed.get("help") === "-h");
  if (given.has("signum")) return signum(read.value);
  if (given.has("config-test")) return testConfiguration(read.value);
  // A signal that comes while the rest is read is remembered.
  await import("../process/host/signals.ts");
  await leaveEngineVariables();
  const { run } = await import("./run.ts");
  await run(read.value);
  return true;
}

/** What the engine did by them before the first line of this program is done; a director's processes shall not do it again. */
async function leaveEngineVariables(): Promise<void> {
  if (!Object.keys(process.env).some((name) => ENGINE_VARIABLE.test(name))) return;
  const { engineVariables, startAgain } = await import("../process/runtime-again.ts");
  const found = engineVariables(process.env);
  if (found.length > 0) startAgain(found);
}

async function testConfiguration(flags: ReadFlags): Promise<false> {
  const [{ runOptions }, { configTest }] = await Promise.all([import("./run-options.ts"), import("./config-test.ts")]);
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complain(options.error);
  const { configFile, configId, allConfig } = options.value;
  const logFile = flags.given.get("config-test")?.at(-1);
  process.exitCode = configTest({
    configFile,
    allConfig,
    ...(configId === undefined ? {} : { configId }),
    ...(logFile === undefined ? {} : { logFile }),
  });
  return false;
}

async function complain(message: string, near: readonly string[] = []): Promise<false> {
  const { complainUsage } = await import("./terminal.ts");
  complainUsage(message, EXIT.failed, near);
  return false;
}

/** The long options near an unknown one. */
async function nearFlags(message: string): Promise<string[]> {
  const word = /^unknown option --(.+)$/.exec(message)?.[1];
  if (word === undefined) return [];
  const { nearOnes } = await import("./terminal.ts");
  const known = FLAGS.flatMap((flag) => [flag.long, ...("also" in flag ? flag.also : [])]);
  return nearOnes(word, known).map((name) => `--${name}`);
}

function say(text: string, toStderr: boolean): false {
  if (toStderr) writeError(text.endsWith("\n") ? text : `${text}\n`);
  else print(text);
  return false;
}

async function signum(flags: ReadFlags): Promise<false> {
  const name = flags.given.get("signum")?.at(-1) ?? "";
  const number = Object.hasOwn(SIGNUMS, name) ? SIGNUMS[name] : undefined;
  if (number === undefined) return complain(`--signum ${name}: expected ${Object.keys(SIGNUMS).join(" ")}`);
  print(`${number}`);
  return false;
}
