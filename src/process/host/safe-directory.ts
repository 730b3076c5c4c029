// Process layer: whether a directory is one that only root (or this user) can put something into, all the way down from the root of the
// file system: whoever may exchange a part of a path decides what lies at its end.
import { constants, lstatSync, readlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** kernel: as many symbolic links as a path may lead over. */
const MAX_LINKS = 40;
const STICKY = 0o1000;

/** Checks what there is of an absolute path; parts that are missing are the caller's to make. @throws Error naming the part and why */
export function checkDirectory(path: string): void {
  let links = 0;
  let open = parts(path);
  let at = "/";
  check("/", "/");
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    const next = resolve(at, name);
    const stat = lstatSync(next, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isSymbolicLink()) {
      if (!isTrusted(stat.uid)) throw new Error(`${next} is a symbolic link of user ${stat.uid} (${path})`);
      if (++links > MAX_LINKS) throw new Error(`symbolic links lead in a circle at ${next} (${path})`);
      const target = resolve(dirname(next), readlinkSync(next));
      open = [...parts(target), ...open];
      at = "/";
      continue;
    }
    check(next, path);
    at = next;
  }
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function check(part: string, path: string): void {
  const stat = lstatSync(part);
  const where = part === path ? path : `${part}, above ${path}`;
  if (!stat.isDirectory()) throw new Error(`not a directory (${where})`);
  if (!isTrusted(stat.uid)) throw new Error(`belongs to user ${stat.uid}, wanted root or this user (${where})`);
  const others = stat.mode & (constants.S_IWGRP | constants.S_IWOTH);
  // With the sticky bit, as in /tmp, others can add names, but not exchange ours. At the end of the path nobody may add any.
  if (others !== 0 && (part === path || (stat.mode & STICKY) === 0))
    throw new Error(`others may write to it, mode ${(stat.mode & 0o7777).toString(8)} (${where})`);
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.();
}
