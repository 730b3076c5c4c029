// Appliance core: makes FAT16 file systems with long names (Microsoft, «FAT32 File System Specification» 1.03; the long names of its
// second part). Equal content gives equal bytes. Only what is used is made: the pieces leave out the clusters of nobody.
import type { Piece } from "./pieces.ts";

const SECTOR = 512;
const ENTRY = 32;
const ROOT_ENTRIES = 512;
const RESERVED_SECTORS = 4;
const FATS = 2;
const MEDIA = 0xf8;
/** Between these numbers of clusters a file system is FAT16, and nothing else says so (§3.5). */
const MIN_CLUSTERS = 4085;
const MAX_CLUSTERS = 65_524;
const LAST = 0xffff;
const ATTRIBUTE = { volume: 0x08, folder: 0x10, archive: 0x20, longName: 0x0f } as const;

export interface FatOptions {
  readonly bytes: number;
  /** Up to 11 letters, as a laptop shows it. */
  readonly label: string;
  /** Volume serial number, 32 bits. */
  readonly serial: number;
  /** Seconds of 1970 that every file is dated with. */
  readonly epochS: number;
  /** Sectors before the partition, for firmware that looks at them. */
  readonly hiddenSectors?: number;
}

/** The configuration partition, of an image and of a disk that is written with a configuration. */
export const CONFIGURATION_FAT = { label: "LBD-CONF", serial: 0x1bd0_0002 } as const;

/**
 * A file system.
 * @param files content by path, `EFI/BOOT/BOOTX64.EFI`
 * @throws RangeError when it has no room for them, or a name that FAT can't have
 */
export function makeFat(options: FatOptions, files: ReadonlyMap<string, Uint8Array>): readonly Piece[] {
  const shape = shapeOf(options.bytes);
  const root = treeOf(files);
  const clusters = createClusters(shape);
  const place = (folder: Folder, ownCluster: number, parentCluster: number): Uint8Array => {
    const entries = [...folder.children.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const short = shortNames(entries.map(([name]) => name));
    const bytes: Uint8Array[] = [];
    if (ownCluster > 0) bytes.push(dots(ownCluster, parentCluster, options.epochS));
    for (const [name, child] of entries) {
      const alias = short.get(name) ?? "";
      const head = longName(name, alias);
      if (child instanceof Uint8Array) {
        const first = clusters.put(child);
        bytes.push(head, entry(alias, ATTRIBUTE.archive, first, child.byteLength, options.epochS));
      } else {
        // Its first cluster is known before what is in it: «..» of the folders below names it.
        const reserved = clusters.reserve(folderBytes(child));
        clusters.fill(reserved, place(child, reserved, ownCluster));
        bytes.push(head, entry(alias, ATTRIBUTE.folder, reserved, 0, options.epochS));
      }
    }
    return concatenated(bytes);
  };
  const label = entry(options.label.toUpperCase().padEnd(11).slice(0, 11), ATTRIBUTE.volume, 0, 0, options.epochS);
  const rootBytes = concatenated([label, place(root, 0, 0)]);
  if (rootBytes.byteLength > ROOT_ENTRIES * ENTRY)
    throw new RangeError(`the first folder has room for ${ROOT_ENTRIES} entries, and its names need more: use folders`);
  const rootArea = new Uint8Array(ROOT_ENTRIES * ENTRY);
  rootArea.set(rootBytes);
  const table = clusters.table();
  return [
    { offset: 0, bytes: bootSector(options, shape) },
    ...Array.from({ length: FATS }, (_, n) => ({
      offset: (RESERVED_SECTORS + n * shape.fatSectors) * SECTOR,
      bytes: table,
    })),
    { offset: (RESERVED_SECTORS + FATS * shape.fatSectors) * SECTOR, bytes: rootArea },
    ...clusters.pieces(),
  ];
}

type Folder = { readonly children: Map<string, Folder | Uint8Array> };

function treeOf(files: ReadonlyMap<string, Uint8Array>): Folder {
  const root: Folder = { children: new Map() };
  for (const [path, content] of files) {
    const names = path.split("/");
    let folder = root;
    for (const [n, name] of names.entries()) {
      if (!isFatName(name)) throw new RangeError(`FAT can't have the name ${JSON.stringify(name)} (of ${path})`);
      // FAT does not tell upper case from lower case.
      const same = [...folder.children.keys()].find((other) => other.toUpperCase() === name.toUpperCase()) ?? name;
      const there = folder.children.get(same);
      if (n === names.length - 1) {
        if (there !== undefined) throw new RangeError(`FAT can't tell ${path} from ${same}`);
        folder.children.set(name, content);
      } else if (there instanceof Uint8Array) throw new RangeError(`${path}: ${same} is a file`);
      else {
        const next: Folder = there ?? { children: new Map() };
        folder.children.set(same, next);
        folder = next;
      }
    }
  }
  return root;
}

/** A name that FAT can have: no folder above, no control characters. */
export function isFatName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: FAT refuses them.
  return name !== "" && name.length <= 255 && !/[\u0000-\u001f"*/:<>?\\|]/.test(name) && !/^\.+$|[. ]$/.test(name);
}

interface Shape {
  readonly sectors: number;
  readonly clusterSectors: number;
  readonly clusters: number;
  readonly fatSectors: number;
  readonly dataSector: number;
}

function shapeOf(bytes: number): Shape {
  const sectors = Math.floor(bytes / SECTOR);
  const rootSectors = (ROOT_ENTRIES * ENTRY) / SECTOR;
  for (let clusterSectors = 4; clusterSectors <= 64; clusterSectors *= 2) {
    const most = Math.floor((sectors - RESERVED_SECTORS - rootSectors) / clusterSectors);
    const fatSectors = Math.ceil(((most + 2) * 2) / SECTOR);
    const dataSector = RESERVED_SECTORS + FATS * fatSectors + rootSectors;
    const clusters = Math.floor((sectors - dataSector) / clusterSectors);
    if (clusters >= MIN_CLUSTERS && clusters <= MAX_CLUSTERS)
      return { sectors, clusterSectors, clusters, fatSectors, dataSector };
  }
  throw new RangeError(`FAT16 has 8 MiB to 2 GiB, and ${bytes} bytes are asked for`);
}

function createClusters({ clusterSectors, clusters, fatSectors, dataSector }: Shape) {
  const clusterBytes = clusterSectors * SECTOR;
  const table = new Uint16Array((fatSectors * SECTOR) / 2);
  table.set([0xff00 | MEDIA, LAST]);
  const pieces: Piece[] = [];
  let next = 2;
  const reserve = (bytes: number): number => {
    const count = Math.ceil(bytes / clusterBytes);
    if (count === 0) return 0;
    if (next + count > clusters + 2)
      throw new RangeError(`there is room for ${clusters * clusterBytes} bytes, and the files need more`);
    const first = next;
    for (let n = 0; n < count; n++) table[first + n] = n === count - 1 ? LAST : first + n + 1;
    next += count;
    return first;
  };
  const fill = (first: number, content: Uint8Array) => {
    const bytes = new Uint8Array(Math.ceil(content.byteLength / clusterBytes) * clusterBytes);
    bytes.set(content);
    pieces.push({ offset: (dataSector + (first - 2) * clusterSectors) * SECTOR, bytes });
  };
  return {
    reserve,
    fill,
    put(content: Uint8Array): number {
      const first = reserve(content.byteLength);
      if (first > 0) fill(first, content);
      return first;
    },
    table: () => new Uint8Array(littleEndian(table)),
    pieces: () => pieces,
  };
}

function littleEndian(words: Uint16Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(words.byteLength));
  for (const [n, word] of words.entries()) view.setUint16(n * 2, word, true);
  return view.buffer;
}

/** §3.1: the fields of the first sector. */
function bootSector({ label, serial, hiddenSectors = 0 }: FatOptions, shape: Shape): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  const view = new DataView(bytes.buffer);
  bytes.set([0xeb, 0x3c, 0x90]);
  bytes.set(ascii("MSWIN4.1"), 3);
  view.setUint16(11, SECTOR, true);
  bytes[13] = shape.clusterSectors;
  view.setUint16(14, RESERVED_SECTORS, true);
  bytes[16] = FATS;
  view.setUint16(17, ROOT_ENTRIES, true);
  if (shape.sectors < 0x1_0000) view.setUint16(19, shape.sectors, true);
  else view.setUint32(32, shape.sectors, true);
  bytes[21] = MEDIA;
  view.setUint16(22, shape.fatSectors, true);
  // Geometry, which nobody asks a partition for any more.
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  view.setUint32(28, hiddenSectors, true);
  bytes[36] = 0x80;
  bytes[38] = 0x29;
  view.setUint32(39, serial >>> 0, true);
  bytes.set(ascii(label.toUpperCase().padEnd(11).slice(0, 11)), 43);
  bytes.set(ascii("FAT16   "), 54);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

/** What «.» and «..», long names and short ones of a folder need. */
function folderBytes(folder: Folder): number {
  const names = [...folder.children.keys()];
  const short = shortNames(names);
  return names.reduce((sum, name) => sum + longName(name, short.get(name) ?? "").byteLength + ENTRY, 2 * ENTRY);
}

function dots(own: number, parent: number, epochS: number): Uint8Array {
  return concatenated([
    entry(".".padEnd(11), ATTRIBUTE.folder, own, 0, epochS),
    entry("..".padEnd(11), ATTRIBUTE.folder, parent, 0, epochS),
  ]);
}

function entry(alias: string, attribute: number, cluster: number, bytes: number, epochS: number): Uint8Array {
  const out = new Uint8Array(ENTRY);
  const view = new DataView(out.buffer);
  out.set(ascii(alias));
  out[11] = attribute;
  const { date, time } = dosTime(epochS);
  view.setUint16(14, time, true);
  view.setUint16(16, date, true);
  view.setUint16(18, date, true);
  view.setUint16(22, time, true);
  view.setUint16(24, date, true);
  view.setUint16(26, cluster, true);
  view.setUint32(28, bytes, true);
  return out;
}

/** §6.4: years from 1980, two seconds are one. */
function dosTime(epochS: number): { readonly date: number; readonly time: number } {
  const at = new Date(Math.max(epochS, 315_532_800) * 1000);
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}

/** A short name for each: its own where it is one, else letters of it with a number that no other has. */
function shortNames(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const found = new Map<string, string>();
  const take = (name: string, alias: string) => {
    taken.add(alias);
    found.set(name, alias);
  };
  for (const name of names) {
    const alias = plainAlias(name);
    if (alias !== undefined && !taken.has(alias)) take(name, alias);
  }
  for (const name of names) {
    if (found.has(name)) continue;
    const dot = name.lastIndexOf(".");
    const [base, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ""];
    for (let n = 1; !found.has(name); n++) {
      const tail = `~${n}`;
      const alias =
        `${letters(base).slice(0, 8 - tail.length)}${tail}`.padEnd(8) + letters(extension).slice(0, 3).padEnd(3);
      if (!taken.has(alias)) take(name, alias);
    }
  }
  return found;
}

/** The eleven letters of a name that needs no long one. */
function plainAlias(name: string): string | undefined {
  const [, base = "", extension = ""] =
    /^([A-Z0-9_$~!#%&@^{}()'`-]{1,8})(?:\.([A-Z0-9_$~!#%&@^{}()'`-]{1,3}))?$/.exec(name) ?? [];
  return base === "" ? undefined : base.padEnd(8) + extension.padEnd(3);
}

function letters(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9_-]/g, "");
}

/** The entries before a short name, last part first; none where the short name says it all. */
function longName(name: string, alias: string): Uint8Array {
  if (plainAlias(name) === alias) return new Uint8Array();
  const units = [...name].flatMap((character) =>
    Array.from({ length: character.length }, (_, n) => character.charCodeAt(n)),
  );
  const count = Math.ceil(units.length / 13);
  // Behind the end stands one zero, and ones behind that.
  const padded = units.length % 13 === 0 ? units : [...units, 0];
  const sum = ascii(alias).reduce((value, byte) => (((value & 1) << 7) + (value >> 1) + byte) & 0xff, 0);
  const out = new Uint8Array(count * ENTRY);
  for (let part = 0; part < count; part++) {
    const view = new DataView(out.buffer, (count - 1 - part) * ENTRY, ENTRY);
    view.setUint8(0, (part + 1) | (part === count - 1 ? 0x40 : 0));
    view.setUint8(11, ATTRIBUTE.longName);
    view.setUint8(13, sum);
    for (const [n, at] of LONG_NAME_PLACES.entries()) view.setUint16(at, padded[part * 13 + n] ?? 0xffff, true);
  }
  return out;
}

const LONG_NAME_PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}
