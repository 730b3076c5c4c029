// How long after Master_Down_Interval (RFC 9568 §6.1) a backup announces itself: from the dead master's last advertisement to the
// backup's first gratuitous ARP, as captured on the segment, less the interval. The master dies by losing the segment: its advertisements
// stop at once, in whatever phase, and a new round begins when it has the segment back. lbd and keepalived play both parts of a pair.
// Usage: bun test/bench/failover.ts [--rounds N] [--advert SECONDS]
import { parseArgs } from "node:util";
import { Daemon, type Kind } from "../support/daemon.ts";
import { gratuitousArps, vrrpFrames } from "../support/frames.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { percentile, printFigure } from "./figure.ts";

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
const KINDS: readonly Kind[] = ["lbd", "keepalived"];
const MASTER = 200;
const BACKUP = 100;
const LIMIT_MS = 30_000;
/** Takeovers of one instance that follow closer than this on each other are rationed by lbd: a forged master could draw a flood. */
const ROUND_MS = 1100;
/** Longer by chance, so that no pair takes over beside the same other one, which has to wait for it, for a whole run. */
const STAGGER_MS = 200;

const { values } = parseArgs({ options: { rounds: { type: "string" }, advert: { type: "string" } } });
for (const pace of PACES) {
  if (values.advert !== undefined && Number(values.advert) !== pace.advertInt) continue;
  const late = { lbd: [] as number[], keepalived: [] as number[] };
  const runs = Array.from({ length: pace.pairs }, () => KINDS).flat();
  const rounds = Number(values.rounds ?? pace.rounds);
  const allArrive = meeting(runs.length);
  await Promise.all(runs.map(async (kind) => late[kind].push(...(await pair(kind, pace, rounds, allArrive)))));
  const name = `takeover past Master_Down_Interval, advert_int ${pace.advertInt}`;
  for (const [label, share, targets] of [
    ["p50", 0.5, { ratioTarget: 1 }],
    ["p99", 0.99, { ratioTarget: 1, target: 10 }],
  ] as const) {
    const [lbd, keepalived] = [percentile(late.lbd, share), percentile(late.keepalived, share)];
    printFigure({ name: `${name}, ${label}`, unit: "ms", lbd, keepalived, ...targets });
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
async function pair(kind: Kind, pace: Pace, rounds: number, allArrive: () => Promise<void>): Promise<number[]> {
  using segment = new Segment("master", "backup");
  const capture = await segment.capture("proto 112 or arp");
  using _master = new Daemon(kind, segment.host(0), configuration(pace, MASTER)).start();
  using _backup = new Daemon(kind, segment.host(1), configuration(pace, BACKUP)).start();
  const backupMac = /ether (\S+)/.exec(segment.host(1).ip("link show eth0"))?.[1];
  const late: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    const from = capture.frames.length;
    const fresh = () => capture.frames.slice(from);
    // Five in a row and nobody else: the master is master, the backup is a backup.
    await until(
      `${kind} master advertises alone`,
      () => {
        const last = vrrpFrames(fresh()).slice(-5);
        return last.length === 5 && last.every(({ source }) => source === "192.0.2.1");
      },
      LIMIT_MS,
    );
    segment.blackhole(0, "cut");
    late.push(
      await until(
        `${kind} backup announces`,
        () => {
          const last = vrrpFrames(fresh()).findLast(({ source }) => source === "192.0.2.1")?.at ?? Number.NaN;
          const announced = gratuitousArps(fresh()).find((arp) => arp.sourceMac === backupMac && arp.at > last);
          return announced && (announced.at - last) * 1000 - masterDownMs(pace);
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

/** Of the backup. Version 2 reckons its skew in seconds (RFC 3768 §6.1). */
function masterDownMs({ version, advertInt }: Pace): number {
  const advertMs = advertInt * 1000;
  return 3 * advertMs + ((256 - BACKUP) * (version === 2 ? 1000 : advertMs)) / 256;
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
