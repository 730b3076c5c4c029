// The house rules as a test: who may import whom (docs/architecture.md), no cycles, no file that nobody imports, runtime-specific
// names only where they belong, nothing of this machine in the repository.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");

/**
 * Which rooms a room may import from; `types` allows only `import type`. The longest name that fits is a file's room; a room that is
 * named may itself be imported with all below it, unless a longer name is meant.
 */
const ARROWS: Readonly<Record<string, { readonly all: readonly string[]; readonly types?: readonly string[] }>> = {
  ffi: { all: ["ffi"] },
  "src/base": { all: ["src/base"] },
  "src/pattern": { all: ["src/base", "src/pattern"] },
  // The configuration, in the order in which a text goes through it; `model` is what comes out.
  "src/config/text": { all: ["src/base"] },
  "src/config/model": { all: [], types: ["src/base", "src/config/text"] },
  "src/config/findings": { all: ["src/config/text"] },
  "src/config/expand": { all: ["src/base", "src/config/text", "src/config/findings"] },
  "src/config/parse": { all: ["src/config/text"], types: ["src/config/findings", "src/config/expand"] },
  "src/config/bind": { all: ["src/base", "src/config/text", "src/config/findings"], types: ["src/config/model"] },
  "src/config/keywords": {
    all: ["src/base", "src/config/text", "src/config/findings", "src/config/bind"],
    types: ["src/config/model", "src/config/parse"],
  },
  "src/config/to-model": {
    all: ["src/base", "src/config/text", "src/config/findings", "src/config/keywords"],
    types: ["src/config/bind", "src/config/model"],
  },
  "src/config/effective": {
    all: ["src/config/text", "src/config/bind", "src/config/keywords"],
    types: ["src/config/findings", "src/config/model"],
  },
  "src/config/semantics": {
    all: ["src/base", "src/config/text", "src/config/findings", "src/config/keywords", "src/pattern"],
    types: ["src/config/model", "src/config/to-model"],
  },
  "src/config": { all: ["src/base", "src/config"] },
  "src/vrrp": { all: ["src/base", "src/vrrp", "src/net"], types: ["src/config/model", "src/status"] },
  "src/bfd": { all: ["src/base", "src/bfd"], types: ["src/config/model"] },
  "src/check": { all: ["src/base", "src/check", "src/pattern"], types: ["src/config/model"] },
  "src/lvs": { all: ["src/base", "src/lvs", "src/net"], types: ["src/config/model"] },
  "src/net": { all: ["src/base", "src/net"], types: ["src/config/model"] },
  "src/dump": {
    all: ["src/base", "src/dump", "src/net", "src/vrrp"],
    types: ["src/config/model", "src/lvs", "src/check", "src/bfd"],
  },
  "src/status": { all: ["src/base", "src/status"], types: ["src/vrrp", "src/lvs", "src/check", "src/config/model"] },
  "src/kernel": {
    all: ["src/base", "src/kernel", "src/lvs", "src/net", "src/vrrp", "ffi"],
    types: ["src/config/model", "src/config/semantics"],
  },
  "src/probe": { all: ["src/base", "src/probe", "src/check"], types: ["src/config/model", "src/kernel"] },
  "src/notify": { all: ["src/base", "src/notify"], types: ["src/config/model"] },
  "src/appliance": {
    all: ["src/base", "src/appliance", "src/config/findings", "src/net", "src/status"],
    types: ["src/config/text", "src/config/model"],
  },
  "src/api": { all: ["src/base", "src/api", "src/status"], types: ["src/config/model"] },
};
/** Layer 3 imports what it likes of the rooms above, which never import it. These are the arrows within it. */
const TOP: Readonly<Record<string, { readonly all: readonly string[]; readonly types?: readonly string[] }>> = {
  "src/version.ts": { all: [] },
  "src/licenses.ts": { all: [] },
  "src/process/options.ts": { all: [], types: ["src/roles"] },
  "src/process/host": { all: [], types: ["src/roles"] },
  "src/process/configuration": {
    all: ["src/process/host", "src/roles", "src/roles/programs", "src/version.ts"],
    types: ["src/process/options.ts"],
  },
  "src/process": {
    all: [
      "src/version.ts",
      "src/process/options.ts",
      "src/process/host",
      "src/process/configuration",
      "src/roles",
      "src/roles/programs",
    ],
  },
  // What every role is and has; a role knows no other one.
  "src/roles": { all: ["src/process/host"] },
  "src/roles/programs": { all: [] },
  "src/roles/bfd": { all: ["src/roles", "src/process/host"] },
  "src/roles/vrrp": { all: ["src/roles", "src/roles/programs", "src/process/host"] },
  "src/roles/checker": { all: ["src/roles", "src/roles/programs", "src/process/host"] },
  "src/roles/starter": { all: ["src/roles", "src/roles/programs", "src/process/host"] },
  "src/roles/api": { all: ["src/roles", "src/process/host", "src/version.ts"], types: ["src/process/options.ts"] },
  "src/cli": {
    all: [
      "src/version.ts",
      "src/licenses.ts",
      "src/process/options.ts",
      "src/process",
      "src/process/host",
      "src/process/configuration",
    ],
  },
  "src/main.ts": { all: ["src/cli", "src/process/options.ts", "src/process", "src/version.ts"] },
};
const ROOMS = [...Object.keys(ARROWS), ...Object.keys(TOP)];
/** Single steps that no arrow allows, each with its reason. */
const STEPS: Readonly<Record<string, string>> = {
  "src/process/roles.ts → src/roles/api/role.ts": "it names the roles, each loaded when it is run",
  "src/process/roles.ts → src/roles/bfd/role.ts": "as above",
  "src/process/roles.ts → src/roles/checker/role.ts": "as above",
  "src/process/roles.ts → src/roles/starter/role.ts": "as above",
  "src/process/roles.ts → src/roles/vrrp/role.ts": "as above",
  "src/roles/api/role.ts → src/process/runtime.ts": "it asks who started its process, and what runs it",
};

/** The only files outside ffi/ that may name a runtime, each with its reason. */
const RUNTIME_FILES: Readonly<Record<string, string>> = {
  "ffi/bun.ts": "the backend for Bun",
  "ffi/deno.ts": "the backend for Deno",
};
const RUNTIME_ALLOWED =
  /^(src\/process\/runtime[\w-]*\.ts|src\/roles\/starter\/spawn-program\.ts|src\/probe\/tls[\w-]*\.ts)$/;

/**
 * Exports that no file of the product imports. What its own file uses may be exported for tests when its docstring says what it is;
 * these are used by nobody in the product, each with its reason.
 */
const SEAMS: Readonly<Record<string, string>> = {
  "ffi/bun.ts backend": "package.json names the file as #dlopen",
  "ffi/deno.ts backend": "as above",
  "ffi/index.ts runtime": "which runtime the FFI's cases ran under",
  "ffi/epoll.ts eventFd": "a descriptor that tests make ready",
  "ffi/epoll.ts eventFdSignal": "as above",
  "ffi/fd.ts LOCK_UN": "tests give a lock back that the product keeps to its end",
  "ffi/fd.ts setNonBlocking": "descriptors of tests",
  "ffi/fd.ts statusFlags": "what a descriptor is set to",
  "ffi/ioctl.ts SIOCGIFMTU": "an ioctl that needs no rights",
  "ffi/process.ts affinity": "what a process is set to",
  "ffi/process.ts hasBoundingCapability": "as above",
  "ffi/process.ts scheduler": "as above",
  "ffi/socket.ts IP_MULTICAST_TTL": "packets that the product must refuse",
  "src/status/shapes.ts sameShapes": "the compiler compares schemas with types by it",
};

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly {
    readonly target: string;
    readonly typeOnly: boolean;
    /** Imported ones; undefined: what of the file is used is not said in one place. */
    readonly names: readonly string[] | undefined;
  }[];
}

const sources = [...walk("src"), ...walk("ffi")].map(readSource);
const tools = walk("appliance").map(readSource);
const tests = walk("test").map(readSource);

describe("imports", () => {
  test("follow the arrows of docs/architecture.md", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter(({ target, typeOnly }) => !allowed(source.path, target, typeOnly))
        .map(({ target }) => `${source.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("have no cycle, not even one of types", () => {
    const graph = new Map(sources.map((s) => [s.path, s.imports.map((i) => i.target)]));
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

test("every export is used, and what only tests import has a word on what it is", () => {
  const used = namesImported([...sources, ...tools]);
  const tested = namesImported(tests);
  const wrong = sources.flatMap(({ path, text }) => {
    const open = exportsOf(text).filter(
      ({ name }) => !used.has(`${path} ${name}`) && SEAMS[`${path} ${name}`] === undefined,
    );
    const words = open.length > 0 ? wordsOf(text) : new Map<string, number>();
    return open.flatMap(({ name, kind, isDocumented }) => {
      if ((words.get(name) ?? 0) < 2) return [`${path} ${name}: nothing of the product uses it`];
      // The type of what is exported may have a name outside.
      if (kind === "type") return [];
      if (!tested.has(`${path} ${name}`)) return [`${path} ${name}: only its own file uses it`];
      return isDocumented ? [] : [`${path} ${name}: exported for tests, without a docstring`];
    });
  });
  expect(wrong).toEqual([]);
  const exported = new Set(sources.flatMap(({ path, text }) => exportsOf(text).map(({ name }) => `${path} ${name}`)));
  expect(Object.keys(SEAMS).filter((seam) => !exported.has(seam) || used.has(seam))).toEqual([]);
});

test("Bun and Deno are named only in their places", () => {
  const wrong = sources
    .filter(({ path }) => !RUNTIME_FILES[path] && !RUNTIME_ALLOWED.test(path))
    .filter(({ text }) => /from "bun[":]|\bBun\.[a-zA-Z]|\bDeno\./.test(withoutComments(text)))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

test("the core asks no clock, file or process", () => {
  const core = /^src\/(base|config|appliance|vrrp|bfd|check|lvs|net|status)\//;
  const asks =
    /Date\.now\(|performance\.now\(|new Date\(\)|(?<![.\w])process\.(?!getBuiltinModule\(""\))|setTimeout\(|setInterval\(/;
  const imports = /from "node:(?!crypto)|getBuiltinModule\("node:(?!crypto")/;
  const wrong = sources
    .filter(({ path }) => core.test(path))
    .filter(({ text }) => asks.test(code(text)) || imports.test(withoutComments(text)))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

test("nothing unfinished, no escape from the types, nothing of one machine", () => {
  const suspect = /\bany\b|@ts-|TODO|FIXME|XXX|\/work\/|\/home\/|\/root\//;
  const all = [...sources, ...tests, ...tools].filter(
    ({ path, text }) => path !== "test/tidy.test.ts" && suspect.test(text),
  );
  const wrong = all.flatMap(({ path, text }) =>
    [...code(text).split("\n"), ...paths(text), ...todos(text)]
      .filter((line) => /\bas any\b|: any\b(?! \w)|@ts-(ignore|expect-error|nocheck)|\b(TODO|FIXME|XXX)\b/.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(wrong).toEqual([]);
});

test("the message of what was thrown is asked for in one place", () => {
  const again = /instanceof Error \? \w+\.message : String\(/;
  const own = new Set(["src/base/errors.ts", "ffi/layout.ts"]);
  expect(sources.filter(({ path, text }) => !own.has(path) && again.test(text)).map(({ path }) => path)).toEqual([]);
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
  if (STEPS[`${from} → ${to}`] !== undefined) return true;
  const [room, target] = [roomOf(from), roomOf(to)];
  if (room === undefined || target === undefined) return false;
  const top = TOP[room];
  if (room === target || (top !== undefined && TOP[target] === undefined)) return true;
  const { all, types = [] } = top ?? ARROWS[room] ?? { all: [] };
  const named = (rooms: readonly string[]) =>
    rooms.some((name) => target === name || (ARROWS[name] !== undefined && target.startsWith(`${name}/`)));
  return named(all) || (typeOnly && named(types));
}

/** The longest name of a room that fits. */
function roomOf(path: string): string | undefined {
  const fitting = ROOMS.filter((room) => path === room || path.startsWith(`${room}/`));
  return fitting.reduce<string | undefined>(
    (best, room) => (room.length > (best?.length ?? 0) ? room : best),
    undefined,
  );
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  const target = (name: string | undefined) => relative(ROOT, resolve(ROOT, dirname(path), name ?? ""));
  const imports = [...text.matchAll(/^\s*(?:import|export)\s+(type\s+)?([^;]*?)\s*from\s+"(\.{1,2}\/[^"]+)"/gms)].map(
    ([, type, clause = "", from]) => ({
      target: target(from),
      typeOnly: type !== undefined || onlyTypes(clause),
      names: /\{(.*)\}/s.exec(clause)?.[1]?.split(",").map(plainName),
    }),
  );
  const late = [...text.matchAll(/\bimport\("(\.{1,2}\/[^"]+)"\)/g)].map((match) => ({
    target: target(match[1]),
    typeOnly: false,
    names: undefined,
  }));
  return { path, text, imports: [...imports, ...late] };
}

/** `FILE NAME` of all that these files import by name; of what is imported late or as a whole, every word that they have. */
function namesImported(files: readonly Source[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { text, imports } of files)
    for (const { target, names: imported } of imports)
      for (const name of imported ?? wordsOf(text).keys()) names.add(`${target} ${name}`);
  return names;
}

/** How often each word stands in the code. */
function wordsOf(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  // Strings may look like comments, so only whole lines are taken for some.
  for (const line of text.split("\n"))
    if (!/^\s*(\/\/|\/\*\*|\*)/.test(line))
      for (const word of line.split(/\W+/)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Without what goes before or behind it in a list of names. */
function plainName(item: string): string {
  return item
    .trim()
    .replace(/^type\s+/, "")
    .replace(/\s+as\s.*/s, "");
}

function exportsOf(text: string): { readonly name: string; readonly kind: "type" | "value"; isDocumented: boolean }[] {
  const declared = [
    ...text.matchAll(/(\*\/\n)?^export\s+(?:async\s+)?(function\*?|const|let|class|interface|type)\s+(\w+)/gm),
  ].map(([, docstring, word, name = ""]) => ({
    name,
    kind: word === "interface" || word === "type" ? ("type" as const) : ("value" as const),
    isDocumented: docstring !== undefined,
  }));
  const handedOn = [...text.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => ({
      name: name
        .trim()
        .replace(/^type\s+/, "")
        .replace(/.*\sas\s+/s, ""),
      kind: "type" as const,
      isDocumented: true,
    })),
  );
  return [...declared, ...handedOn.filter(({ name }) => name !== "")];
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
