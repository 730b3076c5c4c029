// Appliance core: the parts of a configuration folder, each of which may be wrong by itself. A part that can't be used is taken from the last
// folder that was good, so that a mistake in one file takes nothing away of the others.

/** Content by path below the folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** `director`: keepalived.conf with all that lies beside it. */
const PARTS = ["director", "network.yaml", "appliance.yaml"] as const;
export type PartName = (typeof PARTS)[number];

/** What the machine itself writes there: it belongs to no part, and no caller reads or replaces it. */
export const OWN_FOLDER = "access/";
/** A whole new folder that is being written (folder/copy.ts). */
export const PENDING = ".lbd-new";

/** The reason of a part whose file a partition that was read does not have. */
export const NOT_THERE = "it is not there";

export interface PartState {
  readonly name: PartName;
  /** `none`: no such file is there. */
  readonly from: "partition" | "last-good" | "none";
  /** Why it is not the partition's as it stands there. */
  readonly reason?: string;
}

export interface Composed {
  readonly files: Files;
  readonly parts: readonly PartState[];
}

/**
 * What is to be in force.
 * @param taken what the partition has; undefined: it can't be read
 * @param good the last folder that was good; undefined: there is none
 * @param faults why parts of `taken` can't be used; one that is not there has none
 */
export function compose(
  taken: Files | undefined,
  good: Files | undefined,
  faults: Readonly<Partial<Record<PartName, string>>>,
): Composed {
  const files = new Map<string, Uint8Array>();
  const take = (from: Files | undefined, part: PartName | "own") => {
    for (const [path, content] of from ?? []) if (partOf(path) === part) files.set(path, content);
  };
  const parts = PARTS.map((name): PartState => {
    const isThere = has(taken, name);
    const reason =
      taken === undefined ? "the partition can't be read" : (faults[name] ?? (isThere ? undefined : NOT_THERE));
    const usesGood = reason !== undefined && has(good, name);
    take(usesGood ? good : taken, name);
    const from = usesGood ? "last-good" : isThere ? "partition" : "none";
    return { name, from, ...(reason !== undefined && { reason }) };
  });
  take(has(taken, "own") ? taken : good, "own");
  return { files, parts };
}

export function partOf(path: string): PartName | "own" | "none" {
  if (path === "network.yaml" || path === "appliance.yaml") return path;
  if (path === PENDING || path.startsWith(`${PENDING}.`)) return "none";
  return path.startsWith(OWN_FOLDER) ? "own" : "director";
}

/** Of the director's part only keepalived.conf tells: other files may lie there for whatever reason. */
function has(files: Files | undefined, part: PartName | "own"): boolean {
  if (!files) return false;
  if (part === "director") return files.has("keepalived.conf");
  return part === "own" ? [...files.keys()].some((path) => partOf(path) === "own") : files.has(part);
}

export function sameFiles(a: Files | undefined, b: Files | undefined): boolean {
  if (!a || !b || a.size !== b.size) return a === b;
  return [...a].every(([path, content]) => sameBytes(content, b.get(path)));
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.byteLength === b.byteLength && a.every((byte, n) => byte === b[n]);
}
