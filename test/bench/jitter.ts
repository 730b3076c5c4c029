// How even 1,000 instances advertise, each once a second: how far each advertisement is from one interval after the one before.
// Usage: bun test/bench/jitter.ts [--seconds N]
import { parseArgs } from "node:util";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { percentile, printOf, type Subject } from "./figure.ts";
import { advertTimes, instancesText, lateness, segmentFor } from "./instances.ts";
import { directorOf, eachSubject } from "./subjects.ts";

const COUNT = 1000;
const LIMIT_MS = 60_000;
/** The second burst of announcements comes five seconds after the first. */
const SETTLE_MS = 10_000;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "20" } } });
const results = await eachSubject(measure);
printOf(results, "jitter of adverts, 1,000 instances: p50", "ms", (jitter) => percentile(jitter, 0.5));
printOf(results, "jitter of adverts, 1,000 instances: p99", "ms", (jitter) => percentile(jitter, 0.99), { target: 1 });
printOf(results, "jitter of adverts, 1,000 instances: max", "ms", (jitter) => percentile(jitter, 1));
process.exit(0);

async function measure(subject: Subject): Promise<number[]> {
  using segment = segmentFor(COUNT);
  const capture = await segment.capture("proto 112");
  using _director = directorOf(
    subject,
    segment.host(0),
    EARNEST + instancesText({ count: COUNT, advertInt: 1 }),
  ).start();
  await until(
    `${subject}: all advertise`,
    () => advertTimes(capture.frames.slice(-4 * COUNT)).size === COUNT,
    LIMIT_MS,
  );
  await Bun.sleep(SETTLE_MS);
  const from = capture.frames.length;
  await Bun.sleep(Number(values.seconds) * 1000);
  return lateness(capture.frames.slice(from), 1).map(Math.abs);
}
