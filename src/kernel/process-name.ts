// Adapter: the name of a process, for words about who did something.
import { readFileSync } from "node:fs";

/** Its name as `ps` shows it; undefined once it has ended. Never throws. */
export function processName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}
