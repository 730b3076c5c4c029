// Ring netns: two directors, of each kind in each place, through what happens to links and machines: kill -9, stop, lost carrier, cut
// segment, SIGSTOP, and who gives way to whom. Statement numbers are those of docs/vrrp.md.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { Daemon, type Kind } from "../support/daemon.ts";
import { vrrpFrames } from "../support/frames.ts";
import { netnsReason } from "../support/netns.ts";
import { type Capture, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config, has } from "../support/vrrp-host.ts";

const LIMIT_MS = 120_000;
const A = "192.0.2.1";
const B = "192.0.2.2";
/**
 * Two busy cores run this beside other rings: with one advertisement a second nobody is taken for dead because it was kept waiting, and
 * who waits for its skew is told from who waits for its master-down time.
 */
const SKEW_S = (256 - 100) / 256;
const MASTER_DOWN_S = 3 + SKEW_S;
const LATE_S = 2;

const PAIRS: readonly (readonly [Kind, Kind])[] = [
  ["lbd", "lbd"],
  ["lbd", "keepalived"],
  ["keepalived", "lbd"],
];

/** A segment with a capture of its adverts; which hosts hold the virtual address. */
class Site {
  readonly segment = new Segment("a", "b");
  capture: Capture | undefined;

  async watch(): Promise<this> {
    this.capture = await this.segment.capture("proto 112");
    return this;
  }

  adverts(source: string) {
    return vrrpFrames(this.capture?.frames ?? []).filter((advert) => advert.source === source);
  }

  /** Waits until exactly these hosts hold the address. */
  holders(what: string, ...which: readonly ("a" | "b")[]): Promise<boolean> {
    return until(what, () => this.#held().join() === which.join());
  }

  #held(): string[] {
    return ["a", "b"].filter((_, i) => has(this.segment.host(i)));
  }

  [Symbol.dispose](): void {
    this.segment[Symbol.dispose]();
  }
}

const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined).each(PAIRS)("a is %s, b is %s", (kindA, kindB) => {
  const pairTest = (title: string, run: (site: Site) => Promise<void>) =>
    test.concurrent(
      title,
      async () => {
        using site = await new Site().watch();
        await run(site);
      },
      LIMIT_MS,
    );
  const startA = (site: Site, priority: number, extra = "") =>
    new Daemon(kindA, site.segment.host(0), config({ priority, extra, advertInt: 1 })).start();
  const startB = (site: Site, priority: number, extra = "") =>
    new Daemon(kindB, site.segment.host(1), config({ priority, extra, advertInt: 1 })).start();

  pairTest(
    "S03 a is killed: b takes over within its master-down time, a comes back and is master again",
    async (site) => {
      using a = startA(site, 150);
      await site.holders("a is master", "a");
      using b = startB(site, 100);
      await standsBy(b, site);
      a.kill();
      const waited = await until("b advertises", () => {
        const last = site.adverts(A).at(-1)?.at ?? Number.NaN;
        const taken = site.adverts(B).find(({ at }) => at > last);
        return taken && taken.at - last;
      });
      expect(waited).toBeGreaterThan(MASTER_DOWN_S - 0.02);
      expect(waited).toBeLessThan(MASTER_DOWN_S + LATE_S);
      // What a dead process leaves behind stays until it runs again.
      await site.holders("b holds the address too", "a", "b");
      a.start();
      await site.holders("only a holds the address", "a");
    },
  );

  pairTest("S09 S20 a stops: priority 0 goes out, and b waits only its skew", async (site) => {
    using a = startA(site, 150);
    await site.holders("a is master", "a");
    using b = startB(site, 100);
    await standsBy(b, site);
    expect(await a.stop()).toBe(0);
    await site.holders("b is master", "b");
    const resigned = await until("priority 0", () => site.adverts(A).find((advert) => advert.priority === 0));
    const taken = await until("b advertises", () => site.adverts(B)[0]);
    expect(taken.at - resigned.at).toBeLessThan(SKEW_S + LATE_S);
  });

  pairTest("S22 S23 a loses its link: fault without addresses; when it is back, a is master again", async (site) => {
    using _a = startA(site, 150);
    await site.holders("a is master", "a");
    using b = startB(site, 100);
    await standsBy(b, site);
    site.segment.cable(0, "out");
    await site.holders("b takes over, a gave its address up", "b");
    site.segment.cable(0, "in");
    await site.holders("a is master again", "a");
  });

  pairTest("both become master while the segment is cut, and only a after it has healed", async (site) => {
    using _a = startA(site, 150);
    using _b = startB(site, 100);
    await site.holders("a is master", "a");
    site.segment.blackhole(0, "cut");
    await site.holders("both are master", "a", "b");
    site.segment.blackhole(0, "healed");
    await site.holders("only a is master", "a");
  });

  pairTest("a is stopped by SIGSTOP and replaced; when it goes on, it does not stay a second master", async (site) => {
    using a = startA(site, 100);
    await site.holders("a is master", "a");
    using b = startB(site, 150, "nopreempt");
    await standsBy(b, site);
    for (const pid of a.processes()) process.kill(pid, "SIGSTOP");
    await site.holders("b takes over", "a", "b");
    for (const pid of a.processes()) process.kill(pid, "SIGCONT");
    await site.holders("a sees b and gives way", "b");
  });

  pairTest("S02 a's priority of 255 is master at once, also against a weaker master", async (site) => {
    using _b = startB(site, 254);
    await site.holders("b is master", "b");
    using _a = startA(site, 255);
    await site.holders("a is master", "a");
    expect((await until("a advertises", () => site.adverts(A)[0])).priority).toBe(255);
  });

  pairTest("S12 b with nopreempt lets a weaker a go on, and takes over when it leaves", async (site) => {
    using a = startA(site, 100);
    await site.holders("a is master", "a");
    using b = startB(site, 150, "nopreempt");
    await until("b is a backup", () => b.output.includes("BACKUP"));
    const before = site.adverts(A).length;
    await until("more advertisements of a than b would wait for", () => site.adverts(A).length >= before + 6);
    expect(site.adverts(B)).toEqual([]);
    expect(await a.stop()).toBe(0);
    await site.holders("b takes over", "b");
  });

  pairTest("S11 b preempts a weaker a", async (site) => {
    using _a = startA(site, 100);
    await site.holders("a is master", "a");
    using _b = startB(site, 150);
    await site.holders("b is master", "b");
  });

  pairTest("S13 b keeps preempt_delay before it takes over from a weaker a", async (site) => {
    using _a = startA(site, 100);
    await site.holders("a is master", "a");
    const started = Date.now() / 1000;
    using _b = startB(site, 150, "preempt_delay 2");
    const first = await until("b advertises", () => site.adverts(B)[0]);
    expect(first.at - started).toBeGreaterThan(2);
    await site.holders("b is master", "b");
  });

  pairTest("S16 S17 of two with one priority the greater address wins", async (site) => {
    using _a = startA(site, 100);
    using _b = startB(site, 100);
    site.segment.blackhole(0, "cut");
    await site.holders("both are master while cut", "a", "b");
    site.segment.blackhole(0, "healed");
    await site.holders("b stays, a goes", "b");
  });
});

/** The second one runs, is a backup, and has heard the first for a while. */
async function standsBy(b: Daemon, site: Site): Promise<void> {
  await until("b is a backup", () => b.output.includes("BACKUP"));
  const before = site.adverts(A).length;
  await until("more advertisements of a", () => site.adverts(A).length >= before + 3);
}
