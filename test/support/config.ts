// Reads configuration text as a director would, with files in memory and a fixed machine.
import { type BindContext, type BindResult, bindConfig } from "../../src/config/bind.ts";
import type { Diagnostic } from "../../src/config/diagnostic.ts";
import { readConfig } from "../../src/config/expand.ts";
import type { ConfigFiles } from "../../src/config/include.ts";
import { VOCABULARY } from "../../src/config/keywords/homes.ts";
import { parseConfig } from "../../src/config/parser.ts";

export interface ReadText extends BindResult {
  /** Findings of reading, parsing and binding, in this order. */
  readonly findings: readonly Diagnostic[];
}

/** Binds a text that is named `k.conf`. */
export function bindText(text: string, context: Partial<BindContext> = {}): ReadText {
  return bindFiles(memoryFiles(new Map([["/k.conf", text]])), "/k.conf", context);
}

/** Binds a file of some file system. */
export function bindFiles(files: ConfigFiles, path: string, context: Partial<BindContext> = {}): ReadText {
  const reading = readConfig([path], files, {
    configId: "a",
    env: { HOSTNAME: "director" },
    random: () => 0.5,
    allConfig: false,
  });
  const tree = parseConfig(reading, VOCABULARY);
  const result = bindConfig(tree, { hostName: "director", ...context });
  return {
    config: result.config,
    effective: result.effective,
    diagnostics: result.diagnostics,
    findings: [...reading.findings.list, ...result.diagnostics],
  };
}

function memoryFiles(texts: ReadonlyMap<string, string>): ConfigFiles {
  return {
    read: (path) => {
      const text = texts.get(path);
      return text === undefined
        ? { ok: false, error: { kind: "missing" } }
        : { ok: true, value: new TextEncoder().encode(text) };
    },
    list: () => [...texts.keys()].map((path) => path.slice(1)),
    exists: (path) => texts.has(path),
    resolve: (path) => path,
  };
}

/** Findings as short lines: `2:5 error unknown-keyword`. */
export function briefly(findings: readonly Diagnostic[]): string[] {
  return findings.map(({ severity, code, span }) => `${span?.line}:${span?.column} ${severity} ${code}`);
}
