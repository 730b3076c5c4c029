import { describe, expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import type { Config } from "../../../src/config/model/config.ts";
import type { Address, Route, Rule } from "../../../src/config/model/net.ts";
import { dumpAddresses } from "../../../src/net/addresses.ts";
import {
  createLink,
  deleteLink,
  dumpLinks,
  getLink,
  parseMac,
  setIpv4Settings,
  setLinkUp,
  setNoAddressGeneration,
} from "../../../src/net/links.ts";
import type { NetRoute, SeenTables } from "../../../src/net/model.ts";
import { NOTHING_WANTED, ownedKeys, plan } from "../../../src/net/plan.ts";
import type { NetlinkRequest } from "../../../src/net/request.ts";
import { dumpRoutes } from "../../../src/net/routes.ts";
import { decodeNetMessage, encodeCommand, errorMeaning } from "../../../src/net/rtnetlink.ts";
import { dumpRules } from "../../../src/net/rules.ts";
import { applyMessage, emptyState } from "../../../src/net/seen.ts";
import { wantedAddress, wantedRoute, wantedRule } from "../../../src/net/wanted.ts";
import { expectWord, instanceText } from "../../support/words.ts";
import { recordedMessages } from "./vectors.ts";

const ORIGIN = { file: "test.conf", line: 1, column: 1 };
const DEVICES: Readonly<Record<string, { index: number; vrfTable?: number }>> = {
  eth0: { index: 2 },
  "vrrp.51": { index: 3 },
  blue: { index: 4, vrfTable: 1001 },
};
const resolve = (name: string) => DEVICES[name];

function address(text: string, more: Partial<Address> = {}): Address {
  const [ip = "", prefix = "0"] = text.split("/");
  const family = ip.includes(":") ? 6 : 4;
  const flags = family === 6 ? 2 : 0;
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
  const base = { family: 4 as const, invert: false, l3mdev: false, noTrack: false, origin: ORIGIN };
  return { ...base, preference, action, ...more };
}

function must<T>(decoded: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  return decoded.value;
}

const ADDRESS_4 = must(wantedAddress(address("192.0.2.100/24"), "eth0", resolve));
const ROUTES = [
  route("198.51.101.0/24", { via: "192.0.2.1", device: "eth0", metric: 10 }),
  route("0.0.0.0/0", { via: "192.0.2.1", device: "eth0", table: 77 }),
  route("198.51.102.0/24", { type: "blackhole" }),
  route("2001:db8:9::/64", { via: "fe80::1", device: "eth0" }),
].map((r) => must(wantedRoute(r, resolve)));
const RULES = [
  wantedRule(
    rule(
      1000,
      { kind: "table", table: 77 },
      { from: { ip: "198.51.100.5", prefix: 32 }, to: { ip: "203.0.113.0", prefix: 24 } },
    ),
  ),
  wantedRule(rule(16383, { kind: "table", table: 78 }, { fwmark: { mark: 5 } })),
];
const WANTED = { addresses: [ADDRESS_4], routes: ROUTES, rules: RULES };

/** A state in which everything wanted is there, as the kernel shows it. */
function seenOf(wanted: typeof WANTED): SeenTables {
  const state = emptyState();
  for (const command of plan(wanted, emptyState(), { marks: true, keys: new Set() })) {
    const request = encodeCommand(command);
    const message = decodeNetMessage(request.type, request.payload);
    if (!message) throw new Error(`not decoded: ${request.what}`);
    const { object } = message;
    // The kernel fills in the metric that we left out.
    const shown =
      object.kind === "route" && object.route.family === 6
        ? { kind: "route" as const, route: { ...object.route, metric: 1024 } }
        : object;
    applyMessage(state, { removed: false, object: shown }, () => true, true);
  }
  return state;
}

const view = (request: NetlinkRequest) =>
  `${request.type.toString(16)} ${request.flags.toString(16)} ${toHex(request.payload)}`;

describe("bytes are those that keepalived sent", () => {
  const recorded = recordedMessages("routes-rules").map((m) => view({ ...m, what: "" }));

  test("taking over: addresses, routes, rules in that order", () => {
    const commands = plan(WANTED, emptyState(), { marks: true, keys: new Set() }).map((c) => view(encodeCommand(c)));
    expect(commands).toHaveLength(7);
    expect(recorded.slice(-16, -9)).toEqual(commands);
  });

  test("giving up: rules, routes, addresses; the IPv6 route too (trap R1)", () => {
    const commands = plan(NOTHING_WANTED, seenOf(WANTED), { marks: true, keys: new Set() }).map(encodeCommand);
    expect(commands.map((c) => c.what)).toEqual([
      "IPv4 rule with preference 1000",
      "IPv4 rule with preference 16383",
      "route 198.51.101.0/24 via 192.0.2.1 in table 254",
      "route 0.0.0.0/0 via 192.0.2.1 in table 77",
      "route 198.51.102.0/24 in table 254",
      "route 2001:db8:9::/64 via fe80::1 in table 254",
      "address 192.0.2.100/24 on interface 2",
    ]);
    const ipv6 = commands.find((c) => c.what.includes("2001:db8:9"));
    const others = commands.filter((c) => c !== ipv6).map(view);
    expect(recorded.slice(-9, -3)).toEqual(others);
    // keepalived sends this message without metric at start only, and never on leaving; ours names the kernel's default.
    expect(toHex(ipv6?.payload ?? new Uint8Array())).toBe(
      "0a400000fe12ff00000000001400010020010db800090000000000000000000014000500fe8000000000000000000000000000010800040002000000" +
        "0800060000040000",
    );
  });

  test.each([["v4-vip"], ["v6-vip"], ["routes-rules"], ["vmac-v4"], ["vmac-v6"], ["no-accept"]])(
    "%s: every address, route and rule survives decoding and encoding",
    (name) => {
      let compared = 0;
      for (const message of recordedMessages(name)) {
        const decoded = decodeNetMessage(message.type, message.payload);
        if (!decoded || decoded.object.kind === "link") continue;
        const { object } = decoded;
        const verb = decoded.removed ? "delete" : "add";
        const encoded =
          object.kind === "address"
            ? encodeCommand({ kind: `${verb}-address`, address: object.address })
            : object.kind === "route"
              ? encodeCommand({ kind: `${verb}-route`, route: object.route })
              : encodeCommand({ kind: `${verb}-rule`, rule: object.rule });
        expect(view(encoded)).toBe(view({ ...message, what: "" }));
        compared++;
      }
      expect(compared).toBeGreaterThanOrEqual(2);
    },
  );

  test("virtual interface: made, set, brought up, removed", () => {
    const mac = parseMac("00:00:5e:00:01:33");
    if (!mac) throw new Error("MAC");
    const ours = [
      dumpLinks(),
      createLink({ name: "vrrp.51", parent: 2, group: 0, form: { kind: "macvlan", mac } }),
      getLink("vrrp.51"),
      setIpv4Settings(3, [
        ["arp_ignore", 1],
        ["accept_local", 1],
        ["rp_filter", 0],
        ["promote_secondaries", 1],
      ]),
      setIpv4Settings(2, [
        ["arp_ignore", 1],
        ["arp_filter", 1],
      ]),
      setNoAddressGeneration(3),
      setLinkUp(3),
      deleteLink(3),
    ].map(view);
    const recordedLinks = recordedMessages("vmac-v4")
      .filter((m) => m.type >= 16 && m.type <= 18)
      .map((m) => view({ ...m, what: "" }));
    for (const message of ours) expect(recordedLinks).toContain(message);
  });

  test("the dump of addresses asks for its family", () => {
    expect(toHex(dumpAddresses(6).payload)).toBe("0a00000000000000");
  });

  // struct rtmsg and struct fib_rule_hdr: 12 bytes, the family first; of a route the protocol is the sixth (linux/rtnetlink.h).
  test.each([
    [dumpRoutes(4), 26, "020000000000000000000000"],
    [dumpRoutes(6, 18), 26, "0a0000000012000000000000"],
    [dumpRules(4), 34, "020000000000000000000000"],
    [dumpRules(6), 34, "0a0000000000000000000000"],
  ])("the dump of $what asks for its family and protocol", (request, type, payload) => {
    expect([request.type, request.flags, toHex(request.payload)]).toEqual([type, 0x301, payload]);
  });

  test("an ipvlan is made at layer 2, with its flags", () => {
    const { payload } = createLink({ name: "ip.51", parent: 2, group: 0, form: { kind: "ipvlan", flags: 2 } });
    // IFLA_IPVLAN_MODE 0, IFLA_IPVLAN_FLAGS 2: two bytes each, padded.
    expect(toHex(payload)).toContain("0600010000000000" + "0600020002000000");
    expect(toHex(payload)).toContain(toHex(new TextEncoder().encode("ipvlan")));
  });
});

describe("what an errno means for a command", () => {
  test.each([
    ["add-address", "EEXIST", "already-so"],
    ["add-route", "EEXIST", "already-so"],
    ["add-rule", "EEXIST", "already-so"],
    ["delete-address", "EADDRNOTAVAIL", "already-so"],
    ["delete-address", "ENODEV", "already-so"],
    ["delete-address", "EEXIST", "refused"],
    ["delete-route", "ESRCH", "already-so"],
    ["delete-route", "ENODEV", "already-so"],
    ["delete-rule", "ENOENT", "already-so"],
    ["delete-rule", "ESRCH", "already-so"],
    ["add-address", "ENODEV", "later"],
    ["add-route", "ENETUNREACH", "later"],
    ["add-route", "ENETDOWN", "later"],
    ["add-route", "EHOSTUNREACH", "later"],
    ["add-route", "ENXIO", "later"],
    ["add-address", "ENOBUFS", "later"],
    ["add-rule", "ENOMEM", "later"],
    ["add-rule", "EAGAIN", "later"],
    ["add-rule", "EBUSY", "later"],
    ["add-route", "EINVAL", "later"],
    ["add-address", "EINVAL", "refused"],
    ["delete-route", "EINVAL", "refused"],
    ["add-rule", "EINVAL", "refused"],
    ["add-route", "EPERM", "refused"],
    ["add-address", "EADDRNOTAVAIL", "refused"],
    ["add-route", "ESRCH", "refused"],
  ] as const)("%s, %s: %s", (kind, code, meaning) => {
    expect(errorMeaning(kind, code)).toBe(meaning);
  });
});

describe("every kind of route and rule keeps its meaning over the wire", () => {
  const roundTrip = (wanted: NetRoute) => {
    const request = encodeCommand({ kind: "add-route", route: wanted });
    const decoded = decodeNetMessage(request.type, request.payload);
    return decoded?.object.kind === "route" ? decoded.object.route : undefined;
  };

  test.each<[string, Partial<Route>, string?]>([
    [
      "multipath with weights",
      {
        nextHops: [
          { via: "192.0.2.1", device: "eth0", weight: 3, onlink: false },
          { via: "192.0.2.2", onlink: true, weight: 1 },
        ],
      },
    ],
    [
      "multipath whose last hop is a device and nothing else",
      {
        nextHops: [
          { via: "192.0.2.1", device: "eth0", weight: 1, onlink: false },
          { device: "vrrp.51", weight: 256, onlink: false },
        ],
      },
    ],
    ["IPv6 gateway", { via: "fe80::1", device: "eth0" }],
    [
      "metrics, locked",
      {
        via: "192.0.2.1",
        metrics: { lock: 4, mtu: 1400, advmss: 1360, congctl: "cubic", rto_min: 300, fastopen_no_cookie: 1 },
      },
    ],
    ["realms, source, TOS, scope", { via: "192.0.2.1", realms: 0x10002, source: "192.0.2.9", tos: 16, scope: 200 }],
    ["MPLS labels", { device: "eth0", encap: { kind: "mpls", labels: [100, 200] } }],
    [
      "IP tunnel",
      { device: "eth0", encap: { kind: "ip", id: "77", dst: "192.0.2.7", src: "192.0.2.8", tos: 4, ttl: 9, flags: 5 } },
    ],
    ["IPv6 tunnel", { device: "eth0", encap: { kind: "ip6", dst: "2001:db8::7", ttl: 9 } }],
    ["ILA", { device: "eth0", encap: { kind: "ila", locator: "1:2:3:4" } }],
    ["onlink and table above 255", { via: "192.0.2.1", device: "eth0", onlink: true, table: 1000 }],
    [
      "IPv6: preference, expiry, source prefix",
      { via: "fe80::1", device: "eth0", pref: 1, expiresS: 100, from: { ip: "2001:db8:5::", prefix: 48 } },
      "2001:db8:7::/48",
    ],
    ["TTL propagation", { device: "eth0", ttlPropagate: false }],
  ])("%s", (_why, more, destination = "198.51.100.0/24") => {
    const wanted = must(wantedRoute(route(destination, more), resolve));
    const shown = roundTrip(wanted);
    expect(
      shown && { ...shown, metric: wanted.metric, ...(wanted.scope === undefined && { scope: undefined }) },
    ).toEqual({
      ...wanted,
      ...(wanted.scope === undefined && { scope: undefined }),
    });
  });

  test("inet6 says the family of a default route", () =>
    expectWord(
      instanceText("virtual_routes {\n«inet6» default dev eth0\n}"),
      ({ vrrp }) => vrrp.instances[0]?.routes.map((line) => must(wantedRoute(line, resolve)).family),
      [6],
      [4],
    ));

  test("ttl-propagate goes to the kernel from the word", () => {
    const propagation = ({ vrrp }: Config) => {
      const [line] = vrrp.instances[0]?.routes ?? [];
      return line && roundTrip(must(wantedRoute(line, resolve)))?.ttlPropagate;
    };
    const line = "198.51.100.0/24 dev eth0 encap mpls 100 «ttl-propagate enabled»";
    return expectWord(instanceText(`virtual_routes {\n${line}\n}`), propagation, true, undefined);
  });

  test.each([
    ["local", 2, 254],
    ["broadcast", 3, 253],
    ["anycast", 4, 253],
    ["multicast", 5, undefined],
    ["unreachable", 7, undefined],
    ["prohibit", 8, undefined],
    ["throw", 9, undefined],
  ])("type %s has its number and a scope that the kernel takes", (type, number, scope) => {
    const wanted = must(wantedRoute(route("198.51.100.0/24", { type, device: "eth0" }), resolve));
    expect([wanted.type, wanted.scope]).toEqual([number, scope]);
  });

  test("a missing device is an answer", () => {
    expect(must(wantedRoute(route("198.51.100.0/24", { device: "eth0", vrf: "blue" }), resolve)).table).toBe(1001);
    expect(wantedRoute(route("198.51.100.0/24", { vrf: "eth0" }), resolve)).toEqual({
      ok: false,
      error: { kind: "bad-value", what: "vrf", value: "eth0" },
    });
    expect(wantedRoute(route("198.51.100.0/24", { device: "nope" }), resolve)).toEqual({
      ok: false,
      error: { kind: "no-device", device: "nope" },
    });
  });

  test.each<[string, Partial<Rule>, Rule["action"]]>([
    [
      "all selectors",
      {
        invert: true,
        iif: "eth0",
        oif: "eth1",
        fwmark: { mark: 5, mask: 0xff },
        tos: 8,
        realms: 0x30004,
        tunnelId: "99",
        uidRange: [0, 1000],
        ipProto: 6,
        sport: [1, 2],
        dport: [80, 90],
        suppressPrefixLength: 0,
        suppressGroup: 3,
      },
      { kind: "table", table: 100_000 },
    ],
    ["goto", {}, { kind: "goto", preference: 20_000 }],
    ["blackhole", {}, { kind: "blackhole" }],
    ["unreachable", {}, { kind: "unreachable" }],
    ["prohibit", {}, { kind: "prohibit" }],
    ["nop", {}, { kind: "nop" }],
    ["l3mdev", { l3mdev: true }, { kind: "table", table: 0 }],
    ["IPv6", { family: 6, from: { ip: "2001:db8::", prefix: 32 } }, { kind: "table", table: 7 }],
  ])("rule: %s", (_why, more, action) => {
    const wanted = wantedRule(rule(1000, action, more));
    const request = encodeCommand({ kind: "add-rule", rule: wanted });
    const decoded = decodeNetMessage(request.type, request.payload);
    expect(decoded?.object.kind === "rule" ? decoded.object.rule : undefined).toEqual(wanted);
  });
});

describe("plan", () => {
  const strangers = { marks: false, keys: new Set<string>() };

  test("nothing to do when all is there", () => {
    expect(plan(WANTED, seenOf(WANTED), { marks: true, keys: new Set() })).toEqual([]);
  });

  test("strangers' entries stay", () => {
    expect(plan(NOTHING_WANTED, seenOf(WANTED), strangers)).toEqual([]);
  });

  test("without marks the configuration's names are ours", () => {
    const owned = { marks: false, keys: ownedKeys(WANTED) };
    expect(plan(NOTHING_WANTED, seenOf(WANTED), owned)).toHaveLength(7);
  });

  test("another protocol's route of the same prefix is not touched, and ours is added beside it", () => {
    const seen = seenOf(WANTED);
    const foreign = new Map([...seen.routes].map(([key, r]) => [key, { ...r, protocol: 4 }]));
    const owned = { marks: true, keys: ownedKeys(WANTED) };
    const commands = plan({ ...NOTHING_WANTED, routes: ROUTES }, { ...emptyState(), routes: foreign }, owned);
    // kernel: an IPv6 route with the same next hop would be refused.
    expect(commands.map((c) => c.kind)).toEqual(["add-route", "add-route", "add-route"]);
    expect(plan(NOTHING_WANTED, { ...emptyState(), routes: foreign }, owned)).toEqual([]);
  });

  test("removing a primary address puts its wanted secondaries back", () => {
    const primary = { ...ADDRESS_4, ip: "192.0.2.50" };
    const secondary = { ...ADDRESS_4, flags: 1 };
    const state = emptyState();
    for (const address of [primary, secondary])
      applyMessage(state, { removed: false, object: { kind: "address", address } }, () => true, true);
    const commands = plan({ ...NOTHING_WANTED, addresses: [ADDRESS_4] }, state, { marks: true, keys: new Set() });
    expect(commands.map((c) => [c.kind, c.kind.endsWith("address") && "address" in c ? c.address.ip : ""])).toEqual([
      ["delete-address", "192.0.2.50"],
      ["add-address", "192.0.2.100"],
    ]);
  });

  test("a secondary of another primary stays where it is", () => {
    const there = (ip: string, prefix: number, flags = 0) => ({ ...ADDRESS_4, ip, prefix, flags });
    const others = [
      there("192.0.2.9", 25),
      there("192.0.2.10", 25, 1),
      there("198.51.100.9", 24),
      there("198.51.100.10", 24, 1),
    ];
    const state = emptyState();
    for (const address of [there("192.0.2.50", 24), ...others])
      applyMessage(state, { removed: false, object: { kind: "address", address } }, () => true, true);
    const commands = plan({ ...NOTHING_WANTED, addresses: others }, state, { marks: true, keys: new Set() });
    expect(commands.map((c) => [c.kind, "address" in c ? c.address.ip : ""])).toEqual([
      ["delete-address", "192.0.2.50"],
    ]);
  });

  test.each<[string, Partial<typeof ADDRESS_4>, Partial<typeof ADDRESS_4>]>([
    ["label", { label: "eth0:1" }, { label: "eth0" }],
    ["broadcast", { broadcast: "192.0.2.255" }, {}],
    ["scope", { scope: 253 }, { scope: 0 }],
    ["noprefixroute", { flags: 0x200 }, { flags: 0x80 }],
    ["preferred lifetime", { preferredS: 0 }, {}],
  ])("an address with another %s is replaced", (_why, wish, there) => {
    const state = emptyState();
    const seen = { ...ADDRESS_4, ...there };
    applyMessage(state, { removed: false, object: { kind: "address", address: seen } }, () => true, true);
    const commands = plan({ ...NOTHING_WANTED, addresses: [{ ...ADDRESS_4, ...wish }] }, state, {
      marks: true,
      keys: new Set(),
    });
    expect(commands.map((c) => c.kind)).toEqual(["delete-address", "add-address"]);
  });

  test.each([
    ["the same", "2001:db8::2", "2001:db8::2", []],
    ["another", "2001:db8::2", "2001:db8::3", ["delete-address", "add-address"]],
    ["none is wanted", undefined, "2001:db8::3", ["delete-address", "add-address"]],
    ["there is none", "2001:db8::2", undefined, ["delete-address", "add-address"]],
  ] as const)("an IPv6 address with a peer: %s", (_why, wish, there, kinds) => {
    const one = must(wantedAddress(address("2001:db8::1/64"), "eth0", resolve));
    const with_ = (ip: string | undefined) => ({ ...one, ...(ip !== undefined && { peer: { ip, prefix: 64 } }) });
    const state = emptyState();
    applyMessage(state, { removed: false, object: { kind: "address", address: with_(there) } }, () => true, true);
    const commands = plan({ ...NOTHING_WANTED, addresses: [with_(wish)] }, state, { marks: true, keys: new Set() });
    expect(commands.map(({ kind }) => kind)).toEqual([...kinds]);
  });

  test("of an IPv6 multipath route that the kernel merged, only the unwanted next hop goes", () => {
    const one = must(wantedRoute(route("2001:db8:9::/64", { via: "fe80::1", device: "eth0" }), resolve));
    const hop = { via: "fe80::2", index: 2, weight: 1, onlink: false };
    const merged: NetRoute = { ...one, scope: 0, hops: [...one.hops, hop] };
    const state = emptyState();
    applyMessage(state, { removed: false, object: { kind: "route", route: merged } }, () => true, true);
    const commands = plan({ ...NOTHING_WANTED, routes: [one] }, state, { marks: true, keys: new Set() });
    expect(commands).toEqual([{ kind: "delete-route", route: { ...merged, hops: [hop] } }]);
    const gone = { removed: true, object: { kind: "route" as const, route: { ...merged, hops: [hop] } } };
    expect(applyMessage(state, gone, () => true, true)).toHaveLength(1);
    expect(plan({ ...NOTHING_WANTED, routes: [one] }, state, { marks: true, keys: new Set() })).toEqual([]);
  });

  test("a changed metric of the route's own is a replacement", () => {
    const before = must(wantedRoute(route("198.51.100.0/24", { via: "192.0.2.1" }), resolve));
    const after = must(wantedRoute(route("198.51.100.0/24", { via: "192.0.2.1", metrics: { mtu: 1300 } }), resolve));
    const commands = plan(
      { ...NOTHING_WANTED, routes: [after] },
      seenOf({ addresses: [], routes: [before], rules: [] }),
      {
        marks: true,
        keys: new Set(),
      },
    );
    expect(commands.map((c) => c.kind)).toEqual(["delete-route", "add-route"]);
  });
});
