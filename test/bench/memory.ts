// Memory of a running director with many servers and without checks, when it has settled. Services are programmed
// into a stand-in for IPVS (stand-in/). What four reloads add is in test/bench/reload.ts.
// Usage: bun test/bench/memory.ts [--settle SECONDS]
import { parseArgs } from "node:util";
import { addressesOf } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { bigConfig } from "./big-config.ts";
import { printOf, type Subject, type Targets } from "./figure.ts";
import { instancesText, segmentFor } from "./instances.ts";
import { type Memory, memoryOf } from "./meter.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { directorOf, eachSubject, ipvsArguments } from "./subjects.ts";

interface Size {
  readonly virtualServers: number;
  readonly realServers: number;
}

interface Case extends Size {
  readonly name: string;
  readonly anonymousMb?: Targets;
}

const CASES: readonly Case[] = [
  { name: "1,000 × 10", virtualServers: 1000, realServers: 10, anonymousMb: { target: 40 } },
  { name: "10,000 × 4", virtualServers: 10_000, realServers: 4 },
];

const { values } = parseArgs({ options: { settle: { type: "string", default: "20" } } });
for (const { name, anonymousMb, ...servers } of CASES) {
  const text = instancesText({ count: 1, advertInt: 1 }) + bigConfig(servers);
  const results = await eachSubject((subject) => measure(subject, text, servers));
  console.log(`${name}: ${JSON.stringify(results)}`);
  printOf(results, `memory, ${name}: anonymous`, "MB", (memory) => memory.anonymousMb, anonymousMb);
  printOf(results, `memory, ${name}: RSS`, "MB", (memory) => memory.rssMb);
}
process.exit(0);

async function measure(subject: Subject, text: string, { virtualServers, realServers }: Size): Promise<Memory> {
  using segment = segmentFor(1);
  using ipvs = new IpvsHost();
  using director = directorOf(subject, segment.host(0), text, { wrapper: ipvs.wrapper });
  director.start(...ipvsArguments(subject));
  const entries = virtualServers * (1 + realServers);
  await until(`${subject}: the full table`, () => ipvs.entries() === entries, 60_000);
  await until(`${subject}: master`, () => addressesOf(segment.host(0)).includes("10.200.1.1/32"), 60_000);
  await Bun.sleep(Number(values.settle) * 1000);
  return memoryOf(director.processes());
}
