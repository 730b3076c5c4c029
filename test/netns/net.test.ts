// Ring netns: the network tables. Commands in batches, the plan against a real kernel, and the reflector's picture under losses.
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { libc } from "../../ffi/index.ts";
import type { Address, Route, Rule } from "../../src/config/model/net.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openReadiness } from "../../src/kernel/readiness.ts";
import { openReflector, type Reflector } from "../../src/kernel/reflector.ts";
import { openRtnetlink, type Rtnetlink } from "../../src/kernel/rtnetlink.ts";
import { IFA_F_NODAD, linkByName } from "../../src/net/model.ts";
import { NOTHING_WANTED, type Ownership, ownedKeys, plan, type WantedTables } from "../../src/net/plan.ts";
import type { NetEvent } from "../../src/net/seen.ts";
import { wantedAddress, wantedRoute, wantedRule } from "../../src/net/wanted.ts";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const ORIGIN = { file: "test.conf", line: 1, column: 1 };
const OURS: Ownership = { marks: true, keys: new Set() };
const SCOPE = { routeProtocols: [18], rules: true };

function address(text: string, more: Partial<Address> = {}): Address {
  const [ip = "", prefix = "0"] = text.split("/");
  const family = ip.includes(":") ? 6 : 4;
  const flags = family === 6 ? IFA_F_NODAD : 0;
  return { ip, family, prefix: Number(prefix), flags, noTrack: false, useVmac: false, origin: ORIGIN, ...more };
}

function route(destination: string, more: Partial<Route> = {}): Route {
  const [ip = "", prefix = "0"] = destination.split("/");
  return {
    family: ip.includes(":") ? 6 : 4,
    type: "unicast",
    destination: { ip, prefix: Number(prefix) },
    onlink: false,
    metrics: {},
    nextHops: [],
    noTrack: false,
    origin: ORIGIN,
    ...more,
  };
}

function rule(preference: number, action: Rule["action"], more: Partial<Rule> = {}): Rule {
  return { family: 4, invert: false, l3mdev: false, noTrack: false, origin: ORIGIN, preference, action, ...more };
}

describe.skipIf(reason !== undefined)("network tables", () => {
  let ns: Namespace;
  let peer: Namespace;
  let commands: Rtnetlink;
  let reflector: Reflector;
  const readiness = openReadiness();
  const clock = systemClock();
  const heard: NetEvent[] = [];

  beforeAll(() => {
    ns = new Namespace("net");
    peer = new Namespace("peer");
    connect(ns, "eth0", peer, "eth0");
    ns.ip("addr add 192.0.2.1/24 dev eth0");
    ns.ip("addr add 2001:db8::1/64 dev eth0 nodad");
    within(ns, () => {
      commands = openRtnetlink();
      reflector = openReflector(readiness, clock, commands, { scope: SCOPE }, (events) => heard.push(...events));
    });
  });

  afterAll(() => {
    reflector[Symbol.dispose]();
    commands[Symbol.dispose]();
    readiness[Symbol.dispose]();
    ns[Symbol.dispose]();
    peer[Symbol.dispose]();
  });

  const resolve = (name: string) => linkByName(reflector.seen, name);

  function wishes(addresses: Address[], routes: Route[] = [], rules: Rule[] = []): WantedTables {
    const must = <T>(decoded: { ok: true; value: T } | { ok: false; error: unknown }): T => {
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
      return decoded.value;
    };
    return {
      addresses: addresses.map((a) => must(wantedAddress(a, "eth0", resolve))),
      routes: routes.map((r) => must(wantedRoute(r, resolve))),
      rules: rules.map(wantedRule),
    };
  }

  /** Applies the plan for the wishes; what went wrong, in words. */
  function settle(wanted: WantedTables, owned = OURS): string[] {
    reflector.drain();
    const outcomes = reflector.apply(plan(wanted, reflector.seen, owned));
    reflector.settle();
    return outcomes.filter((o) => o.meaning !== "done").map((o) => `${o.meaning} ${o.message}`);
  }

  test("an address that somebody removes while ours is being worked in is not taken for granted", () => {
    for (const ip of ["192.0.2.100/32", "2001:db8::100/128"]) {
      const wanted = wishes([address(ip)]);
      reflector.apply(plan(wanted, reflector.seen, OURS));
      ns.run("ip", "addr", "del", ip, "dev", "eth0");
      reflector.settle();
      expect(plan(wanted, reflector.seen, OURS)).toHaveLength(1);
    }
  });

  test("routes of others, be they a million, are neither read nor looked at", () => {
    const ROUTES = 2000;
    const received = spyOn(libc, "recv");
    const bytesOf = (read: () => unknown) => {
      received.mockClear();
      read();
      return received.mock.results.reduce((sum, { value }) => sum + Math.max(0, Number(value)), 0);
    };
    const before = bytesOf(() => commands.read(SCOPE));
    const heardBefore = reflector.counters().foreignRoutes;
    const prefix = (n: number) => `10.${n >> 8}.${n & 255}.0/24`;
    ns.batch(...Array.from({ length: ROUTES }, (_, n) => `route add ${prefix(n)} via 192.0.2.2 dev eth0 proto bird`));
    ns.ip("route add 198.51.100.0/24 via 192.0.2.2 dev eth0 proto 18");
    reflector.drain();
    expect(reflector.counters().foreignRoutes - heardBefore).toBeGreaterThanOrEqual(ROUTES);
    expect([...reflector.seen.routes.values()].map(({ destination }) => destination.ip)).toEqual(["198.51.100.0"]);
    // One route more, and not two thousand.
    expect(bytesOf(() => commands.read(SCOPE)) - before).toBeLessThan(1000);
    expect(commands.read(SCOPE).routes.size).toBe(1);
    received.mockRestore();
    ns.ip("route flush proto bird");
    ns.ip("route flush proto 18");
    reflector.drain();
  });

  test("more changes than can be worked in before an advert is due: the tables are read instead", () => {
    const ADDRESSES = 1000;
    let now = 0;
    const slow = { ...clock, now: () => (now += 100) };
    const other = within(ns, () => openReflector(readiness, slow, commands, { scope: SCOPE }, () => {}));
    const lines = (what: string) =>
      Array.from({ length: ADDRESSES }, (_, n) => `address ${what} 203.0.${n >> 8}.${n & 255}/32 dev eth0`);
    ns.batch(...lines("add"));
    const { messages } = other.counters();
    other.drain();
    expect(other.counters().messages - messages).toBeLessThan(ADDRESSES);
    expect(other.counters().resyncs).toBe(1);
    const seen = () => [...other.seen.addresses.values()].filter(({ ip }) => ip.startsWith("203.0."));
    expect(seen()).toHaveLength(ADDRESSES);
    ns.batch(...lines("delete"));
    other.drain();
    other.audit();
    expect(seen()).toEqual([]);
    other[Symbol.dispose]();
    reflector.drain();
  });

  test("500 addresses come and go in a batch, and the picture is current at once", () => {
    const wanted = wishes([
      ...Array.from({ length: 250 }, (_, i) => address(`198.51.100.${i + 1}/32`)),
      ...Array.from({ length: 250 }, (_, i) =>
        address(`2001:db8:1::${(i + 1).toString(16)}/128`, { preferredLifetimeS: 0 }),
      ),
    ]);
    const startedAt = performance.now();
    expect(settle(wanted)).toEqual([]);
    const tookMs = performance.now() - startedAt;
    expect(
      ns
        .ip("-o addr show dev eth0")
        .split("\n")
        .filter((line) => /198\.51|2001:db8:1:/.test(line)),
    ).toHaveLength(500);
    expect(plan(wanted, reflector.seen, OURS)).toEqual([]);
    expect(settle(NOTHING_WANTED)).toEqual([]);
    expect(ns.ip("-o addr show dev eth0")).not.toMatch(/198\.51|2001:db8:1:/);
    expect(ns.ip("-o addr show dev eth0")).toMatch(/192\.0\.2\.1\/24/);
    expect(tookMs).toBeLessThan(2000);
  });

  test("our own changes are told as ours, others' as theirs, and soon", async () => {
    heard.length = 0;
    const wanted = wishes([address("192.0.2.100/32")]);
    settle(wishes([address("192.0.2.100/32"), address("2001:db8::100/128")]));
    settle(wanted);
    expect(heard.map((e) => [e.kind, e.change, e.ours])).toEqual([
      ["address", "added", true],
      ["address", "added", true],
      ["address", "removed", true],
    ]);
    heard.length = 0;
    ns.ip("addr del 192.0.2.100/32 dev eth0");
    const event = await until("the removal is heard", () => heard.find((e) => e.kind === "address"));
    expect([event.change, event.ours]).toEqual(["removed", false]);
    expect(plan(wanted, reflector.seen, OURS).map((c) => c.kind)).toEqual(["add-address"]);
    settle(wanted);
    settle(NOTHING_WANTED);
  });

  // Every kind that this kernel can have must be recognised as its own afterwards, or an audit would fight the kernel for ever.
  const kinds: [string, Route][] = [
    ["gateway", route("198.51.100.0/24", { via: "192.0.2.9" })],
    ["device only", route("198.51.100.0/24", { device: "eth0" })],
    ["metric", route("198.51.100.0/24", { via: "192.0.2.9", device: "eth0", metric: 10 })],
    ["host bits set", route("198.51.100.77/24", { via: "192.0.2.9" })],
    ["default in a table", route("0.0.0.0/0", { via: "192.0.2.9", table: 77 })],
    ["table above 255", route("198.51.100.0/24", { via: "192.0.2.9", table: 70_000 })],
    ["blackhole", route("198.51.100.0/24", { type: "blackhole" })],
    ["unreachable", route("198.51.100.0/24", { type: "unreachable" })],
    ["prohibit", route("198.51.100.0/24", { type: "prohibit" })],
    ["throw", route("198.51.100.0/24", { type: "throw", table: 77 })],
    ["local", route("198.51.100.0/24", { type: "local", device: "lo" })],
    ["broadcast", route("198.51.100.255/32", { type: "broadcast", device: "eth0" })],
    [
      "metrics and lock",
      route("198.51.100.0/24", {
        via: "192.0.2.9",
        metrics: {
          mtu: 1400,
          lock: 4,
          advmss: 1300,
          rtt: 800,
          initcwnd: 9,
          congctl: "cubic",
          quickack: 1,
          features: 1,
        },
      }),
    ],
    ["source, scope, TOS", route("198.51.100.0/24", { device: "eth0", source: "192.0.2.1", scope: 253, tos: 16 })],
    ["onlink", route("198.51.100.0/24", { via: "203.0.113.9", device: "eth0", onlink: true })],
    [
      "multipath",
      route("198.51.100.0/24", {
        nextHops: [
          { via: "192.0.2.8", weight: 3, onlink: false },
          { via: "192.0.2.9", device: "eth0", onlink: false },
        ],
      }),
    ],
    ["gateway of the other family", route("198.51.100.0/24", { via: "2001:db8::9", device: "eth0" })],
    ["IPv6 without metric (trap R1)", route("2001:db8:9::/64", { via: "2001:db8::9" })],
    ["IPv6 with metric", route("2001:db8:9::/64", { via: "2001:db8::9", device: "eth0", metric: 7 })],
    ["IPv6 device only", route("2001:db8:9::/64", { device: "eth0" })],
    ["IPv6 blackhole", route("2001:db8:9::/64", { type: "blackhole" })],
    ["IPv6 unreachable", route("2001:db8:9::/64", { type: "unreachable" })],
    [
      "IPv6 multipath",
      route("2001:db8:9::/64", {
        nextHops: [
          { via: "2001:db8::8", weight: 2, onlink: false },
          { via: "2001:db8::9", onlink: false },
        ],
      }),
    ],
    [
      "IPv6 preference and MTU",
      route("2001:db8:9::/64", { via: "2001:db8::9", pref: 1, metrics: { mtu: 1300, hoplimit: 9 } }),
    ],
    ["IPv6 that expires", route("2001:db8:9::/64", { via: "2001:db8::9", expiresS: 600 })],
    ["IPv6 default", route("::/0", { via: "2001:db8::9" })],
  ];
  test.each(kinds)("route, %s: set, recognised, withdrawn", (_why, one) => {
    const before = ns.ip("route show table all") + ns.ip("-6 route show table all");
    const wanted = wishes([], [one]);
    expect(settle(wanted)).toEqual([]);
    expect(plan(wanted, reflector.seen, OURS)).toEqual([]);
    expect(reflector.audit()).toBe(0);
    expect(plan(wanted, reflector.seen, OURS)).toEqual([]);
    // Not ours by mark, but named: withdrawn as well.
    expect(settle(NOTHING_WANTED, { marks: false, keys: ownedKeys(wanted) })).toEqual([]);
    expect(ns.ip("route show table all") + ns.ip("-6 route show table all")).toBe(before);
  });

  const rules: [string, Rule][] = [
    [
      "from and to",
      rule(
        1000,
        { kind: "table", table: 77 },
        { from: { ip: "198.51.100.5", prefix: 32 }, to: { ip: "203.0.113.0", prefix: 24 } },
      ),
    ],
    ["mark", rule(1001, { kind: "table", table: 70_000 }, { fwmark: { mark: 5 } })],
    ["mark and mask", rule(1002, { kind: "table", table: 78 }, { fwmark: { mark: 5, mask: 0xff } })],
    ["interfaces", rule(1003, { kind: "unreachable" }, { iif: "eth0", oif: "lo" })],
    [
      "ports, protocol, users",
      rule(1004, { kind: "prohibit" }, { ipProto: 6, sport: [1, 2], dport: [80, 80], uidRange: [0, 99] }),
    ],
    ["inverted", rule(1005, { kind: "blackhole" }, { invert: true, from: { ip: "198.51.100.0", prefix: 24 } })],
    ["suppression", rule(1006, { kind: "table", table: 254 }, { suppressPrefixLength: 0, suppressGroup: 3 })],
    ["goto", rule(1007, { kind: "goto", preference: 32766 })],
    ["nop", rule(1008, { kind: "nop" })],
    ["TOS and tunnel", rule(1009, { kind: "table", table: 79 }, { tos: 16, tunnelId: "99" })],
    ["IPv6", rule(1010, { kind: "table", table: 80 }, { family: 6, from: { ip: "2001:db8:5::", prefix: 48 } })],
  ];
  test.each(rules)("rule, %s: set, recognised, withdrawn", (_why, one) => {
    const before = ns.ip("rule show") + ns.ip("-6 rule show");
    const wanted = wishes([], [], [one]);
    expect(settle(wanted)).toEqual([]);
    expect(reflector.audit()).toBe(0);
    expect(plan(wanted, reflector.seen, OURS)).toEqual([]);
    expect(settle(NOTHING_WANTED)).toEqual([]);
    expect(ns.ip("rule show") + ns.ip("-6 rule show")).toBe(before);
  });

  test("setting what is there, and removing what is gone, is no failure", () => {
    const wanted = wishes(
      [address("192.0.2.100/32")],
      [route("198.51.100.0/24", { via: "192.0.2.9" })],
      [rule(1000, { kind: "nop" })],
    );
    const add = plan(wanted, reflector.seen, OURS);
    commands.apply(add);
    expect(commands.apply(add).map((o) => [o.meaning, o.code])).toEqual([
      ["already-so", "EEXIST"],
      ["already-so", "EEXIST"],
      ["already-so", "EEXIST"],
    ]);
    reflector.drain();
    const remove = plan(NOTHING_WANTED, reflector.seen, OURS);
    commands.apply(remove);
    expect(commands.apply(remove).map((o) => o.meaning)).toEqual(["already-so", "already-so", "already-so"]);
    reflector.drain();
  });

  test("each failure is tied to its object, and says whether waiting helps", () => {
    const wanted = wishes([address("192.0.2.100/32")], [route("198.51.100.0/24", { via: "203.0.113.1" })]);
    const [first, second] = commands.apply(plan(wanted, reflector.seen, OURS));
    expect(first?.meaning).toBe("done");
    expect([second?.meaning, second?.code]).toEqual(["later", "ENETUNREACH"]);
    expect(second?.message).toContain("route 198.51.100.0/24 via 203.0.113.1 in table 254");
    reflector.drain();
    settle(NOTHING_WANTED);
  });

  test("a tiny buffer overruns, and the picture is made good with the events that were missed", async () => {
    const events: NetEvent[] = [];
    const small = within(ns, () =>
      openReflector(readiness, clock, commands, { scope: SCOPE, receiveBuffer: { bytes: 1024, force: false } }, (got) =>
        events.push(...got),
      ),
    );
    const wanted = wishes(Array.from({ length: 200 }, (_, i) => address(`198.51.100.${i + 1}/32`)));
    commands.apply(plan(wanted, reflector.seen, OURS));
    await until("all are seen", () => plan(wanted, small.seen, OURS).length === 0);
    expect(small.counters().overruns).toBeGreaterThan(0);
    expect(small.counters().resyncs).toBeGreaterThan(0);
    const added = events.filter((e) => e.kind === "address" && e.change === "added" && e.address.family === 4);
    expect(added).toHaveLength(200);
    small[Symbol.dispose]();
    settle(NOTHING_WANTED);
  });

  test("links: a name, a MAC, a link that goes and one that comes", async () => {
    heard.length = 0;
    ns.ip("link add dummy7 type veth peer name dummy9");
    await until("the new link", () =>
      heard.some((e) => e.kind === "link" && e.change === "added" && e.link.name === "dummy7"),
    );
    ns.ip("link set dummy7 address 02:00:00:00:00:07");
    await until("the MAC", () => linkByName(reflector.seen, "dummy7")?.mac === "02:00:00:00:00:07");
    ns.ip("link set dummy7 name dummy8");
    await until("the name", () => linkByName(reflector.seen, "dummy8") !== undefined);
    ns.ip("link del dummy8");
    await until("it is gone", () => linkByName(reflector.seen, "dummy8") === undefined);
  });
});
