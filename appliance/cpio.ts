// Appliance: writes cpio archives in the "newc" form that the kernel unpacks as its first root (Documentation/driver-api/early-userspace).
// Entries are sorted and carry no owner, inode or time of this machine, so that equal input gives equal bytes.

export type CpioEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

const TYPE_BITS = { file: 0o100000, directory: 0o040000, link: 0o120000 } as const;

/** An archive of the entries; missing parent directories are added with mode 0755. Paths are relative, without a leading slash. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array {
  const all = withParents(entries).sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const chunks: Uint8Array[] = [];
  all.forEach((entry, index) => {
    chunks.push(...member(entry.path, index + 1, modeOf(entry), contentOf(entry)));
  });
  chunks.push(...member("TRAILER!!!", 0, 0, new Uint8Array()));
  return Buffer.concat(chunks);
}

function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    const parts = path.split("/");
    for (let n = 1; n < parts.length; n++) {
      const parent = parts.slice(0, n).join("/");
      if (!byPath.has(parent)) byPath.set(parent, { kind: "directory", path: parent, mode: 0o755 });
    }
  }
  return [...byPath.values()];
}

function modeOf(entry: CpioEntry): number {
  return TYPE_BITS[entry.kind] | (entry.kind === "link" ? 0o777 : entry.mode);
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === "file") return entry.content;
  return entry.kind === "link" ? Buffer.from(entry.target) : new Uint8Array();
}

function member(path: string, inode: number, mode: number, content: Uint8Array): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  // magic, inode, mode, uid, gid, links, mtime, size, 2 × device, 2 × device of a node, length of the name, checksum
  const numbers = [inode, mode, 0, 0, 1, 0, content.byteLength, 0, 0, 0, 0, name.byteLength, 0];
  const header = Buffer.from(`070701${numbers.map((n) => n.toString(16).padStart(8, "0")).join("")}`);
  const head = Buffer.concat([header, name]);
  return [head, padding(head.byteLength), content, padding(content.byteLength)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
