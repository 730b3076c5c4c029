// Adapter: files of the kernel that may not be there, or go while one looks.
import { readdirSync, readFileSync } from "node:fs";

/** Empty for a folder that can't be read. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty for a file that can't be read. */
export function readQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
