// Runs rings of tests side by side and sums them up. `bun test/run.ts RING…`; each ring's output goes to .cache/test-RING.log, and to
// the terminal when it failed. The closing line is `N passed, N failed[, N skipped]`.
//
// Rings that measure a protocol's time share two cores with all the others here. Files of them that failed are run once more when
// the machine is quiet: what fails again has failed, what passes is named as unsteady in the summary, with the first output kept.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync, renameSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

interface Ring {
  readonly command: readonly string[];
  readonly limitMs: number;
  /** It begins when the others are done: it would take the processors away from protocols that count milliseconds. */
  readonly behind?: true;
  /** The command for some files of the ring alone, where time decides. */
  readonly again?: (files: readonly string[]) => readonly string[];
}

const BUN = process.execPath;
const DENO = "node_modules/.bin/deno";
const MINUTE = 60_000;

const RINGS: Readonly<Record<string, Ring>> = {
  check: { command: ["make", "--no-print-directory", "check"], limitMs: 15 * MINUTE },
  unit: {
    command: [BUN, "test", "--timeout", "60000", "test/unit", "test/golden", "test/scenario", "test/sim", "test/fuzz"],
    limitMs: 20 * MINUTE,
  },
  deno: { command: [DENO, "run", "-A", "--no-lock", "test/deno/run.ts"], limitMs: 15 * MINUTE },
  // More at a time would keep each other waiting longer than the protocol does.
  netns: {
    command: [BUN, "test", "--timeout", "120000", "--max-concurrency", "8", "test/netns", "test/interop"],
    limitMs: 30 * MINUTE,
    again: (files) => [BUN, "test", "--timeout", "120000", ...files],
  },
  vm: {
    command: [BUN, "test/vm/run.ts"],
    limitMs: 40 * MINUTE,
    again: (files) => [BUN, "test/vm/run.ts", "exec", "bun", "test", "--timeout", "120000", ...files],
  },
  packages: { command: ["make", "--no-print-directory", "test-packages"], limitMs: 15 * MINUTE },
  appliance: {
    command: ["make", "--no-print-directory", "test-appliance-everyday"],
    limitMs: 40 * MINUTE,
    behind: true,
    again: (files) => [BUN, "test", "--timeout", "900000", ...files],
  },
};

interface Outcome {
  readonly ring: string;
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Tests that failed at first. */
  readonly unsteady: readonly string[];
}

mkdirSync(".cache", { recursive: true });
const names = process.argv.slice(2);
const unknown = names.filter((name) => !RINGS[name]);
if (names.length === 0 || unknown.length > 0) {
  console.error(`rings: ${Object.keys(RINGS).join(" ")}${unknown.length > 0 ? ` (not ${unknown.join(" ")})` : ""}`);
  process.exit(2);
}

const isBehind = (name: string) => RINGS[name]?.behind === true;
const outcomes = await Promise.all(
  names.filter((name) => !isBehind(name)).map((name) => run(name, RINGS[name] as Ring)),
);
for (const [at, outcome] of outcomes.entries()) outcomes[at] = await retried(outcome);
for (const name of names.filter(isBehind)) outcomes.push(await retried(await run(name, RINGS[name] as Ring)));
for (const outcome of outcomes.filter(({ ok }) => !ok)) {
  console.log(`\n──── ${outcome.ring} failed; the end of its output (whole: .cache/test-${outcome.ring}.log)`);
  console.log(interesting(logText(outcome.ring)));
}
console.log("");
for (const { ring, ok, passed, failed, skipped, seconds } of outcomes)
  console.log(
    `${ok ? "ok  " : "FAIL"} ${ring.padEnd(9)} ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`,
  );
for (const { ring, unsteady } of outcomes)
  for (const test of unsteady) console.log(`unsteady (failed beside the other rings, passed alone): ${ring}: ${test}`);
const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed) + outcomes.filter(({ ok, failed }) => !ok && failed === 0).length;
console.log(
  `${sum((outcome) => outcome.passed)} passed, ${failed} failed, ${sum((outcome) => outcome.skipped)} skipped`,
);
process.exitCode = failed > 0 || outcomes.some(({ ok }) => !ok) ? 1 : 0;

/** The outcome after its failed files have had a second run; unchanged where the ring has none or more than a few failed. */
async function retried(first: Outcome): Promise<Outcome> {
  const ring = RINGS[first.ring];
  const { files, tests } = failures(logText(first.ring));
  if (first.ok || !ring?.again || files.length === 0 || files.length > 3 || tests.length !== first.failed) return first;
  renameSync(`.cache/test-${first.ring}.log`, `.cache/test-${first.ring}-first.log`);
  const second = await run(first.ring, { ...ring, command: ring.again(files) });
  const seconds = first.seconds + second.seconds;
  if (!second.ok) return { ...second, seconds };
  return { ...first, ok: true, passed: first.passed + tests.length, failed: 0, seconds, unsteady: tests };
}

function run(name: string, ring: Ring): Promise<Outcome> {
  const startedAt = performance.now();
  const [program = "", ...args] = ring.command;
  console.log(`start ${name}: ${[program.split("/").at(-1), ...args].join(" ")}`);
  const log = createWriteStream(`.cache/test-${name}.log`);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, NO_COLOR: "1" },
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const limit = setTimeout(() => child.pid && process.kill(-child.pid, "SIGKILL"), ring.limitMs);
  return new Promise((resolve) => {
    child.once("close", (status) => {
      clearTimeout(limit);
      log.end(() => {
        const seconds = Math.round((performance.now() - startedAt) / 1000);
        const counts = count(logText(name));
        // A ring that ran nothing proves nothing, except the one that only checks.
        const ok = status === 0 && counts.failed === 0 && (counts.passed > 0 || name === "check");
        console.log(`${ok ? "ok   " : "FAIL "} ${name} after ${seconds} s`);
        resolve({ ring: name, ok, ...counts, seconds, unsteady: [] });
      });
    });
  });
}

/** Sums the closing lines of bun test (` 3 pass`), or takes that of deno test (`ok | 3 passed (9 steps) | 0 failed`). */
function count(text: string): { passed: number; failed: number; skipped: number } {
  const deno = /\| (\d+) passed.*\| (\d+) failed(?:.*\| (\d+) ignored)?/.exec(text);
  if (deno) return { passed: Number(deno[1]), failed: Number(deno[2]), skipped: Number(deno[3] ?? 0) };
  const total = (word: string) =>
    [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}$`, "gm"))].reduce((sum, match) => sum + Number(match[1]), 0);
  return { passed: total("pass"), failed: total("fail"), skipped: total("skip") };
}

/** The tests that failed in an output of bun test, and their files. A file with an error outside its tests counts none. */
function failures(text: string): { files: string[]; tests: string[] } {
  const files = new Set<string>();
  const tests: string[] = [];
  let file = "";
  for (const line of text.split("\n")) {
    file = /^(test\/\S+\.test\.ts):$/.exec(line.trim())?.[1] ?? file;
    // At its end the output lists all that failed once more.
    if (/^\d+ tests failed:/.test(line.trim())) break;
    const test = /^(?:\(fail\)|✗) (.+?)(?: \[[\d.]+m?s\])?$/.exec(line.trim())?.[1];
    if (test === undefined) continue;
    files.add(file);
    tests.push(test);
  }
  return { files: [...files], tests };
}

function logText(name: string): string {
  return stripVTControlCharacters(readFileSync(`.cache/test-${name}.log`, "utf8"));
}

/** The last part of a log without the tests that passed. */
function interesting(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*(\(pass\)|✓)/.test(line) && line !== "")
    .slice(-80)
    .join("\n");
}
