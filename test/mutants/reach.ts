// Which pure tests come to a line: those that import its file, directly or through others, and run the line. What a test runs is measured once
// and kept in .cache until the test, or something that it imports, changes.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { runTests } from "./run-tests.ts";

/** What `make test-unit` runs. */
const PURE = /^test\/(unit|golden|scenario|sim|fuzz)\/.*\.test\.ts$/;
/** They take long, so they stand behind others. */
const SLOW = /^test\/(sim|fuzz|scenario)\//;
const LATER = 2;
const LAST = 100;
/** One that takes longer (it builds the program) is left out. */
const MEASURE_S = 20;
/** Tests that start programs count for every line that these import, when they are short. */
const PROGRAMS_S = 5;

export interface Reaching {
  readonly test: string;
  /** CPU time it takes without a fault. */
  readonly seconds: number;
}

export interface Reach {
  /** Tests that import the file. */
  importing(file: string): readonly string[];
  /** Tests that come to the line, the nearest and shortest first. */
  to(file: string, line: number): Promise<readonly Reaching[]>;
}

interface Measured {
  readonly seconds: number;
  /** It passes, in time; one that fails without a fault can't see any. */
  readonly sound: boolean;
  /** By file: lines that ran, and lines that did not. */
  readonly files: Readonly<Record<string, { readonly ran: readonly number[]; readonly not: readonly number[] }>>;
}

export function createReach(root: string): Reach {
  const cache = join(root, ".cache/mutants/reach");
  mkdirSync(cache, { recursive: true });
  const imports = readImports(root);
  const importers = new Map<string, Set<string>>();
  for (const [path, { all }] of imports)
    for (const target of all) importers.set(target, (importers.get(target) ?? new Set()).add(path));
  const measured = new Map<string, Promise<Measured>>();

  function distances(file: string): ReadonlyMap<string, number> {
    const steps = new Map([[file, 0]]);
    for (const [at, count] of steps)
      for (const next of importers.get(at) ?? []) if (!steps.has(next)) steps.set(next, count + 1);
    return steps;
  }

  function closureOf(test: string): readonly string[] {
    const all = new Set([test]);
    for (const path of all) for (const next of imports.get(path)?.all ?? []) all.add(next);
    return [...all].toSorted();
  }

  async function measure(test: string): Promise<Measured> {
    const digest = createHash("sha256");
    for (const path of closureOf(test)) digest.update(path).update(readFileSync(join(root, path)));
    const kept = join(cache, `${test.replaceAll("/", "+")}.json`);
    const key = digest.digest("hex");
    if (existsSync(kept)) {
      const known = JSON.parse(readFileSync(kept, "utf8")) as { readonly key: string; readonly is: Measured };
      if (known.key === key) return known.is;
    }
    const folder = join(cache, `${process.pid}-${key.slice(0, 12)}`);
    const run = await runTests(root, [test], MEASURE_S, folder);
    const is = {
      seconds: run.cpuSeconds,
      sound: run.ok && run.cpuSeconds < MEASURE_S,
      files: readLcov(join(folder, "lcov.info")),
    };
    rmSync(folder, { recursive: true, force: true });
    writeFileSync(kept, JSON.stringify({ key, is }));
    if (!run.ok && !run.stopped)
      console.log(`left out, for it fails without a fault: ${test}\n${run.output.slice(-1500)}`);
    return is;
  }

  function importing(file: string): readonly string[] {
    return [...distances(file).keys()].filter((path) => PURE.test(path));
  }

  return {
    importing,
    async to(file, line) {
      const steps = distances(file);
      const own = dirname(file).replace("src/", "test/unit/");
      const rank = ({ test, seconds }: Reaching) =>
        (steps.get(test) ?? 0) +
        (SLOW.test(test) ? LATER : 0) -
        (test.startsWith(own) ? LATER : 0) +
        (imports.get(test)?.startsPrograms ? LAST : 0) +
        seconds;
      const found: Reaching[] = [];
      for (const test of importing(file)) {
        const known = measured.get(test) ?? measure(test);
        measured.set(test, known);
        const { sound, seconds, files } = await known;
        const seen = files[file];
        // What a program runs that the test starts is not measured.
        const started = imports.get(test)?.startsPrograms && seconds < PROGRAMS_S;
        const comes = seen ? !seen.not.includes(line) || started : started;
        if (sound && comes) found.push({ test, seconds });
      }
      return found.sort((a, b) => rank(a) - rank(b));
    },
  };
}

interface Imports {
  readonly all: readonly string[];
  readonly startsPrograms: boolean;
}

function readImports(root: string): ReadonlyMap<string, Imports> {
  const found = new Map<string, Imports>();
  for (const folder of ["src", "ffi", "appliance", "test"])
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      const path = join(folder, name);
      if (path.endsWith(".ts")) found.set(path, importsOf(root, path));
    }
  return found;
}

const transpiler = new Bun.Transpiler({ loader: "ts" });

function importsOf(root: string, path: string): Imports {
  const text = readFileSync(join(root, path), "utf8");
  const imported = transpiler.scanImports(text).flatMap(({ path: target }) => {
    if (target === "#dlopen") return ["ffi/bun.ts"];
    const place = normalize(join(dirname(path), target));
    return target.startsWith(".") && existsSync(join(root, place)) ? [place] : [];
  });
  if (!path.startsWith("test/")) return { all: imported, startsPrograms: false };
  // Programs that a test starts, by their names.
  const started = [...text.matchAll(/"([\w./-]+\.ts)"/g)].flatMap(([, name = ""]) =>
    [join(dirname(path), name), name, join("test", name)]
      .map(normalize)
      .filter((place) => !place.startsWith("..") && !imported.includes(place) && existsSync(join(root, place)))
      .slice(0, 1),
  );
  return { all: [...imported, ...started], startsPrograms: started.length > 0 };
}

/** Of the format of lcov: `SF:file`, then `DA:line,count` for its lines. */
function readLcov(path: string): Measured["files"] {
  const files: Record<string, { ran: number[]; not: number[] }> = {};
  let lines: { ran: number[]; not: number[] } = { ran: [], not: [] };
  for (const row of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
    if (row.startsWith("SF:")) {
      lines = { ran: [], not: [] };
      files[row.slice(3)] = lines;
    }
    if (!row.startsWith("DA:")) continue;
    const [line = 0, count = 0] = row.slice(3).split(",").map(Number);
    (count > 0 ? lines.ran : lines.not).push(line);
  }
  return files;
}
