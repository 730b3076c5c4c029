// A disk image as small as one can be: a GPT with named partitions, made without what reads it in the product.
import { crc32 } from "node:zlib";

const SECTOR = 512;
const ENTRIES = 128;

export interface ImagePart {
  readonly name: string;
  readonly sectors: number;
}

/** Content of partitions is their name over and over, so that nothing of it is zero. The last one ends before the table's copy. */
export function diskImage(parts: readonly ImagePart[]): Buffer {
  const first = 64;
  const used = parts.reduce((sum, { sectors }) => sum + sectors, 0);
  const sectors = first + used + 33;
  const image = Buffer.alloc(sectors * SECTOR);
  const entries = Buffer.alloc(ENTRIES * 128);
  let at = first;
  for (const [n, part] of parts.entries()) {
    const entry = entries.subarray(n * 128, (n + 1) * 128);
    entry.write("EBD0A0A2B9E5443387C068B6B72699C7", 0, "hex");
    entry.write(`0000000000000000000000000000000${n + 1}`, 16, "hex");
    entry.writeBigUInt64LE(BigInt(at), 32);
    entry.writeBigUInt64LE(BigInt(at + part.sectors - 1), 40);
    entry.write(part.name, 56, "utf16le");
    image.fill(`${part.name} `, at * SECTOR, (at + part.sectors) * SECTOR);
    at += part.sectors;
  }
  const header = (own: number, other: number, table: number) => {
    const bytes = Buffer.alloc(SECTOR);
    bytes.write("EFI PART", 0, "latin1");
    bytes.writeUInt32LE(0x1_0000, 8);
    bytes.writeUInt32LE(92, 12);
    bytes.writeBigUInt64LE(BigInt(own), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(34n, 40);
    bytes.writeBigUInt64LE(BigInt(sectors - 34), 48);
    bytes.fill(0x5a, 56, 72);
    bytes.writeBigUInt64LE(BigInt(table), 72);
    bytes.writeUInt32LE(ENTRIES, 80);
    bytes.writeUInt32LE(128, 84);
    bytes.writeUInt32LE(crc32(entries), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16);
    return bytes;
  };
  header(1, sectors - 1, 2).copy(image, SECTOR);
  entries.copy(image, 2 * SECTOR);
  entries.copy(image, (sectors - 33) * SECTOR);
  header(sectors - 1, 1, sectors - 33).copy(image, (sectors - 1) * SECTOR);
  // Protective MBR.
  image[0x1be + 4] = 0xee;
  image.writeUInt32LE(1, 0x1be + 8);
  image.writeUInt32LE(sectors - 1, 0x1be + 12);
  image.writeUInt16LE(0xaa55, 510);
  return image;
}

/** What is wrong with the tables of a disk; undefined: both are whole and fit it. */
export function tableFault(disk: Buffer): string | undefined {
  const sectors = disk.length / SECTOR;
  for (const [own, other] of [
    [1, sectors - 1],
    [sectors - 1, 1],
  ] as const) {
    const header = Buffer.from(disk.subarray(own * SECTOR, (own + 1) * SECTOR));
    if (header.toString("latin1", 0, 8) !== "EFI PART") return `no header in sector ${own}`;
    const said = header.readUInt32LE(16);
    header.writeUInt32LE(0, 16);
    if (crc32(header.subarray(0, 92)) !== said) return `the header of sector ${own} has a wrong sum`;
    if (Number(header.readBigUInt64LE(24)) !== own) return `the header of sector ${own} says that it is elsewhere`;
    if (Number(header.readBigUInt64LE(32)) !== other)
      return `the header of sector ${own} does not name sector ${other}`;
    const table = Number(header.readBigUInt64LE(72));
    const entries = disk.subarray(table * SECTOR, table * SECTOR + ENTRIES * 128);
    if (crc32(entries) !== header.readUInt32LE(88)) return `the entries of sector ${table} have a wrong sum`;
    if (Number(header.readBigUInt64LE(48)) !== sectors - 34) return "the last usable sector is another one";
  }
  return disk.readUInt32LE(0x1be + 12) === sectors - 1 ? undefined : "the protective partition has another size";
}

/** Files of a FAT16 file system by path, as their names are written; long names are checked against their short ones. */
export function readFat(image: Buffer): Map<string, Buffer> {
  const reserved = image.readUInt16LE(14);
  const fatSectors = image.readUInt16LE(22);
  const rootEntries = image.readUInt16LE(17);
  const clusterBytes = image.readUInt8(13) * SECTOR;
  const root = (reserved + 2 * fatSectors) * SECTOR;
  const data = root + rootEntries * 32;
  const tables = [0, 1].map((n) =>
    image.subarray((reserved + n * fatSectors) * SECTOR, (reserved + (n + 1) * fatSectors) * SECTOR),
  );
  if (Buffer.compare(tables[0] as Buffer, tables[1] as Buffer) !== 0) throw new Error("the two tables differ");
  const chain = (first: number) => {
    const parts: Buffer[] = [];
    for (
      let cluster = first;
      cluster >= 2 && cluster < 0xfff8;
      cluster = (tables[0] as Buffer).readUInt16LE(cluster * 2)
    )
      parts.push(image.subarray(data + (cluster - 2) * clusterBytes, data + (cluster - 1) * clusterBytes));
    return Buffer.concat(parts);
  };
  const files = new Map<string, Buffer>();
  const walk = (folder: Buffer, path: string) => {
    let long = "";
    for (let at = 0; at + 32 <= folder.length && folder[at] !== 0; at += 32) {
      const entry = folder.subarray(at, at + 32);
      if (entry[11] === 0x0f) {
        const units = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].map((place) => entry.readUInt16LE(place));
        const end = units.indexOf(0);
        long = String.fromCharCode(...units.slice(0, end < 0 ? 13 : end)) + long;
        const next = folder.subarray(at + ((entry[0] ?? 0) & 0x3f) * 32, at + ((entry[0] ?? 0) & 0x3f) * 32 + 11);
        let sum = 0;
        for (const byte of next) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
        if (sum !== entry[13]) throw new Error(`the long name ${long} belongs to another entry`);
        continue;
      }
      const short =
        entry.toString("latin1", 0, 8).trim() +
        (entry.toString("latin1", 8, 11).trim() && `.${entry.toString("latin1", 8, 11).trim()}`);
      const name = long === "" ? short : long;
      long = "";
      if (((entry[11] ?? 0) & 0x08) !== 0 || name === "." || name === "..") continue;
      const content = chain(entry.readUInt16LE(26));
      if (((entry[11] ?? 0) & 0x10) !== 0) walk(content, `${path}${name}/`);
      else files.set(`${path}${name}`, content.subarray(0, entry.readUInt32LE(28)));
    }
  };
  walk(image.subarray(root, data), "");
  return files;
}
