// Roles: what a role added to the kernel, kept in its own part of the run directory so that the next process of the role knows its own things
// after a crash. /run is memory: a restart of the machine forgets it together with the kernel's tables.
import { rmSync } from "node:fs";
import { readRegular } from "../kernel/regular-file.ts";
import {
  type JOURNALS,
  journalFile,
  type KeepingRole,
  MAX_JOURNAL_BYTES,
  roleDirectory,
} from "../process/host/places.ts";
import { replaceFile } from "../process/host/replace-file.ts";

export interface Journal<T> {
  /** What was written last; undefined when there is nothing, or nothing that `parse` takes. */
  read(): T | undefined;
  /** Replaces it as a whole. @throws Error ENOSPC */
  write(value: T): void;
  /** Nothing of ours is in the kernel any more. */
  clear(): void;
}

/** Each role has its own; `of`: what of the role it is about. */
export function journalPath(
  runDir: string,
  role: string,
  of: (typeof JOURNALS)[KeepingRole][number] = "kernel",
): string {
  return `${roleDirectory(runDir, role)}/${journalFile(of)}`;
}

/** @param parse gives undefined for what is no value of this journal */
export function openJournal<T>(path: string, parse: (raw: unknown) => T | undefined): Journal<T> {
  return {
    read() {
      try {
        return parse(JSON.parse(readRegular(path, MAX_JOURNAL_BYTES, "refused").toString("utf8")));
      } catch {
        return undefined;
      }
    },
    write: (value) => replaceFile(path, JSON.stringify(value), 0o600),
    clear: () => rmSync(path, { force: true }),
  };
}
