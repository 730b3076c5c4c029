// Reads configuration text as a director would, with files in memory and a fixed machine.
import type { BindContext } from "../../src/config/bind.ts";
import type { ConfigFiles } from "../../src/config/expand/include.ts";
import type { Diagnostic } from "../../src/config/findings/diagnostic.ts";
import { type LoadResult, loadConfig } from "../../src/config/load.ts";

/** Loads a text that is named `/k.conf`. */
export function bindText(text: string, context: Partial<BindContext> = {}): LoadResult {
  return bindFiles(memoryFiles(new Map([["/k.conf", text]])), "/k.conf", context);
}

/** Loads a file of some file system. */
export function bindFiles(files: ConfigFiles, path: string, context: Partial<BindContext> = {}): LoadResult {
  const request = { paths: [path], configId: "a", env: { HOSTNAME: "director" }, random: () => 0.5 };
  return loadConfig({ ...request, context: { hostName: "director", ...context } }, files);
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
