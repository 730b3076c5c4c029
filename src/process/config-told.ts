// Process layer, parent: what is told of a configuration, to the log and in the status.
import type { Log } from "../base/log.ts";
import type { ConfigStatus } from "../status/schema.ts";
import type { FindingLines } from "./reader-messages.ts";

/** Findings that are logged one by one; a file that is no configuration at all has one in every line. */
const MAX_LOGGED_FINDINGS = 50;

/** Of a file that nobody has read yet. */
export function unreadStatus(file: string): ConfigStatus {
  return {
    file,
    state: "reading",
    loadedAt: null,
    sha256: null,
    warnings: 0,
    errorCount: 0,
    tolerated: [],
    stale: false,
    errors: [],
    reloads: 0,
    lastReload: null,
  };
}

export function logFindings(log: Log, { errors, warnings, errorCount, warningCount }: FindingLines): void {
  const lines = [
    ...errors.map((message) => ({ level: "error", area: "config", message }) as const),
    ...warnings.map((message) => ({ level: "warning", area: "config", message }) as const),
  ].slice(0, MAX_LOGGED_FINDINGS);
  for (const line of lines) log(line);
  const more = errorCount + warningCount - lines.length;
  if (more > 0) log({ level: "warning", area: "config", message: `${more} more findings, see lbd check` });
}

export function toleratedLine(errors: number): string {
  const counted = errors === 1 ? "1 error" : `${errors} errors`;
  return `loaded with ${counted}: what each names is left out, or has the value that it says (--strict would refuse)`;
}
