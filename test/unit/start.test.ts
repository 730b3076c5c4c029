// What a start of the program loads before it does what was asked for: only what import() does not put off counts.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");

/** Files and packages that reading `path` reads, itself included. */
function loadedBy(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const text = readFileSync(join(ROOT, path), "utf8");
  for (const [, clause = "", name = ""] of text.matchAll(/^import\s+(?:([^;"]*?)\s*from\s+)?"([^"]+)"/gm)) {
    if (clause.startsWith("type ")) continue;
    if (name.startsWith(".")) loadedBy(relative(ROOT, resolve(ROOT, dirname(path), name)), seen);
    else seen.add(name);
  }
  return seen;
}

const isPackage = (name: string) => !name.startsWith("src/") && !name.startsWith("ffi/");

test("the version needs small files and the one with the text", () => {
  expect([...loadedBy("src/main.ts")].sort()).toEqual([
    "node:fs",
    "src/base/errors.ts",
    "src/main.ts",
    "src/process/options.ts",
    "src/version.ts",
  ]);
});

test.each([
  ["which command it is", "src/cli/main.ts", ["node:fs"]],
  ["options of a run, its help and version", "src/cli/director.ts", ["node:fs", "node:path"]],
  ["the first step of a role", "src/process/role-process.ts", []],
])("%s is found out without a package", (_what, path, packages) => {
  expect([...loadedBy(path)].filter(isPackage).sort()).toEqual([...packages]);
});

test("a check of a file brings neither the kernel's side nor the API", () => {
  const loaded = [...loadedBy("src/cli/check.ts")];
  expect(loaded.filter((name) => /^ffi\/|^src\/(api|status|roles)\//.test(name))).toEqual([]);
  expect(loaded.filter((name) => isPackage(name) && !name.startsWith("node:")).sort()).toEqual(["citty", "valibot"]);
});

test("asking a director needs of the configuration language no more than near words and what codes mean", () => {
  const loaded = [...loadedBy("src/cli/status.ts")].filter((name) => name.startsWith("src/config/"));
  expect(loaded.sort()).toEqual(["src/config/findings/meanings.ts", "src/config/findings/suggest.ts"]);
});

test.each(["api", "checker", "starter", "vrrp"])("the %s role brings no module that it seldom needs", (role) => {
  const loaded = new Set([...loadedBy("src/process/child.ts"), ...loadedBy(`src/roles/${role}/role.ts`)]);
  const seldom = ["node:crypto", "node:net", "node:http", "node:tty", "nodemailer", "citty"];
  expect(seldom.filter((name) => loaded.has(name))).toEqual([]);
});

test("nor does the parent", () => {
  const loaded = loadedBy("src/cli/run.ts");
  expect(["node:crypto", "node:net", "node:http", "node:tty", "citty"].filter((name) => loaded.has(name))).toEqual([]);
});
