// CLI: keepalived's `-t [LOG_FILE]`: test the configuration and end, with keepalived's exit status (language.md §17).
import { appendFileSync } from "node:fs";
import type { Diagnostic } from "../config/diagnostic.ts";
import { type LoadResult, loadConfig } from "../config/load.ts";
import { renderDiagnostic } from "../config/render.ts";
import { machineContext } from "../process/bind-context.ts";
import { configFiles } from "../process/config-files.ts";

/** What init scripts know from keepalived. */
export const TEST_EXIT = {
  ok: 0,
  /** The log file can't be written. */
  failed: 1,
  /** A keyword lacks its word. */
  missingWord: 2,
  /** Nothing can be made of the file: keepalived's fatal class. Ours: it can't be read, or is beyond a limit. */
  fatal: 4,
  errors: 5,
  /** Script security, or an include that had to be there. */
  security: 6,
} as const;

export interface ConfigTestOptions {
  readonly configFile: string;
  readonly configId?: string;
  readonly allConfig: boolean;
  /** Findings are appended here instead of standard error. */
  readonly logFile?: string;
}

/** Prints the findings and gives the exit status. Notes are left out: keepalived's tests are read by machines. */
export function configTest(options: ConfigTestOptions): number {
  const { configFile, configId, allConfig, logFile } = options;
  const request = {
    paths: [configFile],
    env: process.env,
    random: Math.random,
    allConfig,
    context: machineContext(),
  };
  const result = loadConfig(configId === undefined ? request : { ...request, configId }, configFiles);
  const said = result.diagnostics.filter(({ severity }) => severity !== "note");
  const text = said.map((diagnostic) => `${renderDiagnostic(diagnostic, { color: false })}\n`).join("");
  if (logFile === undefined || logFile === "") process.stderr.write(text);
  else {
    try {
      appendFileSync(logFile, text, { mode: 0o600 });
    } catch (error) {
      process.stderr.write(`lbd: can't write ${logFile}: ${error instanceof Error ? error.message : String(error)}\n`);
      return TEST_EXIT.failed;
    }
  }
  return testExit(result);
}

function testExit(result: LoadResult): number {
  const codes = new Set(result.diagnostics.filter(isError).map(({ code }) => code));
  if (codes.size === 0) return TEST_EXIT.ok;
  if (SECURITY_CODES.some((code) => codes.has(code))) return TEST_EXIT.security;
  if (codes.has("missing-value")) return TEST_EXIT.missingWord;
  return [...codes].every((code) => FATAL_CODES.includes(code)) ? TEST_EXIT.fatal : TEST_EXIT.errors;
}

/** What keepalived's test counts as an error. Old words that still work and odd groups are only warnings of ours. */
function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === "error" || REPORTED_CODES.includes(diagnostic.code);
}

const REPORTED_CODES = [
  "deprecated",
  "duplicate-member",
  "lonely-group",
  "nothing-to-serve",
  "quorum-too-high",
  "without-effect",
];

const SECURITY_CODES = ["include-missing", "include-unreadable", "script-security"];
const FATAL_CODES = ["file-missing", "file-unreadable", "limit-exceeded", "utf-16-file"];
