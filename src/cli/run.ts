// CLI: the default command: runs a director with the configuration that the command line names.
import { resolve } from "node:path";
import { configFiles, stampOf } from "../process/config-files.ts";
import { EXIT } from "../process/options.ts";
import { readConfiguration } from "../process/read-config.ts";
import { ROLE_NAMES } from "../process/roles.ts";
import { runDirector } from "../process/run.ts";
import { settledReader } from "../process/settled-files.ts";
import type { ReadFlags } from "./flags.ts";
import { runOptions } from "./run-options.ts";
import { complainUsage } from "./terminal.ts";

export async function run(flags: ReadFlags): Promise<void> {
  const options = runOptions(flags, (path) => resolve(path));
  if (!options.ok) return complainUsage(options.error, EXIT.failed);
  const { value } = options;
  const read = settledReader(value.configFile, configFiles, (files) => readConfiguration(value, files), {
    stamp: stampOf,
    wallMs: Date.now,
  });
  await runDirector(value, read, ROLE_NAMES);
}
