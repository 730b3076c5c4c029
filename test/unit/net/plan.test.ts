// What is done to the kernel's tables, field by field: which difference counts, whose entries may go, and in which order.
import { describe, expect, test } from "bun:test";
import {
  addressKey,
  type InterfaceAddress,
  type NetRoute,
  type NetRule,
  type RouteHop,
  RTAX_LOCK,
  RTPROT_VRRP,
  routeKey,
  ruleKey,
  type SeenTables,
} from "../../../src/net/model.ts";
import {
  type NetCommand,
  NOTHING_WANTED,
  type Ownership,
  ownedKeys,
  plan,
  type WantedTables,
} from "../../../src/net/plan.ts";
import { emptyState } from "../../../src/net/seen.ts";

const STRANGER = 4;
const NOBODYS: Ownership = { marks: false, keys: new Set() };
const MARKED: Ownership = { marks: true, keys: new Set() };

const address = (ip: string, more: Partial<InterfaceAddress> = {}): InterfaceAddress => {
  const family = ip.includes(":") ? 6 : 4;
  return { family, index: 2, ip, prefix: family === 4 ? 24 : 64, flags: 0x80, protocol: RTPROT_VRRP, ...more };
};
const hop = (via: string | undefined, more: Partial<RouteHop> = {}): RouteHop => ({
  ...(via !== undefined && { via }),
  ...{ index: 2, weight: 1, onlink: false },
  ...more,
});
const route = (family: 4 | 6, hops: readonly RouteHop[], more: Partial<NetRoute> = {}): NetRoute => ({
  ...{ family, type: 1, tos: 0, table: 254, metric: family === 4 ? 0 : 1024, protocol: RTPROT_VRRP, scope: 0 },
  destination: family === 4 ? { ip: "198.51.100.0", prefix: 24 } : { ip: "2001:db8:9::", prefix: 64 },
  hops,
  metrics: new Map(),
  ...more,
});
const rule = (priority: number, more: Partial<NetRule> = {}): NetRule => ({
  ...{ family: 4, priority, invert: false, tos: 0, l3mdev: false },
  ...{ action: { kind: "table", table: 77 }, protocol: RTPROT_VRRP },
  ...more,
});

function seen({ addresses = [], routes = [], rules = [] }: Partial<WantedTables>): SeenTables {
  return {
    ...emptyState(),
    addresses: new Map(addresses.map((one) => [addressKey(one), one])),
    routes: new Map(routes.map((one) => [routeKey(one), one])),
    rules: new Map(rules.map((one) => [ruleKey(one), one])),
  };
}

function text(command: NetCommand): string {
  if ("address" in command) return `${command.kind} ${command.address.ip}`;
  if ("rule" in command) return `${command.kind} ${command.rule.priority}`;
  const { destination, hops } = command.route;
  return `${command.kind} ${destination.ip} ${hops.map(({ via }) => via ?? "-").join("+")}`.trim();
}

const todo = (wanted: Partial<WantedTables>, there: Partial<WantedTables>, owned: Ownership = MARKED) =>
  plan({ ...NOTHING_WANTED, ...wanted }, seen(there), owned).map(text);

const IP = "192.0.2.100";
const REPLACED = [`delete-address ${IP}`, `add-address ${IP}`];

describe("an address", () => {
  test.each<[string, Partial<InterfaceAddress>, Partial<InterfaceAddress>, readonly string[]]>([
    ["is as it is wanted", {}, {}, []],
    ["has another prefix", { prefix: 32 }, { prefix: 24 }, REPLACED],
    ["has a flag less that the configuration sets: home", { flags: 0x10 }, { flags: 0x80 }, REPLACED],
    ["… managetempaddr", { flags: 0x100 }, { flags: 0x80 }, REPLACED],
    ["… noprefixroute", { flags: 0x200 }, { flags: 0x80 }, REPLACED],
    ["… autojoin", { flags: 0x400 }, { flags: 0x80 }, REPLACED],
    ["has one more", { flags: 0 }, { flags: 0x200 }, REPLACED],
    ["has a flag that is the kernel's business", { flags: 0 }, { flags: 0x80 | 0x01 | 0x40 }, []],
    ["has another label", { label: "eth0:1" }, { label: "eth0" }, REPLACED],
    ["has a label, and none is wanted", {}, { label: "eth0" }, []],
    ["has another broadcast address", { broadcast: "192.0.2.255" }, { broadcast: "192.0.2.127" }, REPLACED],
    ["has one, and none is wanted", {}, { broadcast: "192.0.2.127" }, []],
    ["has another scope", { scope: 253 }, { scope: 0 }, REPLACED],
    ["has one, and none is wanted", {}, { scope: 253 }, []],
    ["is to be preferred no more", { preferredS: 0 }, {}, REPLACED],
    ["is preferred no more, and is to be", {}, { preferredS: 0 }, REPLACED],
    ["has a lifetime that runs", { preferredS: 100 }, { preferredS: 90 }, []],
    ["was put there by somebody else", {}, { protocol: STRANGER }, []],
  ])("that %s", (_what, wish, there, want) => {
    const addresses = (more: Partial<InterfaceAddress>) => ({ addresses: [address(IP, more)] });
    expect(todo(addresses(wish), addresses(there))).toEqual([...want]);
  });

  test("of IPv6: label, scope and broadcast are none of its fields", () => {
    const [wish, there] = [address("2001:db8::1", { scope: 0 }), address("2001:db8::1", { scope: 253, label: "x" })];
    expect(todo({ addresses: [wish] }, { addresses: [there] })).toEqual([]);
  });

  test.each<[string, Ownership, Partial<InterfaceAddress>, boolean]>([
    ["ours by its mark", MARKED, {}, true],
    ["with our mark beside another daemon", NOBODYS, {}, false],
    ["without a mark", MARKED, { protocol: STRANGER }, false],
    ["that the configuration names", { marks: false, keys: new Set(["K"]) }, { protocol: STRANGER }, true],
    ["that the machine had before us", { marks: true, keys: new Set(["K"]), machines: new Set(["K"]) }, {}, false],
  ])("that nobody wants, %s", (_what, owned, more, goes) => {
    const there = address(IP, more);
    const own = (keys: ReadonlySet<string> | undefined) =>
      keys?.has("K") ? new Set([addressKey(there)]) : new Set<string>();
    const ownership = { marks: owned.marks, keys: own(owned.keys), machines: own(owned.machines) };
    expect(todo({}, { addresses: [there] }, ownership)).toEqual(goes ? [`delete-address ${IP}`] : []);
  });

  test("that the machine had stays as it is, also where it is wanted otherwise", () => {
    const there = address(IP, { flags: 0x200 });
    const machines = new Set([addressKey(there)]);
    expect(todo({ addresses: [address(IP)] }, { addresses: [there] }, { ...MARKED, machines })).toEqual([]);
  });

  test("goes with its secondaries: those that are wanted are added again, on the same link and network only", () => {
    const SECONDARY = 0x81;
    const there = [
      address("192.0.2.1"),
      address("192.0.2.2", { flags: SECONDARY }),
      address("192.0.2.3", { flags: SECONDARY, index: 3 }),
      address("192.0.3.4", { flags: SECONDARY }),
      address("192.0.2.5", { flags: SECONDARY, prefix: 25 }),
      address("192.0.2.6"),
      address("192.0.2.7", { flags: SECONDARY, peer: { ip: "203.0.113.7", prefix: 24 } }),
      address("2001:db8::8", { flags: SECONDARY }),
    ];
    const [, ...wanted] = there;
    expect(todo({ addresses: wanted }, { addresses: there })).toEqual([
      "delete-address 192.0.2.1",
      "add-address 192.0.2.2",
    ]);
    // One that is a secondary itself takes nobody along.
    const others = there.filter(({ ip }) => ip !== "192.0.2.2");
    expect(todo({ addresses: others }, { addresses: there })).toEqual(["delete-address 192.0.2.2"]);
  });
});

describe("a route", () => {
  const VIA = "192.0.2.1";
  const one = (more: Partial<NetRoute> = {}, hops = [hop(VIA)]) => route(4, hops, more);
  const NET = "198.51.100.0";
  const replaced = (via = VIA) => [`delete-route ${NET} ${via}`, `add-route ${NET} ${via}`];

  test.each<[string, Partial<NetRoute>, Partial<NetRoute>, readonly string[]]>([
    ["is as it is wanted", {}, {}, []],
    ["has another scope", { scope: 253 }, { scope: 0 }, replaced()],
    ["has another source", { source: "192.0.2.9" }, {}, replaced()],
    ["has a source, and none is wanted", {}, { source: "192.0.2.9" }, []],
    ["has another preference", { pref: 1 }, {}, replaced()],
    ["has the usual preference", { pref: 0 }, {}, []],
    ["has another metric of its own", { metrics: new Map([[2, 1400]]) }, { metrics: new Map([[2, 1500]]) }, replaced()],
    ["has one that nobody wants", {}, { metrics: new Map([[2, 1500]]) }, []],
    ["lacks one", { metrics: new Map([[2, 1400]]) }, {}, replaced()],
    [
      "has locks beside those that are wanted",
      { metrics: new Map([[RTAX_LOCK, 4]]) },
      { metrics: new Map([[RTAX_LOCK, 6]]) },
      [],
    ],
    ["lacks a lock", { metrics: new Map([[RTAX_LOCK, 6]]) }, { metrics: new Map([[RTAX_LOCK, 4]]) }, replaced()],
    ["is in another table", { table: 77 }, {}, [`add-route ${NET} ${VIA}`, `delete-route ${NET} ${VIA}`].toReversed()],
    ["is another protocol's", {}, { protocol: STRANGER }, [`add-route ${NET} ${VIA}`]],
  ])("that %s", (_what, wish, there, want) => {
    expect(todo({ routes: [one(wish)] }, { routes: [one(there)] })).toEqual([...want]);
  });

  test("without a source of its own it is IPv4's scope that counts: IPv6 has none", () => {
    const six = (scope: number) => route(6, [hop("fe80::1")], { scope });
    expect(todo({ routes: [six(0)] }, { routes: [six(253)] })).toEqual([]);
  });

  test.each<[string, readonly RouteHop[], readonly RouteHop[], readonly string[]]>([
    ["the device that the kernel found for its gateway", [{ via: VIA, weight: 1, onlink: false }], [hop(VIA)], []],
    ["another weight", [hop(VIA, { weight: 2 })], [hop(VIA)], replaced()],
    [
      "another gateway: the new one first, where the old one is ours",
      [hop("192.0.2.2")],
      [hop(VIA)],
      [`delete-route ${NET} ${VIA}`, `add-route ${NET} 192.0.2.2`],
    ],
    [
      "one next hop more",
      [hop(VIA), hop("192.0.2.2")],
      [hop(VIA)],
      [`delete-route ${NET} ${VIA}`, `add-route ${NET} ${VIA}+192.0.2.2`],
    ],
    ["another device", [hop(VIA, { index: 3 })], [hop(VIA)], replaced()],
  ])("of IPv4 with %s", (_what, wanted, there, want) => {
    expect(todo({ routes: [one({}, [...wanted])] }, { routes: [one({}, [...there])] })).toEqual([...want]);
  });

  test("of IPv6: each next hop by itself; a stranger's of the same does for ours", () => {
    const six = (vias: readonly string[], protocol = RTPROT_VRRP) =>
      route(
        6,
        vias.map((via) => hop(via)),
        { protocol },
      );
    const two = six(["fe80::1", "fe80::2"]);
    const NET6 = "2001:db8:9::";
    expect(todo({ routes: [two] }, { routes: [six(["fe80::1"]), six(["fe80::2"])] })).toEqual([]);
    expect(todo({ routes: [two] }, { routes: [six(["fe80::1"])] })).toEqual([`add-route ${NET6} fe80::1+fe80::2`]);
    expect(todo({ routes: [six(["fe80::1"])] }, { routes: [six(["fe80::1"]), six(["fe80::3"])] })).toEqual([
      `delete-route ${NET6} fe80::3`,
    ]);
    expect(todo({ routes: [six(["fe80::1"])] }, { routes: [six(["fe80::1"], STRANGER)] })).toEqual([]);
    expect(todo({ routes: [six(["fe80::2"])] }, { routes: [six(["fe80::1"], STRANGER)] })).toEqual([
      `add-route ${NET6} fe80::2`,
    ]);
  });

  test("that leads nowhere is compared without next hops", () => {
    const wish = one({ type: 6 }, []);
    expect(todo({ routes: [wish] }, { routes: [one({ type: 6 }, [])] })).toEqual([]);
    expect(todo({ routes: [wish] }, { routes: [] })).toEqual([`add-route ${NET}`]);
  });

  test.each<[string, Ownership, number, boolean]>([
    ["ours by its mark", MARKED, RTPROT_VRRP, true],
    ["with our mark beside another daemon", NOBODYS, RTPROT_VRRP, false],
    ["a stranger's", MARKED, STRANGER, false],
    [
      "that the configuration names with its protocol",
      { marks: false, keys: ownedKeys({ ...NOTHING_WANTED, routes: [one({ protocol: 77 })] }) },
      77,
      true,
    ],
    [
      "of a prefix that it names with another protocol",
      { marks: false, keys: ownedKeys({ ...NOTHING_WANTED, routes: [one()] }) },
      77,
      false,
    ],
  ])("that nobody wants, %s", (_what, owned, protocol, goes) => {
    expect(todo({}, { routes: [one({ protocol })] }, owned)).toEqual(goes ? [`delete-route ${NET} ${VIA}`] : []);
  });
});

describe("a rule", () => {
  test("is its key: there, missing, wanted no more", () => {
    expect(todo({ rules: [rule(1), rule(2)] }, { rules: [rule(2), rule(3)] })).toEqual(["delete-rule 3", "add-rule 1"]);
    expect(todo({ rules: [rule(1)] }, { rules: [rule(1, { protocol: STRANGER })] })).toEqual([]);
  });

  test.each<[string, Ownership, number, boolean]>([
    ["ours by its mark", MARKED, RTPROT_VRRP, true],
    ["with our mark beside another daemon", NOBODYS, RTPROT_VRRP, false],
    ["a stranger's", MARKED, STRANGER, false],
    ["that the configuration names", { marks: false, keys: new Set([ruleKey(rule(1))]) }, STRANGER, true],
  ])("that nobody wants, %s", (_what, owned, protocol, goes) => {
    expect(todo({}, { rules: [rule(1, { protocol })] }, owned)).toEqual(goes ? ["delete-rule 1"] : []);
  });
});

test("what goes, goes first: rules, routes, addresses; then what comes: addresses in their order, routes, rules", () => {
  const wanted = {
    addresses: [address("192.0.2.102"), address("192.0.2.101")],
    routes: [route(4, [hop("192.0.2.1")])],
    rules: [rule(1)],
  };
  const there = {
    addresses: [address("192.0.2.200")],
    routes: [route(6, [hop("fe80::1")])],
    rules: [rule(2)],
  };
  expect(todo(wanted, there)).toEqual([
    "delete-rule 2",
    "delete-route 2001:db8:9:: fe80::1",
    "delete-address 192.0.2.200",
    "add-address 192.0.2.102",
    "add-address 192.0.2.101",
    "add-route 198.51.100.0 192.0.2.1",
    "add-rule 1",
  ]);
  expect(plan({ ...NOTHING_WANTED, ...wanted }, seen(wanted), MARKED)).toEqual([]);
});
