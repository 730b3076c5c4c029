// Ring netns: a backup with use_vmac and vmac_xmit_base hears routers that send from the virtual MAC, which the kernel gives to its own
// virtual interface alone, and those that send from a MAC of theirs, each packet once.
import { describe, expect, test } from "bun:test";
import { Daemon } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config, has, stateOf } from "../support/vrrp-host.ts";

const LIMIT_MS = 120_000;
const XMIT_BASE = "use_vmac\n  vmac_xmit_base";
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

interface Seen {
  readonly state: string;
  readonly master: { readonly address: string } | null;
  readonly counters: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

describe.skipIf(reason !== undefined)("a backup with vmac_xmit_base", () => {
  test.concurrent.each([
    ["a router that sends from the virtual MAC", "use_vmac", "192.0.2.100", "192.0.2.1"],
    ["a router that sends from its own MAC", "", "192.0.2.100", "192.0.2.1"],
    ["a router with vmac_xmit_base too", XMIT_BASE, "192.0.2.100", "192.0.2.1"],
    ["a router that sends from the virtual MAC, IPv6", "use_vmac", "fe80::50", undefined],
  ])(
    "hears %s, each packet once",
    async (_what, extra, vip, address) => {
      using segment = new Segment("a", "b");
      const [a, b] = [segment.host(0), segment.host(1)];
      const held = `${vip}/${vip.includes(":") ? 128 : 32}`;
      using _a = new Daemon("lbd", a, config({ priority: 150, extra, vips: [vip] })).start();
      await until("a is master", () => has(a, held), 20_000);
      using daemon = new Daemon("lbd", b, config({ priority: 100, extra: XMIT_BASE, vips: [vip] })).start();
      const seen = () => stateOf(b, daemon) as unknown as Seen | undefined;
      const heard = () => seen()?.counters.advert_rcvd ?? 0;
      await until("b has heard a", () => seen()?.state === "BACKUP" && heard() > 0, 20_000);
      const capture = await segment.capture("ip proto 112 or ip6 proto 112");
      const from = heard();
      await until("b has heard it for a while", () => heard() - from >= 80 || has(b, held), 30_000);
      expect(has(b, held)).toBe(false);
      // Counters are told every two seconds, which is twenty packets; heard twice each they would be double.
      expect(heard() - from).toBeLessThanOrEqual(capture.frames.length + 25);
      expect(Object.keys(seen()?.refused ?? {}).filter((why) => why !== "not-listening")).toEqual([]);
      if (address !== undefined) expect(seen()?.master?.address).toBe(address);
    },
    LIMIT_MS,
  );
});
