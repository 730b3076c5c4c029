// States and timers (vrrp.md §5, §6, statements S), seen from outside: packets and time in, actions out.
import { describe, expect, test } from "bun:test";
import type { VrrpConfig, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { AH_HEADER } from "../../../src/vrrp/auth.ts";
import { setChecksum } from "../../../src/vrrp/packet.ts";
import { masterDownMs, skewMs } from "../../../src/vrrp/timers.ts";
import { bindText } from "../../support/config.ts";
import { address, advertFrom, use, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab, WALL_START } from "../../support/vrrp-lab.ts";

const PEER = "192.0.2.2";
const LOWER = "192.0.1.1";

/** Master_Down_Interval of priority 100 at one second, version 2. */
const DOWN_100 = 3000 + (156 / 256) * 1000;

function master(more: Partial<VrrpInstance> = {}) {
  const bench = lab([vrrpInstance({ priority: 150, ...more })]);
  bench.run(60_000);
  expect(bench.state()).toBe("MASTER");
  return bench;
}

/** A configuration of one instance with these lines, as a file gives it; `before`: what the file begins with. */
function configured(lines: readonly string[], before = ""): VrrpConfig {
  const text = `${before}vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n ${lines.join("\n ")}\n virtual_ipaddress {\n 192.0.2.100\n }\n}\n`;
  return bindText(text).config.vrrp;
}

describe("formulas", () => {
  test.each([
    ["S06 lowest", 2, 1, 1000, 996.09375],
    ["S06 middle", 2, 100, 1000, 609.375],
    ["S06 highest", 2, 254, 1000, 7.8125],
    ["S06 owner", 2, 255, 1000, 3.90625],
    ["S04 v2 skew is a part of a second, whatever the interval", 2, 100, 3000, 609.375],
    ["S05 v3 skew is a part of the master's interval", 3, 100, 3000, 1828.125],
    ["S05 v3, 10 ms", 3, 100, 10, 6.09375],
  ] as const)("%s", (_why, version, priority, masterAdvertMs, want) => {
    expect(skewMs(version, priority, masterAdvertMs)).toBe(want);
  });

  test.each([
    ["S04 v2", 2, 3, 100, 1000, 3609.375],
    ["S05 v3", 3, 3, 100, 250, 902.34375],
    ["S32 down_timer_adverts 2", 2, 2, 100, 1000, 2609.375],
    ["S32 down_timer_adverts 10", 3, 10, 254, 1000, 10_007.8125],
  ] as const)("%s", (_why, version, downTimerAdverts, priority, masterAdvertMs, want) => {
    expect(masterDownMs({ version, downTimerAdverts }, priority, masterAdvertMs)).toBe(want);
  });
});

test("a master that has become backup hears what arrived a little before that", () => {
  const bench = master();
  bench.hear(PEER, 200);
  expect(bench.state()).toBe("BACKUP");
  const earlier = { now: bench.now - 0.05, wallMs: WALL_START + bench.now };
  const instance = vrrpInstance({ priority: 150 });
  bench.do((router) =>
    router.receive(router.sockets()[0]?.key ?? "", advertFrom(instance, PEER, { priority: 200 }), earlier),
  );
  expect(bench.router.instance("VI_1")?.counters.advert_rcvd).toBe(2);
});

describe("start", () => {
  test("S01 T1 below 255 an instance waits the whole Master_Down_Interval, also with state MASTER", () => {
    for (const initialState of ["MASTER", "BACKUP"] as const) {
      const bench = lab([vrrpInstance({ initialState })]);
      expect(bench.state()).toBe("BACKUP");
      bench.run(DOWN_100 - 0.01);
      expect(bench.state()).toBe("BACKUP");
      bench.run(0.02);
      expect(bench.state()).toBe("MASTER");
    }
  });

  test("S02 an address owner is master at once", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    expect(bench.log.map((event) => event.text)).toEqual([
      "VI_1 INIT>MASTER owner",
      "log info",
      "send VI_1 255",
      "add VI_1",
      "announce VI_1 5x 192.0.2.100",
      "notify VI_1 MASTER 255",
    ]);
  });

  test("S40 left-over addresses are removed at the start as backup", () => {
    const bench = lab([vrrpInstance()]);
    expect(bench.log.map((event) => event.text)).toEqual([
      "remove VI_1",
      "VI_1 INIT>BACKUP start",
      "log info",
      "notify VI_1 BACKUP 100",
    ]);
  });

  test("S33 vrrp_startup_delay: nothing is heard, timers start afterwards", () => {
    const bench = lab(vrrpConfig([vrrpInstance()], { global: { startupDelayMs: 5000 } }));
    bench.run(4000);
    bench.hear(PEER, 200);
    bench.run(1000 + DOWN_100 - 1);
    expect(bench.state()).toBe("BACKUP");
    bench.run(2);
    expect(bench.state()).toBe("MASTER");
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.refused).toEqual({ "not-listening": 1 });
  });

  test("S33 an owner waits for the delay too", () => {
    const bench = lab(vrrpConfig([vrrpInstance({ priority: 255 })], { global: { startupDelayMs: 5000 } }));
    bench.run(4999);
    expect(bench.state()).toBe("BACKUP");
    bench.run(1);
    expect(bench.state()).toBe("MASTER");
  });

  test("a fault at the start: FAULT, and BACKUP with a whole interval when it clears", () => {
    const bench = lab([vrrpInstance()], { hold: true });
    bench.do((d, at) => d.setSource("VI_1", "192.0.2.1", at));
    bench.do((d, at) => d.start(at));
    expect(bench.state()).toBe("FAULT");
    bench.run(10_000);
    bench.fact("interface", "eth0", true);
    expect(bench.state()).toBe("BACKUP");
    bench.run(DOWN_100 - 1);
    expect(bench.state()).toBe("BACKUP");
    bench.run(2);
    expect(bench.state()).toBe("MASTER");
  });

  test("unicast_fault_no_peer: FAULT while there is no peer", () => {
    const unicast = { peers: [], checkSource: false, faultWithoutPeer: true, oldChecksum: "auto" } as const;
    expect(lab([vrrpInstance({ unicast })]).state()).toBe("FAULT");
    expect(lab([vrrpInstance({ unicast: { ...unicast, faultWithoutPeer: false } })]).state()).toBe("BACKUP");
  });

  test("no source address is a fault that says so", () => {
    const bench = lab([vrrpInstance()], { hold: true });
    bench.fact("interface", "eth0", true);
    bench.do((d, at) => d.start(at));
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.faults).toEqual(["no source address on eth0"]);
  });
});

describe("BACKUP", () => {
  test("S03 S07 silence for Master_Down_Interval: advertisement, then addresses, then announcements", () => {
    const bench = lab([vrrpInstance()]);
    expect(bench.does(() => bench.run(DOWN_100))).toEqual([
      "VI_1 BACKUP>MASTER no-master",
      "log info",
      "send VI_1 100",
      "add VI_1",
      "announce VI_1 5x 192.0.2.100",
      "notify VI_1 MASTER 100",
    ]);
  });

  test.each([
    ["S10 equal priority", 100],
    ["higher priority", 101],
    ["an owner", 255],
  ])("%s restarts the timer", (_why, priority) => {
    const bench = lab([vrrpInstance()]);
    bench.run(3000);
    bench.hear(PEER, priority);
    bench.run(DOWN_100 - 1);
    expect(bench.state()).toBe("BACKUP");
    bench.run(2);
    expect(bench.state()).toBe("MASTER");
  });

  test("S11 lower priority does not: preemption, with its cause", () => {
    const bench = lab([vrrpInstance()]);
    for (let i = 0; i < 3; i++) {
      bench.run(1000);
      bench.hear(PEER, 99);
    }
    bench.run(DOWN_100 - 3000);
    expect(bench.state()).toBe("MASTER");
    const last = bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.lastTransition;
    expect(last?.cause).toBe("preempting 192.0.2.2, its priority 99 is below our 100");
  });

  test("S12 nopreempt: it does restart it", () => {
    const bench = lab([vrrpInstance({ preempt: false })]);
    for (let i = 0; i < 20; i++) {
      bench.run(1000);
      bench.hear(PEER, 1);
    }
    expect(bench.state()).toBe("BACKUP");
    bench.run(DOWN_100 + 1);
    expect(bench.state()).toBe("MASTER");
  });

  test("S13 preempt_delay counts from the first weaker advertisement", () => {
    const bench = lab([vrrpInstance({ preemptDelayMs: 10_000 })]);
    const start = bench.now;
    bench.run(1000);
    while (bench.state() === "BACKUP" && bench.now < 60_000) {
      bench.hear(PEER, 50);
      bench.run(1000);
    }
    const delay = bench.log.findLast((event) => event.text.startsWith("VI_1 BACKUP>MASTER"));
    // The delay ends at 11 s after the start; the last packet that counted came at 10 s.
    expect((delay?.at ?? 0) - start).toBeCloseTo(10_000 + DOWN_100, 3);
  });

  test("S13 preempt_delay is cancelled by an equal or higher priority", () => {
    const bench = lab([vrrpInstance({ preemptDelayMs: 10_000 })]);
    for (let i = 0; i < 40; i++) {
      bench.hear(PEER, i % 8 === 7 ? 100 : 50);
      bench.run(1000);
    }
    expect(bench.state()).toBe("BACKUP");
  });

  test.each([
    ["state MASTER", "state MASTER"],
    ["strict mode", "strict_mode"],
  ])("S13 preempt_delay is ignored with %s", (_why, words) => {
    const bench = lab(configured(["preempt_delay 60", words]));
    for (let i = 0; i < 4; i++) {
      bench.hear(PEER, 50);
      bench.run(1000);
    }
    expect(bench.state()).toBe("MASTER");
  });

  test("a master that dies during preempt_delay is replaced after Master_Down_Interval", () => {
    const bench = lab([vrrpInstance({ preemptDelayMs: 60_000 })]);
    bench.run(1000);
    bench.hear(PEER, 50);
    bench.run(DOWN_100 + 1);
    expect(bench.state()).toBe("MASTER");
  });

  test("S09 priority 0: master after Skew", () => {
    const bench = lab([vrrpInstance()]);
    bench.hear(PEER, 150);
    bench.run(500);
    bench.hear(PEER, 0);
    bench.run(609.3);
    expect(bench.state()).toBe("BACKUP");
    bench.run(0.1);
    expect(bench.state()).toBe("MASTER");
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.lastTransition?.cause).toBe(
      "192.0.2.2 resigned (priority 0)",
    );
  });

  test("a stream of resignations does not keep a backup waiting", () => {
    const bench = lab([vrrpInstance()]);
    bench.hear(PEER, 150);
    bench.run(500);
    for (let i = 0; i < 7; i++) {
      bench.hear(PEER, 0);
      bench.run(100);
    }
    expect(bench.state()).toBe("MASTER");
  });

  test("S35 T7 an interval that was learned is forgotten by the master, also for its next time as backup", () => {
    const bench = lab([vrrpInstance({ version: 3, advertMs: 1000 })]);
    bench.hear(PEER, 200, { advertMs: 100 });
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.advertMs).toEqual({ own: 1000, learned: 100 });
    bench.run(300 + 61);
    expect(bench.state()).toBe("MASTER");
    const from = bench.now;
    bench.run(3000);
    expect(bench.adverts("VI_1", from)).toHaveLength(3);
    bench.fact("interface", "eth0", false);
    bench.fact("interface", "eth0", true);
    bench.run(3000);
    expect(bench.state()).toBe("BACKUP");
    bench.run(610);
    expect(bench.state()).toBe("MASTER");
  });

  test("X11 v3: the interval of the master counts, longer as well as shorter", () => {
    const bench = lab([vrrpInstance({ version: 3, advertMs: 100 })]);
    bench.hear(PEER, 200, { advertMs: 2000 });
    bench.run(3 * 2000 + (156 / 256) * 2000 - 1);
    expect(bench.state()).toBe("BACKUP");
    bench.run(2);
    expect(bench.state()).toBe("MASTER");
  });

  test("S21 stopping as backup: silence", () => {
    const bench = lab([vrrpInstance()]);
    expect(bench.does(() => bench.do((d, at) => d.stop(at)))).toEqual([
      "VI_1 BACKUP>STOP stop",
      "log info",
      "notify VI_1 STOP 100",
    ]);
  });
});

describe("MASTER", () => {
  test.each([
    ["every interval on the beat", 0, [0, 1000, 2000, 3000, 4000, 5000]],
    ["late wake-ups do not add up", 30, [0, 1030, 2030, 3030, 4030, 5030]],
    ["nor do those that are late by nearly an interval", 999, [0, 1999, 2999, 3999, 4999]],
    ["behind a later one the beat starts anew", 1000, [0, 2000, 4000]],
  ])("S08 advertises: %s", (_why, lateMs, times) => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    const started = bench.now;
    bench.run(5100, lateMs);
    expect(bench.adverts().map(([at]) => at - started)).toEqual(times);
  });

  test("S08 a beat that was made up for is the old one again", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    const started = bench.now;
    bench.run(1500, 400);
    bench.run(3000);
    expect(bench.adverts().map(([at]) => at - started)).toEqual([0, 1400, 2000, 3000, 4000]);
  });

  test("S14 priority 0 is answered at once", () => {
    const bench = master();
    bench.run(400);
    expect(bench.moves(() => bench.hear(PEER, 0))).toEqual(["send VI_1 150"]);
    expect(bench.state()).toBe("MASTER");
  });

  test("S15 higher priority: BACKUP, addresses gone, silence", () => {
    const bench = master();
    expect(bench.does(() => bench.hear(PEER, 151))).toEqual([
      "VI_1 MASTER>BACKUP higher-priority",
      "log info",
      "remove VI_1",
      "notify VI_1 BACKUP 150",
    ]);
    const from = bench.now;
    bench.run(3000);
    expect(bench.adverts("VI_1", from)).toEqual([]);
  });

  test("S39 higher_prio_send_advert: one last advertisement", () => {
    const bench = master({ higherPrioSendAdvert: true });
    expect(bench.moves(() => bench.hear(PEER, 151))).toEqual([
      "VI_1 MASTER>BACKUP higher-priority",
      "send VI_1 150",
      "remove VI_1",
    ]);
  });

  test("S16 equal priority, greater address: BACKUP", () => {
    const bench = master();
    expect(bench.moves(() => bench.hear(PEER, 150))).toEqual(["VI_1 MASTER>BACKUP higher-address", "remove VI_1"]);
  });

  test("S17 equal priority, smaller address: stays, answers at once", () => {
    const bench = master();
    bench.run(300);
    expect(bench.moves(() => bench.hear(LOWER, 150))).toEqual(["send VI_1 150", "announce VI_1 5x 192.0.2.100"]);
  });

  test("S18 G06 lower priority: stays, answers at once, restarts its interval", () => {
    const bench = master();
    bench.run(300);
    const at = bench.now;
    expect(bench.does(() => bench.hear(PEER, 100))).toEqual([
      "send VI_1 150",
      "log warning",
      "announce VI_1 5x 192.0.2.100",
      "notify VI_1 MASTER_RX_LOWER_PRI 150",
      "log warning",
    ]);
    bench.run(2000);
    expect(bench.adverts("VI_1", at).map(([t]) => t - at)).toEqual([0, 1000, 2000]);
  });

  test("S19 lower_prio_no_advert: no answer, timer unchanged", () => {
    const bench = master({ lowerPrioNoAdvert: true });
    const beat = bench.adverts().at(-1)?.[0] ?? 0;
    bench.run(300);
    expect(bench.moves(() => bench.hear(PEER, 100))).toEqual(["announce VI_1 5x 192.0.2.100"]);
    bench.run(1000);
    expect(bench.adverts("VI_1", beat + 1).map(([t]) => t - beat)).toEqual([1000]);
  });

  test.each([
    ["strict_mode", ["strict_mode"], ""],
    ["vrrp_strict", [], "global_defs {\n vrrp_strict\n}\n"],
  ] as const)("%s: neither answer nor announcement", (_why, lines, before) => {
    const bench = lab(configured([...lines, "priority 150"], before));
    bench.run(10_000);
    expect(bench.state()).toBe("MASTER");
    expect(bench.moves(() => bench.hear(PEER, 100))).toEqual([]);
  });

  test("S20 stopping: priority 0, then addresses removed, nothing afterwards", () => {
    const bench = master();
    expect(bench.moves(() => bench.do((d, at) => d.stop(at)))).toEqual([
      "VI_1 MASTER>STOP stop",
      "send VI_1 0",
      "remove VI_1",
    ]);
    expect(bench.does(() => bench.run(60_000))).toEqual([]);
    expect(bench.does(() => bench.hear(PEER, 1))).toEqual([]);
  });

  test("S22 S38 T15 link lost: FAULT with one priority 0, addresses removed", () => {
    const bench = master();
    expect(bench.does(() => bench.fact("interface", "eth0", false))).toEqual([
      "VI_1 MASTER>FAULT fault",
      "log warning",
      "send VI_1 0",
      "remove VI_1",
      "notify VI_1 FAULT 150",
    ]);
    expect(bench.does(() => bench.hear(PEER, 200))).toEqual([]);
    expect(bench.does(() => bench.run(60_000))).toEqual([]);
  });

  test("S23 link back: BACKUP first, with a whole Master_Down_Interval", () => {
    const bench = master();
    bench.fact("interface", "eth0", false);
    bench.run(5000);
    expect(bench.does(() => bench.fact("interface", "eth0", true))).toEqual([
      "VI_1 FAULT>BACKUP fault-cleared",
      "log info",
      "notify VI_1 BACKUP 150",
    ]);
    bench.run(3000 + (106 / 256) * 1000 - 1);
    expect(bench.state()).toBe("BACKUP");
    bench.run(2);
    expect(bench.state()).toBe("MASTER");
  });

  test("S23 an owner comes back after one interval and a skew", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.fact("interface", "eth0", false);
    bench.fact("interface", "eth0", true);
    bench.run(1003.9);
    expect(bench.state()).toBe("BACKUP");
    bench.run(0.1);
    expect(bench.state()).toBe("MASTER");
  });

  test("S28 an address removed by hand is put back at once and announced; the mastership stays", () => {
    const bench = master();
    bench.run(20_000);
    expect(bench.does(() => bench.do((d, at) => d.removed("VI_1", "address 192.0.2.100", at)))).toEqual([
      "restore VI_1",
      "log warning",
      "announce VI_1 1x 192.0.2.100",
    ]);
    expect(bench.state()).toBe("MASTER");
  });

  test("S28 a program that keeps removing is answered every 40 ms", () => {
    const bench = master();
    const from = bench.log.length;
    for (let i = 0; i < 1000; i++) {
      bench.do((d, at) => d.removed("VI_1", "address 192.0.2.100", at));
      bench.run(1);
    }
    bench.run(100);
    const repairs = bench.log.slice(from).filter((event) => event.text === "restore VI_1").length;
    expect(repairs).toBeGreaterThanOrEqual(23);
    expect(repairs).toBeLessThanOrEqual(27);
    expect(bench.log.slice(from).filter((event) => event.text.startsWith("log")).length).toBeLessThanOrEqual(2);
  });

  test("S34 two owners: the smaller address gives way, the greater stays", () => {
    const greater = lab([vrrpInstance({ priority: 255 })]);
    greater.hear(LOWER, 255);
    expect(greater.state()).toBe("MASTER");
    const smaller = lab([vrrpInstance({ priority: 255 })]);
    smaller.hear(PEER, 255);
    expect(smaller.state()).toBe("BACKUP");
    const cause = smaller.router.status("VI_1", { now: smaller.now, wallMs: 0 })?.lastTransition?.cause;
    expect(cause).toContain("owns the addresses as well");
  });

  test("owner_ignore_adverts: dropped before being counted", () => {
    const bench = lab([vrrpInstance({ priority: 255, ownerIgnoreAdverts: true })]);
    expect(bench.moves(() => bench.hear(PEER, 255))).toEqual([]);
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    expect([status?.counters.advert_rcvd, status?.refused]).toEqual([0, { "owner-ignores": 1 }]);
  });

  test("S43 a unicast instance that leaves FAULT announces its own address", () => {
    const unicast = {
      peers: [{ ip: PEER, minTtl: 0, maxTtl: 255 }],
      checkSource: false,
      faultWithoutPeer: false,
      oldChecksum: "auto",
    } as const;
    const bench = lab([vrrpInstance({ unicast, sourceIp: "192.0.2.1" })]);
    bench.fact("interface", "eth0", false);
    expect(bench.moves(() => bench.fact("interface", "eth0", true))).toEqual([
      "VI_1 FAULT>BACKUP fault-cleared",
      "announceSource VI_1 192.0.2.1",
    ]);
  });

  test("P27 unicast: one datagram for each peer in one send", () => {
    const peers = ["192.0.2.2", "192.0.2.3"].map((ip) => ({ ip, minTtl: 0, maxTtl: 255 }));
    const unicast = { peers, checkSource: false, faultWithoutPeer: false, oldChecksum: "auto" } as const;
    const bench = lab([vrrpInstance({ version: 3, priority: 255, unicast, sourceIp: "192.0.2.1" })]);
    const sent = bench.log.find((event) => event.action.kind === "send")?.action;
    if (sent?.kind !== "send") throw new Error("nothing sent");
    expect(sent.datagrams.map((d) => d.destination.join("."))).toEqual(["192.0.2.2", "192.0.2.3"]);
  });

  test("unicast instances with one VRID on one socket are told apart by their peers", () => {
    const unicast = { checkSource: false, faultWithoutPeer: false, oldChecksum: "auto" } as const;
    const to = (name: string, ip: string): VrrpInstance =>
      vrrpInstance({ name, sourceIp: "192.0.2.1", unicast: { ...unicast, peers: [{ ip, minTtl: 0, maxTtl: 255 }] } });
    const bench = lab([to("A", "192.0.2.2"), to("B", "192.0.2.3")]);
    expect(bench.router.sockets().map(({ instances }) => instances)).toEqual([["A", "B"]]);
    const heard = () => bench.router.instances().map(({ counters }) => counters.advert_rcvd);
    bench.hear("192.0.2.3", 200, {}, "B");
    expect(heard()).toEqual([0, 1]);
    bench.hear("192.0.2.2", 200, {}, "A");
    expect(heard()).toEqual([1, 1]);
    // Somebody whom no list names is the first one's.
    bench.hear("192.0.2.9", 200, {}, "B");
    expect(heard()).toEqual([2, 1]);
  });

  test("S41 the same VRID for IPv4 and IPv6 on one interface, independent", () => {
    const bench = lab([vrrpInstance({ name: "four", version: 3 }), vrrpInstance({ name: "six", family: 6 })]);
    expect(bench.router.sockets().map((spec) => spec.key)).toEqual(["4/112/eth0/224.0.0.18", "6/112/eth0/ff02::12"]);
    bench.run(3000);
    bench.hear("fe80::2", 200, {}, "six");
    bench.run(1000);
    expect([bench.state("four"), bench.state("six")]).toEqual(["MASTER", "BACKUP"]);
  });
});

describe("limits of what the outside can draw", () => {
  test("T19 req 2: lower-priority adverts draw one answer an interval and one round of announcements a second", () => {
    const bench = master();
    bench.run(30_000);
    const from = bench.now;
    const mark = bench.log.length;
    for (let i = 0; i < 2000 * 5; i++) {
      bench.hear(PEER, 100);
      bench.run(0.5);
    }
    const adverts = bench.adverts("VI_1", from).length;
    expect(adverts).toBeGreaterThanOrEqual(5);
    expect(adverts).toBeLessThanOrEqual(5 + 1);
    const rounds = bench.log
      .slice(mark)
      .reduce((sum, event) => sum + (event.action.kind === "announce" ? event.action.rounds : 0), 0);
    expect(rounds).toBeLessThanOrEqual(5 + 5);
    expect(bench.log.slice(mark).filter((event) => event.action.kind === "log").length).toBeLessThanOrEqual(2);
    const notes = bench.log.slice(mark).filter((event) => event.text.includes("MASTER_RX_LOWER_PRI")).length;
    expect(notes).toBeLessThanOrEqual(6);
  });

  test("req 2: a flood of resignations draws one an interval; the beat is never slower than the interval", () => {
    const bench = master();
    const from = bench.now;
    for (let i = 0; i < 3000; i++) {
      bench.hear(PEER, 0);
      bench.run(1);
    }
    const times = bench.adverts("VI_1", from).map(([at]) => at);
    expect(times.length).toBeLessThanOrEqual(3 + 1);
    for (let i = 1; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeLessThanOrEqual(1000);
  });

  test("X22 T17 junk with our VRID delays no advertisement and changes nothing", () => {
    const bench = master({ authentication: { type: "PASS", password: "secret" } });
    const mark = bench.log.length;
    const from = bench.now;
    const before = bench.router.instances()[0]?.state;
    for (let i = 0; i < 4990; i++) {
      bench.hear(PEER, 250, { authentication: { type: "PASS", password: "wrong" } });
      bench.hear(PEER, 250, { version: 3 });
      bench.run(1);
    }
    const times = bench.adverts("VI_1", from - 1).map(([at]) => at);
    expect(times.length).toBe(5);
    for (let i = 1; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeCloseTo(1000, 6);
    expect(bench.state()).toBe("MASTER");
    expect(bench.router.instances()[0]?.state.since).toBe(before?.since ?? 0);
    // X23: each kind once, once that its sender is refused, and once that it must be a master too.
    const logs = bench.log.slice(mark).filter((event) => event.action.kind === "log");
    expect(logs).toHaveLength(4);
    expect(bench.router.instances()[0]?.counters.auth_failure).toBe(4990);
  });

  test("X22 a refused packet keeps no backup waiting and starts no election", () => {
    const bench = lab([vrrpInstance()]);
    bench.hear(PEER, 150);
    for (let i = 0; i < 36; i++) {
      bench.run(100);
      bench.hear(PEER, 150, { advertMs: 2000 });
      bench.hear(PEER, 0, { advertMs: 2000 });
    }
    expect(bench.state()).toBe("BACKUP");
    bench.run(10);
    expect(bench.state()).toBe("MASTER");
  });

  test("X23 each kind of drop is logged once until the state or the master changes", () => {
    const bench = lab([vrrpInstance()]);
    const count = () =>
      bench.log.filter((event) => event.action.kind === "log" && event.action.line.message.includes("refused")).length;
    for (let i = 0; i < 50; i++) bench.hear(PEER, 150, { advertMs: 2000 });
    expect(count()).toBe(1);
    bench.run(12_000);
    expect(bench.state()).toBe("MASTER");
    for (let i = 0; i < 50; i++) bench.hear(PEER, 150, { advertMs: 2000 });
    expect(count()).toBe(2);
    const last = bench.log.findLast(
      (event) => event.action.kind === "log" && event.action.line.message.includes("refused"),
    );
    if (last?.action.kind !== "log") throw new Error("no log");
    expect(last.action.line.message).toContain("49 more");
  });

  test("X25 after junk a valid higher-priority advertisement still works", () => {
    const bench = master();
    for (let i = 0; i < 1000; i++)
      bench.receive({ family: 4, bytes: new Uint8Array(i % 90).fill(i), source: new Uint8Array(4) });
    bench.hear(PEER, 200);
    expect(bench.state()).toBe("BACKUP");
  });

  test("T14 an advertised interval of 0 is refused, no flapping", () => {
    const bench = master({ version: 3 });
    const datagram = advertFrom(vrrpInstance({ version: 3, priority: 200 }), PEER);
    const bytes = datagram.bytes.slice();
    bytes[20 + 5] = 0;
    const destination = bytes.subarray(16, 20);
    setChecksum(bytes.subarray(20), { kind: "pseudo", source: datagram.source, destination });
    const mark = bench.log.length;
    for (let i = 0; i < 100; i++) bench.receive({ ...datagram, bytes });
    expect(bench.state()).toBe("MASTER");
    // The refusal, that its sender is one whom we refuse, and that it must be a master too.
    const logs = bench.log.slice(mark).filter((event) => event.action.kind === "log");
    expect(logs.map((event) => event.text)).toEqual(["log warning", "log error", "log warning"]);
  });
});

describe("AH", () => {
  const ah = { authentication: { type: "AH", password: "ahkey" } } as const;
  const sequences = (bench: Lab, from: number) =>
    bench.log.flatMap((event) =>
      event.action.kind === "send" && event.at >= from
        ? [AH_HEADER.fields.sequence.get(event.action.datagrams[0]?.bytes ?? new Uint8Array(44), 20)]
        : [],
    );

  test("P19 grows by one, and goes on from what a master sent", () => {
    const bench = lab([vrrpInstance(ah)]);
    for (let i = 0; i < 7; i++) bench.hear(PEER, 150);
    const from = bench.now;
    bench.run(6000);
    expect(sequences(bench, from)).toEqual([8, 9, 10]);
  });

  test("T6 a master that hears a weaker one goes on beyond its number", () => {
    const bench = lab([vrrpInstance({ priority: 255, ...ah })]);
    for (let i = 0; i < 20; i++) bench.hear(PEER, 100, { ...ah, authentication: { type: "AH", password: "other" } });
    const from = bench.now;
    bench.hear(PEER, 100);
    // The 21st packet of the other one: adopted as 22, so that our answer is heard by it.
    expect(sequences(bench, from)).toEqual([1, 23]);
  });

  test("one of the same priority and a lower address is no weaker one: no number is left out", () => {
    const bench = lab([vrrpInstance({ priority: 150, ...ah })]);
    bench.run(3420);
    for (let i = 0; i < 20; i++) bench.hear(LOWER, 150, { ...ah, authentication: { type: "AH", password: "other" } });
    const from = bench.now;
    bench.hear(LOWER, 150);
    bench.run(1000);
    expect(bench.state()).toBe("MASTER");
    // Its answer, then the next one in its time.
    expect(sequences(bench, from)).toEqual([22, 23]);
  });

  test("two masters that count alike do not refuse each other for ever", () => {
    const bench = lab([vrrpInstance({ priority: 150, ...ah })]);
    bench.run(3420);
    expect(bench.state()).toBe("MASTER");
    const collide = () => bench.hear(LOWER, 100);
    const from = bench.now;
    // Both have sent number 1. We have the greater address: one number is skipped, once.
    collide();
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.refused).toEqual({ "auth-ah-collision": 1 });
    bench.run(1000);
    expect(sequences(bench, from + 1)).toEqual([3]);
  });
});

describe("thaw (req 12)", () => {
  test("a master that stood still advertises and announces at once", () => {
    const bench = master();
    const wake = bench.now + 30_000;
    const actions = bench.router.timer({ now: wake, wallMs: wake });
    expect(actions.map((action) => action.kind)).toContain("send");
    expect(actions.map((action) => action.kind)).toContain("announce");
    expect(bench.router.deadline()).toBeGreaterThan(wake);
  });

  test("a backup that stood still listens for an interval before it takes over", () => {
    const bench = lab([vrrpInstance()]);
    const wake = bench.now + 30_000;
    const actions = bench.router.timer({ now: wake, wallMs: wake });
    expect(actions.map((action) => action.kind)).toEqual(["log"]);
    expect(bench.router.deadline() - wake).toBeCloseTo(1609.375, 3);
    expect(bench.router.timer({ now: wake + 1700, wallMs: wake }).map((a) => a.kind)).toContain("transition");
  });

  test("a backup that is stopped again and again takes over behind the second time", () => {
    const bench = lab([vrrpInstance()]);
    const woken = (now: number) => bench.router.timer({ now, wallMs: now }).map(({ kind }) => kind);
    const wake = bench.now + 30_000;
    expect(woken(wake)).toEqual(["log"]);
    expect(woken(wake + 30_000)).toContain("transition");
  });

  test("an advertisement in between: it listens for another interval again", () => {
    const bench = lab([vrrpInstance()]);
    bench.run(3000).run(30_000, 29_000);
    expect(bench.state()).toBe("BACKUP");
    bench.hear(PEER, 150);
    bench.run(10_000, 5000);
    expect(bench.state()).toBe("BACKUP");
    bench.run(10_000, 5000);
    expect(bench.state()).toBe("MASTER");
  });

  test.each([
    ["just a delay", 999.9, "transition"],
    ["a pause", 1000, "log"],
  ])("a backup whose timer is late: %s", (_why, lateMs, first) => {
    const bench = lab([vrrpInstance()]);
    const wake = bench.now + DOWN_100 + lateMs;
    expect(bench.router.timer({ now: wake, wallMs: wake })[0]?.kind).toBe(first as "log");
  });

  test("a tracking result during the prolonged wait does not shorten it", () => {
    const tracking = { interfaces: [], scripts: [use("chk", 30)], files: [], processes: [], bfd: [] };
    const bench = lab([vrrpInstance({ tracking })]);
    bench.fact("script", "chk", false);
    bench.run(30_000, 26_000);
    const end = bench.router.deadline();
    expect(end).toBeGreaterThan(bench.now);
    bench.fact("script", "chk", true);
    expect(bench.router.deadline()).toBe(end);
    expect(bench.state()).toBe("BACKUP");
  });

  test("timer_expired_backup with nopreempt: a peer of that priority may have taken over", () => {
    const bench = lab([vrrpInstance({ priority: 150, preempt: false, timerExpiredBackup: 100 })]);
    bench.run(10_000);
    expect(bench.state()).toBe("MASTER");
    const sent = bench.adverts().at(-1)?.[0] ?? 0;
    const late = bench.router.timer({ now: sent + DOWN_100 + 1, wallMs: 0 });
    const kinds = late.map((action) => (action.kind === "transition" ? action.cause.code : action.kind));
    expect(kinds).toEqual(["late", "log", "removeAddresses", "notify"]);
  });
});

test("every transition says why, in words and as a code", () => {
  const bench = master();
  bench.hear(PEER, 200);
  bench.run(5000);
  bench.fact("interface", "eth0", false);
  bench.fact("interface", "eth0", true);
  bench.do((d, at) => d.stop(at));
  const causes = bench.log.flatMap((event) => (event.action.kind === "transition" ? [event.action.cause] : []));
  expect(causes.map((cause) => cause.code)).toEqual([
    "start",
    "no-master",
    "higher-priority",
    "master-down",
    "fault",
    "fault-cleared",
    "stop",
  ]);
  for (const cause of causes) expect(cause.text.length).toBeGreaterThan(5);
});

test("keepalived's counters move with what they name, and with nothing else", () => {
  const bench = lab([vrrpInstance({ priority: 150 })]);
  type Counters = Readonly<Record<string, number>>;
  const moved = (call: () => void) => {
    const counters = (): Counters => bench.router.instance("VI_1")?.counters ?? {};
    const before: Counters = { ...counters() };
    call();
    return Object.entries(counters()).flatMap(([name, n]) =>
      n === before[name] ? [] : [`${name} ${n - (before[name] ?? 0)}`],
    );
  };
  expect(moved(() => bench.hear(PEER, 200))).toEqual(["advert_rcvd 1"]);
  expect(moved(() => bench.hear(PEER, 0))).toEqual(["advert_rcvd 1", "pri_zero_rcvd 1"]);
  expect(moved(() => bench.run(1000))).toEqual(["advert_sent 1", "become_master 1"]);
  expect(moved(() => bench.run(1000))).toEqual(["advert_sent 1"]);
  const others = { virtualAddresses: [address("192.0.2.77")] };
  expect(moved(() => bench.hear(PEER, 100, others))).toEqual(["advert_rcvd 1", "advert_sent 1", "addr_list_err 1"]);
  expect(moved(() => bench.hear(PEER, 200, { advertMs: 2000 }))).toEqual(["advert_interval_err 1"]);
  expect(moved(() => bench.do((d, at) => d.stop(at)))).toEqual([
    "advert_sent 1",
    "release_master 1",
    "pri_zero_sent 1",
  ]);
});

test("address order and count stay the same in every packet (P09, P10)", () => {
  const list = ["192.0.2.101", "192.0.2.7", "192.0.2.100"].map((ip) => address(ip));
  const bench = lab([
    vrrpInstance({ priority: 255, virtualAddresses: list, excludedAddresses: [address("192.0.2.9")] }),
  ]);
  bench.run(3000);
  const bodies = bench.log.flatMap((event) =>
    event.action.kind === "send" ? [event.action.datagrams[0]?.bytes.slice(20 + 8, 20 + 8 + 12).join(".")] : [],
  );
  expect(new Set(bodies)).toEqual(new Set(["192.0.2.101.192.0.2.7.192.0.2.100"]));
});

test("a priority that changes is told as an event, with what changed it", () => {
  const tracking = { interfaces: [], scripts: [use("chk", -30)], files: [], processes: [], bfd: [] };
  const bench = lab([vrrpInstance({ priority: 150, tracking })]);
  bench.fact("script", "chk", true);
  const mark = bench.log.length;
  bench.fact("script", "chk", false);
  bench.fact("script", "chk", true);
  const told = bench.log.slice(mark).flatMap(({ action }) => (action.kind === "event" ? [action] : []));
  expect(told.map(({ event, from, to, reason }) => [event, from, to, reason])).toEqual([
    ["priority", "150", "120", "script chk: -30, was 0 (failed)"],
    ["priority", "120", "150", "script chk: 0, was -30"],
  ]);
});
