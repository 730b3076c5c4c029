// Adapter: a file that others read while it is made anew: written beside its place and renamed when it is whole. What is in its place, a
// link or a FIFO that somebody planted too, is neither opened nor followed: the new file takes the place, as keepalived's does.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";

const { O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** Until it is known to be ours. */
const PRIVATE = 0o600;

export interface NewFile {
  /** @throws Error ENOSPC and others */
  write(text: string): void;
  /** It takes its place; the answer says what it took it from, when that was no regular file. @throws Error EISDIR, EROFS and others */
  done(): string | undefined;
  /** It is taken away; nothing happens after done(). */
  drop(): void;
}

/** @throws Error EACCES, ENOENT, EROFS and others */
export function openNewFile(path: string, mode: number): NewFile {
  // Nobody can take a name that nobody knows; O_EXCL: whatever is there all the same, a link too, is not opened.
  const beside = `${path}.${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex")}`;
  const fd = openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, PRIVATE);
  const { ino } = fstatSync(fd);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    write(text) {
      const bytes = Buffer.from(text, "utf8");
      for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at);
    },
    done() {
      fchmodSync(fd, mode);
      close();
      const before = lstatSync(path, { throwIfNoEntry: false });
      renameSync(beside, path);
      if (!before || before.isFile()) return undefined;
      return before.isSymbolicLink() ? "a symbolic link" : "something that is no regular file";
    },
    drop() {
      close();
      if (lstatSync(beside, { throwIfNoEntry: false })?.ino === ino) unlinkSync(beside);
    },
  };
}
