// The keyword tables against the measured table of keepalived 2.4.3 (test/golden/keywords.tsv): same words, same grammar with
// all ranges, same defaults, repeat rules, tiers and states.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { type CatalogEntry, catalog, defaultText } from "../../../../src/config/keywords/catalog.ts";

const root = `${import.meta.dirname}/../../../..`;
const [header = "", ...lines] = readFileSync(`${root}/test/golden/keywords.tsv`, "utf8").trimEnd().split("\n");
const columns = header.split("\t");
const measured = new Map(
  lines.map((line) => {
    const cells = line.split("\t");
    return [cells[0] ?? "", Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ""]))];
  }),
);
const entries = catalog().flatMap((section) => section.entries);
const ours = new Map(entries.map((entry) => [entry.id, entry.row]));

test("every word of keepalived is known, and no other but what is marked as lbd's", () => {
  const theirs = entries.filter(({ row }) => row.since !== "lbd").map(({ id }) => id);
  expect(theirs.sort()).toEqual([...measured.keys()].sort());
});

/** Whole seconds are read by their own reader, which prints the same grammar; nothing else may differ. */
test.each([
  ["args", (id: string) => ours.get(id)?.value.grammar ?? ""],
  ["repeat", (id: string) => ours.get(id)?.repeat ?? ""],
  ["tier", (id: string) => ours.get(id)?.tier ?? ""],
  ["status", (id: string) => ours.get(id)?.status ?? "ok"],
  ["since", (id: string) => ours.get(id)?.since ?? ""],
  ["units", (id: string) => ours.get(id)?.unit ?? ""],
  ["reload", (id: string) => ours.get(id)?.reload ?? "live"],
] as const)("%s", (column, of) => {
  const ids = [...measured.keys()];
  expect(Object.fromEntries(ids.map((id) => [id, of(id)]))).toEqual(
    Object.fromEntries(ids.map((id) => [id, measured.get(id)?.[column] ?? ""])),
  );
});

test("defaults", () => {
  const ids = [...measured.keys()];
  expect(Object.fromEntries(ids.map((id) => [id, defaultOf(id)]))).toEqual(
    Object.fromEntries(ids.map((id) => [id, measured.get(id)?.default ?? ""])),
  );
});

function defaultOf(id: string): string {
  const row = ours.get(id);
  return row ? defaultText(row) : "unknown";
}

test("each row says how far it has come, and names a test that exists", () => {
  const missing = entries.filter(({ row }) => {
    const { effective } = row;
    return typeof effective === "object" && "test" in effective && !existsSync(`${root}/${effective.test}`);
  });
  expect(missing.map((entry) => entry.id)).toEqual([]);
});

/** What a test says: its own text, the examples where it reads those, short options as well. */
function says(path: string, { id, keyword, row }: CatalogEntry): boolean {
  const own = readFileSync(`${root}/${path}`, "utf8").replaceAll("\\n", "\n");
  const text = own.includes("golden/keywords.tsv") ? `${own}\n${measured.get(id)?.example ?? ""}` : own;
  const short = id.startsWith("cli/") && /^-\w$/.test(row.aliases ?? "") ? [row.aliases ?? ""] : [];
  return [keyword, ...short].some((word) => new RegExp(`(?<![\\w-])${RegExp.escape(word)}(?![\\w-])`).test(text));
}

test("a test that a row names says the word, or the row says why it can't", () => {
  const silent = entries.filter((entry) => {
    const { effective } = entry.row;
    if (typeof effective !== "object" || !("test" in effective)) return false;
    return says(effective.test, entry) === (effective.unsaid !== undefined);
  });
  expect(silent.map(({ id }) => id)).toEqual([]);
});

test("aliases point to keywords of the same block", () => {
  const broken = catalog().flatMap((section) => {
    const known = new Set(section.entries.map((entry) => entry.keyword));
    return section.entries.filter(({ row }) => row.sameAs !== undefined && !known.has(row.sameAs));
  });
  expect(broken.map((entry) => entry.id)).toEqual([]);
});
