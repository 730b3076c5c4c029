// Process layer, appliance: writes an image to a disk and reads it back. The image goes as a stream through two passes that make the same
// bytes: one writes them, one compares. The disk's first MiB is written last: what was broken off does not start.
import {
  closeSync,
  constants,
  createReadStream,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { createZstdDecompress, constants as zlib } from "node:zlib";
import { asFd } from "../../../ffi/fd.ts";
import { BLKFLSBUF, BLKRRPART, ioctl } from "../../../ffi/ioctl.ts";
import { CONFIGURATION_FAT, makeFat } from "../../appliance/disk/fat.ts";
import { fitted, GPT_START_BYTES, type GptPartition, readGpt } from "../../appliance/disk/gpt.ts";
import { moved, overlay, type Piece } from "../../appliance/disk/pieces.ts";
import { isZstd, zstdContentBytes } from "../../appliance/disk/zstd.ts";
import { messageOf } from "../../base/errors.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;
/** So often what was written is waited for: a rate of the page cache is none. */
const SYNC_BYTES = 32 * 1024 * 1024;
const CONFIGURATION = "lbd-conf";
/** RFC 8878 has up to 2 GiB for archives; Node's reader refuses more than 128 MiB unless it is told. */
const MAX_WINDOW_LOG = 31;

export interface ImageFile {
  readonly path: string;
  readonly packed: boolean;
  /** Of the disk that is in it; undefined: a packed one that does not say. */
  readonly bytes?: number;
  /** First GPT_START_BYTES of it. */
  readonly start: Uint8Array;
  /** What a disk needs at least. */
  readonly diskBytes: number;
  readonly configuration: GptPartition;
}

/** Looks at an image, raw or zstd. @throws Error that says what is wrong with it */
export async function openImage(path: string): Promise<ImageFile> {
  const head = firstBytes(path);
  const packed = isZstd(head);
  const bytes = packed ? zstdContentBytes(head) : statSync(path).size;
  const start = new Uint8Array(GPT_START_BYTES);
  let filled = 0;
  for await (const chunk of chunksOf(path, packed)) {
    start.set(chunk.subarray(0, GPT_START_BYTES - filled), filled);
    filled += Math.min(chunk.byteLength, GPT_START_BYTES - filled);
    if (filled === GPT_START_BYTES) break;
  }
  const table = readGpt(start);
  const configuration = table?.partitions.find(({ name }) => name === CONFIGURATION);
  if (!table || !configuration)
    throw new Error(
      `${path} is no disk image of lbd: it has no partition ${CONFIGURATION} (lbd.img or lbd.img.zst is one)`,
    );
  if (bytes !== undefined && bytes < table.diskBytes)
    throw new Error(`${path} is cut off: its table asks for ${table.diskBytes} bytes, and it has ${bytes}`);
  return { path, packed, ...(bytes === undefined ? {} : { bytes }), start, diskBytes: table.diskBytes, configuration };
}

export interface FlashRequest {
  readonly image: ImageFile;
  /** An unused block device, or a regular file that is large enough. */
  readonly device: string;
  /** Content of the configuration partition by path; absent: what the image has. */
  readonly configuration?: ReadonlyMap<string, Uint8Array>;
  readonly progress: (step: FlashStep) => void;
}

export interface FlashStep {
  readonly kind: "write" | "compare";
  readonly doneBytes: number;
  readonly allBytes: number | undefined;
}

/**
 * Writes and compares.
 * @param now for the dates of the configuration's files, seconds of 1970
 * @throws Error when the device is too small or in use, can't be written, or reads back otherwise; RangeError when the configuration does not fit
 */
export async function flash({ image, device, configuration, progress }: FlashRequest, now: number): Promise<void> {
  const { offset, bytes } = image.configuration;
  const own = configuration
    ? moved(makeFat({ ...CONFIGURATION_FAT, bytes, epochS: now, hiddenSectors: offset / 512 }, configuration), offset)
    : [];
  const disk = openDisk(device);
  try {
    if (disk.bytes < image.diskBytes)
      throw new Error(`${device} has ${disk.bytes} bytes, and the image needs ${image.diskBytes}`);
    const pieces = [...(fitted(image.start, disk.bytes) ?? []), ...own];
    await write(image, disk, pieces, progress);
    disk.forget();
    await compare(image, disk, pieces, progress);
    disk.readTable();
  } finally {
    disk.close();
  }
}

async function write(image: ImageFile, disk: OpenDisk, pieces: readonly Piece[], progress: FlashRequest["progress"]) {
  let first: Uint8Array | undefined;
  let at = 0;
  let synced = 0;
  disk.write(new Uint8Array(1024 * 1024), 0);
  disk.sync();
  for await (const chunk of chunksOf(image.path, image.packed)) {
    overlay(chunk, at, pieces);
    if (first === undefined) first = chunk.slice();
    else disk.write(chunk, at);
    at += chunk.byteLength;
    if (at - synced >= SYNC_BYTES) {
      disk.sync();
      synced = at;
    }
    progress({ kind: "write", doneBytes: at, allBytes: image.bytes });
  }
  if (at < image.diskBytes || (image.bytes !== undefined && at !== image.bytes))
    throw new Error(
      `${image.path} is cut off: it ended after ${at} of ${image.bytes ?? image.diskBytes} bytes; the disk does not start`,
    );
  for (const piece of behind(pieces, at)) disk.write(piece.bytes, piece.offset);
  disk.sync();
  if (first) disk.write(first, 0);
  disk.sync();
}

async function compare(image: ImageFile, disk: OpenDisk, pieces: readonly Piece[], progress: FlashRequest["progress"]) {
  let at = 0;
  const same = (expected: Uint8Array, offset: number) => {
    const read = disk.read(expected.byteLength, offset);
    const wrong = Buffer.compare(read, expected) === 0 ? -1 : read.findIndex((byte, n) => byte !== expected[n]);
    if (wrong >= 0 || read.byteLength !== expected.byteLength)
      throw new Error(
        `the disk reads back otherwise than it was written, from byte ${offset + Math.max(wrong, 0)} on: it is damaged`,
      );
  };
  for await (const chunk of chunksOf(image.path, image.packed)) {
    overlay(chunk, at, pieces);
    same(chunk, at);
    at += chunk.byteLength;
    progress({ kind: "compare", doneBytes: at, allBytes: image.bytes });
  }
  for (const piece of behind(pieces, at)) same(piece.bytes, piece.offset);
}

/** What of the pieces lies behind the image's end. */
function behind(pieces: readonly Piece[], end: number): Piece[] {
  return pieces.flatMap(({ offset, bytes }) => {
    const cut = Math.max(0, Math.min(bytes.byteLength, end - offset));
    return cut === bytes.byteLength ? [] : [{ offset: offset + cut, bytes: bytes.subarray(cut) }];
  });
}

interface OpenDisk {
  readonly bytes: number;
  write(bytes: Uint8Array, offset: number): void;
  read(bytes: number, offset: number): Uint8Array;
  sync(): void;
  /** What is read from now on comes from the device and not from memory. Of a regular file it may still be memory. */
  forget(): void;
  /** The kernel takes the new table of partitions. */
  readTable(): void;
  close(): void;
}

/** kernel: O_EXCL on a block device fails with EBUSY while it, or a part of it, is mounted or belongs to something else. */
function openDisk(path: string): OpenDisk {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_EXCL | constants.O_NOCTTY);
  } catch (error) {
    const busy = error instanceof Error && "code" in error && error.code === "EBUSY";
    throw new Error(busy ? `${path} is in use (EBUSY)` : messageOf(error));
  }
  const isBlock = fstatSync(fd).isBlockDevice();
  const call = (request: number) => {
    if (isBlock) ioctl(asFd(fd), request, new Uint8Array(8));
  };
  return {
    bytes: isBlock ? bytesOfBlock(path) : fstatSync(fd).size,
    write(bytes, offset) {
      for (let done = 0; done < bytes.byteLength; )
        done += writeSync(fd, bytes, done, bytes.byteLength - done, offset + done);
    },
    read(bytes, offset) {
      const buffer = Buffer.allocUnsafe(bytes);
      let done = 0;
      while (done < bytes) {
        const count = readSync(fd, buffer, done, bytes - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return buffer.subarray(0, done);
    },
    sync: () => fdatasyncSync(fd),
    forget: () => call(BLKFLSBUF),
    readTable() {
      try {
        call(BLKRRPART);
      } catch {
        // Somebody looks at the disk: it has the new table after it was taken out and put in again.
      }
    },
    close: () => closeSync(fd),
  };
}

/** Bytes of a block device, by whatever name it was given. */
function bytesOfBlock(path: string): number {
  return Number(readFileSync(join("/sys/class/block", basename(realpathSync(path)), "size"), "utf8")) * 512;
}

function firstBytes(path: string): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(64);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.byteLength, 0));
  } finally {
    closeSync(fd);
  }
}

/** The image's content in parts of CHUNK_BYTES; whoever gets one may change it. @throws Error when it is damaged */
async function* chunksOf(path: string, packed: boolean): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const content = packed
    ? file.pipe(createZstdDecompress({ params: { [zlib.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } }))
    : file;
  file.on("error", (error) => content.destroy(error));
  try {
    let chunk = new Uint8Array(CHUNK_BYTES);
    let filled = 0;
    for await (const part of content as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < part.byteLength; ) {
        const count = Math.min(part.byteLength - at, CHUNK_BYTES - filled);
        chunk.set(part.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled < CHUNK_BYTES) continue;
        yield chunk;
        chunk = new Uint8Array(CHUNK_BYTES);
        filled = 0;
      }
    }
    if (filled > 0) yield chunk.subarray(0, filled);
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`);
  } finally {
    file.destroy();
  }
}
