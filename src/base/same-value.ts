// Base: do two values of plain data say the same? Objects, lists, texts, numbers; what is the very same is not looked into.

/** Keys that say where in the configuration's files something stands. */
export const PLACES: ReadonlySet<string> = new Set(["origin", "origins"]);
const NONE: ReadonlySet<string> = new Set();

/** Fields that are undefined count as missing; fields named in `but` are not compared at any depth. */
export function sameValue(a: unknown, b: unknown, but: ReadonlySet<string> = NONE): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i], but));
  if (!isRecord(a) || !isRecord(b) || Array.isArray(b)) return false;
  // Not by Object.keys(): nothing is made for each of tens of thousands of servers.
  for (const key in a) if (!but.has(key) && !sameValue(a[key], b[key], but)) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined && !but.has(key)) return false;
  return true;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
