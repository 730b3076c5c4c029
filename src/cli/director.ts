// CLI: a command line without a command, which is keepalived's own: a run, or one of the options that ask for something else.
import { resolve } from "node:path";
import { ENGINE_VARIABLE } from "../base/environment.ts";
import { escapeControls } from "../base/log.ts";
import { takeBackground } from "../process/background-mark.ts";
import { DEFAULT_CONFIG, EXIT } from "../process/options.ts";
import { VERSION_LINE } from "../version.ts";
import { isKeepalived, keepalivedVersion, missingFile, NO_FILE_EXIT, staysInForeground } from "./as-keepalived.ts";
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
  const asKeepalived = isKeepalived(process.argv0, argv);
  const hash = argv.findIndex((word) => word === "-T" || word === "--genhash");
  if (hash >= 0) {
    const { genhash } = await import("./genhash.ts");
    process.exitCode = await genhash(argv.slice(hash + 1), { isFirst: hash === 0, asKeepalived });
    return false;
  }
  const stray: string[] = [];
  const read = readFlags(argv, asKeepalived ? (word) => stray.push(word) : undefined);
  if (!read.ok) {
    const near = read.near.length > 0 ? read.near : await nearFlags(read.message);
    return complain(read.message, near);
  }
  const { given, typed } = read.value;
  // keepalived prints both to standard error, and its exporter reads them there; the long forms are for people.
  if (given.has("version") && asKeepalived) return say(keepalivedVersion(), true);
  if (given.has("version")) return say(VERSION_LINE, typed.get("version") === "-v");
  if (given.has("help")) return say(await help(), typed.get("help") === "-h");
  if (given.has("signum")) return signum(read.value);
  if (given.has("config-test")) return testConfiguration(read.value, asKeepalived);
  // A signal that comes while the rest is read is remembered.
  await import("../process/host/signals.ts");
  await leaveEngineVariables();
  const { isBackground } = takeBackground(process.env);
  if (stray.length > 0) print(`Unexpected argument(s): ${stray.map(escapeControls).join(" ")}`);
  if (asKeepalived && !isBackground && !staysInForeground(read.value)) return goToBackground(argv, read.value);
  const { run } = await import("./run.ts");
  await run(read.value, { asKeepalived, isBackground });
  return true;
}

async function goToBackground(argv: readonly string[], flags: ReadFlags): Promise<false> {
  const file = flags.given.get("use-file")?.at(-1) ?? DEFAULT_CONFIG;
  const missing = missingFile(file);
  if (missing !== undefined) {
    writeError(`lbd: ${missing}\n`);
    process.exitCode = NO_FILE_EXIT;
    return false;
  }
  const { runInBackground } = await import("../process/background.ts");
  process.exitCode = await runInBackground(argv, writeError);
  return false;
}

/** What the engine did by them before the first line of this program is done; a director's processes shall not do it again. */
async function leaveEngineVariables(): Promise<void> {
  if (!Object.keys(process.env).some((name) => ENGINE_VARIABLE.test(name))) return;
  const { engineVariables, startAgain } = await import("../process/runtime-again.ts");
  const found = engineVariables(process.env);
  if (found.length > 0) startAgain(found);
}

async function testConfiguration(flags: ReadFlags, asKeepalived: boolean): Promise<false> {
  const [{ runOptions }, { configTest }] = await Promise.all([import("./run-options.ts"), import("./config-test.ts")]);
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complain(options.error);
  const { configFile, configId, allConfig } = options.value;
  const logFile = flags.given.get("config-test")?.at(-1);
  process.exitCode = configTest({
    configFile,
    allConfig,
    asKeepalived,
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
