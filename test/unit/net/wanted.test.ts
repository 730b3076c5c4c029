// A line of the configuration in the kernel's terms, whole: every field of an address, a route, a rule, and what tells two of them apart.
import { describe, expect, test } from "bun:test";
import type { Address, Encap, Route, Rule } from "../../../src/config/model/net.ts";
import {
  addressKey,
  addressUsable,
  IFA_F_NODAD,
  type InterfaceAddress,
  leadsNowhere,
  type NetRule,
  routeHopTexts,
  routePrefixKey,
  ruleKey,
} from "../../../src/net/model.ts";
import { type ResolveDevice, wantedAddress, wantedRoute, wantedRule } from "../../../src/net/wanted.ts";
import { address } from "../../support/vrrp.ts";

const origin = { file: "test.conf", line: 1, column: 1 };
const LINKS: Readonly<Record<string, ReturnType<ResolveDevice>>> = {
  eth0: { index: 2 },
  eth1: { index: 3 },
  red: { index: 9, vrfTable: 900 },
};
const resolve: ResolveDevice = (name) => LINKS[name];

/** 198.51.100.0/24 by 192.0.2.1. */
const routeWith = (more: Partial<Route> = {}): Route => ({
  ...{ family: 4, type: "unicast", destination: { ip: "198.51.100.0", prefix: 24 }, via: "192.0.2.1" },
  ...{ onlink: false, metrics: {}, nextHops: [], noTrack: false, origin },
  ...more,
});
const routed = (more: Partial<Route>) => {
  const made = wantedRoute(routeWith(more), resolve);
  return made.ok ? made.value : made.error;
};
const ruleWith = (more: Partial<Rule> = {}): Rule => ({
  ...{ family: 4, invert: false, l3mdev: false, preference: 100, action: { kind: "table", table: 77 } },
  ...{ noTrack: false, origin },
  ...more,
});

describe("an address", () => {
  const placed = (more: Partial<Address>, fallback?: string) => {
    const made = wantedAddress(address("192.0.2.100", more), fallback, resolve);
    return made.ok ? made.value : made.error;
  };
  const PLAIN: InterfaceAddress = { family: 4, index: 2, ip: "192.0.2.100", prefix: 32, flags: 0, protocol: 18 };

  test.each<[string, Partial<Address>, unknown]>([
    ["on the device of its line", { device: "eth1" }, { ...PLAIN, index: 3 }],
    ["on the instance's where it names none", {}, PLAIN],
    ["on one that is not there", { device: "eth9" }, { kind: "no-device", device: "eth9" }],
    [
      "with all that a line may say",
      { prefix: 24, broadcast: "192.0.2.255", label: "eth0:1", scope: 253, flags: 0x200, preferredLifetimeS: 0 },
      {
        ...PLAIN,
        ...{ prefix: 24, broadcast: "192.0.2.255", label: "eth0:1", scope: 253, flags: 0x200, preferredS: 0 },
      },
    ],
    ["that is preferred for ever", { preferredLifetimeS: 0xffff_ffff }, PLAIN],
    [
      "with a peer, whose prefix it is",
      { prefix: 32, peer: { ip: "203.0.113.1", prefix: 30 } },
      { ...PLAIN, prefix: 30, peer: { ip: "203.0.113.1", prefix: 30 } },
    ],
  ])("%s", (_what, more, want) => expect<unknown>(placed(more, "eth0")).toEqual(want));

  test("without any device waits for one", () =>
    expect<unknown>(placed({})).toEqual({ kind: "no-device", device: "" }));

  test("is told from others by its interface; IPv4 by prefix and peer too", () => {
    const six: InterfaceAddress = { ...PLAIN, family: 6, ip: "2001:db8::1", prefix: 64 };
    const peer = { ip: "203.0.113.1", prefix: 30 };
    expect([PLAIN, { ...PLAIN, peer }, six, { ...six, prefix: 128, peer }].map(addressKey)).toEqual([
      "2|192.0.2.100/32",
      "2|192.0.2.100/32~203.0.113.1",
      "2|2001:db8::1",
      "2|2001:db8::1",
    ]);
  });

  test.each([
    ["nothing", 0, true],
    ["duplicates are looked for", 0x40, false],
    ["… but it was made without that", 0x40 | IFA_F_NODAD, true],
    ["one was found", 0x08, false],
    ["one was found, whatever else", 0x08 | 0x80 | IFA_F_NODAD, false],
    ["for ever", 0x80, true],
  ])("can be spoken from, by its flags: %s", (_what, flags, want) =>
    expect(addressUsable({ ...PLAIN, flags })).toBe(want),
  );
});

describe("a route", () => {
  const PLAIN = {
    ...{ family: 4, type: 1, destination: { ip: "198.51.100.0", prefix: 24 }, tos: 0, table: 254, metric: 0 },
    ...{ protocol: 18, hops: [{ via: "192.0.2.1", weight: 1, onlink: false }], metrics: new Map() },
  };
  const hop = PLAIN.hops[0];

  test.each<[string, Partial<Route>, object]>([
    ["as short as may be", {}, {}],
    ["host bits are cleared", { destination: { ip: "198.51.100.77", prefix: 24 } }, {}],
    [
      "with all that a line may say",
      {
        ...{ device: "eth1", from: { ip: "203.0.113.9", prefix: 25 }, tos: 8, table: 10, metric: 5, protocol: 77 },
        ...{ scope: 253, source: "192.0.2.9", pref: 1, expiresS: 60, ttlPropagate: true, addMode: "append" },
        ...{ onlink: true, realms: 3, encap: { kind: "mpls", labels: [16] } },
      },
      {
        ...{ from: { ip: "203.0.113.0", prefix: 25 }, tos: 8, table: 10, metric: 5, protocol: 77, scope: 253 },
        ...{ source: "192.0.2.9", pref: 1, expiresS: 60, ttlPropagate: true, addMode: "append" },
        hops: [{ ...hop, index: 3, onlink: true, realms: 3, encap: { kind: "mpls", labels: [16] } }],
      },
    ],
    [
      "several next hops are those of their lines",
      {
        nextHops: [
          { via: "192.0.2.2", onlink: false },
          { device: "eth1", weight: 5, onlink: true, realms: 7, encap: { kind: "ila", locator: "1:2:3:4" } },
        ],
      },
      {
        hops: [
          { via: "192.0.2.2", weight: 1, onlink: false },
          { index: 3, weight: 5, onlink: true, realms: 7, encap: { kind: "ila", locator: 0x0001_0002_0003_0004n } },
        ],
      },
    ],
    ["of a VRF: its table", { vrf: "red" }, { table: 900 }],
    ["a blackhole has no next hop", { type: "blackhole", via: undefined as never }, { type: 6, hops: [] }],
    ["of this host: the scope that the kernel demands", { type: "local" }, { type: 2, scope: 254 }],
    ["a broadcast: of the link", { type: "RTN_BROADCAST" }, { type: 3, scope: 253 }],
  ])("%s", (_what, more, want) => expect<unknown>(routed(more)).toEqual({ ...PLAIN, ...want }));

  test("of IPv6: no scope, the kernel's metric, and broadcast is unicast", () => {
    const six = { family: 6, destination: { ip: "2001:db8::7", prefix: 64 }, via: "fe80::1", scope: 253 } as const;
    const want = {
      ...PLAIN,
      ...{ family: 6, destination: { ip: "2001:db8::", prefix: 64 }, metric: 1024 },
      hops: [{ via: "fe80::1", weight: 1, onlink: false }],
    };
    expect<unknown>(routed(six)).toEqual(want);
    expect<unknown>(routed({ ...six, metric: 0, type: "broadcast" })).toEqual(want);
    expect<unknown>(routed({ ...six, metric: 7, type: "multicast" })).toEqual({ ...want, metric: 7 });
  });

  test("its metrics by the numbers of linux/rtnetlink.h, in whatever spelling", () => {
    const names = ["lock", "mtu", "window", "rtt", "rttvar", "ssthresh", "cwnd", "advmss", "reordering", "hoplimit"];
    const more = ["initcwnd", "features", "rto_min", "initrwnd", "quickack", "RTAX_CC_ALGO", "fastopen_no_cookie"];
    const made = wantedRoute(
      routeWith({ metrics: Object.fromEntries([...names, ...more].map((name, i) => [name, 100 + i])) }),
      resolve,
    );
    expect(made.ok && [...made.value.metrics]).toEqual(
      Array.from({ length: 17 }, (_, i): [number, number] => [i + 1, 100 + i]),
    );
  });

  test.each<[string, Partial<Route>, object]>([
    ["no such interface", { device: "eth9" }, { kind: "no-device", device: "eth9" }],
    [
      "no such interface of a next hop",
      { nextHops: [{ device: "eth9", onlink: false }] },
      { kind: "no-device", device: "eth9" },
    ],
    ["no such VRF", { vrf: "blue" }, { kind: "no-device", device: "blue" }],
    ["one that is no VRF", { vrf: "eth0" }, { kind: "bad-value", what: "vrf", value: "eth0" }],
    ["no such type", { type: "odd" }, { kind: "bad-value", what: "route type", value: "odd" }],
    ["no such metric", { metrics: { odd: 1 } }, { kind: "bad-value", what: "route metric", value: "odd" }],
    ...["1:2:3", "1:2:3:4:5", "1:2:3:x", "1:2:3:12345"].map((locator): [string, Partial<Route>, object] => [
      `a locator ${locator}`,
      { encap: { kind: "ila", locator } },
      { kind: "bad-value", what: "encap", value: JSON.stringify({ kind: "ila", locator }) },
    ]),
    [
      "an id that is no number",
      { encap: { kind: "ip", id: "x1" } },
      { kind: "bad-value", what: "encap", value: '{"kind":"ip","id":"x1"}' },
    ],
  ])("that can't be had: %s", (_what, more, want) => expect<unknown>(routed(more)).toEqual(want));

  test("a tunnel has its id as a number, in either notation, or none", () => {
    const tunnels: readonly Encap[] = [{ kind: "ip", id: "0x10", ttl: 9 }, { kind: "ip6", id: "16" }, { kind: "ip" }];
    const encapOf = (encap: Encap) => {
      const made = wantedRoute(routeWith({ encap }), resolve);
      return made.ok && made.value.hops[0]?.encap;
    };
    expect(tunnels.map(encapOf)).toEqual([{ kind: "ip", id: 16n, ttl: 9 }, { kind: "ip6", id: 16n }, { kind: "ip" }]);
  });

  test("is told from others by all but where it leads; and that by gateway and device", () => {
    const made = wantedRoute(
      routeWith({ from: { ip: "203.0.113.0", prefix: 25 }, tos: 8, metric: 5, device: "eth1" }),
      resolve,
    );
    if (!made.ok) throw new Error("no route");
    expect(routePrefixKey(made.value)).toBe("4|254|1|198.51.100.0/24 from 203.0.113.0/25|tos 8|metric 5");
    expect(routePrefixKey({ ...made.value, from: { ip: "0.0.0.0", prefix: 0 } })).not.toContain("from");
    const hops = [
      { weight: 1, onlink: false, index: 3 },
      ...made.value.hops,
      { via: "192.0.2.0", weight: 1, onlink: false },
    ];
    expect(routeHopTexts({ ...made.value, hops })).toEqual([
      "via - dev 3",
      "via 192.0.2.0 dev -",
      "via 192.0.2.1 dev 3",
    ]);
    expect(routeHopTexts({ ...made.value, type: 6 })).toEqual([]);
    expect([5, 6, 7, 8, 9, 10].filter(leadsNowhere)).toEqual([6, 7, 8, 9]);
  });
});

describe("a rule", () => {
  const PLAIN = {
    ...{ family: 4, priority: 100, invert: false, tos: 0, l3mdev: false, action: { kind: "table", table: 77 } },
    protocol: 18,
  };

  test.each<[string, Partial<Rule>, object]>([
    ["as short as may be", {}, {}],
    [
      "with all that a line may say",
      {
        ...{ invert: true, from: { ip: "192.0.2.9", prefix: 24 }, to: { ip: "203.0.113.9", prefix: 25 }, iif: "eth0" },
        ...{ oif: "eth1", fwmark: { mark: 5, mask: 0xff }, tos: 8, realms: 3, tunnelId: "7", uidRange: [1, 2] },
        ...{ l3mdev: true, ipProto: 6, sport: [80, 81], dport: [90, 91], suppressPrefixLength: 0, suppressGroup: 4 },
        ...{ protocol: 99, action: { kind: "goto", preference: 200 } },
      },
      {
        ...{ invert: true, from: { ip: "192.0.2.0", prefix: 24 }, to: { ip: "203.0.113.0", prefix: 25 }, iif: "eth0" },
        ...{ oif: "eth1", fwmark: { mark: 5, mask: 0xff }, tos: 8, realms: 3, tunnelId: 7n, uidRange: [1, 2] },
        ...{ l3mdev: true, ipProto: 6, sport: [80, 81], dport: [90, 91], suppressPrefixLength: 0, suppressGroup: 4 },
        ...{ protocol: 99, action: { kind: "goto", priority: 200 } },
      },
    ],
    ["a mark without a mask is the whole mark", { fwmark: { mark: 5 } }, { fwmark: { mark: 5, mask: 0xffff_ffff } }],
    [
      "from and to everywhere says nothing",
      { from: { ip: "0.0.0.0", prefix: 0 }, to: { ip: "0.0.0.0", prefix: 0 } },
      {},
    ],
    ["a tunnel id that is no number is none", { tunnelId: "x" }, {}],
    ["a blackhole", { action: { kind: "blackhole" } }, { action: { kind: "blackhole" } }],
  ])("%s", (_what, more, want) => expect<unknown>(wantedRule(ruleWith(more))).toEqual({ ...PLAIN, ...want }));

  test("is told from others by every selector and what it does, not by its protocol, nor by the order of its fields", () => {
    const base = wantedRule(ruleWith({ tunnelId: "7", sport: [80, 81], fwmark: { mark: 5, mask: 255 } }));
    const others: readonly Partial<NetRule>[] = [
      ...[{ priority: 1 }, { invert: true }, { tos: 8 }, { l3mdev: true }, { iif: "eth0" }, { tunnelId: 8n }],
      ...[{ sport: [80, 82] as const }, { fwmark: { mark: 6, mask: 255 } }, { fwmark: { mark: 5, mask: 15 } }],
      ...[{ action: { kind: "table", table: 78 } as const }, { action: { kind: "blackhole" } as const }],
    ];
    const keys = new Set([base, ...others.map((more) => ({ ...base, ...more }))].map(ruleKey));
    expect(keys.size).toBe(others.length + 1);
    const turned = Object.fromEntries(Object.entries(base).toReversed()) as unknown as NetRule;
    expect([ruleKey({ ...base, protocol: 4 }), ruleKey(turned)]).toEqual([ruleKey(base), ruleKey(base)]);
  });
});
