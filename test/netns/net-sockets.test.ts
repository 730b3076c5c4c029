// Ring netns: VRRP's raw sockets between two hosts, frames by AF_PACKET, and what the kernel keeps from us.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { ipBytes } from "../../src/base/ip.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openFrameSender } from "../../src/kernel/packet-socket.ts";
import { openVrrpSockets, type VrrpDatagram, type VrrpSocket, type VrrpSockets } from "../../src/kernel/raw-socket.ts";
import { openReadiness } from "../../src/kernel/readiness.ts";
import type { VrrpEndpoint } from "../../src/kernel/vrrp-endpoint.ts";
import { parseMac } from "../../src/net/links.ts";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

interface Heard {
  readonly key: string;
  readonly source: string;
  readonly vrid: number;
  readonly hopLimit?: number | undefined;
  readonly ttl?: number | undefined;
  readonly destination?: string | undefined;
  readonly bytes: Uint8Array;
  readonly receivedAt: number;
}

/** A version 3 header without addresses; its checksum is nobody's business here. */
const body = (vrid: number) => Uint8Array.of(0x31, vrid, 100, 0, 0, 100, 0, 0);

function ipv4(source: string, destination: string, payload: Uint8Array, protocol = 112): Uint8Array {
  const total = 20 + payload.byteLength;
  const header = Uint8Array.of(0x45, 0xc0, total >> 8, total & 255, 0, 1, 0, 0, 255, protocol, 0, 0);
  return concatBytes(header, ipBytes(source), ipBytes(destination), payload);
}

describe.skipIf(reason !== undefined)("sockets of VRRP", () => {
  let a: Namespace;
  let b: Namespace;
  let left: VrrpSockets;
  let right: VrrpSockets;
  const indexes = { a: 0, b: 0 };
  const readiness = openReadiness();
  const clock = systemClock();
  const heard: Heard[] = [];

  function note(datagram: VrrpDatagram, key: string): void {
    const v4 = datagram.family === 4;
    const message = v4 ? datagram.bytes.slice(20) : datagram.bytes.slice();
    heard.push({
      key,
      source: datagram.source.join("."),
      vrid: message[1] ?? -1,
      hopLimit: datagram.hopLimit,
      ttl: v4 ? datagram.bytes[8] : undefined,
      destination: datagram.destination?.join("."),
      bytes: datagram.bytes.slice(),
      receivedAt: datagram.receivedAt,
    });
  }

  beforeAll(() => {
    a = new Namespace("a");
    b = new Namespace("b");
    connect(a, "eth0", b, "eth0");
    for (const [ns, host] of [
      [a, 1],
      [b, 2],
    ] as const) {
      ns.ip(`addr add 192.0.2.${host}/24 dev eth0`);
      ns.ip(`addr add fe80::${host}/64 dev eth0 nodad`);
      ns.ip(`addr add 2001:db8::${host}/64 dev eth0 nodad`);
    }
    const indexOf = (ns: Namespace) => Number(/^(\d+):/.exec(ns.ip("-o link show eth0"))?.[1]);
    indexes.a = indexOf(a);
    indexes.b = indexOf(b);
    left = within(a, () => openVrrpSockets(readiness, clock.now, note));
    right = within(b, () => openVrrpSockets(readiness, clock.now, note));
  });

  afterAll(() => {
    left[Symbol.dispose]();
    right[Symbol.dispose]();
    readiness[Symbol.dispose]();
    a[Symbol.dispose]();
    b[Symbol.dispose]();
  });

  const endpoint = (
    side: "a" | "b",
    part: Omit<VrrpEndpoint, "interface" | "protocol">,
    protocol: 112 | 51 = 112,
  ): VrrpEndpoint => ({
    protocol,
    interface: { name: "eth0", index: indexes[side] },
    ...part,
  });
  const GROUP4 = { family: 4 as const, target: { kind: "multicast" as const, group: "224.0.0.18" } };
  const unicast = (source: string) => ({
    family: source.includes(":") ? (6 as const) : (4 as const),
    target: { kind: "unicast" as const, source },
  });
  const GROUP6 = { family: 6 as const, target: { kind: "multicast" as const, group: "ff02::12" } };

  test("IPv4 multicast: with header, TTL and group; the sender does not hear itself", async () => {
    heard.length = 0;
    const from = within(a, () => left.acquire(endpoint("a", GROUP4), 51));
    const to = within(b, () => right.acquire(endpoint("b", GROUP4), 51));
    const packet = ipv4("192.0.2.1", "224.0.0.18", body(51));
    const [got] = await until("it arrives", () => {
      expect(from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"))).toEqual({ ok: true });
      return heard.length > 0 && heard;
    });
    expect([got?.source, got?.ttl, got?.destination, got?.vrid]).toEqual(["192.0.2.1", 255, "224.0.0.18", 51]);
    expect(heard.every((h) => h.key === to.key)).toBe(true);
    from.release();
    to.release();
  });

  test("IPv6 multicast: payload, hop limit 255, source from the link-local address", async () => {
    heard.length = 0;
    const from = within(a, () => left.acquire(endpoint("a", GROUP6), 51));
    const to = within(b, () => right.acquire(endpoint("b", GROUP6), 51));
    const [got] = await until("it arrives", () => {
      expect(from.send(ipBytes("ff02::12"), body(51), ipBytes("fe80::1"))).toEqual({ ok: true });
      return heard.length > 0 && heard;
    });
    expect([got?.source, got?.hopLimit, got?.vrid]).toEqual([ipBytes("fe80::1").join("."), 255, 51]);
    expect(got?.destination).toBe(ipBytes("ff02::12").join("."));
    // The kernel filled in the checksum.
    expect(((got?.bytes[6] ?? 0) << 8) | (got?.bytes[7] ?? 0)).not.toBe(0);
    from.release();
    to.release();
  });

  test.each([
    ["IPv4 multicast", GROUP4, GROUP4, "192.0.2.1", "224.0.0.18"],
    ["IPv6 multicast", GROUP6, GROUP6, "fe80::1", "ff02::12"],
    ["IPv4 unicast", unicast("192.0.2.1"), unicast("192.0.2.2"), "192.0.2.1", "192.0.2.2"],
    ["IPv6 unicast", unicast("2001:db8::1"), unicast("2001:db8::2"), "2001:db8::1", "2001:db8::2"],
  ])("a rehearsal sends nothing: %s", async (_why, ours, theirs, source, destination) => {
    heard.length = 0;
    const from = within(a, () => left.acquire(endpoint("a", ours), 51));
    const to = within(b, () => right.acquire(endpoint("b", theirs), 51));
    const datagram = (priority: number) => {
      const payload = body(51).with(2, priority);
      return ours.family === 4 ? ipv4(source, destination, payload) : payload;
    };
    await until("the one behind it arrives", () => {
      from.rehearse(ipBytes(destination), datagram(1), ipBytes(source));
      from.send(ipBytes(destination), datagram(2), ipBytes(source));
      return heard.length > 0;
    });
    expect(new Set(heard.map(({ bytes }) => bytes.at(ours.family === 4 ? 22 : 2)))).toEqual(new Set([2]));
    from.release();
    to.release();
  });

  test.each([
    ["IPv4", 4 as const, "192.0.2.1", "192.0.2.2"],
    ["IPv6", 6 as const, "2001:db8::1", "2001:db8::2"],
    ["IPv6 link-local", 6 as const, "fe80::1", "fe80::2"],
  ])("unicast, %s, hop limit 255; also before the address is there", async (_why, family, source, peer) => {
    heard.length = 0;
    const from = within(a, () => left.acquire(endpoint("a", { family, target: { kind: "unicast", source } }), 7));
    const to = within(b, () => right.acquire(endpoint("b", { family, target: { kind: "unicast", source: peer } }), 7));
    const early = {
      family,
      target: { kind: "unicast" as const, source: family === 4 ? "192.0.2.77" : "2001:db8::77" },
    };
    const absent = within(a, () => left.acquire(endpoint("a", early), 7));
    const bytes = family === 4 ? ipv4(source, peer, body(7)) : body(7);
    const [got] = await until("it arrives", () => {
      from.send(ipBytes(peer), bytes, ipBytes(source));
      return heard.length > 0 && heard;
    });
    expect(got?.source).toBe(ipBytes(source).join("."));
    expect(family === 4 ? got?.ttl : got?.hopLimit).toBe(255);
    for (const one of [from, to, absent]) one.release();
  });

  test("AH is heard beside plain packets of the same VRID on a shared link, but not as unicast", async () => {
    const from = within(a, () => left.acquire(endpoint("a", GROUP4, 51), 9));
    const packet = ipv4("192.0.2.1", "224.0.0.18", concatBytes(new Uint8Array(24), body(9)), 51);
    const hears = async (receiver: VrrpSocket) => {
      heard.length = 0;
      await until("it arrives", () => {
        from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"));
        return heard.length > 0;
      });
      expect(new Set(heard.map((h) => h.key))).toEqual(new Set([receiver.key]));
      receiver.release();
    };
    await hears(within(b, () => right.acquire(endpoint("b", GROUP4, 51), 9)));
    await hears(within(b, () => right.acquire(endpoint("b", GROUP4), 9)));
    // A director may use IPsec: its AH is none of our business.
    const unicast = { family: 4, target: { kind: "unicast", source: "192.0.2.2" } } as const;
    const one = within(b, () => right.acquire(endpoint("b", unicast), 9));
    const other = within(b, () => right.acquire(endpoint("b", GROUP4), 9));
    heard.length = 0;
    await until("the group hears what follows", () => {
      from.send(ipBytes("192.0.2.2"), ipv4("192.0.2.1", "192.0.2.2", packet.subarray(20), 51), ipBytes("192.0.2.1"));
      from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"));
      return heard.some((h) => h.key === other.key);
    });
    expect(heard.some((h) => h.key === one.key)).toBe(false);
    for (const each of [from, one, other]) each.release();
  });

  test.each([
    ["IPv4", GROUP4, (vrid: number) => ipv4("192.0.2.1", "224.0.0.18", body(vrid))],
    ["IPv6", GROUP6, (vrid: number) => body(vrid)],
  ] as const)(
    "%s: instances share a pair; other VRIDs never wake us; a released one is quiet",
    async (_why, group, packet) => {
      heard.length = 0;
      const v4 = group.family === 4;
      const send = (vrid: number) =>
        from.send(ipBytes(v4 ? "224.0.0.18" : "ff02::12"), packet(vrid), ipBytes(v4 ? "192.0.2.1" : "fe80::1"));
      const from = within(a, () => left.acquire(endpoint("a", group), 1));
      const [one, two, last] = [1, 200, 255].map((vrid) => within(b, () => right.acquire(endpoint("b", group), vrid)));
      expect(new Set([one?.key, two?.key, last?.key]).size).toBe(1);
      await until("all of ours", () => {
        for (const vrid of [1, 2, 31, 32, 200, 199, 201, 254, 255]) send(vrid);
        return new Set(heard.map((h) => h.vrid)).size === 3;
      });
      expect([...new Set(heard.map((h) => h.vrid))].sort((x, y) => x - y)).toEqual([1, 200, 255]);
      two?.release();
      right.drain(true);
      heard.length = 0;
      for (const vrid of [200, 255]) send(vrid);
      await until("the last", () => heard.some((h) => h.vrid === 255));
      expect(heard.some((h) => h.vrid === 200)).toBe(false);
      for (const s of [from, one, last]) s?.release();
    },
  );

  test("a packet counts from when it arrived; one that waited through a pause, from when it is read", async () => {
    const from = within(a, () => left.acquire(endpoint("a", GROUP4), 51));
    const to = within(b, () => right.acquire(endpoint("b", GROUP4), 51));
    const packet = ipv4("192.0.2.1", "224.0.0.18", body(51));
    const readAfter = (pauseMs: number) => {
      heard.length = 0;
      from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"));
      // The loop has no turn.
      const sentAt = clock.now();
      while (clock.now() - sentAt < pauseMs);
      right.drain(true);
      return (heard.at(-1)?.receivedAt ?? Number.NaN) - sentAt;
    };
    // kernel: stamps are switched on behind the first socket that asks for them.
    await until("the kernel stamps", () => readAfter(20) < 10);
    expect(readAfter(150)).toBeGreaterThanOrEqual(150);
    from.release();
    to.release();
  });

  test("a flood is read in bounded turns, and timers run between", async () => {
    heard.length = 0;
    const from = within(a, () => left.acquire(endpoint("a", GROUP4), 51));
    const to = within(b, () => right.acquire(endpoint("b", GROUP4), 51));
    const packet = ipv4("192.0.2.1", "224.0.0.18", body(51));
    for (let i = 0; i < 2000; i++) from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"));
    let readAtTimer = -1;
    clock.at(clock.now(), () => {
      readAtTimer = heard.length;
    });
    await until("all are read", () => heard.length === 2000);
    expect(readAtTimer).toBeGreaterThanOrEqual(0);
    expect(readAtTimer).toBeLessThan(2000);
    expect(to.counters().received).toBe(2000);
    from.release();
    to.release();
    // A stop reports once more when the sockets are closed.
    expect(to.counters()).toMatchObject({ received: 2000, drops: expect.any(Number) });
  });

  test("an interface that goes down and comes back: sending is answered, receiving goes on", async () => {
    const from = within(a, () => left.acquire(endpoint("a", GROUP4), 51));
    const to = within(b, () => right.acquire(endpoint("b", GROUP4), 51));
    const packet = ipv4("192.0.2.1", "224.0.0.18", body(51));
    const send = () => from.send(ipBytes("224.0.0.18"), packet, ipBytes("192.0.2.1"));
    a.ip("link set eth0 down");
    expect(send().ok).toBe(false);
    a.ip("link set eth0 up");
    heard.length = 0;
    await until("it works again", () => send().ok && heard.length > 0);
    expect(from.counters().sendErrors).toBeGreaterThan(0);
    from.release();
    to.release();
    a.ip("addr add fe80::1/64 dev eth0 nodad");
    a.ip("addr add 2001:db8::1/64 dev eth0 nodad");
  });

  test("a missing interface is an error, and nothing stays open", () => {
    const before = readiness.watched();
    const wrong = { ...endpoint("a", GROUP4), interface: { name: "nope", index: 99 } };
    expect(() => within(a, () => left.acquire(wrong, 51))).toThrow("ENODEV");
    expect(readiness.watched()).toBe(before);
  });

  test("a gratuitous ARP changes the peer's neighbour table; ENETDOWN is an answer", async () => {
    using frames = within(a, () => openFrameSender());
    const mac = parseMac("02:00:00:00:00:99") ?? new Uint8Array(6);
    b.ip("neigh add 192.0.2.100 lladdr 02:00:00:00:00:01 dev eth0 nud stale");
    const everyone = new Uint8Array(6).fill(0xff);
    const ip = ipBytes("192.0.2.100");
    const arp = concatBytes(everyone, mac, Uint8Array.of(8, 6, 0, 1, 8, 0, 6, 4, 0, 1), mac, ip, everyone, ip);
    await until("the neighbour has it", () => {
      expect(frames.send(indexes.a, arp)).toEqual({ ok: true });
      return b.ip("neigh show 192.0.2.100").includes("02:00:00:00:00:99");
    });
    expect(frames.send(9999, arp)).toEqual({ ok: false, code: "ENXIO" });
    expect([frames.failed()]).toEqual([1]);
  });
});
