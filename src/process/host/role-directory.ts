// Process layer: what a role left in its own part of the run directory, looked through before the next director writes there: one that was
// taken over may have filled the memory that /run is, by content or by names.
import { lstatSync, readdirSync, rmSync, type Stats } from "node:fs";
import { JOURNALS, journalFile, type KeepingRole, MAX_JOURNAL_BYTES, roleDirectory } from "./places.ts";

const BLOCK_BYTES = 512;

/** Removes all but the role's journals, and those of a size that we don't write. What can't be removed stays; the start may succeed all the same. */
export function clearRoleDirectory(
  runDir: string,
  role: KeepingRole,
  journals: readonly string[] = JOURNALS[role],
): void {
  const path = roleDirectory(runDir, role);
  const directory = lstatSync(path, { throwIfNoEntry: false });
  if (directory === undefined) return;
  if (!directory.isDirectory()) {
    rmSync(path);
    return;
  }
  const kept = journals.map(journalFile);
  // Names as bytes: one that is no UTF-8 would name nothing afterwards.
  for (const name of readdirSync(path, { encoding: "buffer" })) {
    const file = Buffer.concat([Buffer.from(`${path}/`), name]);
    if (!kept.includes(name.toString("utf8")) || !isJournal(lstatSync(file, { throwIfNoEntry: false }))) remove(file);
  }
}

/** Room that was taken without being content counts (fallocate(2)). */
function isJournal(stat: Stats | undefined): boolean {
  return stat?.isFile() === true && Math.max(stat.size, stat.blocks * BLOCK_BYTES) <= MAX_JOURNAL_BYTES;
}

function remove(path: Buffer): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // EBUSY of what is mounted there, by no role.
  }
}
