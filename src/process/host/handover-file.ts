// Process layer: what a director leaves for the program that goes on in its place, under the same process id: handover.json in the run directory.
import { rmSync } from "node:fs";
import { readWhole } from "../../kernel/regular-file.ts";
import { replaceFile } from "./replace-file.ts";

/** A thousand instances with long names have a tenth of it. */
const MAX_BYTES = 1 << 20;

function pathIn(runDir: string): string {
  return `${runDir}/handover.json`;
}

/** @throws Error ENOSPC */
export function leaveHandover(runDir: string, handover: unknown): void {
  replaceFile(pathIn(runDir), JSON.stringify(handover ?? null), 0o600);
}

/** Once: nobody finds it again. Undefined when there is none, or none that can be read. */
export function takeHandover(runDir: string): unknown {
  try {
    return JSON.parse(readWhole(pathIn(runDir), MAX_BYTES).toString());
  } catch {
    return undefined;
  } finally {
    rmSync(pathIn(runDir), { force: true, recursive: true });
  }
}
