// The sessions of a director. Numbers in brackets are sections of the spec of what keepalived, FRR and BIRD were measured to do.
import { describe, expect, test } from "bun:test";
import { ipBytes } from "../../../src/base/ip.ts";
import { detectionMs, sendIntervalMs } from "../../../src/bfd/session.ts";
import { bfdInstance, datagram, desk, FRAMES } from "../../support/bfd.ts";

describe("states [3]", () => {
  test.each([
    ["Down", "Down", "Init"],
    ["Down", "Init", "Up"],
    ["Down", "Up", "Down"],
    ["Down", "AdminDown", "Down"],
    ["Init", "Init", "Up"],
    ["Init", "Up", "Up"],
    ["Init", "Down", "Init"],
    ["Init", "AdminDown", "Down"],
    ["Up", "Init", "Up"],
    ["Up", "Up", "Up"],
    ["Up", "Down", "Down"],
    ["Up", "AdminDown", "Down"],
  ] as const)("%s hears %s: %s", (from, said, to) => {
    const one = desk();
    if (from !== "Down") one.hear({ state: "Down", your: 0 });
    if (from === "Up") one.hear({ state: "Up" });
    expect(one.session().state).toBe(from);
    one.hear({ state: said });
    expect(one.session().state).toBe(to);
  });

  test("from Down to Up within two packets of the neighbour, answered at once and not at the next tick [2]", () => {
    const one = desk();
    expect(one.sent.map(({ at, packet }) => [at, packet.state, packet.your])).toEqual([[1000, "Down", 0]]);
    one.run(20);
    one.hear({ state: "Down", your: 0 });
    one.run(20);
    one.hear({ state: "Up", poll: true, your: one.session().local });
    expect(
      one.sent.slice(1).map(({ at, packet }) => [at, packet.state, packet.final, packet.poll, packet.your]),
    ).toEqual([
      [1020, "Init", false, false, 77],
      [1040, "Up", true, false, 77],
      [1040, "Up", false, true, 77],
    ]);
  });

  test("answers to polls are ten milliseconds apart, whoever polls in the neighbour's name", () => {
    const one = desk().run(50);
    one.hear({ state: "Down", your: 0 });
    one.hear({ state: "Up" });
    one.run(50);
    const finals = () => one.sent.filter(({ packet }) => packet.final).length;
    const before = finals();
    for (let i = 0; i < 100; i++) one.hear({ state: "Up", poll: true });
    expect(finals() - before).toBe(1);
    one.run(10);
    one.hear({ state: "Up", poll: true });
    expect(finals() - before).toBe(2);
  });

  test("words outside the rhythm are ten milliseconds apart, whatever the neighbour does", () => {
    const one = desk().run(50);
    const before = one.sent.length;
    for (let i = 0; i < 100; i++) one.hear({ state: i % 2 === 0 ? "Down" : "AdminDown", your: 0 });
    expect(one.sent.length - before).toBe(1);
    one.run(10);
    expect(one.sent.length - before).toBe(2);
  });
});

describe("what is sent [1]", () => {
  test("fresh: Down, no diagnostic, idle_tx and min_rx, nothing of C, A, D, M, echo", () => {
    const one = desk([bfdInstance({ idleTxUs: 1_000_000, minRxUs: 50_000, minTxUs: 40_000 })]);
    expect(one.sent[0]?.packet).toEqual({
      state: "Down",
      diagnostic: 0,
      poll: false,
      final: false,
      demand: false,
      authentication: false,
      multiplier: 3,
      my: one.session().local,
      your: 0,
      desiredMinTxUs: 1_000_000,
      requiredMinRxUs: 50_000,
      requiredMinEchoRxUs: 0,
    });
  });

  test("up: it polls until the Final, with min_tx", () => {
    const one = desk();
    one.hear({ state: "Down", your: 0 });
    one.run(20);
    one.hear({ state: "Init" });
    one.run(1000);
    const polls = one.sent.filter(({ packet }) => packet.state === "Up");
    expect(polls.every(({ packet }) => packet.poll && packet.desiredMinTxUs === 100_000)).toBe(true);
    expect(polls.length).toBeGreaterThan(2);
    one.hear({ state: "Up", final: true });
    one.run(1000);
    expect(one.sent.at(-1)?.packet.poll).toBe(false);
  });

  test("up with idle_tx as min_tx: nothing to poll for", () => {
    const one = desk([bfdInstance({ minTxUs: 1_000_000 })]).bringUp();
    expect(one.sent.some(({ packet }) => packet.poll)).toBe(false);
  });

  test("a poll is answered at once, by one Final that polls for nothing", () => {
    const one = desk().bringUp().run(500);
    const before = one.sent.length;
    one.hear({ state: "Up", poll: true });
    expect(one.sent.slice(before).map(({ packet }) => [packet.final, packet.poll, packet.state])).toEqual([
      [true, false, "Up"],
    ]);
  });

  test("after silence: Down with diagnostic 1, still in the neighbour's name; then in nobody's, from the same discriminator [9.2, 9.10]", () => {
    const one = desk().bringUp();
    const { local } = one.session();
    const before = one.sent.length;
    one.run(3000);
    const downs = one.sent.slice(before).filter(({ packet }) => packet.state === "Down");
    expect(downs.map(({ packet }) => [packet.diagnostic, packet.my, packet.your, packet.poll]).slice(0, 2)).toEqual([
      [1, local, 77, false],
      [1, local, 0, false],
    ]);
    expect(downs[0]?.packet.desiredMinTxUs).toBe(1_000_000);
  });

  test("the neighbour says Down: diagnostic 3; a detection time of silence later it is nobody's", () => {
    const one = desk().bringUp();
    one.run(200);
    one.hear({ state: "Down", my: 77 });
    expect(one.sent.at(-1)?.packet).toMatchObject({ state: "Down", diagnostic: 3, your: 77 });
    one.run(899);
    expect(one.session().remote.discriminator).toBe(77);
    one.run(1);
    expect(one.session().remote.discriminator).toBe(0);
  });

  test("the discriminator lives as long as the session: also over a neighbour's restart [9.2]", () => {
    const one = desk().bringUp();
    const { local } = one.session();
    one.run(5000);
    one.hear({ state: "Down", your: 0, my: 78 });
    expect(one.session().state).toBe("Init");
    expect(new Set(one.sent.map((sent) => sent.packet.my))).toEqual(new Set([local]));
  });
});

describe("intervals", () => {
  test.each([
    ["the neighbour receives more slowly than we want to send", 100_000, 300_000, 300],
    ["we send more slowly than it can receive", 400_000, 300_000, 400],
  ])("%s", (_why, minTxUs, requiredMinRxUs, wanted) => {
    const one = desk([bfdInstance({ minTxUs })]).bringUp({ requiredMinRxUs });
    expect(sendIntervalMs(one.session())).toBe(wanted);
  });

  test.each([
    [3, 75, 100],
    [1, 75, 90],
  ])("multiplier %d: each gap is drawn from %d to %d percent (RFC 5880 §6.8.7)", (multiplier, least, most) => {
    const one = desk([bfdInstance({ multiplier })]).bringUp({ requiredMinRxUs: 1000, desiredMinTxUs: 10_000_000 });
    const from = one.sent.length;
    one.run(30_000 - 1);
    const gaps = one.sent
      .slice(from)
      .map(({ at }, i, all) => at - (all[i - 1]?.at ?? at))
      .slice(1);
    expect(gaps.length).toBeGreaterThan(250);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(most);
    expect(Math.max(...gaps)).toBeGreaterThan(most - 2);
    expect(Math.min(...gaps)).toBeLessThan(least + 2);
  });

  test("not up: idle_tx, or what the neighbour can receive", () => {
    const one = desk();
    expect(sendIntervalMs(one.session())).toBe(1000);
    one.hear({ state: "AdminDown", your: 0, requiredMinRxUs: 2_500_000 });
    expect(sendIntervalMs(one.session())).toBe(2500);
  });

  test("a neighbour that wants no packets gets none but answers (§6.8.7)", () => {
    const one = desk().bringUp({ requiredMinRxUs: 0, desiredMinTxUs: 5_000_000 });
    const before = one.sent.length;
    one.run(5000);
    expect(one.sent.length).toBe(before);
    one.hear({ state: "Up", poll: true, requiredMinRxUs: 0 });
    expect(one.sent.length).toBe(before + 1);
  });

  test("demand of the neighbour: periodic packets stop, a poll is answered, silence of the neighbour still counts [3]", () => {
    const one = desk().bringUp();
    one.hear({ state: "Up", demand: true });
    const before = one.sent.length;
    one.run(850);
    expect(one.sent.length).toBe(before);
    one.hear({ state: "Up", demand: true, poll: true });
    expect(one.sent.slice(before).map(({ packet }) => packet.final)).toEqual([true]);
    one.run(900);
    expect(one.session().state).toBe("Down");
  });

  test("an interval that the neighbour shortens moves the packet that waits forward", () => {
    const one = desk().bringUp({ requiredMinRxUs: 5_000_000, desiredMinTxUs: 5_000_000 });
    const before = one.sent.length;
    one.run(1000);
    one.hear({ state: "Up", requiredMinRxUs: 100_000 });
    one.run(101);
    expect(one.sent.length).toBeGreaterThan(before);
  });
});

describe("detection [2]", () => {
  test.each([
    ["the neighbour's multiplier × the slower of the two", { multiplier: 4, desiredMinTxUs: 50_000 }, 400],
    ["its interval, when it sends more slowly than we could receive", { multiplier: 3, desiredMinTxUs: 300_000 }, 900],
    ["multiplier 1", { multiplier: 1, desiredMinTxUs: 100_000 }, 100],
  ])("%s", (_why, said, wanted) => {
    const one = desk().bringUp(said);
    expect(detectionMs(one.session())).toBe(wanted);
    one.run(wanted - 0.01);
    expect(one.session().state).toBe("Up");
    one.run(0.02);
    expect(one.session().state).toBe("Down");
    expect(one.words.at(-1)).toContain(`nothing heard for ${wanted} ms (${said.multiplier} ×`);
  });

  test("every accepted packet begins it anew, in Init as well [9.8]; none while it was refused", () => {
    const one = desk();
    one.hear({ state: "Down", your: 0 });
    for (let i = 0; i < 10; i++) {
      one.run(800);
      one.hear({ state: "Down", your: 0 });
    }
    expect(one.session().state).toBe("Init");
    one.run(800);
    one.hear({ state: "Down", your: 0 }, { hops: 254 });
    one.run(100);
    expect(one.session().state).toBe("Down");
    expect(one.session().diagnostic).toBe(1);
  });

  test("right after up it is the neighbour's slow interval until it says another", () => {
    const one = desk([bfdInstance({ minRxUs: 50_000 })]);
    one.hear({ state: "Init", desiredMinTxUs: 1_000_000 });
    expect(detectionMs(one.session())).toBe(3000);
    one.hear({ state: "Up", desiredMinTxUs: 50_000, poll: true });
    expect(detectionMs(one.session())).toBe(150);
  });

  test("own stall: what waited in the sockets comes before the timers", () => {
    const one = desk().bringUp().run(100).stall(4000);
    one.hear({ state: "Up" });
    one.take(one.speaker.timer(one.now));
    expect(one.session().state).toBe("Up");
  });

  test("own stall, and the kernel had no room for what came: silence of that time is not the neighbour's", () => {
    const one = desk().bringUp().run(100).stall(4000);
    one.take(one.speaker.timer(one.now, 500));
    expect(one.session().state).toBe("Up");
    one.run(499);
    expect(one.session().state).toBe("Up");
    one.run(1);
    expect(one.session().state).toBe("Down");
  });
});

describe("passive", () => {
  test("says nothing before the neighbour does, and nothing after it has been silent", () => {
    const one = desk([bfdInstance({ passive: true })]).run(10_000);
    expect(one.sent).toEqual([]);
    one.bringUp();
    expect(one.session().state).toBe("Up");
    one.run(2000);
    const before = one.sent.length;
    one.run(10_000);
    expect([one.session().state, one.sent.length]).toEqual(["Down", before]);
    one.bringUp();
    expect(one.session().state).toBe("Up");
  });
});

describe("AdminDown of the neighbour [6, 9.4]", () => {
  test("the session is down, and nobody who tracks it hears of it; the next real down is heard", () => {
    const one = desk().bringUp();
    one.hear({ state: "AdminDown", diagnostic: 7 });
    const session = one.session();
    expect([session.state, session.diagnostic, session.reportedUp, session.heldUp]).toEqual(["Down", 3, true, true]);
    expect(one.words.at(-1)).toBe("peer Up>Down: neighbour is administratively down (administratively down)");
    one.run(20_000);
    expect(session.reportedUp).toBe(true);
    one.bringUp();
    expect([session.state, session.heldUp]).toEqual(["Up", false]);
    one.run(5000);
    expect(session.reportedUp).toBe(false);
  });
});

describe("whom a packet is for [3, 9.12]", () => {
  const other = { source: ipBytes("192.0.2.3") };
  test.each([
    ["Your of nobody", { your: 4711 }, {}, "no-session"],
    ["nobody's neighbour", { your: 0 }, other, "no-session"],
    ["our Your from another address", {}, other, "stranger"],
    ["our Your over IPv6", {}, { source: ipBytes("2001:db8::2") }, "stranger"],
    ["our Your on the multihop port", {}, { multihop: true }, "hop-mode"],
    ["the neighbour on the multihop port", { your: 0 }, { multihop: true }, "no-session"],
    ["a router away", {}, { hops: 254 }, "ttl"],
    ["no TTL known", {}, { hops: undefined }, "ttl"],
    ["authenticated", { authentication: true }, {}, "authentication"],
    ["longer than the buffer", {}, { truncated: true }, "truncated"],
  ])("%s is refused", (_why, packet, from, reason) => {
    const one = desk().bringUp();
    const at = one.session().detectAt;
    one.run(10);
    one.hear({ state: "Down", ...packet }, from);
    expect([one.session().state, one.session().detectAt]).toEqual(["Up", at]);
    expect([...one.speaker.refused(), ...one.session().refused]).toEqual([[reason, 1]] as never);
    expect(one.words.at(-1)).toStartWith("packet of ");
  });

  test.each([
    ["IPv4 as it is", { ttl: 255, maxHops: 0 }, 255, 254],
    ["max_hops 2", { ttl: 255, maxHops: 2 }, 253, 252],
    ["IPv6 as it is: keepalived sends 64", { ttl: 64, maxHops: 0 }, 64, 63],
    ["the test is off", { ttl: 255, maxHops: 255 }, 1, undefined],
  ])("%s [4]", (_why, over, accepted, refused) => {
    const one = desk([bfdInstance(over)]);
    if (refused !== undefined) one.hear({ state: "Down", your: 0 }, { hops: refused });
    expect(one.session().state).toBe("Down");
    one.hear({ state: "Down", your: 0 }, { hops: accepted });
    expect(one.session().state).toBe("Init");
  });

  test("two sessions with one neighbour are told apart by our address, or by the port", () => {
    const one = desk([
      bfdInstance({ name: "a", sourceIp: "192.0.2.1" }),
      bfdInstance({ name: "b", sourceIp: "192.0.2.11" }),
      bfdInstance({ name: "c" }),
      bfdInstance({ name: "d", multihop: true }),
    ]);
    const down = { state: "Down", your: 0 } as const;
    one.hear(down, { destination: ipBytes("192.0.2.11") });
    one.hear(down, { destination: ipBytes("192.0.2.99") });
    one.hear(down, { multihop: true });
    expect(["a", "b", "c", "d"].map((name) => one.session(name).state)).toEqual(["Down", "Init", "Init", "Init"]);
  });

  test("refusals are said once in ten seconds with a count, and flood nothing", () => {
    const one = desk();
    for (let i = 0; i < 1000; i++) one.hear({ your: 5 });
    expect(one.words.length).toBe(1);
    one.run(10_000);
    one.hear({ your: 5 });
    expect(one.words.at(-1)).toEndWith("(999 more like it before)");
  });

  test("no packet of a stranger, real or not, moves anything", () => {
    const one = desk().bringUp();
    for (const { payload } of FRAMES) one.take(one.speaker.receive(datagram(payload, other), one.now));
    expect([one.session().state, one.session().counters.received]).toEqual(["Up", 3]);
  });
});

describe("reload [7]", () => {
  test("what is the same stays, to the discriminator and the timers", () => {
    const one = desk().bringUp().run(250);
    const { local, detectAt, sendAt } = one.session();
    one.take(one.speaker.reload([bfdInstance()], one.now));
    expect(one.session()).toMatchObject({ local, detectAt, sendAt, state: "Up" });
  });

  test("min_tx: polled for at once; a longer interval holds when it is answered (§6.8.3)", () => {
    const one = desk().bringUp({ requiredMinRxUs: 50_000 }).run(250);
    const before = one.sent.length;
    one.take(one.speaker.reload([bfdInstance({ minTxUs: 500_000 })], one.now));
    expect(one.sent.slice(before).map(({ packet }) => [packet.poll, packet.desiredMinTxUs])).toEqual([[true, 500_000]]);
    expect(sendIntervalMs(one.session())).toBe(100);
    one.hear({ state: "Up", final: true });
    expect(sendIntervalMs(one.session())).toBe(500);
  });

  test("min_rx: a shorter one counts when it is answered", () => {
    const one = desk().bringUp({ desiredMinTxUs: 10_000 }).run(50);
    one.take(one.speaker.reload([bfdInstance({ minRxUs: 20_000 })], one.now));
    expect(detectionMs(one.session())).toBe(300);
    one.hear({ state: "Up", desiredMinTxUs: 10_000, final: true });
    expect(detectionMs(one.session())).toBe(60);
  });

  test("changed again while it polls: the Final may be for the first, so it polls on", () => {
    const one = desk().bringUp().run(250);
    one.take(one.speaker.reload([bfdInstance({ minTxUs: 500_000 })], one.now));
    one.take(one.speaker.reload([bfdInstance({ minTxUs: 600_000 })], one.now));
    one.hear({ state: "Up", final: true });
    expect(one.session().polling).toBe(true);
    one.hear({ state: "Up", final: true });
    expect([one.session().polling, sendIntervalMs(one.session())]).toEqual([false, 600]);
  });

  test("multiplier and idle_tx: no poll, in the next packet", () => {
    const one = desk().bringUp().run(250);
    const before = one.sent.length;
    one.take(one.speaker.reload([bfdInstance({ multiplier: 10, idleTxUs: 2_000_000 })], one.now));
    expect(one.sent.slice(before).map(({ packet }) => [packet.poll, packet.multiplier])).toEqual([[false, 10]]);
  });

  test("removed, and at the end: Down with diagnostic 7 by the neighbour's name, once [9.3]", () => {
    for (const leave of ["reload", "stop"] as const) {
      const one = desk().bringUp().run(250);
      const { local } = one.session();
      const before = one.sent.length;
      one.take(leave === "stop" ? one.speaker.stop(one.now) : one.speaker.reload([], one.now));
      expect(
        one.sent.slice(before).map(({ packet }) => [packet.state, packet.diagnostic, packet.my, packet.your]),
      ).toEqual([["Down", 7, local, 77]]);
      expect(one.words.slice(-2)).toEqual([
        `peer Up>Down: ${leave === "stop" ? "lbd stops" : "no longer in the configuration"}`,
        `ended ${local}`,
      ]);
      expect([one.speaker.deadline(), one.speaker.sessions().length]).toEqual([Number.POSITIVE_INFINITY, 0]);
    }
  });

  test("another neighbour, source or hop mode is another session, with another discriminator", () => {
    for (const other of [{ neighborIp: "192.0.2.9" }, { sourceIp: "192.0.2.1" }, { multihop: true }]) {
      const one = desk().bringUp();
      const { local } = one.session();
      one.take(one.speaker.reload([bfdInstance(other)], one.now));
      expect([one.session().state, one.session().local === local]).toEqual(["Down", false]);
      expect(one.sent.at(-2)?.packet).toMatchObject({ state: "Down", diagnostic: 7, my: local });
      expect(one.sent.at(-1)?.packet).toMatchObject({ state: "Down", diagnostic: 0, your: 0 });
    }
  });

  test("the word of a silent neighbour's session is not needed", () => {
    const one = desk();
    const before = one.sent.length;
    one.take(one.speaker.stop(one.now));
    expect(one.sent.length).toBe(before);
  });
});

test("discriminators are unique and never 0", () => {
  const many = Array.from({ length: 500 }, (_, i) =>
    bfdInstance({ name: `p${i}`, neighborIp: `10.0.${i >> 8}.${i & 255}` }),
  );
  const one = desk(many);
  const locals = one.speaker.sessions().map(({ local }) => local);
  expect(new Set(locals).size).toBe(500);
  expect(locals).not.toContain(0);
});

test("absurd timers of a neighbour cost nothing and break nothing", () => {
  for (const desiredMinTxUs of [0, 1, 0xffff_ffff])
    for (const requiredMinRxUs of [1, 0xffff_ffff])
      for (const multiplier of [1, 255]) {
        const one = desk().bringUp({ desiredMinTxUs, requiredMinRxUs, multiplier });
        const before = one.sent.length;
        one.run(1000);
        expect(one.sent.length - before).toBeLessThanOrEqual(14);
        expect(detectionMs(one.session())).toBeGreaterThanOrEqual(100 - 100 * Number(one.session().state === "Down"));
      }
});
