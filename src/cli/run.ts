// CLI: the default command: runs a director with the configuration that the command line names.
import { resolve } from "node:path";
import { mayNameDirector, stampOf } from "../process/configuration/files.ts";
import type { Outline } from "../process/configuration/outline.ts";
import { keepalivedPidFiles, runDirOf } from "../process/host/places.ts";
import { EXIT, type RunOptions } from "../process/options.ts";
import { type Answer, readerOptions } from "../process/reader-messages.ts";
import { createReadings } from "../process/readings.ts";
import { ROLE_NAMES } from "../process/roles.ts";
import { parentTiming, runDirector } from "../process/run.ts";
import { spawnReader } from "../process/runtime.ts";
import type { ReadFlags } from "./flags.ts";
import type { LogHabits } from "./log-options.ts";
import { runOptions } from "./run-options.ts";
import { complainUsage } from "./terminal.ts";

export async function run(flags: ReadFlags, habits: LogHabits): Promise<void> {
  const options = runOptions(flags, (path) => resolve(path), habits);
  if (!options.ok) return complainUsage(options.error, EXIT.failed);
  const { value } = options;
  const timing = parentTiming();
  const readings = createReadings(readerOptions(value, process.env), [...ROLE_NAMES], {
    clock: timing.clock,
    spawn: spawnReader,
    stamp: stampOf,
  });
  const { asKeepalived } = habits;
  const said = async () => (mayNameDirector(value.configFile) ? identityOf(await readings.peek()) : undefined);
  await runDirector(await placed(value, asKeepalived, said), readings, ROLE_NAMES, timing);
}

function identityOf(answer: Answer): Identity | undefined {
  return answer.kind === "taken" ? answer.outline : undefined;
}

type Identity = Pick<Outline, "netNamespace" | "instanceName" | "usePidDir">;

/**
 * The options with the run directory and pid files that follow from who this director is.
 * @param said the configuration, if it may say so; asked for only when it matters
 */
export async function placed(
  options: RunOptions,
  asKeepalived: boolean,
  said: () => Promise<Identity | undefined>,
): Promise<RunOptions> {
  if (options.runDirGiven && !asKeepalived) return options;
  const global = await said();
  const identity = {
    namespace: options.namespace ?? global?.netNamespace,
    instance: global?.instanceName,
    usePidDir: global?.usePidDir ?? false,
    pidFile: options.pidFile ?? options.rolePidFiles.vrrp ?? options.rolePidFiles.checker,
  };
  const runDir = options.runDirGiven ? options.runDir : runDirOf(identity);
  if (!asKeepalived) return { ...options, runDir };
  const { parent, vrrp, checker, bfd } = keepalivedPidFiles(identity);
  return {
    ...options,
    runDir,
    calledAs: "keepalived",
    pidFile: options.pidFile ?? parent,
    rolePidFiles: { vrrp, checker, bfd, ...options.rolePidFiles },
  };
}
