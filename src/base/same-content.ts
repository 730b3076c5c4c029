// Base: whether two plain values (as JSON has them) say the same. A reload compares tens of thousands of servers by it.

type Plain = Readonly<Record<string, unknown>>;

const NOTHING: ReadonlySet<string> = new Set();

/** True when both hold the same, however deep, apart from properties of the names in `but`. A property that is undefined is none. */
export function sameContent(one: unknown, other: unknown, but: ReadonlySet<string> = NOTHING): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one)) return Array.isArray(other) && sameList(one, other, but);
  return isPlain(one) && isPlain(other) && sameProperties(one, other, but);
}

function sameList(one: readonly unknown[], other: readonly unknown[], but: ReadonlySet<string>): boolean {
  return one.length === other.length && one.every((item, i) => sameContent(item, other[i], but));
}

function sameProperties(one: Plain, other: Plain, but: ReadonlySet<string>): boolean {
  // Not by Object.keys(): nothing is made for each of them.
  for (const name in one) if (!(but.has(name) || sameContent(one[name], other[name], but))) return false;
  for (const name in other) if (one[name] === undefined && other[name] !== undefined && !but.has(name)) return false;
  return true;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
