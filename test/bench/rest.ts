// A director at rest: one instance that is master, after the first minute: memory, wake-ups, CPU; and 10,000 services without
// checks in a stand-in for IPVS (stand-in/): CPU. All subjects at the same time: each sleeps nearly always.
// Usage: bun test/bench/rest.ts [--settle SECONDS] [--seconds N]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { addressesOf } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { type BigConfig, bigConfig } from "./big-config.ts";
import { printOf, type Subject } from "./figure.ts";
import { instancesText, segmentFor } from "./instances.ts";
import { cpuMs, type Memory, memoryOf, wakeUps } from "./meter.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { allSubjects, directorOf, ipvsArguments, ownProgramOf } from "./subjects.ts";

interface Rest {
  readonly memory: Memory;
  readonly wakesPerS: number;
  readonly cpuMsPerS: number;
}

/** As the service manager starts it. */
const UNIT_ENVIRONMENT = /^Environment=(.*)$/m.exec(readFileSync("conf/lbd.service", "utf8"))?.[1]?.split(" ") ?? [];

const { values } = parseArgs({
  options: { settle: { type: "string", default: "60" }, seconds: { type: "string", default: "60" } },
});
const [settle, seconds] = [Number(values.settle), Number(values.seconds)];

const one = await allSubjects((subject) => measure(subject, { virtualServers: 0 }));
printOf(one, "rest, one instance: PSS", "MB", ({ memory }) => memory.pssMb, { target: 45 });
printOf(one, "rest, one instance: anonymous", "MB", ({ memory }) => memory.anonymousMb, { target: 14 });
printOf(one, "rest, one instance: wake-ups", "1/s", ({ wakesPerS }) => wakesPerS, { target: 8 });
printOf(one, "rest, one instance: CPU", "s/min", ({ cpuMsPerS }) => (cpuMsPerS * 60) / 1000, { target: 0.08 });
const servers = await allSubjects((subject) => measure(subject, { virtualServers: 10_000 }));
printOf(servers, "rest, 10,000 × 4 without checks: CPU", "% of a core", ({ cpuMsPerS }) => cpuMsPerS / 10, {
  target: 0.5,
});
process.exit(0);

async function measure(subject: Subject, size: BigConfig): Promise<Rest> {
  using segment = segmentFor(1);
  using ipvs = new IpvsHost();
  const text = instancesText({ count: 1, advertInt: 1 }) + (size.virtualServers > 0 ? bigConfig(size) : "");
  // Without services it runs as it is: the program that puts the filter on it is not to be in what is measured.
  const filter = size.virtualServers > 0 ? ipvs.wrapper : [];
  const wrapper = subject === "lbd" ? ["env", ...UNIT_ENVIRONMENT, ...filter] : filter;
  using director = directorOf(subject, segment.host(0), text, { program: ownProgramOf(subject), wrapper });
  director.start(...ipvsArguments(subject));
  const isMaster = () => addressesOf(segment.host(0)).includes("10.200.1.1/32");
  await until(
    `${subject}: master, with a full table`,
    () => isMaster() && ipvs.entries() === 5 * size.virtualServers,
    120_000,
  );
  await Bun.sleep(settle * 1000);
  const before = director.processes();
  const [cpu, wakes, from] = [cpuMs(before), wakeUps(before), performance.now()];
  await Bun.sleep(seconds * 1000);
  const tookS = (performance.now() - from) / 1000;
  const pids = director.processes();
  const rest = {
    wakesPerS: (wakeUps(pids) - wakes) / tookS,
    cpuMsPerS: (cpuMs(pids) - cpu) / tookS,
    memory: memoryOf(pids),
  };
  console.log(`${subject}: ${pids.length} processes: ${JSON.stringify(rest)}`);
  return rest;
}
