// How long SIGTERM takes until every instance has said good-bye: to the last advertisement of priority 0 (RFC 9568 §6.4.3).
// Usage: bun test/bench/goodbye.ts [--rounds N]
import { parseArgs } from "node:util";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { median, printOf, type Subject } from "./figure.ts";
import { advertTimes, instancesText, segmentFor } from "./instances.ts";
import { directorOf, eachSubject } from "./subjects.ts";

const CASES = [
  { count: 1, targets: { target: 1 } },
  { count: 255, targets: { target: 2.7 } },
] as const;
const LIMIT_MS = 30_000;
/** Of an IPv4 frame: the priority of an advertisement. */
const PRIORITY_AT = 36;
const SETTLE_MS = 2000;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
for (const { count, targets } of CASES) {
  const results = await eachSubject(async (subject) => {
    const taken: number[] = [];
    while (taken.length < Number(values.rounds)) taken.push(await measure(subject, count));
    console.log(`${subject}: ${taken.map((ms) => ms.toFixed(2)).join(" ")} ms`);
    return taken;
  });
  printOf(results, `SIGTERM to the last priority 0, ${count} instances`, "ms", median, targets);
}
process.exit(0);

async function measure(subject: Subject, count: number): Promise<number> {
  using segment = segmentFor(count);
  const capture = await segment.capture("proto 112");
  const text = EARNEST + instancesText({ count, advertInt: 1, priority: 254 });
  using director = directorOf(subject, segment.host(0), text).start();
  await until(`${subject}: all advertise`, () => advertTimes(capture.frames.slice(-count)).size === count, LIMIT_MS);
  await Bun.sleep(SETTLE_MS);
  const from = capture.frames.length;
  const at = performance.timeOrigin + performance.now();
  director.signal("SIGTERM");
  const goodbyes = () => advertTimes(capture.frames.slice(from).filter(({ bytes }) => bytes[PRIORITY_AT] === 0));
  await until(`${subject}: all say good-bye`, () => goodbyes().size === count, LIMIT_MS);
  return (
    Math.max(
      ...goodbyes()
        .values()
        .map(([first = Number.NaN]) => first),
    ) - at
  );
}
