// Process layer: whether the files of a configuration stood still while they were read. One that is being written holds half of what
// is meant, and half of a configuration may be a valid one. Pure but for the port that looks at files.
import type { ConfigFiles } from "../../config/expand/include.ts";

/** A file that was written in place later than this is not read at a reload: its writer may not be done. */
const QUIET_MS = 300;
/** When a file changed while it was read, it is looked at again after this long. */
const LOOK_AGAIN_MS = 50;

export interface Unsettled {
  /** One line, beginning with the file. */
  readonly reason: string;
  /** When it is worth to look again. */
  readonly waitMs: number;
  /** It was seen to change, and not only written a moment before. */
  readonly changed: boolean;
}

/** A file at one moment. Times in nanoseconds since 1970. */
export interface FileStamp {
  readonly device: bigint;
  readonly inode: bigint;
  readonly bytes: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** Files by name; undefined: it is not there. */
export type Stamps = ReadonlyMap<string, FileStamp | undefined>;

/**
 * Why what was read may be half of something; undefined when every file stood still.
 * @param before of each file before it was read, `after` when all were; @param known how they were when last taken
 */
export function unsettled(before: Stamps, after: Stamps, known: Stamps, wallMs: number): Unsettled | undefined {
  for (const [file, stamp] of after) {
    if (!same(before.get(file), stamp))
      return { reason: `${file}: it changed while it was read`, waitMs: LOOK_AGAIN_MS, changed: true };
    if (!stamp) continue;
    const ageMs = wallMs - Number(stamp.modifiedNs / 1_000_000n);
    // A time to come says nothing: a clock was set, or somebody's touch(1).
    if (ageMs < 0 || ageMs >= QUIET_MS || renamedIntoPlace(stamp, known.get(file))) continue;
    const reason = `${file}: it was written ${ageMs} ms ago and may not be complete (${QUIET_MS} ms without a change are waited for)`;
    return { reason, waitMs: QUIET_MS - ageMs, changed: false };
  }
  return undefined;
}

/** Another file than before whose name came after its content: it was written elsewhere, and is complete. */
function renamedIntoPlace(now: FileStamp, before: FileStamp | undefined): boolean {
  const another = now.inode !== before?.inode || now.device !== before.device;
  return another && now.changedNs > now.modifiedNs;
}

function same(a: FileStamp | undefined, b: FileStamp | undefined): boolean {
  if (!a || !b) return a === b;
  return FIELDS.every((field) => a[field] === b[field]);
}

export interface SettledPorts {
  /** The file's stamp now; undefined when there is none. */
  stamp(path: string): FileStamp | undefined;
  wallMs(): number;
}

export interface Look<R> {
  /** Absent: the files were written just now, and nothing was read. */
  readonly reading?: R;
  /** Why it may be half of what is meant; absent: the files stood still. */
  readonly unsettled?: Unsettled;
  /** Of each file that was read, or looked at. */
  readonly stamps: Stamps;
}

/**
 * Reads by `read`, and says whether the files stood still. Of files that were written just now it does not even begin to.
 * @param known the files of the configuration in force; absent: there is none, and something is read in any case
 */
export function lookAt<R>(
  mainFile: string,
  files: ConfigFiles,
  known: Stamps | undefined,
  read: (files: ConfigFiles) => R,
  ports: SettledPorts,
): Look<R> {
  const look = (names: Iterable<string>): Stamps => new Map([...names].map((name) => [name, ports.stamp(name)]));
  if (known) {
    const stamps = look(known.keys());
    const early = goneFor(stamps, mainFile) ?? unsettled(stamps, stamps, known, ports.wallMs());
    if (early) return { unsettled: early, stamps };
  }
  const before = new Map<string, FileStamp | undefined>();
  const reading = read({
    ...files,
    read(path, maxBytes) {
      before.set(path, ports.stamp(path));
      return files.read(path, maxBytes);
    },
  });
  const stamps = look(before.keys());
  const found = unsettled(before, stamps, known ?? new Map(), ports.wallMs());
  return { reading, stamps, ...(found && { unsettled: found }) };
}

/** A name that is gone for a moment: the old file was taken away, the new one is to come. */
function goneFor(now: Stamps, mainFile: string): Unsettled | undefined {
  if (!now.has(mainFile) || now.get(mainFile)) return undefined;
  return { reason: `${mainFile}: no such file`, waitMs: LOOK_AGAIN_MS, changed: true };
}

/** Stamps as JSON carries them. */
export type StampTexts = readonly (readonly [file: string, stamp: string])[];

export function stampTexts(stamps: Stamps): StampTexts {
  return [...stamps].map(([file, stamp]) => [file, stampText(stamp)]);
}

/** Equal for equal stamps. */
export function stampText(stamp: FileStamp | undefined): string {
  return stamp ? FIELDS.map((field) => stamp[field]).join(" ") : "";
}

export function stampsOf(texts: StampTexts): Stamps {
  return new Map(texts.map(([file, text]) => [file, stampOfText(text)]));
}

const FIELDS = ["device", "inode", "bytes", "modifiedNs", "changedNs"] as const;

function stampOfText(text: string): FileStamp | undefined {
  if (text === "") return undefined;
  const [device = 0n, inode = 0n, bytes = 0n, modifiedNs = 0n, changedNs = 0n] = text.split(" ").map(BigInt);
  return { device, inode, bytes, modifiedNs, changedNs };
}
