// What commands and the director write, and how they leave a pipe that others write to after them.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { LogLine } from "../../../src/base/log.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createLogSink } from "../../../src/process/host/log-sink.ts";
import { isJournal, openLogStream } from "../../../src/process/host/log-stream.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/until.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-output-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const MAIN = resolve(import.meta.dirname, "../../../src/main.ts");
const LBD = `'${process.execPath}' '${MAIN}'`;
const GOOD = join(dir, "good.conf");
writeFileSync(GOOD, "global_defs {\n  router_id R\n}\n");
const sh = (script: string, env: Record<string, string> = {}) =>
  spawnSync("/bin/sh", ["-c", script], { cwd: dir, encoding: "utf8", env: { PATH: process.env.PATH ?? "", ...env } });

describe("a pipe is left as it was", () => {
  /** Flags of standard output after a command, as proc(5) has them, in octal. */
  const flagsAfter = (command: string) => {
    const { stdout } = sh(`{ ${command}; sed -n 's/^flags:/flags after:/p' /proc/self/fdinfo/1; } 2>&1 | cat`);
    return Number.parseInt(/^flags after:\s*(\d+)$/m.exec(stdout)?.[1] ?? "", 8);
  };

  test.each([
    ["check", `${LBD} check ${GOOD}`],
    ["check of a file that is missing", `${LBD} check gone.conf`],
    ["explain", `${LBD} explain priority`],
    ["--version", `${LBD} --version`],
    ["-v", `${LBD} -v`],
    ["a wrong command line", `${LBD} --no-such-option`],
    ["status", `${LBD} status --run-dir ${dir}/none`],
    ["-t", `${LBD} -t -f ${GOOD}`],
    ["a director", `${LBD} -f gone.conf --api off --run-dir ${dir}/run`],
  ])("%s", (_why, command) => {
    const flags = flagsAfter(command);
    expect(flags & constants.O_WRONLY).toBe(constants.O_WRONLY);
    expect(flags & constants.O_NONBLOCK).toBe(0);
  });
});

test("all of it comes through a pipe that somebody else made non-blocking, and a reader that leaves is no failure", async () => {
  const fifo = join(dir, "pipe");
  sh(`mkfifo ${fifo}`);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  const child = Bun.spawn([process.execPath, MAIN, "docs", "reference"], { stdout: writer, stderr: "inherit" });
  closeSync(writer);
  const buffer = Buffer.alloc(4096);
  let bytes = 0;
  await until("it has all gone through", () => {
    try {
      const count = readSync(reader, buffer);
      bytes += count;
      return count === 0 && bytes > 0;
    } catch {
      return false;
    }
  });
  closeSync(reader);
  expect(await child.exited).toBe(0);
  expect(bytes).toBe(Buffer.byteLength(sh(`${LBD} docs reference`).stdout));
  expect(sh(`{ ${LBD} docs reference; echo "status $?" >&2; } | head -c 1`).stderr).toBe("status 0\n");
});

describe("the log", () => {
  test("a reader that stands still costs no time; what it did not take comes later, in order", async () => {
    const fifo = join(dir, "log");
    sh(`mkfifo ${fifo}`);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(fifo, constants.O_WRONLY);
    const { log, drained } = createLogSink(openLogStream(systemClock(), writer), systemClock(), {
      format: "text",
      debug: false,
    });
    const line = (n: number): LogLine => ({ level: "info", area: "test", message: `${n} ${"x".repeat(990)}` });
    for (let n = 0; n < 200; n++) log(line(n));
    let text = "";
    const buffer = Buffer.alloc(65_536);
    const reading = until("all lines", () => {
      try {
        text += buffer.toString("utf8", 0, readSync(reader, buffer));
      } catch {
        // Nothing there yet.
      }
      return text.split("\n").length > 200;
    });
    await Promise.all([reading, drained()]);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((one) => Number(/test: (\d+)/.exec(one)?.[1])),
    ).toEqual([...Array(200).keys()]);
    closeSync(reader);
    // Nobody reads any more: lines are gone, nothing else.
    log(line(200));
    await drained();
    closeSync(writer);
  });

  test.each([
    ["text", "<4>warning test: m\n"],
    ["json", '<4>{"time":"2026-01-01T00:00:00.000Z","level":"warning","area":"test","message":"m"}\n'],
  ] as const)("%s for the journal has the priority and no second time", (format, expected) => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) > 0, on: () => undefined };
    const { log } = createLogSink(stream, manualClock(), { format, debug: true, journal: true });
    log({ level: "warning", area: "test", message: "m" });
    for (const level of ["error", "info", "debug"] as const) log({ level, area: "test", message: "m" });
    expect(written[0]).toBe(expected);
    expect(written.slice(1).map((text) => text.slice(0, 3))).toEqual(["<3>", "<6>", "<7>"]);
  });

  test("the journal is known by JOURNAL_STREAM when it names standard error", () => {
    const path = join(dir, "stderr");
    const fd = openSync(path, "w");
    const { dev, ino } = fstatSync(fd);
    expect([isJournal(`${dev}:${ino}`, fd), isJournal(`${dev}:${ino + 1}`, fd), isJournal(undefined, fd)]).toEqual([
      true,
      false,
      false,
    ]);
    closeSync(fd);
    const run = `${LBD} -f gone.conf --api off --run-dir ${dir}/run2 2>${path}`;
    sh(run, { JOURNAL_STREAM: `${dev}:${ino}` });
    expect(readFileSync(path, "utf8")).toMatch(/^<6>info process: lbd .* starts/m);
    sh(run, { JOURNAL_STREAM: "8:1" });
    expect(readFileSync(path, "utf8")).toMatch(/^\d{4}-\d\d-\d\dT[^ ]+ info process: lbd .* starts/m);
  });
});
