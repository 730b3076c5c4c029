// One `bun test` with a bound on its CPU time.
import { spawn } from "node:child_process";

/** The machine may give CPU time slowly, but not slower than this. */
const WALL_FACTOR = 20;

export interface Run {
  readonly ok: boolean;
  readonly output: string;
  readonly cpuSeconds: number;
  /** It was ended, for it had had its time. */
  readonly stopped: boolean;
}

/** Runs test files in `folder`, until the first failure; with `coverage`, writes lcov.info there. */
export function runTests(
  folder: string,
  tests: readonly string[],
  cpuSeconds: number,
  coverage?: string,
): Promise<Run> {
  const limit = Math.ceil(cpuSeconds);
  const measure = coverage ? ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${coverage}`] : [];
  const command = [
    process.execPath,
    "test",
    "--bail=1",
    "--timeout",
    "60000",
    ...measure,
    ...tests.map((t) => `./${t}`),
  ];
  const child = spawn("/bin/sh", ["-c", `ulimit -t ${limit}; "$@"; code=$?; times; exit $code`, "sh", ...command], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let [output, times, late] = ["", "", false];
  child.stderr.on("data", (bytes) => {
    output += bytes;
  });
  child.stdout.on("data", (bytes) => {
    times += bytes;
  });
  const wall = setTimeout(
    () => {
      late = true;
      if (child.pid) process.kill(-child.pid, "SIGKILL");
    },
    limit * WALL_FACTOR * 1000,
  );
  return new Promise((resolve) => {
    child.once("close", (code) => {
      clearTimeout(wall);
      const spent = late ? limit : childSeconds(times);
      // 128 and above: ended by a signal, that of the limit among them.
      const stopped = late || (spent >= limit - 1 && (code ?? 0) > 128);
      resolve({ ok: code === 0, output, cpuSeconds: spent, stopped });
    });
  });
}

/** Of `times`: the last line has the children's user and system time, `0m1.230s 0m0.100s`. */
function childSeconds(text: string): number {
  const line = text.trim().split("\n").at(-1) ?? "";
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
}
