// Process layer: whether two values of configurations are alike. Pure.

/** Keys that say where in the files something stands. */
const PLACES: ReadonlySet<string> = new Set(["origin", "origins"]);
const NONE: ReadonlySet<string> = new Set();

/** Alike, and at the same place of the same file. */
export function isSame(a: unknown, b: unknown): boolean {
  return areAlike(a, b, NONE, NONE);
}

/** Alike but for where it stands, and for `left`, keys of the outermost object. */
export function isSameBut(a: unknown, b: unknown, left: readonly string[] = []): boolean {
  return areAlike(a, b, PLACES, left.length === 0 ? NONE : new Set(left));
}

function areAlike(a: unknown, b: unknown, ignored: ReadonlySet<string>, left: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [one, other] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  // Asked of every value of a large configuration, so without lists in between.
  let keys = 0;
  for (const key in one) {
    keys++;
    if (!(key in other)) return false;
    if (!ignored.has(key) && !left.has(key) && !areAlike(one[key], other[key], ignored, NONE)) return false;
  }
  for (const _key in other) keys--;
  return keys === 0;
}
