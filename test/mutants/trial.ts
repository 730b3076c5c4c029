// One tree with one fault in it, and the tests that should see it.
import { linkSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reaching } from "./reach.ts";
import { runTests } from "./run-tests.ts";

/** CPU seconds that one mutant may cost; what starts programs comes last. */
const BUDGET_S = Number(process.env.CPU || 60);
/** What a test may take with a fault in it: so many times what it takes without, and some. */
const LIMIT_FACTOR = 4;
const LIMIT_MORE_S = 5;
/** Test files of the first runs, then more at a time: most faults are seen at once. */
const BATCHES = [2, 6, 16];

export type Verdict =
  | { readonly kind: "caught"; readonly by: string }
  /** `left`: test files that there was no time for. */
  | { readonly kind: "survived"; readonly ran: number; readonly left: number };

export interface Tree {
  /** Runs tests against `file` with `text` in it. */
  try(file: string, text: string, tests: readonly Reaching[]): Promise<Verdict>;
  [Symbol.dispose](): void;
}

/** A tree of hard links beside the real one; of the mutated file it gets its own. */
export function createTree(root: string, folder: string): Tree {
  rmSync(folder, { recursive: true, force: true });
  link(root, folder);
  for (const name of ["node_modules", "dist"]) symlinkSync(join(root, name), join(folder, name));

  return {
    async try(file, text, tests) {
      const place = join(folder, file);
      unlinkSync(place);
      writeFileSync(place, text);
      try {
        return await judge(folder, tests);
      } finally {
        unlinkSync(place);
        linkSync(join(root, file), place);
      }
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function judge(folder: string, tests: readonly Reaching[]): Promise<Verdict> {
  let [spent, ran] = [0, 0];
  for (let batch = 0; ran < tests.length; batch++) {
    if (spent >= BUDGET_S) break;
    const some = tests.slice(ran, ran + (BATCHES[batch] ?? BATCHES.at(-1) ?? 1));
    const usual = some.reduce((sum, { seconds }) => sum + seconds, 0);
    const names = some.map(({ test }) => test);
    const run = await runTests(folder, names, usual * LIMIT_FACTOR + LIMIT_MORE_S);
    if (run.stopped) return { kind: "caught", by: `time: no end (${names.join(" ")})` };
    if (!run.ok) return { kind: "caught", by: firstFailure(run.output) };
    spent += run.cpuSeconds;
    ran += some.length;
  }
  return { kind: "survived", ran, left: tests.length - ran };
}

function link(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if ([".git", ".cache", "dist", "node_modules"].includes(name)) continue;
    const [source, target] = [join(from, name), join(to, name)];
    if (statSync(source).isDirectory()) link(source, target);
    else linkSync(source, target);
  }
}

/** The first test that failed, with its file; or the error that came before any. */
function firstFailure(output: string): string {
  const all = output.split("\n");
  const at = all.findIndex((line) => /^\(fail\)|^error:|^# Unhandled error|^panic/.test(line));
  const failed = all.find((line) => line.startsWith("(fail)"))?.replace(/ \[[\d.]+ms\]$/, "");
  const file = all.slice(0, at + 1).findLast((line) => /^(\.\/)?test\/.*\.test\.ts:$/.test(line));
  return `${file?.replace(/:$/, "") ?? "?"} ${failed?.slice(7) ?? all[at] ?? "ended without a word"}`;
}
