// Ring netns: a host on the segment floods a master that advertises ten times a second, while two other processes load the machine. It
// stays master, goes on advertising and gives the memory back. How late the worst advertisement is: test/bench/flood.ts.
import { describe, expect, test } from "bun:test";
import { Daemon, type Kind } from "../support/daemon.ts";
import { FLOODS, type FloodKind, floodedConfiguration, loadMachine, residentKb, startFlood } from "../support/flood.ts";
import { vrrpFrames } from "../support/frames.ts";
import { netnsReason } from "../support/netns.ts";
import { addressesOf, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 120_000;
const SUBJECT: Kind = process.env.LBD_SUBJECT === "keepalived" ? "keepalived" : "lbd";
const VIP = "192.0.2.100/32";
const EARNEST = "global_defs {\n  vrrp_rt_priority 50\n  vrrp_rlimit_rttime 2000000\n}\n";
const RATE = 10_000;
const SECONDS = 6;
const MAX_GROWN_KB = 8192;

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)("a flood beside other load", () => {
  test.each(Object.keys(FLOODS) as FloodKind[])(
    "%s, ten thousand packets a second: still master, still advertising, nothing kept",
    async (kind) => {
      using segment = new Segment("victim", "hostile");
      const capture = await segment.captureAt(0, "proto 112 and src host 192.0.2.1");
      using victim = new Daemon(SUBJECT, segment.host(0), floodedConfiguration(EARNEST)).start();
      await until("master", () => addressesOf(segment.host(0)).includes(VIP), 20_000);
      // Code is compiled with the first packets; what grows from here on is the flood's.
      await startFlood(segment.host(1), kind, RATE, 2).sent;
      const before = residentKb(victim);
      const load = loadMachine(2);
      const from = capture.frames.length;
      const sent = await startFlood(segment.host(1), kind, RATE, SECONDS).sent;
      load.end();
      const during = vrrpFrames(capture.frames.slice(from));
      expect(sent).toBeGreaterThan(SECONDS * 5000);
      // Sixty intervals; a machine that is very busy may lose some of them. One that can be silenced has next to none.
      expect(during.length).toBeGreaterThanOrEqual(40);
      expect(during.every((frame) => frame.priority === 100)).toBe(true);
      expect(addressesOf(segment.host(0))).toContain(VIP);
      await until(`memory comes back to ${before} kB`, () => residentKb(victim) - before < MAX_GROWN_KB, 30_000);
    },
    LIMIT_MS,
  );
});
