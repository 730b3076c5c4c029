// Process layer: one reading of the configuration, as the director uses it. What it asks the outside is world.ts.

import { messageOf } from "../../base/errors.ts";
import { notYetEffectiveLine } from "../../config/effective/effective.ts";
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import { type LoadResult, loadConfig } from "../../config/load.ts";
import type { RunOptions } from "../options.ts";
import type { Reading } from "./configuration.ts";
import { onThisMachine } from "./on-this-machine.ts";
import type { Content } from "./reload-guard.ts";
import type { World } from "./world.ts";

export interface ReadOptions extends Pick<RunOptions, "configFile" | "configId" | "allConfig" | "strict"> {
  /** For `${_ENV NAME}`; absent: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What a reading may cost; absent: whatever it does. */
  readonly spent?: () => string | undefined;
}

/** Reads what `options` name. With `strict` a file with an error in it is not used at all. Never throws. */
export function readConfiguration(options: ReadOptions, world: World): Reading {
  const { configFile, configId, allConfig, strict, env = process.env, spent } = options;
  try {
    const text = loadConfig(
      {
        paths: [configFile],
        ...(configId === undefined ? {} : { configId }),
        allConfig,
        env,
        random: world.random,
        context: {
          hostName: world.hostName(),
          lookupName: (table, name, directories = {}) => world.numberOf(table, name, directories),
          hasAccount: world.hasAccount,
          readKeyFile: world.keyFile,
        },
        ...(spent && { spent }),
      },
      world,
    );
    const loaded = onThisMachine(text, { machine: world, ...world });
    return reading(configFile, loaded, loaded.usable && !(strict && loaded.errors));
  } catch (error) {
    // Not the user's mistake but ours; what runs must go on all the same.
    return unread(`${configFile}: reading it failed: ${messageOf(error)}`);
  }
}

/** A reading that gives nothing but why. */
export function unread(message: string): Reading {
  return {
    errors: [message],
    errorKeys: () => [message],
    warnings: [],
    content: "nothing",
    files: [],
    notes: () => [],
    effective: () => undefined,
  };
}

function reading(configFile: string, loaded: LoadResult, usable: boolean): Reading {
  const { config, effective, diagnostics, errorKeys } = loaded;
  const lines = (severity: Diagnostic["severity"]) =>
    diagnostics
      .filter((diagnostic) => diagnostic.severity === severity)
      .map((diagnostic) => lineOf(diagnostic, configFile));
  const warnings = lines("warning");
  const found = { errors: lines("error"), errorKeys, warnings, content: contentOf(loaded), files: loaded.files };
  if (!usable) return { ...found, notes: () => [], effective: () => undefined };
  return {
    ...found,
    config,
    notes() {
      const unbuilt = notYetEffectiveLine(effective.notYetEffective);
      return unbuilt === undefined ? [] : [unbuilt];
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

/** `keepalived.conf:12:3: unknown keyword qourum (did you mean quorum?)`. */
function lineOf({ span, message, hint }: Diagnostic, configFile: string): string {
  const place = span ? `${span.file.name}:${span.line}:${span.column}` : configFile;
  return `${place}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}
