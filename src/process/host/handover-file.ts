// Process layer: what a director leaves for the program that goes on in its place, under the same process id: handover.json in the run directory.
import { rmSync } from "node:fs";
import { readWhole } from "../../kernel/regular-file.ts";
import { MAX_HANDOVER_BYTES } from "./places.ts";
import { replaceFile } from "./replace-file.ts";

/** With the time before it. */
const MAX_BYTES = MAX_HANDOVER_BYTES + 100;
/** Who starts later starts; the other program was there in a second. */
const GOOD_FOR_MS = 30_000;

function pathIn(runDir: string): string {
  return `${runDir}/handover.json`;
}

/** @param nowMs CLOCK_MONOTONIC @throws Error ENOSPC */
export function leaveHandover(runDir: string, handover: unknown, nowMs: number): void {
  replaceFile(pathIn(runDir), JSON.stringify([nowMs, handover ?? null]), 0o600);
}

/** Once: nobody finds it again. Undefined when there is none, none that can be read, or one of a program that came to nothing long ago. */
export function takeHandover(runDir: string, nowMs: number): unknown {
  try {
    const [leftAtMs, handover]: unknown[] = JSON.parse(readWhole(pathIn(runDir), MAX_BYTES).toString());
    const ageMs = nowMs - Number(leftAtMs);
    return ageMs >= 0 && ageMs < GOOD_FOR_MS ? handover : undefined;
  } catch {
    return undefined;
  } finally {
    rmSync(pathIn(runDir), { force: true, recursive: true });
  }
}
