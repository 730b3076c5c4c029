// Two masters are seen, named, explained, and answered with an announcement once the intruder has left (issue 3 part 8, req 20).
import { describe, expect, test } from "bun:test";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { LOG_SUMMARY_MS } from "../../../src/vrrp/limiter.ts";
import { MAX_FOREIGN_MASTERS, sightings } from "../../../src/vrrp/sightings.ts";
import { advertFrom, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";

const PEER = "192.0.2.2";
const pass = { authentication: { type: "PASS", password: "one" } } as const;
const hmac = (byte: string): Pick<VrrpInstance, "hmac"> => ({
  hmac: {
    keys: [{ id: 1, keyHex: byte.repeat(32) }],
    activeKey: 1,
    timeWindowS: 5,
    antiReplay: "time",
    mode: "enforce",
  },
});

const logged = (bench: Lab) => bench.log.flatMap(({ action }) => (action.kind === "log" ? [action.line.message] : []));

describe("the likely cause of two masters", () => {
  test("AH: as a plain instance hears it, and the other way round", () => {
    const ah = { authentication: { type: "AH", password: "one" } } as const;
    for (const [own, theirs, want] of [
      [{}, ah, "authentication: it uses type AH, we use none"],
      [ah, { authentication: undefined }, "authentication: it uses type none, we use AH"],
    ] as const) {
      const bench = lab([vrrpInstance({ priority: 255, ...own })]);
      for (let i = 0; i < 3; i++) {
        bench.run(1000);
        bench.hear(PEER, 100, theirs as Partial<VrrpInstance>);
      }
      expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster?.likelyCause).toBe(want);
    }
  });

  test.each([
    ["version", {}, { version: 3 }, "VRRP version: it speaks version 3, we speak version 2"],
    ["password", pass, { authentication: { type: "PASS", password: "two" } }, "authentication: its password differs"],
    ["type", {}, pass, "authentication: it uses type PASS, we use none"],
    ["interval", {}, { advertMs: 3000 }, "advertisement interval: it has 3 s, we have 1 s"],
    [
      "hmac missing",
      hmac("11"),
      { hmac: undefined },
      "authentication: it does not sign with auth_hmac, and we require it",
    ],
    ["hmac key", hmac("11"), hmac("22"), "authentication: its auth_hmac key differs"],
    ["hmac unknown here", {}, hmac("22"), "authentication: it signs with auth_hmac, which is not configured here"],
  ] as const)("%s", (_why, own, theirs, want) => {
    const bench = lab([vrrpInstance({ priority: 255, ...own } as Partial<VrrpInstance>)]);
    for (let i = 0; i < 3; i++) {
      bench.run(1000);
      bench.hear(PEER, 100, theirs as Partial<VrrpInstance>);
    }
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    expect(status?.foreignMaster).toMatchObject({ address: PEER, priority: 100, likelyCause: want });
    expect(status?.lastRefused?.from).toBe(PEER);
    expect(status?.state).toBe("MASTER");
    expect(logged(bench)).toContain(
      `VI_1: two masters: ${PEER} (priority 100) and we, 192.0.2.1 (priority 255); likely cause: ${want}`,
    );
  });

  test("over IPv6 too it is the same one whose packets are counted, and others are others", () => {
    const v6 = (byte: string) => vrrpInstance({ family: 6, priority: 255, ...hmac(byte) });
    const bench = lab([v6("11")]);
    const foreign = () => bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster;
    for (const last of ["2", "3", "4"]) bench.hear(`fe80::${last}`, 100, v6("22"));
    expect(foreign() ?? null).toBeNull();
    for (let i = 0; i < 2; i++) bench.hear("fe80::2", 100, v6("22"));
    expect(foreign()).toMatchObject({ address: "fe80::2", likelyCause: "authentication: its auth_hmac key differs" });
  });

  test("TTL", () => {
    const unicast = {
      peers: [{ ip: PEER, minTtl: 64, maxTtl: 255 }],
      checkSource: true,
      faultWithoutPeer: false,
      oldChecksum: "auto",
    } as const;
    const bench = lab([vrrpInstance({ version: 3, priority: 255, unicast, sourceIp: "192.0.2.1" })]);
    for (let i = 0; i < 3; i++) bench.hear(PEER, 100, { unicast: { ...unicast, ttl: 63 } });
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    expect(status?.foreignMaster?.likelyCause).toBe(
      "TTL: its packets arrive with 63, so a router lies between, or its TTL is set lower",
    );
  });

  test("an accepted weaker master, with the same and with another list", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.hear(PEER, 100);
    const cause = () => bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster?.likelyCause;
    expect(cause()).toContain("does not hear us");
    bench.hear(PEER, 100, { virtualAddresses: [] });
    expect(cause()).toContain("list of virtual addresses differs");
  });

  test("a stray packet is no master; a backup names none", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.hear(PEER, 100, { version: 3 });
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster).toBeNull();
    const backup = lab([vrrpInstance()]);
    for (let i = 0; i < 5; i++) backup.hear(PEER, 100, { version: 3 });
    expect(backup.router.status("VI_1", { now: backup.now, wallMs: 0 })?.foreignMaster).toBeNull();
  });
});

describe("req 20: announced once the intruder has left", () => {
  test.each([
    ["v2, 1 s", { version: 2, advertMs: 1000 }, 4000],
    ["v3, 400 ms", { version: 3, advertMs: 400 }, 2200],
    ["v3, 4 s", { version: 3, advertMs: 4000 }, 13_000],
    ["v3, 20 s: between three and one and a half", { version: 3, advertMs: 20_000 }, 31_000],
    ["v3, 40 s: half as much again", { version: 3, advertMs: 40_000 }, 61_000],
  ] as const)("known for three intervals and a second, a long one for less: %s", (_why, timing, silentMs) => {
    const bench = lab([vrrpInstance({ priority: 255, ...timing })]);
    const isKnown = () => bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster !== null;
    bench.hear(PEER, 100);
    bench.run(silentMs - 1);
    expect(isKnown()).toBe(true);
    bench.run(1);
    expect(isKnown()).toBe(false);
  });

  test("a master whose packets were refused", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.run(20_000);
    const mark = bench.log.length;
    for (let i = 0; i < 5; i++) {
      bench.hear(PEER, 100, { version: 3 });
      bench.run(1000);
    }
    expect(bench.log.slice(mark).filter((event) => event.action.kind === "announce")).toEqual([]);
    bench.run(10_000);
    expect(
      bench.log
        .slice(mark)
        .filter((event) => event.action.kind === "announce")
        .map((event) => event.text),
    ).toEqual(["announce VI_1 1x 192.0.2.100"]);
    // keepalived, which hardly advertises while it hears packets that it refuses, is shown a while longer.
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster?.address).toBe(PEER);
    bench.run(20_000);
    expect(bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.foreignMaster).toBeNull();
  });

  test("a weaker master that was answered with a burst needs no further one", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.run(20_000);
    const mark = bench.log.length;
    bench.hear(PEER, 100);
    bench.run(30_000);
    const rounds = bench.log
      .slice(mark)
      .flatMap((event) => (event.action.kind === "announce" ? [event.action.rounds] : []));
    expect(rounds).toEqual([5, 5]);
  });

  test("junk from ever new addresses neither grows nor announces without end", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    bench.run(20_000);
    const mark = bench.log.length;
    for (let i = 0; i < 5000; i++) {
      bench.hear(`10.${i >> 8}.${i & 255}.1`, 100, { version: 3 });
      bench.run(1);
    }
    bench.run(20_000);
    const rounds = bench.log
      .slice(mark)
      .reduce((sum, event) => sum + (event.action.kind === "announce" ? event.action.rounds : 0), 0);
    expect(rounds).toBeLessThanOrEqual(1);
  });
});

test("the last refused packet is shown decoded, with where it came from", () => {
  const bench = lab([vrrpInstance()]);
  bench.hear(PEER, 77, { advertMs: 2000 });
  const status = bench.router.status("VI_1", { now: bench.now, wallMs: Date.UTC(2026, 0, 1) });
  expect(status?.lastRefused).toMatchObject({ at: "2026-01-01T00:00:00.000Z", from: PEER, reason: "interval" });
  expect(status?.lastRefused?.packet).toContain("VRRPv2, vrid 51, priority 77, auth type 0, interval 2 s");
  expect(status?.counters.advert_interval_err).toBe(1);
});

test.each([
  ["another interval", { advertMs: 3000 }, "interval"],
  ["another password", { authentication: { type: "PASS", password: "TOPSECRE" } }, "auth-password"],
] as const)("what is shown of a refused packet holds no password: %s", (_why, theirs, reason) => {
  const secret = { authentication: { type: "PASS", password: "SHAREDPW" } } as const;
  const bench = lab([vrrpInstance(secret)]);
  bench.hear(PEER, 77, { ...secret, ...theirs } as Partial<VrrpInstance>);
  const refused = bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.lastRefused;
  expect(refused?.reason).toBe(reason);
  expect(refused?.packet).toContain("vrid 51");
  for (const password of ["SHAREDPW", "TOPSECRE"])
    expect(refused?.packet).not.toContain(Buffer.from(password).toString("hex").slice(0, 8));
});

test("a VRID of others is named once with log_unknown_vrids, again after a while, and never without it", () => {
  const named = lab(vrrpConfig([vrrpInstance()], { global: { logUnknownVrids: true } }));
  const silent = lab([vrrpInstance()]);
  const lines = (bench: Lab) => logged(bench).filter((message) => message.includes("VRID 77"));
  for (const bench of [named, silent]) for (let i = 0; i < 3; i++) bench.hear(PEER, 100, { vrid: 77 });
  expect(lines(named)).toEqual(["advertisement for VRID 77, which is not configured here (4/112/eth0/224.0.0.18)"]);
  named.run(LOG_SUMMARY_MS).hear(PEER, 100, { vrid: 77 });
  expect(lines(named).length).toBe(2);
  expect(lines(silent)).toEqual([]);
});

test("of many other masters, those heard last are remembered", () => {
  const bench = lab([vrrpInstance({ priority: 255 })]);
  for (let host = 2; host <= 9; host++) {
    bench.run(100);
    bench.hear(`192.0.2.${host}`, host);
  }
  const seen = bench.router.instance("VI_1")?.sightings.foreign(vrrpInstance());
  expect(seen?.count).toBe(MAX_FOREIGN_MASTERS);
  expect(seen?.last.address).toBe("192.0.2.9");
  // One that is known takes no second place.
  bench.hear("192.0.2.6", 6);
  expect(bench.router.instance("VI_1")?.sightings.foreign(vrrpInstance())?.count).toBe(MAX_FOREIGN_MASTERS);
});

test("a router that falls silent is told of once, and again when it had come back meanwhile; then it is forgotten", () => {
  const seen = sightings();
  const packet = advertFrom(vrrpInstance({ advertMs: 3000 }), PEER);
  const speak = (...times: readonly number[]) => {
    for (const at of times) seen.refused(packet, "interval", at);
  };
  const silence = () => {
    const at = seen.deadline();
    return seen.expire(at, Number.NEGATIVE_INFINITY).silent?.address;
  };
  speak(0, 3000, 6000);
  expect([silence(), silence()]).toEqual([PEER, undefined]);
  speak(60_000, 63_000, 66_000);
  expect(silence()).toBe(PEER);
  speak(80_000);
  expect(silence()).toBe(PEER);
});
