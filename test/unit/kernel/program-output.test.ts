// What a program of the operator wrote is told when it fails, and hearing it changes nothing for the program.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/kernel/clock.ts";
import { MAX_OUTPUT_CHARS, type ProgramOutputs, programOutputs } from "../../../src/kernel/program-output.ts";
import { openReadiness, type Readiness } from "../../../src/kernel/readiness.ts";
import { createScriptRunner, type ScriptOutcome, type ScriptRunner } from "../../../src/kernel/script-runner.ts";
import { programSpawner, readOn } from "../../../src/roles/starter/spawn-program.ts";
import { until } from "../../support/until.ts";

const security = { user: "root", enabled: false, useSymlinkPaths: false, supplementaryGroups: false };
let readiness: Readiness;
let outputs: ProgramOutputs;
let runner: ScriptRunner;
let dir: string;

beforeAll(() => {
  readiness = openReadiness();
  outputs = programOutputs(readiness, readOn);
  runner = createScriptRunner(systemClock(), security, programSpawner(outputs.open));
  dir = mkdtempSync(join(tmpdir(), "lbd-output-"));
});
afterAll(() => {
  readiness[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

function run(script: string, limitMs = 10_000, user?: string): Promise<ScriptOutcome> {
  const origin = { file: "k.conf", line: 1, column: 1 };
  const command = { argv: ["/bin/sh", "-c", script], origin, ...(user !== undefined && { user }) };
  return runner.run(command, [], limitMs);
}

test.each<readonly [string, string, ScriptOutcome]>([
  ["both outputs, in order", "echo one; echo two >&2; exit 3", { kind: "exit", status: 3, output: "one | two" }],
  ["the last three lines", "seq 100; exit 1", { kind: "exit", status: 1, output: "98 | 99 | 100" }],
  ["without the last line end", "printf '\\n\\n no\\r\\n'; exit 1", { kind: "exit", status: 1, output: "no" }],
  ["before a signal", "echo dying; kill -9 $$", { kind: "signal", signal: "SIGKILL", output: "dying" }],
  ["nothing of success", "echo fine", { kind: "exit", status: 0 }],
  ["nothing when nothing was written", "exit 1", { kind: "exit", status: 1 }],
])("%s", async (_what, script, outcome) => {
  expect(await run(script)).toEqual(outcome);
});

test("what was written before the time limit", async () => {
  expect(await run("echo waiting; exec sleep 300", 300)).toEqual({ kind: "timeout", limitMs: 300, output: "waiting" });
});

test("a megabyte is read as it comes, and the end of it is kept", async () => {
  const outcome = await run("head -c 1000000 /dev/zero | tr '\\0' x; exit 1");
  expect(outcome).toEqual({ kind: "exit", status: 1, output: "x".repeat(MAX_OUTPUT_CHARS) });
});

test("a program of another user may open its output by name", async () => {
  const outcome = await run("id -un > /dev/stderr && echo again > /dev/stdout || exit 9; exit 1", 10_000, "nobody");
  expect(outcome).toEqual({ kind: "exit", status: 1, output: "nobody | again" });
});

test.each([
  ["while it is read", () => {}],
  ["when the one who read it has ended", () => outputs.stop()],
])("what is left running keeps nobody waiting, and may write on: %s", async (_when, meanwhile) => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-output-"));
  const [go, done] = [join(dir, "go"), join(dir, "done")];
  const child = `until [ -e ${go} ]; do sleep 0.02; done; head -c 300000 /dev/zero; echo $? > ${done}.new; mv ${done}.new ${done}`;
  expect(await run(`echo begun; ( ${child} ) & exit 1`)).toEqual({ kind: "exit", status: 1, output: "begun" });
  meanwhile();
  writeFileSync(go, "");
  await until("the one in the background has written all", () => existsSync(done));
  expect(readFileSync(done, "utf8")).toBe("0\n");
  rmSync(dir, { recursive: true });
});

test("no descriptor is left behind, also of what can't be started", async () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const script = join(dir, "no-interpreter");
  writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
  const rounds = async () => {
    for (let at = 0; at < 20; at++) {
      await run("echo x; exit 1");
      await runner.run({ argv: [script], origin: { file: "k.conf", line: 1, column: 1 } }, [], 1000);
    }
  };
  await rounds();
  await until("what was left over is read to its end", () => readiness.watched() === 0);
  const before = open();
  await rounds();
  await until("all is read to its end", () => readiness.watched() === 0);
  expect(open()).toBe(before);
});
