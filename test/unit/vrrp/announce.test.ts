// Announcements: frames (G01, G07, G10) against the recorded ones, bursts, refresh, pacing and their end (G02 to G12).
import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import type { AnnounceSettings } from "../../../src/config/model/vrrp.ts";
import { announceDue, announceFor, NO_TIMERS } from "../../../src/vrrp/announce/bursts.ts";
import { announcementFrame, gratuitousArp, unsolicitedNeighbourAdvert } from "../../../src/vrrp/announce/frames.ts";
import { address, vectorCases, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";

const SETTINGS: AnnounceSettings = {
  delayMs: 5000,
  repeat: 5,
  refreshMs: 0,
  refreshRepeat: 1,
  lowerPrioDelayMs: 5000,
  lowerPrioRepeat: 5,
};

const mac = (text: string) => fromHex(text.replaceAll(":", "")) ?? new Uint8Array();

const frames = vectorCases().flatMap((vector) =>
  vector.frames
    // The others of these kinds are the kernel's own answers.
    .filter(({ kind, decoded }) =>
      kind === "garp" ? decoded.eth.dst === "ff:ff:ff:ff:ff:ff" : kind === "na" && decoded.ip.dst === "ff02::1",
    )
    .map((frame, i) => [`${vector.name} #${i}`, frame] as const),
);

describe("frames", () => {
  test.each(frames)("G01 G07 P25 %s is rebuilt", (_name, frame) => {
    const { decoded } = frame;
    const ip = frame.kind === "garp" ? decoded.arp.spa : decoded.icmp6.target;
    const router = frame.kind === "na" && decoded.icmp6.router;
    expect(toHex(announcementFrame(ip, mac(decoded.eth.src), { router }))).toBe(frame.hex);
  });

  test("there are recorded frames of both kinds", () => {
    expect(frames.filter(([, frame]) => frame.kind === "garp").length).toBeGreaterThan(100);
    expect(frames.filter(([, frame]) => frame.kind === "na").length).toBeGreaterThan(20);
  });

  test("G01 42 bytes, G07 86 bytes, G10 the router flag alone differs", () => {
    expect(gratuitousArp("192.0.2.100", mac("02:00:00:00:00:0a")).byteLength).toBe(42);
    const plain = unsolicitedNeighbourAdvert("2001:db8::100", mac("02:00:00:00:00:0a"), { router: false });
    const router = unsolicitedNeighbourAdvert("2001:db8::100", mac("02:00:00:00:00:0a"), { router: true });
    expect([plain.byteLength, plain[58], router[58]]).toEqual([86, 0x20, 0xa0]);
  });
});

/** Seconds after becoming master, and rounds over how many addresses. */
function schedule(bench: Lab, from: number): (readonly [number, number])[] {
  return bench.log.flatMap((event) =>
    event.action.kind === "announce" && event.at >= from
      ? [[Math.round(event.at - from) / 1000, event.action.rounds] as const]
      : [],
  );
}

function owner(announce: Partial<AnnounceSettings> = {}, more = {}) {
  return lab([vrrpInstance({ priority: 255, announce: { ...SETTINGS, ...announce }, ...more })]);
}

describe("bursts", () => {
  test("G02 G03 five rounds at once and five after five seconds", () => {
    const bench = owner();
    const from = bench.now;
    bench.run(60_000);
    expect(schedule(bench, from)).toEqual([
      [0, 5],
      [5, 5],
    ]);
  });

  test("G03 a delay of 0 means no second burst", () => {
    const bench = owner({ delayMs: 0 });
    const from = bench.now;
    bench.run(60_000);
    expect(schedule(bench, from)).toEqual([[0, 5]]);
  });

  test("G04 refresh: first after delay and refresh, then every refresh (as recorded in garp-schedule)", () => {
    const bench = owner({ delayMs: 1000, repeat: 3, refreshMs: 2000, refreshRepeat: 2 });
    const from = bench.now;
    bench.run(7500);
    expect(schedule(bench, from)).toEqual([
      [0, 3],
      [1, 3],
      [3, 2],
      [5, 2],
      [7, 2],
    ]);
  });

  test("G04 a refresh that came late goes on in the old beat; what was missed is not made up for", () => {
    const settings = { ...SETTINGS, delayMs: 0, refreshMs: 2000 };
    const timers = { ...NO_TIMERS, refreshAt: 10_000 };
    const next = [10_000, 10_100, 12_000, 17_500].map((now) => announceDue(settings, timers, now));
    expect(next.map((one) => one.timers.refreshAt)).toEqual([12_000, 12_000, 14_000, 18_000]);
    expect(new Set(next.map(({ rounds }) => rounds))).toEqual(new Set([1]));
  });

  test("G05 excluded addresses are announced after the virtual ones", () => {
    const bench = owner({}, { excludedAddresses: [address("192.0.2.200"), address("2001:db8::9")] });
    const first = bench.log.find((event) => event.action.kind === "announce")?.action;
    if (first?.kind !== "announce") throw new Error("nothing announced");
    expect(first.targets.map((target) => target.ip)).toEqual(["192.0.2.100", "192.0.2.200", "2001:db8::9"]);
  });

  test("G06 lower priority: a burst at once and one after the delay (as recorded in split-brain-heal)", () => {
    const bench = owner({ lowerPrioRepeat: 2, lowerPrioDelayMs: 1000, delayMs: 0 });
    bench.run(20_000);
    const from = bench.now;
    bench.hear("192.0.2.2", 100);
    bench.run(3000);
    expect(schedule(bench, from)).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  test("G06 the second burst comes once the other one is silent", () => {
    const bench = owner({ lowerPrioDelayMs: 3000, delayMs: 0 });
    bench.run(20_000);
    const from = bench.now;
    for (let i = 0; i < 10; i++) {
      bench.hear("192.0.2.2", 100);
      bench.run(1000);
    }
    bench.run(20_000);
    // Five rounds, then what the bucket of one a second allows, then the second burst three seconds after the last packet.
    expect(schedule(bench, from)).toEqual([
      [0, 5],
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => [s, 1] as const),
      [12, 5],
    ]);
  });

  test("G06 a lower_prio_delay of 0 means no second burst", () => {
    const bench = owner({ lowerPrioDelayMs: 0, delayMs: 0 });
    bench.run(20_000);
    const from = bench.now;
    bench.hear("192.0.2.2", 100);
    bench.run(20_000);
    expect(schedule(bench, from)).toEqual([[0, 5]]);
  });

  test("G06 lower_prio_repeat 0: none", () => {
    const bench = owner({ lowerPrioRepeat: 0, delayMs: 0 });
    const from = bench.now;
    bench.hear("192.0.2.2", 100);
    bench.run(4000);
    expect(schedule(bench, from)).toEqual([[0, 5]]);
  });

  test("req 20: link back and MAC change are announced, bounded", () => {
    const bench = owner({ delayMs: 0 });
    bench.run(20_000);
    const from = bench.now;
    expect(bench.moves(() => bench.do((d, at) => d.reannounce("eth0", "mac", at)))).toEqual([
      "announce VI_1 5x 192.0.2.100",
    ]);
    expect(bench.moves(() => bench.do((d, at) => d.reannounce("eth1", "mac", at)))).toEqual([]);
    for (let i = 0; i < 1000; i++) {
      bench.do((d, at) => d.reannounce("eth0", "link", at));
      bench.run(10);
    }
    const rounds = schedule(bench, from).reduce((sum, [, n]) => sum + n, 0);
    // The delayed burst, a full bucket of twenty, and one a second.
    expect(rounds).toBeLessThanOrEqual(5 + 20 + 10);
  });

  test("garp_extra_if", () => {
    const bench = owner({ delayMs: 0, extraIf: { all: true, everyMs: 10_000 } });
    bench.run(35_000);
    expect(bench.log.filter((event) => event.text === "announceExtra VI_1")).toHaveLength(3);
  });
});

describe("the end of a mastership", () => {
  test("G11 delayed announcements of a mastership that ended are cancelled", () => {
    const bench = lab([vrrpInstance({ priority: 150, announce: SETTINGS })]);
    bench.run(3415);
    expect(bench.state()).toBe("MASTER");
    bench.run(1000);
    bench.hear("192.0.2.2", 200);
    const mark = bench.log.length;
    bench.run(2000);
    bench.hear("192.0.2.2", 200);
    bench.run(3300);
    expect(bench.log.slice(mark).filter((event) => event.action.kind === "announce")).toEqual([]);
    // Master again: its own two bursts, nothing of the old one.
    const from = bench.now;
    bench.run(20_000);
    expect(schedule(bench, from).map(([, rounds]) => rounds)).toEqual([5, 5]);
  });

  test("G12 T2 one refresh timer, however often mastership was lost and won", () => {
    const bench = lab([vrrpInstance({ priority: 150, announce: { ...SETTINGS, delayMs: 0, refreshMs: 10_000 } })]);
    for (let i = 0; i < 5; i++) {
      bench.run(8000);
      expect(bench.state()).toBe("MASTER");
      bench.hear("192.0.2.2", 200);
    }
    bench.run(8000);
    const from = bench.now;
    bench.run(60_000);
    expect(schedule(bench, from)).toHaveLength(6);
  });

  test("G09 losing mastership empties the queue", () => {
    const config = vrrpConfig([vrrpInstance({ priority: 150 })], { global: { garpIntervalMs: 100 } });
    const bench = lab(config);
    bench.run(3414 + 150);
    expect(bench.state()).toBe("MASTER");
    bench.hear("192.0.2.2", 200);
    const mark = bench.log.length;
    bench.run(3000);
    expect(bench.log.slice(mark).filter((event) => event.action.kind === "announce")).toEqual([]);
  });

  test("repeated takeovers do not multiply announcements", () => {
    const bench = lab([vrrpInstance({ version: 3, priority: 150, advertMs: 10 })]);
    const from = bench.now;
    for (let i = 0; i < 1000; i++) {
      bench.run(40);
      bench.hear("192.0.2.2", 200);
    }
    const rounds = schedule(bench, from).reduce((sum, [, n]) => sum + n, 0);
    expect(rounds).toBeLessThanOrEqual(20 + 42);
  });
});

describe("takeovers close to each other", () => {
  test("each is announced at once, the first ones with all their rounds", () => {
    const bench = lab([vrrpInstance({ version: 3, priority: 150, advertMs: 100, announce: SETTINGS })]);
    for (let i = 0; i < 12; i++) {
      bench.hear("192.0.2.2", 200);
      const from = bench.now;
      bench.run(600);
      const taken = bench.log.find((event) => event.at >= from && event.text.includes("BACKUP>MASTER"))?.at ?? 0;
      const [first, ...more] = schedule(bench, from);
      expect(first?.[0]).toBe(Math.round(taken - from) / 1000);
      expect(first?.[1]).toBeGreaterThanOrEqual(i < 3 ? 5 : 1);
      expect(more).toEqual([]);
    }
  });
});

describe("G08 pacing", () => {
  const two = { virtualAddresses: [address("192.0.2.100"), address("192.0.2.101")] };

  test("garp_interval: one packet each interval, round robin (as recorded in garp-interval)", () => {
    const instance = vrrpInstance({ priority: 255, ...two, announce: { ...SETTINGS, repeat: 3, delayMs: 2000 } });
    const bench = lab(vrrpConfig([instance], { global: { garpIntervalMs: 100 } }));
    const from = bench.now;
    bench.run(4000);
    const sent = bench.log.flatMap((event) =>
      event.action.kind === "announce"
        ? [[Math.round(event.at - from), event.action.targets.map((t) => t.ip).join()] as const]
        : [],
    );
    const turn = ["192.0.2.100", "192.0.2.101"];
    const burst = (start: number) => [0, 1, 2, 3, 4, 5].map((i) => [start + i * 100, turn[i % 2] ?? ""] as const);
    expect(sent).toEqual([...burst(0), ...burst(2000)]);
  });

  test("gna_interval is for neighbour advertisements, garp_interval for ARP", () => {
    const instance = vrrpInstance({
      priority: 255,
      virtualAddresses: [address("192.0.2.100")],
      excludedAddresses: [address("2001:db8::100")],
      announce: { ...SETTINGS, repeat: 2, delayMs: 0 },
    });
    const bench = lab(vrrpConfig([instance], { global: { gnaIntervalMs: 300 } }));
    const from = bench.now;
    bench.run(1000);
    const sent = bench.log.flatMap((event) =>
      event.action.kind === "announce" ? [`${event.at - from} ${event.text}`] : [],
    );
    expect(sent).toEqual([
      "0 announce VI_1 2x 192.0.2.100",
      "0 announce VI_1 1x 2001:db8::100",
      "300 announce VI_1 1x 2001:db8::100",
    ]);
  });

  test("two instances on one interface share it, another interface does not", () => {
    const announce = { ...SETTINGS, repeat: 1, delayMs: 0 };
    const config = vrrpConfig(
      [
        vrrpInstance({ name: "A", vrid: 1, priority: 255, announce }),
        vrrpInstance({ name: "B", vrid: 2, priority: 255, announce }),
        vrrpInstance({ name: "C", vrid: 3, priority: 255, announce, interface: "eth1" }),
      ],
      { global: { garpIntervalMs: 500 } },
    );
    const bench = lab(config, { hold: true });
    for (const link of ["eth0", "eth1"]) bench.fact("interface", link, true);
    for (const name of ["A", "B", "C"]) bench.do((d, at) => d.setSource(name, "192.0.2.1", at));
    bench.do((d, at) => d.start(at));
    const from = bench.now;
    bench.run(3000);
    const sent = bench.log.flatMap((event) =>
      event.action.kind === "announce" ? [[event.action.instance, event.at - from]] : [],
    );
    expect(sent).toEqual([
      ["A", 0],
      ["C", 0],
      ["B", 500],
    ]);
  });

  test("garp_group: interfaces behind one switch share the interval; IPv6 has its own", () => {
    const announce = { ...SETTINGS, repeat: 1, delayMs: 0 };
    const config = vrrpConfig(
      [
        vrrpInstance({ name: "A", vrid: 1, priority: 255, announce }),
        vrrpInstance({ name: "C", vrid: 3, priority: 255, announce, interface: "eth1" }),
        vrrpInstance({ name: "six", family: 6, priority: 255, announce, virtualAddresses: [address("fe80::1:1")] }),
      ],
      { garpGroups: [{ garpIntervalMs: 200, interfaces: ["eth0", "eth1"] }] },
    );
    const bench = lab(config, { hold: true });
    for (const link of ["eth0", "eth1"]) bench.fact("interface", link, true);
    for (const name of ["A", "C"]) bench.do((d, at) => d.setSource(name, "192.0.2.1", at));
    bench.do((d, at) => d.setSource("six", "fe80::1", at));
    bench.do((d, at) => d.start(at));
    const from = bench.now;
    bench.run(3000);
    const sent = bench.log.flatMap((event) =>
      event.action.kind === "announce" ? [[event.action.instance, event.at - from]] : [],
    );
    expect(sent).toEqual([
      ["A", 0],
      ["six", 0],
      ["C", 200],
    ]);
  });

  test("the queue is bounded by addresses and repeat, whatever comes", () => {
    const instance = vrrpInstance({
      priority: 255,
      ...two,
      announce: { ...SETTINGS, delayMs: 0, lowerPrioDelayMs: 0 },
    });
    const bench = lab(vrrpConfig([instance], { global: { garpIntervalMs: 1000 } }));
    for (let i = 0; i < 100; i++) {
      bench.hear("192.0.2.2", 100);
      bench.run(10);
    }
    const mark = bench.log.length;
    bench.run(60_000);
    expect(bench.log.slice(mark).filter((event) => event.action.kind === "announce").length).toBeLessThanOrEqual(2 * 5);
  });
});

test.each(["master", "link", "mac", "reload-added"] as const)(
  "G03 a second burst garp_master_delay behind %s",
  (why) => {
    const settings = { ...vrrpInstance().announce, delayMs: 700 };
    expect(announceFor(settings, NO_TIMERS, why, 1000).timers.delayedAt).toBe(1700);
    expect(announceFor({ ...settings, delayMs: 0 }, NO_TIMERS, why, 1000).timers.delayedAt).toBeUndefined();
  },
);
