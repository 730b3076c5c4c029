// Reloads by SIGHUP, nothing changed, one weight (without services: four priorities) changed, and all moved by a line, while instances advertise: how late the latest advertisement gets, what CPU
// it costs, and what memory all processes have after four of them. Services are programmed into a stand-in for IPVS (stand-in/).
// Usage: bun test/bench/reload.ts [--only NAME]
import { parseArgs } from "node:util";
import { until } from "../support/until.ts";
import { bigConfig } from "./big-config.ts";
import { largest, median, printOf, type Subject, type Targets } from "./figure.ts";
import { advertTimes, type Instances, instancesText, lateness, segmentFor } from "./instances.ts";
import { cpuMs, type Memory, memoryOf } from "./meter.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { directorOf, eachSubject, firstOnTheMachine, ipvsArguments, REALTIME_PRIORITY } from "./subjects.ts";

interface Case {
  readonly name: string;
  readonly instances: Instances;
  readonly virtualServers: number;
  /** In it a reload is over, and what it left to do later as well. */
  readonly windowMs: number;
  readonly lateMs?: Targets;
  readonly cpuS?: Targets;
  readonly rssMb?: Targets;
}

const CASES: readonly Case[] = [
  {
    name: "10,000 × 4, 10 instances at 0.1 s",
    instances: { count: 10, advertInt: 0.1 },
    virtualServers: 10_000,
    windowMs: 8000,
    lateMs: { target: 2 },
    cpuS: { target: 0.24 },
    rssMb: { target: 200 },
  },
  {
    name: "1,000 × 4, 10 instances at 0.1 s",
    instances: { count: 10, advertInt: 0.1 },
    virtualServers: 1000,
    windowMs: 3000,
    cpuS: { target: 0.04 },
    rssMb: { target: 130 },
  },
  {
    name: "255 instances at 0.1 s",
    instances: { count: 255, advertInt: 0.1 },
    virtualServers: 0,
    windowMs: 2000,
    lateMs: { target: 2 },
  },
  {
    name: "1,000 instances at 1 s",
    instances: { count: 1000, advertInt: 1 },
    virtualServers: 0,
    windowMs: 3000,
    lateMs: { target: 4 },
  },
];
const PRIORITY = `global_defs {\n  vrrp_rt_priority ${REALTIME_PRIORITY}\n}\n`;
const UNCHANGED = 4;
const CHANGED = 2;
const LIMIT_MS = 120_000;

interface Reload {
  readonly cpuS: number;
  readonly lateMs: number;
}

interface Measured {
  readonly unchanged: readonly Reload[];
  readonly changed: readonly Reload[];
  readonly moved: readonly Reload[];
  /** The latest advertisement of a window without a reload: what the machine does. */
  readonly quietLateMs: number;
  readonly memory: Memory;
}

const { values } = parseArgs({ options: { only: { type: "string" } } });
for (const one of CASES) {
  if (values.only !== undefined && !one.name.includes(values.only)) continue;
  const results = await eachSubject((subject) => measure(one, subject));
  const latest = (reloads: readonly Reload[]) => Math.max(...reloads.map(({ lateMs }) => lateMs));
  const cpu = (reloads: readonly Reload[]) => median(reloads.map(({ cpuS }) => cpuS));
  const of = `reload, ${one.name}`;
  printOf(results, `${of}: latest advert`, "ms", ({ unchanged }) => latest(unchanged), one.lateMs);
  printOf(results, `${of}: without a reload`, "ms", ({ quietLateMs }) => quietLateMs);
  printOf(results, `${of}: CPU`, "s", ({ unchanged }) => cpu(unchanged), one.cpuS);
  printOf(results, `${of}: RSS of all after four`, "MB", ({ memory }) => memory.rssMb, one.rssMb);
  printOf(results, `${of}: anonymous after four`, "MB", ({ memory }) => memory.anonymousMb);
  printOf(results, `${of}, a line above: latest advert`, "ms", ({ moved }) => latest(moved), one.lateMs);
  printOf(results, `${of}, a line above: CPU`, "s", ({ moved }) => cpu(moved));
  if (one.virtualServers === 0) {
    printOf(results, `${of}, four changed: latest advert`, "ms", ({ changed }) => latest(changed), one.lateMs);
    continue;
  }
  printOf(results, `${of}, a weight changed: latest advert`, "ms", ({ changed }) => latest(changed), one.lateMs);
  printOf(results, `${of}, a weight changed: CPU`, "s", ({ changed }) => cpu(changed));
}
process.exit(0);

async function measure(one: Case, subject: Subject): Promise<Measured> {
  using segment = segmentFor(one.instances.count);
  const capture = await segment.capture("proto 112");
  using ipvs = new IpvsHost();
  const wrapper = one.virtualServers > 0 ? ipvs.wrapper : [];
  using director = directorOf(subject, segment.host(0), textOf(one, subject, 1), { wrapper });
  director.start(...ipvsArguments(subject));
  const seen = () => advertTimes(capture.frames.slice(-4 * one.instances.count)).size;
  await until(`${subject}: every instance advertises`, () => seen() === one.instances.count, LIMIT_MS);
  await until(`${subject}: the full table`, () => ipvs.entries() === 5 * one.virtualServers, LIMIT_MS);
  if (subject === "keepalived") firstOnTheMachine(director);
  await Bun.sleep(one.windowMs);

  /** What passes in one window behind `act`. */
  async function over(act: () => void, restMs: number): Promise<Reload> {
    const [pids, from] = [director.processes(), Math.max(0, capture.frames.length - 2 * one.instances.count)];
    const before = cpuMs(pids);
    const at = Date.now();
    act();
    await Bun.sleep(one.windowMs);
    const after = director.processes();
    const cpuS = (cpuMs(after) - before - restMs) / 1000;
    if (after.join() !== pids.join()) console.log(`${subject}: processes were ${pids}, are ${after}`);
    const frames = capture.frames.slice(from);
    const first = frames.findIndex((frame) => frame.at * 1000 > at - 1000 * one.instances.advertInt);
    return { cpuS, lateMs: largest(lateness(frames.slice(Math.max(0, first)), one.instances.advertInt)) };
  }

  const quiet = await over(() => undefined, 0);
  const reload = () => over(() => director.signal("SIGHUP"), quiet.cpuS * 1000);
  const unchanged: Reload[] = [];
  while (unchanged.length < UNCHANGED) unchanged.push(await reload());
  const memory = memoryOf(director.processes());
  const changed: Reload[] = [];
  while (changed.length < CHANGED) {
    director.configure(textOf(one, subject, changed.length + 2));
    changed.push(await reload());
  }
  const moved: Reload[] = [];
  while (moved.length < CHANGED) {
    director.configure("\n".repeat(moved.length + 1) + textOf(one, subject, changed.length + 1));
    moved.push(await reload());
  }
  console.log(`${one.name}: ${subject}: ${JSON.stringify({ quiet, unchanged, changed, moved, memory })}`);
  return { unchanged, changed, moved, quietLateMs: quiet.lateMs, memory };
}

/** `state` says which of the texts that differ a little. */
function textOf({ instances, virtualServers }: Case, subject: Subject, state: number): string {
  const rights = subject === "keepalived" ? "" : PRIORITY;
  const all = instancesText(instances);
  if (virtualServers > 0) return rights + all + bigConfig({ virtualServers, firstWeight: state });
  const first = instancesText({ ...instances, count: 4 });
  return rights + first.replaceAll("priority 254", `priority ${254 - state}`) + all.slice(first.length);
}
