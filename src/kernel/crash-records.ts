// Adapter: what the kernel said before it crashed, as pstore kept it (Documentation/admin-guide/pstore-blk.rst, fs/pstore): in variables of
// the firmware, ACPI's store or memory that a restart leaves alone. What was read is taken away: those places are small.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A record of a larger one is none of the kernel's log. */
const MAX_RECORDS = 64;

/**
 * The last crash's words; undefined: none is kept.
 * @param folder where pstore is mounted
 */
export function takeCrash(folder: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const records = names
    .filter((name) => name.startsWith("dmesg-"))
    .toSorted(inOrder)
    .slice(0, MAX_RECORDS);
  // kernel: each begins with «Panic#1 Part1»; part 1 is the newest one, and within a part lines are in their order.
  const parts = records.map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
  for (const { name } of parts) rmSync(join(folder, name), { force: true });
  const panics = parts.filter(({ text }) => /^(Panic|Oops)#/.test(text));
  const chosen = panics.length > 0 ? panics : parts;
  const text = chosen
    .toSorted((a, b) => partOf(b.text) - partOf(a.text))
    .map((part) => part.text.replace(/^\w+#\d+ Part\d+\n/, ""))
    .join("");
  return text === "" ? undefined : text;
}

function partOf(text: string): number {
  return Number(/^\w+#\d+ Part(\d+)/.exec(text)?.[1] ?? 0);
}

function inOrder(a: string, b: string): number {
  return new Intl.Collator("en", { numeric: true }).compare(a, b);
}
