// CLI: which director a command is about, where several run on one machine.
import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { chooseDirector, listed, runningDirectors } from "../process/host/directors.ts";
import { runningDirector } from "../process/host/pidfile.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { writeError } from "./output.ts";
import { complain } from "./terminal.ts";

export const RUN_DIR_HELP = "Run directory of the director; /run/lbd, or that of the only one that runs";

/** The run directory of the director with this pid: in the usual place, else as its own command line says. */
export function runDirOfPid(pid: number): string | undefined {
  const found = runningDirectors().find((one) => one.pid === pid);
  if (found) return found.runDir;
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const at = words.findIndex((word) => /^--run-dir(=|$)/.test(word));
    const given =
      at < 0 ? undefined : words[at] === "--run-dir" ? words[at + 1] : words[at]?.slice("--run-dir=".length);
    return given?.startsWith("/") ? given : undefined;
  } catch {
    return undefined;
  }
}

/** The pid of the director in a run directory, or why there is none. */
export function holder(runDir: string): number | string {
  try {
    return runningDirector(runDir) ?? `no director runs with the run directory ${runDir}`;
  } catch (error) {
    return `${runDir}: ${messageOf(error)}`;
  }
}

/** Runs `then` with the run directory that was given or is meant; complains when that can't be told. */
export async function withRunDir(given: string | undefined, then: (runDir: string) => Promise<void>): Promise<void> {
  if (given !== undefined) return then(given);
  const chosen = chooseDirector(runningDirectors());
  if (!chosen.ok) return complain(chosen.error, ASK_EXIT.usage);
  const { runDir, others } = chosen.value;
  if (others.length > 0) writeError(`lbd: this is ${runDir}; there run also: ${listed(others)}\n`);
  return then(runDir);
}
