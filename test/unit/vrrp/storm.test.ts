// Packets that draw answers, in a stream: a master sends one advertisement an interval, whatever it is made to hear, and none of its own
// packets that come back draws any.
import { expect, test } from "bun:test";
import { vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";

const OWN = "192.0.2.1";
const PEER = "192.0.2.2";
const LOWER = "192.0.2.0";
const SECONDS = 10;
const APART_MS = 5;

type Sent = readonly [source: string, priority: number];
const STORMS: readonly (readonly [string, ...Sent[]])[] = [
  ["priority 0", [PEER, 0]],
  ["own packets reflected", [OWN, 100]],
  ["priority 255 with our own source", [OWN, 255]],
  ["priority 0 with our own source", [OWN, 0]],
  ["all of these", [PEER, 0], [OWN, 100], [OWN, 255]],
  ["priority 0 and 255 in turn", [PEER, 0], [PEER, 255]],
  ["a weaker master", [LOWER, 50]],
  ["a weaker master that resigns", [LOWER, 50], [LOWER, 0]],
];

/** Advertisements while the packets of the storm come. */
function advertsIn(bench: Lab, storm: readonly Sent[]): number {
  bench.run(40_000);
  const from = bench.now;
  for (let i = 0; i < (SECONDS * 1000) / APART_MS; i++) {
    const [source, priority] = storm[i % storm.length] ?? [PEER, 0];
    bench.hear(source, priority);
    bench.run(APART_MS);
  }
  return bench.adverts("VI_1", from).length;
}

for (const advertMs of [100, 1000, 10_000])
  for (const priority of [100, 254, 255])
    test.each(STORMS.map(([name, ...sent]) => [name, sent] as const))(
      `%s: one advertisement an interval (${advertMs} ms, priority ${priority})`,
      (_name, sent) => {
        const bench = lab([vrrpInstance({ version: 3, priority, advertMs })]);
        // One more for the answer that begins an interval anew, and one for the owner's start.
        const most = (SECONDS * 1000) / advertMs + 2;
        // Below a third of a second answers come no faster than three a second.
        const answers = advertMs < 334 ? SECONDS * 3 : 0;
        expect(advertsIn(bench, sent)).toBeLessThanOrEqual(most + answers);
      },
    );

test("a resignation is answered at once, so that no backup takes over", () => {
  const bench = lab([vrrpInstance({ priority: 200 })]);
  bench.run(10_000);
  expect(bench.moves(() => bench.hear(PEER, 0))).toEqual(["send VI_1 200"]);
  // The next one in the same interval is answered by the regular advertisement.
  bench.run(400);
  expect(bench.moves(() => bench.hear("192.0.2.3", 0))).toEqual([]);
  const from = bench.now;
  bench.run(600);
  expect(bench.adverts("VI_1", from).map(([at]) => at - from)).toEqual([600]);
});

test("the first resignation after a mastership is worth its skew, a stream of them an interval", () => {
  const bench = lab([vrrpInstance({ version: 3, priority: 254 })]);
  bench.run(60_000);
  bench.hear(PEER, 255);
  expect(bench.state()).toBe("BACKUP");
  bench.run(2000);
  bench.hear(PEER, 255);
  bench.hear(PEER, 0);
  bench.run(10);
  expect(bench.state()).toBe("MASTER");
  bench.hear(PEER, 255);
  bench.hear(PEER, 0);
  bench.run(900);
  expect(bench.state()).toBe("BACKUP");
  bench.run(100);
  expect(bench.state()).toBe("MASTER");
});
