// Adapter: opens what has to be a regular file, and nothing else: no FIFO can hold the process up, no device be written, and where the path is
// ours alone no symbolic link leads elsewhere. What was opened is looked at by its descriptor.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";

const { O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Nothing waits for the other end of a FIFO, and no terminal becomes ours. */
const CAREFULLY = O_NONBLOCK | O_NOCTTY;

/** @throws Error with the code of open(2), ELOOP for a link that is not to be followed; or saying that it is no regular file */
function openRegular(path: string, flags: number, mode = 0): number {
  const fd = openSync(path, flags | CAREFULLY, mode);
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a regular file`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The whole of a regular file. `links`: whether the last part of the path may be a symbolic link.
 * @throws Error as open(2), for what is no regular file, and beyond `maxBytes`
 */
export function readRegular(path: string, maxBytes: number, links: "followed" | "refused"): Buffer {
  const fd = openRegular(path, O_RDONLY | (links === "refused" ? O_NOFOLLOW : 0));
  try {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      // No more than is taken, whatever size it says that it has.
      const piece = Buffer.allocUnsafe(Math.max(4096, Math.min(fstatSync(fd).size, maxBytes) - bytes + 1));
      const count = readSync(fd, piece);
      if (count === 0) return Buffer.concat(pieces);
      bytes += count;
      if (bytes > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`);
      pieces.push(piece.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}

/** As readRegular(), of what the user names, which may be a link. */
export function readWhole(path: string, maxBytes: number): Buffer {
  return readRegular(path, maxBytes, "followed");
}

/**
 * What a file of root or of this user says, and when it was written: no link of either kind, which others may have laid in a directory of
 * everybody's. undefined for a file of others, with other names, or beyond `maxBytes`. @throws Error as open(2)
 */
export function readTrusted(
  path: string,
  maxBytes: number,
): { readonly text: string; readonly mtimeMs: number } | undefined {
  const fd = openRegular(path, O_RDONLY | O_NOFOLLOW);
  try {
    const stats = fstatSync(fd);
    if (whyNotTrusted(stats) !== undefined || stats.size > maxBytes) return undefined;
    const bytes = Buffer.alloc(maxBytes);
    return { text: bytes.toString("latin1", 0, readSync(fd, bytes)), mtimeMs: stats.mtimeMs };
  } finally {
    closeSync(fd);
  }
}

/** What speaks against a file that only root or this user should have made; undefined: nothing. */
export function whyNotTrusted({ uid, nlink }: { readonly uid: number; readonly nlink: number }): string | undefined {
  if (uid !== 0 && uid !== process.getuid?.()) return `belongs to user ${uid}, wanted root or this user`;
  return nlink > 1 ? "has more names than this one (hard links)" : undefined;
}

/** Gives a file this content, whoever's it is; but none that has another name, too. @throws Error EEXIST when it is there and `overwrite` is not set; ELOOP for a symbolic link; others */
export function writeRegular(
  path: string,
  text: string,
  options: { readonly overwrite: boolean; readonly mode: number },
) {
  const fd = openRegular(path, O_WRONLY | O_CREAT | O_NOFOLLOW | (options.overwrite ? 0 : O_EXCL), options.mode);
  try {
    if (fstatSync(fd).nlink > 1) throw new Error(`${path} has more names than this one (hard links)`);
    ftruncateSync(fd, 0);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Adds text at the end of a file of ours, made if missing. @throws Error ELOOP for a symbolic link; for a file of others; others */
export function appendRegular(path: string, text: string, mode: number): void {
  const fd = openRegular(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, mode);
  try {
    const against = whyNotTrusted(fstatSync(fd));
    if (against !== undefined) throw new Error(`${path} ${against}`);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Takes a regular file, or a link, away; nothing happens where there is none. @throws Error for anything else, and as unlink(2) */
export function removeRegular(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isFile() && !there.isSymbolicLink()) throw new Error(`${path} is not a regular file: it stays`);
  unlinkSync(path);
}
