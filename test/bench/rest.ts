// A director at rest: one instance that is master, after the first minute: memory, wake-ups, CPU. All subjects
// at the same time: each sleeps nearly always.
// Usage: bun test/bench/rest.ts [--settle SECONDS] [--seconds N]
import { parseArgs } from "node:util";
import { addressesOf } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { printOf, type Results, type Subject } from "./figure.ts";
import { instancesText, segmentFor } from "./instances.ts";
import { cpuMs, type Memory, memoryOf, wakeUps } from "./meter.ts";
import { allSubjects, directorOf, ownProgramOf } from "./subjects.ts";

interface Rest {
  readonly memory: Memory;
  readonly wakesPerS: number;
  readonly cpuSPerMinute: number;
}

const { values } = parseArgs({
  options: { settle: { type: "string", default: "60" }, seconds: { type: "string", default: "60" } },
});
const [settle, seconds] = [Number(values.settle), Number(values.seconds)];

const results: Results<Rest> = await allSubjects(measure);
printOf(results, "rest, one instance: PSS", "MB", ({ memory }) => memory.pssMb, { target: 45 });
printOf(results, "rest, one instance: anonymous", "MB", ({ memory }) => memory.anonymousMb, { target: 14 });
printOf(results, "rest, one instance: wake-ups", "1/s", ({ wakesPerS }) => wakesPerS, { target: 8 });
printOf(results, "rest, one instance: CPU", "s/min", ({ cpuSPerMinute }) => cpuSPerMinute, { target: 0.08 });
process.exit(0);

async function measure(subject: Subject): Promise<Rest> {
  using segment = segmentFor(1);
  const text = instancesText({ count: 1, advertInt: 1 });
  using director = directorOf(subject, segment.host(0), text, { program: ownProgramOf(subject) }).start();
  await until(`${subject}: master`, () => addressesOf(segment.host(0)).includes("10.200.1.1/32"));
  await Bun.sleep(settle * 1000);
  const pids = director.processes();
  const [cpu, wakes, from] = [cpuMs(pids), wakeUps(pids), performance.now()];
  await Bun.sleep(seconds * 1000);
  const tookS = (performance.now() - from) / 1000;
  const rest = {
    wakesPerS: (wakeUps(pids) - wakes) / tookS,
    cpuSPerMinute: ((cpuMs(pids) - cpu) / 1000 / tookS) * 60,
    memory: memoryOf(pids),
  };
  console.log(`${subject}: ${pids.length} processes: ${JSON.stringify(rest)}`);
  return rest;
}
