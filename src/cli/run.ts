// CLI: the default command: runs a director with the configuration that the command line names.
import { basename, resolve } from "node:path";
import type { Reading } from "../process/configuration/configuration.ts";
import { configFiles, mayNameDirector, stampOf } from "../process/configuration/files.ts";
import { readConfiguration } from "../process/configuration/read-config.ts";
import { settledReader } from "../process/configuration/settled-files.ts";
import { keepalivedPidFiles, runDirOf } from "../process/host/places.ts";
import { EXIT, type RunOptions } from "../process/options.ts";
import { ROLE_NAMES } from "../process/roles.ts";
import { runDirector } from "../process/run.ts";
import type { ReadFlags } from "./flags.ts";
import { runOptions } from "./run-options.ts";
import { complainUsage } from "./terminal.ts";

export async function run(flags: ReadFlags): Promise<void> {
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complainUsage(options.error, EXIT.failed);
  const { value } = options;
  const reader = settledReader(value.configFile, configFiles, (files) => readConfiguration(value, files), {
    stamp: stampOf,
    wallMs: Date.now,
  });
  const calledAs = basename(process.argv0);
  const said = () => (mayNameDirector(value.configFile) ? reader.peek() : undefined);
  await runDirector(placed(value, calledAs, said), reader.read, ROLE_NAMES);
}

/**
 * The options with the run directory and pid files that follow from who this director is.
 * @param said the configuration, if it may say so; asked for only when it matters
 */
export function placed(options: RunOptions, calledAs: string, said: () => Reading | undefined): RunOptions {
  const asKeepalived = calledAs === "keepalived";
  if (options.runDirGiven && !asKeepalived) return options;
  const global = said()?.config?.global;
  const identity = {
    namespace: options.namespace ?? global?.netNamespace,
    instance: global?.instanceName,
    usePidDir: global?.usePidDir ?? false,
    pidFile: options.pidFile ?? options.rolePidFiles.vrrp ?? options.rolePidFiles.checker,
  };
  const runDir = options.runDirGiven ? options.runDir : runDirOf(identity);
  if (!asKeepalived) return { ...options, runDir };
  const { parent, vrrp, checker } = keepalivedPidFiles(identity);
  return {
    ...options,
    runDir,
    calledAs,
    pidFile: options.pidFile ?? parent,
    rolePidFiles: { vrrp, checker, ...options.rolePidFiles },
  };
}
