// Process layer: a small file of ours is replaced as a whole: a reader sees the old text or the new, never a half.
import { renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a new file and renames it over `path`. @throws Error ENOSPC, EROFS, EACCES; then the old one is as it was */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.new`;
  rmSync(temporary, { force: true });
  try {
    writeNew(temporary, text, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** With this mode whatever the umask takes away: a role may change no mode afterwards (kernel/role-filter.ts). */
function writeNew(path: string, text: string, mode: number): void {
  const mask = process.umask(0);
  try {
    // "wx": fails on anything that is there already, a planted symbolic link too.
    writeFileSync(path, text, { flag: "wx", mode });
  } finally {
    process.umask(mask);
  }
}
