// Process layer: one reading of the configuration, with this machine's files and names, as the director uses it.

import { messageOf } from "../../base/errors.ts";
import { notYetEffectiveLine } from "../../config/effective/effective.ts";
import type { ConfigFiles } from "../../config/expand/include.ts";
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import { type LoadResult, loadConfig } from "../../config/load.ts";
import { MAX_FILE_BYTES } from "../../config/text/limits.ts";
import { readRegular } from "../../kernel/regular-file.ts";
import type { RunOptions } from "../options.ts";
import { machineContext } from "./bind-context.ts";
import type { Details, Reading } from "./configuration.ts";
import { configFiles } from "./files.ts";
import { onThisMachine } from "./on-this-machine.ts";
import { readBudget } from "./read-budget.ts";
import type { Content } from "./reload-guard.ts";

/** Reads what `options` name. With `strict` a file with an error in it is not used at all. Never throws. */
export function readConfiguration(
  options: Pick<RunOptions, "configFile" | "configId" | "allConfig" | "strict">,
  files: ConfigFiles = configFiles,
): Reading {
  const { configFile, configId, allConfig, strict } = options;
  try {
    const text = loadConfig(
      {
        paths: [configFile],
        ...(configId === undefined ? {} : { configId }),
        allConfig,
        env: process.env,
        random: Math.random,
        context: machineContext(),
        spent: readBudget(),
      },
      files,
    );
    const loaded = onThisMachine(text);
    return reading(configFile, loaded, loaded.usable && !(strict && loaded.errors));
  } catch (error) {
    // Not the user's mistake but ours; what runs must go on all the same.
    const message = `${configFile}: reading it failed: ${messageOf(error)}`;
    return {
      errors: [message],
      errorKeys: () => [message],
      warnings: [],
      content: "nothing",
      details: noDetails,
      effective: () => undefined,
    };
  }
}

function reading(configFile: string, loaded: LoadResult, usable: boolean): Reading {
  const { config, effective, diagnostics, errorKeys } = loaded;
  const lines = (severity: Diagnostic["severity"]) =>
    diagnostics
      .filter((diagnostic) => diagnostic.severity === severity)
      .map((diagnostic) => lineOf(diagnostic, configFile));
  const warnings = lines("warning");
  const found = { errors: lines("error"), errorKeys, warnings, content: contentOf(loaded) };
  if (!usable) return { ...found, details: noDetails, effective: () => undefined };
  return {
    ...found,
    config,
    details() {
      const unbuilt = notYetEffectiveLine(effective.notYetEffective);
      return { sha256: hashOf(loaded.files), notes: unbuilt === undefined ? [] : [unbuilt] };
    },
    effective: () => ({
      config: effective.config,
      blocks: effective.eachBlock(),
      notYetEffective: effective.notYetEffective,
    }),
  };
}

function contentOf({ config, effective, diagnostics }: LoadResult): Content {
  // The tree of values is large and made when asked for: not where the answer is plain.
  if (config.virtualServers.length > 0 || config.vrrp.instances.length > 0) return "blocks";
  if (diagnostics.some(({ code }) => code === "config-empty")) return "nothing";
  return effective.blocks.some(({ origin }) => origin !== "default") ? "blocks" : "nothing-known";
}

const noDetails = (): Details => ({ sha256: null, notes: [] });

/** `keepalived.conf:12:3: unknown keyword qourum (did you mean quorum?)`. */
function lineOf({ span, message, hint }: Diagnostic, configFile: string): string {
  const place = span ? `${span.file.name}:${span.line}:${span.column}` : configFile;
  return `${place}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}

/** Of all files one after the other; null when one of them is gone meanwhile. */
function hashOf(files: readonly string[]): string | null {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const hash = createHash("sha256");
  try {
    for (const file of files) hash.update(readRegular(file, MAX_FILE_BYTES, "followed"));
  } catch {
    return null;
  }
  return hash.digest("hex");
}
