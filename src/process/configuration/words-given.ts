// Process layer: what an operator says of the next reload besides that it is to be: that it may take everything away (`lbd reload --allow-empty`),
// or that the program is to go on as the one installed now (`lbd restart`). The command leaves the word in the run directory, where only root
// can, before it sends SIGHUP; a signal alone never says it.
import { lstatSync, rmSync } from "node:fs";
import { replaceFile } from "../host/replace-file.ts";

export type Word = "allow-empty" | "restart";

/** A word that no reload took by then was given for one that never came. */
const GOOD_FOR_MS = 10_000;

function pathIn(runDir: string, word: Word): string {
  return `${runDir}/reload.${word}`;
}

/** @throws Error EACCES, ENOSPC */
export function giveWord(runDir: string, word: Word): void {
  replaceFile(pathIn(runDir, word), "", 0o600);
}

/** Whether the word was given a moment ago. It holds once. */
export function takeWord(runDir: string, word: Word, wallMs: number): boolean {
  const path = pathIn(runDir, word);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  rmSync(path, { force: true, recursive: true });
  const ours = stat.uid === 0 || stat.uid === process.getuid?.();
  return stat.isFile() && ours && Math.abs(wallMs - stat.mtimeMs) < GOOD_FOR_MS;
}
