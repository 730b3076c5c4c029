// Process layer: a small file of ours is replaced as a whole: a reader sees the old text or the new, never a half.
import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a new file and renames it over `path`. @throws Error ENOSPC, EROFS, EACCES; then the old one is as it was */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.new`;
  rmSync(temporary, { force: true });
  try {
    // "wx": fails on anything that is there already, a planted symbolic link too.
    writeFileSync(temporary, text, { flag: "wx", mode });
    // Whatever the umask takes away.
    chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
