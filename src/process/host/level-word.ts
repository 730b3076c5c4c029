// Process layer: the operator's word which log lines are wanted from now on. `lbd log` leaves it in the run directory, where only root can,
// and sends SIGWINCH, which asks for nothing else but to open the log file anew.
import { rmSync } from "node:fs";
import { type LevelWords, levelsText, readLevels } from "../../base/log-levels.ts";
import { readWhole } from "../../kernel/regular-file.ts";
import { replaceFile } from "./replace-file.ts";

const MAX_BYTES = 4096;

function pathIn(runDir: string): string {
  return `${runDir}/log-levels`;
}

/** @throws Error EACCES, ENOSPC */
export function writeLevels(runDir: string, levels: LevelWords): void {
  replaceFile(pathIn(runDir), `${levelsText(levels)}\n`, 0o600);
}

/** Undefined when nobody has said anything since the start, or no levels. */
export function takenLevels(runDir: string): LevelWords | undefined {
  try {
    return readLevels(readWhole(pathIn(runDir), MAX_BYTES).toString("latin1").trim());
  } catch {
    return undefined;
  }
}

/** A start begins with those of its command line. */
export function forgetLevels(runDir: string): void {
  rmSync(pathIn(runDir), { force: true, recursive: true });
}
