// Config core: from files to the typed configuration and everything that is to be said about it. Pure: the files, the
// environment and chance are handed in.
import { type BindContext, bindConfig } from "./bind.ts";
import { withoutConsequences } from "./consequences.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { EffectiveTree } from "./effective.ts";
import { readConfig } from "./expand.ts";
import type { ConfigFiles } from "./include.ts";
import { VOCABULARY } from "./keywords/homes.ts";
import type { Config } from "./model.ts";
import { parseConfig } from "./parser.ts";
import { arrange } from "./render.ts";

export interface LoadRequest {
  /** Files or patterns that together are one configuration, as `-f` names them. */
  readonly paths: readonly string[];
  /** For `@ID` lines and `${_INSTANCE}`; absent: the host name up to its first dot. */
  readonly configId?: string;
  /** Variables for `${_ENV NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A number from 0 to below 1, for `${_RANDOM}`. */
  readonly random: () => number;
  /** `-e`: every include problem is an error. */
  readonly allConfig?: boolean;
  readonly context: BindContext;
}

export interface LoadResult {
  /** What can be used of the files; complete only without errors. */
  readonly config: Config;
  readonly effective: EffectiveTree;
  /** In the order of files and lines, without repetitions. */
  readonly diagnostics: readonly Diagnostic[];
  /** Names of all files that were read, in the order of reading. */
  readonly files: readonly string[];
  /** At least one diagnostic is an error. */
  readonly errors: boolean;
  /** A file that was asked for by name could not be read. */
  readonly unreadable: boolean;
}

/** Reads, parses and binds a configuration. Never throws. */
export function loadConfig(request: LoadRequest, files: ConfigFiles): LoadResult {
  const reading = readConfig(request.paths, files, {
    configId: request.configId ?? defaultConfigId(request.context.hostName),
    env: request.env,
    random: request.random,
    allConfig: request.allConfig ?? false,
  });
  const tree = parseConfig(reading, VOCABULARY);
  const bound = bindConfig(tree, request.context);
  reading.findings.merge(withoutConsequences(bound.diagnostics, reading.findings.list, tree));
  const found: Diagnostic[] = [...reading.findings.list];
  if (tree.statements.length === 0 && found.every((diagnostic) => diagnostic.severity === "note"))
    found.push({
      severity: "warning",
      code: "config-empty",
      message: `nothing is configured in ${request.paths.join(" ")}`,
    });
  const diagnostics = arrange(found, reading.files);
  return {
    config: bound.config,
    effective: bound.effective,
    diagnostics,
    files: [...new Set(reading.files.map((file) => file.name))],
    errors: diagnostics.some((diagnostic) => diagnostic.severity === "error"),
    unreadable: reading.unreadable,
  };
}

/** The host name up to its first dot. */
export function defaultConfigId(hostName: string): string {
  return hostName.split(".")[0] ?? "";
}
