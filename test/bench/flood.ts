// How late a master's advertisements get (advert_int 0.1) while a host on the segment floods it with VRRP packets of its VRID and two
// other processes load the machine: the longest gap between two of them, as they leave it, and the memory that it costs.
// Usage: bun test/bench/flood.ts [--seconds N] [--rate PACKETS] [--kind refused|weaker|"priority 0"]
import { parseArgs } from "node:util";
import { FLOODS, type FloodKind, floodedConfiguration, loadMachine, residentKb, startFlood } from "../support/flood.ts";
import { vrrpFrames } from "../support/frames.ts";
import { addressesOf, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { largest, percentile, printOf, type Subject } from "./figure.ts";
import { directorOf, eachSubject } from "./subjects.ts";

/** No advertisement later than 1.2 intervals. */
const TARGET_MS = 120;
const TARGET_KB = 8192;
const RATES = [10_000, 70_000];
const LOADS = 2;
const VIP = "192.0.2.100/32";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "20" }, rate: { type: "string" }, kind: { type: "string" } },
});
const seconds = Number(values.seconds);
const rates = values.rate === undefined ? RATES : [Number(values.rate)];

for (const rate of rates)
  for (const kind of Object.keys(FLOODS) as FloodKind[]) {
    if (values.kind !== undefined && kind !== values.kind) continue;
    const results = await eachSubject((subject) => measure(subject, kind, rate));
    const name = `flood of ${rate}/s, ${kind}`;
    console.log(`${name}: ${JSON.stringify(results)}`);
    printOf(results, `${name}: longest gap`, "ms", ({ longestMs }) => longestMs, { target: TARGET_MS });
    printOf(results, `${name}: gap p99`, "ms", ({ p99Ms }) => p99Ms);
    printOf(results, `${name}: memory`, "kB", ({ grownKb }) => grownKb, { target: TARGET_KB });
  }

interface Measured {
  readonly sent: number;
  readonly longestMs: number;
  readonly p99Ms: number;
  readonly grownKb: number;
}

async function measure(subject: Subject, kind: FloodKind, rate: number): Promise<Measured> {
  using segment = new Segment("victim", "hostile");
  // Where the victim hands them over: what the kernel does with them on a loaded machine is not the daemon's.
  const capture = await segment.captureAt(0, "proto 112 and src host 192.0.2.1");
  using victim = directorOf(subject, segment.host(0), floodedConfiguration(EARNEST)).start();
  await until("master", () => addressesOf(segment.host(0)).includes(VIP), 20_000);
  // Its code is compiled and its tables are made: what grows from here on is the flood's.
  await startFlood(segment.host(1), kind, rate, 3).sent;
  const load = loadMachine(LOADS);
  try {
    const before = residentKb(victim);
    const from = capture.frames.length;
    const sent = await startFlood(segment.host(1), kind, rate, seconds).sent;
    // From the last one before it to the first one behind it: a daemon that falls silent has few between.
    const ended = Date.now();
    await until(
      "the next advertisement",
      () => (vrrpFrames(capture.frames.slice(-1))[0]?.at ?? 0) * 1000 > ended,
      20_000,
    );
    const times = vrrpFrames(capture.frames.slice(Math.max(0, from - 1))).map(({ at }) => at * 1000);
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));
    return {
      sent,
      longestMs: largest(gaps),
      p99Ms: percentile(gaps, 0.99),
      grownKb: Math.max(0, residentKb(victim) - before),
    };
  } finally {
    load.end();
  }
}
