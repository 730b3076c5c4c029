// How long after Master_Down_Interval (RFC 9568 §6.1) a backup announces itself: from the dead master's last advertisement to the
// backup's first gratuitous ARP, as captured on the segment, less the interval. The master dies by losing the segment: its advertisements
// stop at once, in whatever phase, and a new round begins when it has the segment back. lbd and keepalived play both parts of a pair.
// Usage: bun test/bench/failover.ts [--rounds N] [--advert SECONDS]
import { parseArgs } from "node:util";
import { gratuitousArps } from "../support/frames.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { percentile, printOf, type Results, type Subject } from "./figure.ts";
import { BACKUP_PRIORITY, lastOfMaster, MASTER_PRIORITY, masterAdvertisesAlone, masterDownMs } from "./pair.ts";
import { directorOf, SUBJECTS } from "./subjects.ts";

interface Pace {
  readonly version: 2 | 3;
  readonly advertInt: number;
  /** Of one pair. */
  readonly rounds: number;
  /** Of each kind, side by side: they are idle nearly always. */
  readonly pairs: number;
}

const PACES: readonly Pace[] = [
  { version: 2, advertInt: 1, rounds: 25, pairs: 4 },
  { version: 3, advertInt: 0.1, rounds: 100, pairs: 2 },
  { version: 3, advertInt: 0.01, rounds: 100, pairs: 2 },
];
const LIMIT_MS = 30_000;
/** Takeovers of one instance that follow closer than this on each other are rationed by lbd: a forged master could draw a flood. */
const ROUND_MS = 1100;
/** Longer by chance, so that no pair takes over beside the same other one, which has to wait for it, for a whole run. */
const STAGGER_MS = 200;

const { values } = parseArgs({ options: { rounds: { type: "string" }, advert: { type: "string" } } });
for (const pace of PACES) {
  if (values.advert !== undefined && Number(values.advert) !== pace.advertInt) continue;
  const runs = Array.from({ length: pace.pairs }, () => SUBJECTS).flat();
  const rounds = Number(values.rounds ?? pace.rounds);
  const allArrive = meeting(runs.length);
  const taken = await Promise.all(
    runs.map(async (subject) => ({ subject, late: await pair(subject, pace, rounds, allArrive) })),
  );
  const late = Object.groupBy(taken, ({ subject }) => subject) as Results<typeof taken>;
  const name = `takeover past Master_Down_Interval, advert_int ${pace.advertInt}`;
  for (const [label, share, targets] of [
    ["p50", 0.5, { ratioTarget: 1 }],
    ["p99", 0.99, { ratioTarget: 1, target: 10 }],
  ] as const) {
    const of = (pairs: typeof taken) =>
      percentile(
        pairs.flatMap((one) => one.late),
        share,
      );
    printOf(late, `${name}, ${label}`, "ms", of, targets);
  }
}

/** Resolves for each of `count` callers when the last of them has called. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  return () => {
    if (--missing === 0) resolve();
    return promise;
  };
}

/**
 * Lateness of every round, in milliseconds. The namespaces go when all pairs are done: taking one away holds the lock of all network
 * settings for up to 30 ms, and somebody's address would wait for it.
 */
async function pair(subject: Subject, pace: Pace, rounds: number, allArrive: () => Promise<void>): Promise<number[]> {
  using segment = new Segment("master", "backup");
  const capture = await segment.capture("proto 112 or arp");
  using _master = directorOf(subject, segment.host(0), configuration(pace, MASTER_PRIORITY)).start();
  using _backup = directorOf(subject, segment.host(1), configuration(pace, BACKUP_PRIORITY)).start();
  const backupMac = /ether (\S+)/.exec(segment.host(1).ip("link show eth0"))?.[1];
  const late: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    const from = capture.frames.length;
    const fresh = () => capture.frames.slice(from);
    // Five in a row and nobody else: the master is master, the backup is a backup.
    await until(`${subject} master advertises alone`, () => masterAdvertisesAlone(fresh(), 5), LIMIT_MS);
    segment.blackhole(0, "cut");
    late.push(
      await until(
        `${subject} backup announces`,
        () => {
          const last = lastOfMaster(fresh());
          const announced = gratuitousArps(fresh()).find((arp) => arp.sourceMac === backupMac && arp.at > last);
          return announced && (announced.at - last) * 1000 - masterDownMs(pace.version, pace.advertInt);
        },
        LIMIT_MS,
      ),
    );
    segment.blackhole(0, "healed");
    await Bun.sleep(startedAt + ROUND_MS + STAGGER_MS * Math.random() - performance.now());
  }
  await allArrive();
  return late;
}

function configuration({ version, advertInt }: Pace, priority: number): string {
  return `${EARNEST}vrrp_instance V1 {
  interface eth0
  version ${version}
  virtual_router_id 51
  priority ${priority}
  advert_int ${advertInt}
  virtual_ipaddress {
    192.0.2.100
  }
}
`;
}
