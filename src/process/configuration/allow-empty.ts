// Process layer: the operator's word that the next reload may take everything away. `lbd reload --allow-empty` leaves it in the run
// directory, where only root can, before it sends SIGHUP; a signal alone never says it.
import { lstatSync, rmSync } from "node:fs";
import { replaceFile } from "../host/replace-file.ts";

/** A word that no reload took by then was given for one that never came. */
const GOOD_FOR_MS = 10_000;

function pathIn(runDir: string): string {
  return `${runDir}/reload.allow-empty`;
}

/** @throws Error EACCES, ENOSPC */
export function allowEmpty(runDir: string): void {
  replaceFile(pathIn(runDir), "", 0o600);
}

/** Whether the word was given a moment ago. It holds once. */
export function takeAllowEmpty(runDir: string, wallMs: number): boolean {
  const path = pathIn(runDir);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  rmSync(path, { force: true, recursive: true });
  const ours = stat.uid === 0 || stat.uid === process.getuid?.();
  return stat.isFile() && ours && Math.abs(wallMs - stat.mtimeMs) < GOOD_FOR_MS;
}
