// Appliance core: the table of partitions (UEFI specification 2.10, §5.3): read, and fitted to a disk that is larger than the image.
import type { Piece } from "./pieces.ts";

const SECTOR = 512;
const SIGNATURE = "EFI PART";
const HEADER_BYTES = 92;
/** More than any disk has; sizes of a damaged table must not be believed. */
const MAX_ENTRIES = 1024;

export interface GptPartition {
  /** From 1. */
  readonly number: number;
  readonly name: string;
  /** From the start of the disk. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Gpt {
  readonly partitions: readonly GptPartition[];
  /** Where the table's copy lies behind the last partition, with its header: what a disk needs at least. */
  readonly diskBytes: number;
}

/** Bytes of a disk's start that readGpt() and fitted() look at: protective MBR, header and 128 entries. */
export const GPT_START_BYTES = 34 * SECTOR;

/** @param start first GPT_START_BYTES of a disk or image; undefined: there is no table, or it is damaged */
export function readGpt(start: Uint8Array): Gpt | undefined {
  const table = tableOf(start);
  if (!table) return undefined;
  const { view, entries, entryBytes } = table;
  const partitions: GptPartition[] = [];
  for (let n = 0; (n + 1) * entryBytes <= entries.byteLength; n++) {
    const entry = new DataView(entries.buffer, entries.byteOffset + n * entryBytes, entryBytes);
    const [first, last] = [Number(entry.getBigUint64(32, true)), Number(entry.getBigUint64(40, true))];
    if (first === 0 || last < first) continue;
    const name = Array.from({ length: 36 }, (_, at) => entry.getUint16(56 + at * 2, true));
    const end = name.indexOf(0);
    partitions.push({
      number: n + 1,
      name: String.fromCharCode(...name.slice(0, end < 0 ? name.length : end)),
      offset: first * SECTOR,
      bytes: (last - first + 1) * SECTOR,
    });
  }
  return { partitions, diskBytes: (Number(view.getBigUint64(32, true)) + 1) * SECTOR };
}

/**
 * The table for a disk of that size: its copy belongs into the last sectors, where firmware and kernel look for it when the first one is
 * damaged. Its own sectors at the start, and the copy at the end.
 */
export function fitted(start: Uint8Array, diskBytes: number): readonly Piece[] | undefined {
  const table = tableOf(start);
  if (!table) return undefined;
  const { header, entries } = table;
  const sectors = Math.floor(diskBytes / SECTOR);
  const entrySectors = Math.ceil(entries.byteLength / SECTOR);
  const copyLba = sectors - 1;
  const primary = sealed(header, { own: 1, other: copyLba, lastUsable: copyLba - entrySectors - 1 });
  const entriesLba = Number(new DataView(header.buffer, header.byteOffset).getBigUint64(72, true));
  const copy = sealed(header, {
    own: copyLba,
    other: 1,
    lastUsable: copyLba - entrySectors - 1,
    entries: copyLba - entrySectors,
  });
  return [
    protectiveSize(start, sectors),
    { offset: SECTOR, bytes: primary },
    { offset: entriesLba * SECTOR, bytes: entries },
    { offset: (copyLba - entrySectors) * SECTOR, bytes: entries },
    { offset: copyLba * SECTOR, bytes: copy },
  ];
}

/** The protective MBR's one partition covers the disk (§5.2.3), as far as 32 bits count. */
function protectiveSize(start: Uint8Array, sectors: number): Piece {
  const bytes = start.slice(0x1be, 0x1be + 16);
  if (bytes[4] === 0xee) new DataView(bytes.buffer).setUint32(12, Math.min(sectors - 1, 0xffff_ffff), true);
  return { offset: 0x1be, bytes };
}

interface Places {
  readonly own: number;
  readonly other: number;
  readonly lastUsable: number;
  /** Where the entries of this header begin; absent: as before. */
  readonly entries?: number;
}

function sealed(header: Uint8Array, { own, other, lastUsable, entries }: Places): Uint8Array {
  const bytes = header.slice(0, SECTOR);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(24, BigInt(own), true);
  view.setBigUint64(32, BigInt(other), true);
  view.setBigUint64(48, BigInt(lastUsable), true);
  if (entries !== undefined) view.setBigUint64(72, BigInt(entries), true);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32(bytes.subarray(0, HEADER_BYTES)), true);
  return bytes;
}

interface Table {
  readonly header: Uint8Array;
  readonly view: DataView;
  readonly entries: Uint8Array;
  readonly entryBytes: number;
}

function tableOf(start: Uint8Array): Table | undefined {
  if (start.byteLength < GPT_START_BYTES) return undefined;
  const header = start.slice(SECTOR, 2 * SECTOR);
  const view = new DataView(header.buffer);
  if (String.fromCharCode(...header.subarray(0, 8)) !== SIGNATURE || view.getUint32(12, true) !== HEADER_BYTES)
    return undefined;
  const said = view.getUint32(16, true);
  const blank = header.slice(0, HEADER_BYTES);
  blank.fill(0, 16, 20);
  if (crc32(blank) !== said) return undefined;
  const [lba, count, entryBytes] = [
    Number(view.getBigUint64(72, true)),
    view.getUint32(80, true),
    view.getUint32(84, true),
  ];
  const from = lba * SECTOR;
  if (entryBytes < 128 || count > MAX_ENTRIES || from + count * entryBytes > start.byteLength) return undefined;
  const entries = start.slice(from, from + count * entryBytes);
  return crc32(entries) === view.getUint32(88, true) ? { header, view, entries, entryBytes } : undefined;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 of ISO 3309, as §5.3.1 asks for. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (CRC_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return ~value >>> 0;
}
