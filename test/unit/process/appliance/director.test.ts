// The director outlives the appliance that started it: the next one takes it over, reads what it said meanwhile, signals it, and hears its end.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogLine } from "../../../../src/base/log.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { openReadiness } from "../../../../src/kernel/readiness.ts";
import { createDirector, type Director } from "../../../../src/process/appliance/director.ts";
import { until } from "../../../support/until.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lbd-director-"));
});
const started: number[] = [];
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Says a line when it begins, one with each SIGHUP and one with SIGUSR1; ends with SIGTERM. */
const PROGRAM = [
  "/bin/sh",
  "-c",
  'trap "echo hup >&2" HUP; trap "echo alone >&2" USR1; echo up >&2; while :; do sleep 0.05; done',
] as const;

function directorIn(log: LogLine[]): Director {
  return createDirector({
    clock: systemClock(),
    log: (line) => log.push(line),
    readiness: openReadiness(),
    folder,
    words: () => [],
    environment: {},
    program: PROGRAM,
  });
}

const pidNoted = () => Number(readFileSync(join(folder, "director.pid"), "utf8").split(" ")[0]);
const said = (log: readonly LogLine[], text: string) => log.some(({ message }) => message === text);

/** An appliance of its own process that starts the director, and is ended by force once that runs. */
async function crashedAppliance(): Promise<number> {
  const script = `
    import { createDirector } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/process/appliance/director.ts"))};
    import { openReadiness } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/kernel/readiness.ts"))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/kernel/clock.ts"))};
    const log = (line) => console.log(line.message);
    const ports = { clock: systemClock(), log, readiness: openReadiness(), folder: ${JSON.stringify(folder)} };
    createDirector({ ...ports, words: () => [], environment: {}, program: ${JSON.stringify(PROGRAM)} }).start(() => {});
    setInterval(() => {}, 1000);`;
  const file = join(folder, "appliance.ts");
  writeFileSync(file, script);
  const appliance = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  appliance.stdout.on("data", (chunk) => (text += chunk));
  await until("the director runs", () => text.includes("up"));
  const gone = new Promise((resolve) => appliance.once("exit", resolve));
  appliance.kill("SIGKILL");
  await gone;
  const pid = pidNoted();
  started.push(pid);
  // Nobody reads at this moment.
  process.kill(pid, "SIGUSR1");
  return pid;
}

test("one that runs is taken over with what it said, and its end is heard", async () => {
  const pid = await crashedAppliance();
  const log: LogLine[] = [];
  const director = directorIn(log);
  let ended: string | undefined;
  const adopted = director.adopt((how) => (ended = how));
  expect(adopted?.pid).toBe(pid);
  // What it said while nobody read, and what it says to being taken over.
  await until("its words came", () => said(log, "alone") && said(log, "hup"));
  adopted?.signal("SIGTERM");
  expect(await until("its end is heard", () => ended)).toBe("it is gone");
  expect(director.adopt(() => {})).toBeUndefined();
});

test("the number of one that is gone is no director, whoever has it now", async () => {
  const log: LogLine[] = [];
  const director = directorIn(log);
  expect(director.adopt(() => {})).toBeUndefined();
  writeFileSync(join(folder, "director.pid"), `${process.pid} 1\n`);
  expect(director.adopt(() => {})).toBeUndefined();
});

test("one of its own says its lines, and how it ended", async () => {
  const log: LogLine[] = [];
  const director = directorIn(log);
  let ended: string | undefined;
  const child = director.start((how) => (ended = how));
  started.push(child.pid);
  await until("it has begun", () => said(log, "up"));
  expect(pidNoted()).toBe(child.pid);
  child.signal("SIGTERM");
  expect(await until("its end is heard", () => ended)).toBe("SIGTERM");
});

test("what it is told comes to whichever runs, also to one that was taken over, and waits for the next", async () => {
  const log: LogLine[] = [];
  const script = 'trap : HUP; while :; do read -r line && echo "got $line" >&2; done';
  const echo = ["/bin/sh", "-c", script] as const;
  const make = () =>
    createDirector({
      ...{ clock: systemClock(), log: (line: LogLine) => log.push(line), readiness: openReadiness(), folder },
      ...{ words: () => [], environment: {}, program: echo },
    });
  const director = make();
  director.tell("early");
  let ends = 0;
  const { pid } = director.start(() => ends++);
  started.push(pid);
  director.tell("now");
  await until("it has both", () => said(log, "got early") && said(log, "got now"));
  // Another life of the appliance.
  const next = make();
  expect(next.adopt(() => {})?.pid).toBe(pid);
  next.tell("taken over");
  await until("it has that too", () => said(log, "got taken over"));
  process.kill(pid, "SIGKILL");
  await until("it ended", () => ends === 1);
  next.tell("later");
  started.push(next.start(() => {}).pid);
  await until("the next one has it", () => said(log, "got later"));
});
