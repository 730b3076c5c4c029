import { describe, expect, test } from "bun:test";
import { formatIp } from "../../../../src/base/ip.ts";
import { bfdInstance } from "../../../support/bfd.ts";
import { bench } from "./bench.ts";

describe("sockets", () => {
  test.each([
    ["IPv4", {}, ["4 3784"]],
    ["IPv6", { neighborIp: "2001:db8::2" }, ["6 3784"]],
    ["multihop", { multihop: true }, ["4 4784"]],
  ])("%s: those that its sessions need and no others", (_why, over, wanted) => {
    const b = bench([bfdInstance(over)]);
    b.start();
    expect<unknown>([...b.listening]).toEqual(wanted);
  });

  test("a reload opens and closes what differs; ports of sessions stay", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    const [spec] = b.senders;
    b.reload([
      bfdInstance({ multiplier: 5, sentTtl: 64 }),
      bfdInstance({ name: "far", neighborIp: "2001:db8::9", multihop: true }),
    ]);
    expect([...b.listening]).toEqual(["4 3784", "6 4784"]);
    expect([...b.senders][0]).toBe(spec as never);
    b.clock.advance(100);
    expect(b.sent.at(-1)?.ttl === 64 || b.sent.at(-2)?.ttl === 64).toBe(true);
    b.reload([bfdInstance()]);
    expect([...b.listening, b.senders.size]).toEqual(["4 3784", 1]);
  });

  test("where a packet goes: the neighbour, from source_ip, with the session's port and TTL [1, 4]", () => {
    const b = bench([bfdInstance({ sourceIp: "192.0.2.1", multihop: true, sentTtl: 200 })]);
    b.start();
    const { spec, ttl } = b.sent[0] ?? {};
    expect([formatIp(spec?.neighbor as never), formatIp(spec?.source as never), spec?.port, ttl]).toEqual([
      "192.0.2.2",
      "192.0.2.1",
      4784,
      200,
    ]);
  });

  test("the port is somebody else's: said once, tried again, sessions stay down, nothing ends [4, 9.6]", () => {
    const b = bench([bfdInstance()]);
    b.taken.add("4 3784");
    b.start();
    void b.role.snapshot();
    b.clock.advance(60_000);
    expect(b.logs.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      "can't listen on 0.0.0.0:3784: bind: EADDRINUSE (another BFD speaker on this machine? Sessions stay down, all else goes on; it is tried again)",
    ]);
    expect(b.status()?.problem).toContain("EADDRINUSE");
    b.taken.clear();
    b.clock.advance(5000);
    expect([...b.listening]).toEqual(["4 3784"]);
    expect(b.logs.at(-1)?.message).toBe("0.0.0.0:3784 is free now, and is listened on");
  });

  test("a packet that can't be sent: said once, in the status, and when it works again [9.7]", () => {
    const b = bench([bfdInstance({ sourceIp: "192.0.2.1" })]);
    b.refuseToSend("EADDRNOTAVAIL");
    b.start();
    void b.role.snapshot();
    b.clock.advance(10_000);
    expect(b.logs.map(({ message }) => message)).toEqual([
      "peer: can't send to 192.0.2.2 from 192.0.2.1: EADDRNOTAVAIL",
    ]);
    expect(b.status()?.problem).toBe("can't send: EADDRNOTAVAIL");
    // The listening socket is there all the same.
    expect([...b.listening]).toEqual(["4 3784"]);
    b.refuseToSend(undefined);
    b.clock.advance(2000);
    expect(b.logs.at(-1)?.message).toBe("peer: packets go out again");
    expect(b.status()?.problem).toBeNull();
  });
});

describe("what others are told", () => {
  test("at the start every session is down [6]", () => {
    const b = bench([bfdInstance(), bfdInstance({ name: "b", neighborIp: "192.0.2.3" })]);
    b.start();
    expect(b.told).toEqual([{ peer: { up: false, detail: "not up yet" }, b: { up: false, detail: "not up yet" } }]);
  });

  test("up, down by silence: neighbours hear first, then the trackers, with the reason in words", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    expect(b.told.at(-1)).toEqual({ peer: { up: true, detail: "neighbour is up" } });
    b.order.length = 0;
    b.clock.advance(900);
    expect(b.told.at(-1)).toEqual({ peer: { up: false, detail: "nothing heard for 900 ms (3 × 300 ms)" } });
    expect(b.order.slice(-3)).toEqual(["read all", "sent Down", "told"]);
    expect(b.events().map(({ subject, from, to, reason }) => `${subject} ${from} ${to} ${reason}`)).toEqual([
      "peer Init Up neighbour is up",
      "peer Up Down nothing heard for 900 ms (3 × 300 ms); our diagnostic: control detection time expired",
    ]);
  });

  test("AdminDown of the neighbour: an event and a line, trackers are not told, nor by a reload [6, 9.4]", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    b.hear({ state: "AdminDown", diagnostic: 7 });
    expect(b.told.length).toBe(2);
    expect(b.events().at(-1)?.reason).toEndWith("no failure, so what tracks it is not told");
    b.reload([bfdInstance({ multiplier: 4 })]);
    expect(b.told.at(-1)).toEqual({ peer: { up: true, detail: "neighbour is administratively down" } });
    void b.role.snapshot();
    expect([b.status()?.state, b.status()?.up]).toEqual(["Down", true]);
    expect(b.status()?.advice[0]).toContain("AdminDown");
  });

  test("ups and downs between Down and Init are nobody's news", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.hear({ state: "Down", your: 0 });
    b.clock.advance(2000);
    expect([b.told.length, b.events().length, b.logs.length]).toEqual([1, 0, 0]);
  });
});

describe("time", () => {
  test("what waits in the sockets is read before a timer is acted on, also behind a stall [9.8]", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    b.clock.skip(4000);
    b.wait({ state: "Up" });
    b.clock.advance(0);
    expect(b.told.at(-1)?.peer?.up).toBe(true);
  });

  test("all of it before a neighbour is taken for lost, a turn's share before a packet in its rhythm", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    b.order.length = 0;
    b.clock.advance(899);
    expect(new Set(b.order)).toEqual(new Set(["read", "sent Up"]));
    b.clock.advance(1);
    expect(b.order).toContain("read all");
  });

  test("a stall in which the kernel had no more room is not the neighbour's silence", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    b.lose(3);
    b.clock.skip(4000);
    b.clock.advance(0);
    expect(b.told.at(-1)?.peer?.up).toBe(true);
    b.clock.advance(5000);
    expect(b.told.at(-1)?.peer?.up).toBe(false);
  });

  test("a stall in which nothing was lost is", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    b.clock.skip(4000);
    b.clock.advance(0);
    expect(b.told.at(-1)?.peer?.up).toBe(false);
  });
});

test("a neighbour that is lost is told once that we are down, at once; then the slow rhythm begins anew, for whoever is there", () => {
  const b = bench([bfdInstance()]);
  b.start();
  b.bringUp();
  b.clock.advance(899);
  const before = b.sent.length;
  b.clock.advance(5000);
  const after = b.sent.slice(before);
  expect(after.map(({ packet }) => `${packet.state} ${packet.your}`)).toEqual(["Down 77", ...Array(5).fill("Down 0")]);
  const gaps = after.slice(1).map(({ at }, i) => at - (after[i]?.at ?? 0));
  expect([after[0]?.at, Math.min(...gaps) >= 750, Math.max(...gaps) <= 1000]).toEqual([900, true, true]);
});

describe("the end", () => {
  test("stop: Down with diagnostic 7, then the sockets go", () => {
    const b = bench([bfdInstance()]);
    b.start();
    b.bringUp();
    void b.role.stop();
    expect(b.sent.at(-1)?.packet).toMatchObject({ state: "Down", diagnostic: 7 });
    expect([b.listening.size, b.senders.size, b.clock.nextAt()]).toEqual([0, 0, undefined]);
    expect(b.logs.at(-1)).toMatchObject({
      level: "info",
      message: "peer Up to Down: lbd stops; our diagnostic: administratively down",
    });
  });

  test("a session that a reload takes away says so, by its own socket, and is gone from the status", () => {
    const b = bench([bfdInstance(), bfdInstance({ name: "b", neighborIp: "192.0.2.3" })]);
    b.start();
    b.bringUp();
    b.reload([bfdInstance({ name: "b", neighborIp: "192.0.2.3" })]);
    expect(b.sent.at(-1)?.packet).toMatchObject({ state: "Down", diagnostic: 7 });
    expect(b.updates.some((update) => update.kind === "bfd-gone" && update.name === "peer")).toBe(true);
    expect(Object.keys(b.told.at(-1) ?? {})).toEqual(["b"]);
  });
});

test("while nobody looks nothing but events is made, and no timer runs for it", () => {
  const b = bench([bfdInstance({ passive: true })]);
  b.start();
  b.unwatch();
  const before = b.updates.length;
  b.clock.advance(60_000);
  expect([b.updates.length - before, b.clock.nextAt()]).toEqual([0, undefined]);
});

test("the status says what was agreed, by whom, and what was refused", () => {
  const b = bench([bfdInstance({ sourceIp: "192.0.2.1" })]);
  b.start();
  b.bringUp();
  b.hear({ state: "Up" }, { hops: 3 });
  b.clock.advance(10);
  void b.role.snapshot();
  const status = b.status();
  expect(status).toMatchObject({
    name: "peer",
    neighbor: "192.0.2.2",
    source: "192.0.2.1",
    state: "Up",
    up: true,
    diagnostic: "no diagnostic",
    sourcePort: 50_000,
    sendIntervalMs: 300,
    detectionMs: 900,
    remote: { state: "Up", multiplier: 3, desiredMinTxMs: 300, requiredMinRxMs: 300, discriminator: 77, demand: false },
    refused: { ttl: 1 },
    problem: null,
  });
  expect(status?.counters).toMatchObject({ received: 3, ups: 1, downs: 0, sendErrors: 0 });
});

test("a neighbour that comes and goes with each packet costs a few lines, and then one with their number", () => {
  const b = bench([bfdInstance()]);
  b.start();
  const MINUTE_MS = 60_000;
  for (let now = 0; now < MINUTE_MS; now += 100) {
    b.bringUp();
    b.hear({ state: "Down", your: 0 });
    b.clock.advance(100);
  }
  expect(b.events().length).toBeGreaterThan(1000);
  expect(b.logs.length).toBeLessThan(40);
  b.clock.advance(MINUTE_MS);
  expect(b.logs.at(-1)?.message).toMatch(/^peer Up to Down: .* \(1\d{3} more in 60 s\)$/);
});

test("what is held back is said at the end", () => {
  const b = bench([bfdInstance()]);
  b.start();
  for (let n = 0; n < 100; n++) {
    b.bringUp();
    b.hear({ state: "Down", your: 0 });
    b.clock.advance(1);
  }
  b.role.stop();
  expect(b.logs.at(-1)?.fields?.repeated).toBeGreaterThan(100);
});
