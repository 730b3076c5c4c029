// Process layer: whether the files of a configuration stood still while they were read. One that is being written holds half of what
// is meant, and half of a configuration may be a valid one. Pure but for the port that looks at files.
import type { ConfigFiles } from "../../config/expand/include.ts";
import type { ReadConfiguration, Reading, Unsettled } from "./configuration.ts";

/** A file that was written in place later than this is not read at a reload: its writer may not be done. */
export const QUIET_MS = 300;
/** When a file changed while it was read, it is looked at again after this long. */
const LOOK_AGAIN_MS = 50;

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
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.bytes === b.bytes &&
    a.modifiedNs === b.modifiedNs &&
    a.changedNs === b.changedNs
  );
}

export interface SettledPorts {
  /** The file's stamp now; undefined when there is none. */
  stamp(path: string): FileStamp | undefined;
  wallMs(): number;
}

export interface SettledReader {
  readonly read: ReadConfiguration;
  /** Reads before anything runs, and keeps it: the next read() is that, if no file changed since. */
  peek(): Reading;
}

/**
 * Reads by `read`, and says in the reading whether the files stood still. A reload of files that were written just now does not
 * even begin to read them.
 */
export function settledReader(
  mainFile: string,
  files: ConfigFiles,
  read: (files: ConfigFiles) => Reading,
  ports: SettledPorts,
): SettledReader {
  let known: Stamps | undefined;
  let kept: { readonly reading: Reading; readonly stamps: Stamps } | undefined;
  const look = (names: Iterable<string>): Stamps => new Map([...names].map((name) => [name, ports.stamp(name)]));

  function readNow(): { readonly reading: Reading; readonly stamps: Stamps } {
    if (known) {
      const now = look(known.keys());
      const early = goneFor(now, mainFile) ?? unsettled(now, now, known, ports.wallMs());
      if (early) return { reading: notRead(early), stamps: now };
    }
    const before = new Map<string, FileStamp | undefined>();
    const reading = read({
      ...files,
      read(path, maxBytes) {
        before.set(path, ports.stamp(path));
        return files.read(path, maxBytes);
      },
    });
    const after = look(before.keys());
    const found = unsettled(before, after, known ?? new Map(), ports.wallMs());
    if (found) return { reading: { ...reading, unsettled: found }, stamps: after };
    if (reading.config) known = after;
    return { reading, stamps: after };
  }

  return {
    read() {
      const before = kept;
      kept = undefined;
      const still =
        before && [...look(before.stamps.keys())].every(([name, now]) => same(before.stamps.get(name), now));
      return before && still ? before.reading : readNow().reading;
    },
    peek() {
      kept = readNow();
      return kept.reading;
    },
  };
}

/** A name that is gone for a moment: the old file was taken away, the new one is to come. */
function goneFor(now: Stamps, mainFile: string): Unsettled | undefined {
  if (!now.has(mainFile) || now.get(mainFile)) return undefined;
  return { reason: `${mainFile}: no such file`, waitMs: LOOK_AGAIN_MS, changed: true };
}

function notRead(found: Unsettled): Reading {
  return {
    errors: [found.reason],
    errorKeys: () => [found.reason],
    warnings: [],
    content: "nothing",
    details: () => ({ sha256: null, notes: [] }),
    effective: () => undefined,
    unsettled: found,
  };
}
