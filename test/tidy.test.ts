// The house rules as a test: who may import whom (docs/architecture.md), no cycles, no file that nobody imports, runtime-specific
// names only where they belong, nothing of this machine in the repository.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");

/** Which rooms a room may import from. `types` allows only `import type`. */
const ARROWS: Readonly<Record<string, { readonly all: readonly string[]; readonly types?: readonly string[] }>> = {
  ffi: { all: ["ffi"] },
  "src/base": { all: ["src/base"] },
  "src/config": { all: ["src/base", "src/config"] },
  "src/vrrp": { all: ["src/base", "src/vrrp", "src/net"], types: ["src/config", "src/status"] },
  "src/bfd": { all: ["src/base", "src/bfd"], types: ["src/config"] },
  "src/check": { all: ["src/base", "src/check"], types: ["src/config"] },
  "src/lvs": { all: ["src/base", "src/lvs", "src/net"], types: ["src/config"] },
  "src/net": { all: ["src/base", "src/net"], types: ["src/config"] },
  "src/status": { all: ["src/base", "src/status"], types: ["src/vrrp", "src/lvs", "src/check", "src/config"] },
  "src/kernel": { all: ["src/base", "src/kernel", "src/lvs", "src/net", "src/vrrp", "ffi"], types: ["src/config"] },
  "src/probe": { all: ["src/base", "src/probe", "src/check"], types: ["src/config", "src/kernel"] },
  "src/notify": { all: ["src/base", "src/notify"], types: ["src/config"] },
  "src/api": { all: ["src/base", "src/api", "src/status"], types: ["src/config"] },
};
/** Layer 3 imports what it likes, and nothing below imports it. */
const TOP = ["src/process", "src/cli", "src/main.ts"];

/** The only files outside ffi/ that may name a runtime, each with its reason. */
const RUNTIME_FILES: Readonly<Record<string, string>> = {
  "ffi/bun.ts": "the backend for Bun",
  "ffi/deno.ts": "the backend for Deno",
};
const RUNTIME_ALLOWED = /^(src\/process\/(runtime|serve|spawn)[\w-]*\.ts|src\/probe\/tls[\w-]*\.ts)$/;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly { readonly target: string; readonly typeOnly: boolean }[];
}

const sources = [...walk("src"), ...walk("ffi")].map(readSource);

describe("imports", () => {
  test("follow the arrows of docs/architecture.md", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter(({ target, typeOnly }) => !allowed(source.path, target, typeOnly))
        .map(({ target }) => `${source.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("have no cycle", () => {
    const graph = new Map(sources.map((s) => [s.path, s.imports.filter((i) => !i.typeOnly).map((i) => i.target)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test("reach every file", () => {
    const imported = new Set(sources.flatMap((source) => source.imports.map(({ target }) => target)));
    const orphans = sources
      .map(({ path }) => path)
      .filter((path) => !imported.has(path) && path !== "src/main.ts" && !RUNTIME_FILES[path]);
    expect(orphans).toEqual([]);
  });
});

test("Bun and Deno are named only in their places", () => {
  const wrong = sources
    .filter(({ path }) => !RUNTIME_FILES[path] && !RUNTIME_ALLOWED.test(path))
    .filter(({ text }) => /from "bun[":]|\bBun\.[a-zA-Z]|\bDeno\./.test(withoutComments(text)))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

test("the core asks no clock, file or process", () => {
  const core = /^src\/(base|config|vrrp|bfd|check|lvs|net|status)\//;
  const asks = /Date\.now\(|performance\.now\(|new Date\(\)|(?<![.\w])process\.|setTimeout\(|setInterval\(/;
  const imports = /from "node:(?!crypto)/;
  const wrong = sources
    .filter(({ path }) => core.test(path))
    .filter(({ text }) => asks.test(code(text)) || imports.test(withoutComments(text)))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

test("nothing unfinished, no escape from the types, nothing of one machine", () => {
  const all = [...sources, ...walk("test").map(readSource), ...walk("appliance").map(readSource)].filter(
    ({ path }) => path !== "test/tidy.test.ts",
  );
  const wrong = all.flatMap(({ path, text }) =>
    [...code(text).split("\n"), ...paths(text), ...todos(text)]
      .filter((line) => /\bas any\b|: any\b(?! \w)|@ts-(ignore|expect-error|nocheck)|\b(TODO|FIXME|XXX)\b/.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(wrong).toEqual([]);
});

test("the lockfile names what every platform needs, and no registry", () => {
  const lock: { packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }> } =
    JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const entries = Object.entries(lock.packages);
  const missing = entries.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`])
      .map((name) => `${path} → ${name}`),
  );
  expect(missing).toEqual([]);
  expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});

function allowed(from: string, to: string, typeOnly: boolean): boolean {
  const room = roomOf(from);
  if (TOP.some((top) => from.startsWith(top))) return true;
  const arrow = ARROWS[room];
  if (!arrow) return false;
  const target = roomOf(to);
  return arrow.all.includes(target) || (typeOnly && (arrow.types?.includes(target) ?? false));
}

function roomOf(path: string): string {
  if (path.startsWith("ffi/")) return "ffi";
  return path.split("/").length > 2 ? path.split("/").slice(0, 2).join("/") : path;
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  const target = (name: string | undefined) => relative(ROOT, resolve(ROOT, dirname(path), name ?? ""));
  const imports = [...text.matchAll(/^\s*(?:import|export)\s+(type\s+)?([^;]*?)\s*from\s+"(\.{1,2}\/[^"]+)"/gms)].map(
    (match) => ({ target: target(match[3]), typeOnly: match[1] !== undefined || onlyTypes(match[2] ?? "") }),
  );
  const late = [...text.matchAll(/\bimport\("(\.{1,2}\/[^"]+)"\)/g)].map((match) => ({
    target: target(match[1]),
    typeOnly: false,
  }));
  return { path, text, imports: [...imports, ...late] };
}

/** `{ type A, type B }` imports nothing at run time. */
function onlyTypes(clause: string): boolean {
  const names = /^\{(.*)\}$/s.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  const list = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return list.length > 0 && list.every((name) => name.startsWith("type "));
}

/** Code alone: what stands in strings and comments is prose. */
function code(text: string): string {
  return withoutComments(text).replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

/** Paths of one machine, wherever they stand. */
function paths(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => /\/work\/(main|shared)|\/home\/|["' ]\/root\//.test(line))
    .map((line) => `TODO path: ${line}`);
}

/** Promises live in comments. */
function todos(text: string): string[] {
  return text.split("\n").filter((line) => /\b(TODO|FIXME|XXX)\b/.test(line));
}

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return walk(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}
