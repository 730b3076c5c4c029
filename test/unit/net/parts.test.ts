// What a configuration would have in the kernel's tables, asked of the core alone.
import { describe, expect, test } from "bun:test";
import type { Route, Rule } from "../../../src/config/model/net.ts";
import { IFF_RUNNING, IFF_UP, type Link, linkByName, type SeenTables } from "../../../src/net/model.ts";
import {
  isEmpty,
  partOf,
  single,
  staticPart,
  type TablesPart,
  tableScope,
  trackedStatics,
  wantedOf,
} from "../../../src/net/parts.ts";
import {
  blockedOn,
  deviceOf,
  givenNames,
  newPlacement,
  nextPlacement,
  virtualsOf,
} from "../../../src/net/placement.ts";
import { emptyState } from "../../../src/net/seen.ts";
import { address, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";

const link = (index: number, name: string, kind?: string): readonly [number, Link] => [
  index,
  { index, name, flags: IFF_UP | IFF_RUNNING, mtu: 1500, hardwareType: 1, group: 0, ...(kind ? { kind } : {}) },
];
const SEEN: SeenTables = { ...emptyState(), links: new Map([link(2, "eth0"), link(3, "eth1")]) };

test("the whole wish: static things and those of every instance, with who wants them and what waits", () => {
  const one = vrrpInstance();
  const two = vrrpInstance({ name: "B", vrid: 52, interface: "eth9", virtualAddresses: [address("192.0.2.110")] });
  const config = vrrpConfig([one, two], { staticAddresses: [address("192.0.2.50", { device: "eth1" })] });
  const given = new Set<string>();
  const parts = config.instances.map((instance) =>
    partOf(newPlacement(instance, given, SEEN, config.global), instance),
  );
  const resolve = (name: string) => linkByName(SEEN, name);
  const { wanted, waiting, wishes } = wantedOf([staticPart(config), ...parts], resolve);
  expect(wanted.addresses.map(({ ip, index }) => `${ip} ${index}`)).toEqual(["192.0.2.50 3", "192.0.2.100 2"]);
  expect([...wishes.values()].map(({ owner, what }) => `${owner}: ${what}`)).toEqual([
    "undefined: address 192.0.2.50/32",
    "VI_1: address 192.0.2.100/32",
  ]);
  expect(waiting).toEqual(["instance B: address 192.0.2.110 waits: there is no interface eth9"]);
});

test("routes and rules are wished for as addresses are: with their owner, left alone where they were left", () => {
  const origin = { file: "test.conf", line: 1, column: 1 };
  const route = (ip: string, device: string, noTrack = false): Route => ({
    ...{ family: 4, type: "unicast", destination: { ip, prefix: 24 }, device, noTrack, origin },
    ...{ onlink: false, metrics: {}, nextHops: [] },
  });
  const rule: Rule = {
    ...{ family: 4, invert: false, l3mdev: false, noTrack: false, origin },
    ...{ preference: 1000, action: { kind: "table", table: 77 } },
  };
  const routes = [route("198.51.100.0", "eth0", true), route("198.51.101.0", "eth9")];
  const part: TablesPart = { owner: "VI_1", addresses: [], routes, rules: [rule] };
  const resolve = (name: string) => linkByName(SEEN, name);
  const all = wantedOf([part], resolve);
  expect(all.wanted.routes.map(({ destination }) => destination.ip)).toEqual(["198.51.100.0"]);
  expect(all.wanted.rules.map(({ priority }) => priority)).toEqual([1000]);
  expect([...all.wishes.values()].map(({ owner, what, noTrack }) => [owner, what, noTrack])).toEqual([
    ["VI_1", "route 198.51.100.0/24", true],
    ["VI_1", "rule 1000", false],
  ]);
  expect(all.waiting).toEqual(["instance VI_1: route 198.51.101.0/24 waits: there is no interface eth9"]);
  const none = wantedOf([part], resolve, new Map([...all.wishes.keys()].map((key) => [key, undefined])));
  expect([none.wanted.routes, none.wanted.rules, none.wishes.size]).toEqual([[], [], 0]);
});

test("virtual interfaces get names that neither others nor strangers have", () => {
  const vmac = { kind: "macvlan" as const, xmitBase: false, netlinkNotify: false };
  const instance = vrrpInstance({ vmac } as never);
  const seen = { ...SEEN, links: new Map([...SEEN.links, link(7, "vrrp.51", "bridge")]) };
  const given = new Set<string>();
  const { global } = vrrpConfig([]);
  const first = newPlacement(instance, given, seen, global);
  const second = newPlacement(vrrpInstance({ vmac, name: "B", interface: "eth1" } as never), given, seen, global);
  expect([...givenNames([first, second])]).toEqual(["vrrp1.51", "vrrp2.51"]);
  expect(partOf(first, instance).addresses[0]?.device).toBe("vrrp1.51");
  // The same one again tells a takeover that it was rehearsed.
  expect(partOf(first, instance)).toBe(partOf(first, instance));
});

const ORIGIN = { file: "test.conf", line: 1, column: 1 };
const ROUTE: Route = {
  ...{ family: 4, type: "unicast", destination: { ip: "198.51.100.0", prefix: 24 }, device: "eth0", noTrack: false },
  ...{ onlink: false, metrics: {}, nextHops: [], origin: ORIGIN },
};
const RULE: Rule = {
  ...{ family: 4, invert: false, l3mdev: false, noTrack: false, origin: ORIGIN },
  ...{ preference: 1000, action: { kind: "table", table: 77 } },
};

describe("a part", () => {
  test("of an instance is whole: addresses with their interfaces, excluded ones last, routes, rules, and whether it owns them", () => {
    const instance = vrrpInstance({
      ...{ priority: 255, routes: [ROUTE], rules: [RULE] },
      ...{ excludedAddresses: [address("192.0.2.101", { device: "eth1" })] },
    });
    const place = newPlacement(instance, new Set(), SEEN, vrrpConfig([]).global);
    expect(partOf(place, instance)).toEqual({
      owner: "VI_1",
      isAddressOwner: true,
      addresses: [address("192.0.2.100", { device: "eth0" }), address("192.0.2.101", { device: "eth1" })],
      routes: [ROUTE],
      rules: [RULE],
    });
    expect(partOf(place, vrrpInstance({ priority: 254 })).isAddressOwner).toBe(false);
  });

  test("of what is static, and of that what the instances of a track_group depend on", () => {
    const statics = {
      staticAddresses: ["G", "H", undefined].map((trackGroup, i) =>
        address(`192.0.2.${50 + i}`, { device: "eth0", ...(trackGroup !== undefined && { trackGroup }) }),
      ),
      staticRoutes: [
        { ...ROUTE, trackGroup: "G" },
        { ...ROUTE, trackGroup: "G", noTrack: true },
      ],
      staticRules: [{ ...RULE, trackGroup: "H" }],
    };
    const config = vrrpConfig([], statics);
    const { staticAddresses: addresses, staticRoutes: routes, staticRules: rules } = statics;
    expect(staticPart(config)).toEqual({ owner: undefined, addresses, routes, rules });
    // The same one again tells a takeover that it was rehearsed.
    expect(staticPart(config)).toBe(staticPart(config));
    expect(trackedStatics(config, "G")).toEqual({
      ...{ owner: undefined, addresses: addresses.slice(0, 1), routes: routes.slice(0, 1), rules: [] },
    });
    expect([isEmpty(staticPart(config)), isEmpty(staticPart(vrrpConfig([])))]).toEqual([false, true]);
    for (const one of [{ addresses }, { routes }, { rules }])
      expect(isEmpty({ owner: undefined, addresses: [], routes: [], rules: [], ...one })).toBe(false);
  });

  test("says which tables are to be watched: our own routes always, those of other protocols where it names some", () => {
    const none = { owner: undefined, addresses: [], routes: [], rules: [] };
    expect(tableScope([none])).toEqual({ routeProtocols: [18], rules: true });
    const parts = [none, { ...none, routes: [ROUTE, { ...ROUTE, protocol: 77 }] }];
    expect(tableScope(parts)).toEqual({ routeProtocols: [18, 77], rules: true });
  });

  test("of one event or command", () => {
    const { wanted } = wantedOf(
      [{ owner: "A", addresses: [address("192.0.2.1", { device: "eth0" })], routes: [ROUTE], rules: [RULE] }],
      (name) => linkByName(SEEN, name),
    );
    const [one, route, rule] = [wanted.addresses[0], wanted.routes[0], wanted.rules[0]];
    if (!one || !route || !rule) throw new Error("not wanted");
    const nothing = { addresses: [], routes: [], rules: [] };
    expect([
      single({ kind: "add-address", address: one }),
      single({ kind: "delete-route", route }),
      single({ kind: "rule", change: "removed", rule, ours: false }),
    ]).toEqual([
      { ...nothing, addresses: [one] },
      { ...nothing, routes: [route] },
      { ...nothing, rules: [rule] },
    ]);
  });
});

test("an address follows its interface when that comes back with another index", () => {
  const part: TablesPart = { owner: "A", addresses: [address("192.0.2.1", { device: "eth0" })], routes: [], rules: [] };
  const indexes = [2, 2, 7].map((index) => wantedOf([part], () => ({ index })).wanted.addresses[0]?.index);
  expect(indexes).toEqual([2, 2, 7]);
});

describe("the place of an address", () => {
  const { global } = vrrpConfig([]);
  const vmac = { kind: "macvlan" as const, xmitBase: false };
  const place = (more: Parameters<typeof vrrpInstance>[0], given = new Set<string>()) =>
    newPlacement(vrrpInstance(more), given, SEEN, global);
  const own = address("192.0.2.101", { useVmac: true });

  test.each<[string, Parameters<typeof vrrpInstance>[0], Parameters<typeof address>[1], string | undefined]>([
    ["the instance's interface", {}, {}, "eth0"],
    ["what its line names", {}, { device: "eth1" }, "eth1"],
    ["the instance's virtual MAC", { vmac }, {}, "vrrp.51"],
    ["the instance's virtual MAC, also where the line names what is below it", { vmac }, { device: "eth0" }, "vrrp.51"],
    ["what its line names, beside a virtual MAC", { vmac }, { device: "eth1" }, "eth1"],
    ["of the other family: not the virtual MAC", { vmac }, { family: 6 }, "eth0"],
    ["a virtual MAC of its own", { virtualAddresses: [own] }, { useVmac: true }, "vrrp.51"],
    ["none of its own beside one that has", { virtualAddresses: [own] }, {}, "eth0"],
  ])("%s", (_what, more, line, want) => {
    expect(deviceOf(place(more), address("192.0.2.100", line))).toBe(want as string);
  });

  test("virtual MACs of addresses are one for each interface below and family, with names that nobody else has", () => {
    const given = new Set<string>();
    const virtualAddresses = [
      own,
      address("192.0.2.102", { useVmac: true }),
      address("192.0.2.103", { useVmac: true, device: "eth1" }),
    ];
    const first = place({ virtualAddresses }, given);
    expect(virtualsOf(first).map(({ name, parent }) => `${name} on ${parent}`)).toHaveLength(2);
    expect([...given].toSorted()).toEqual(
      virtualsOf(first)
        .map(({ name }) => name)
        .toSorted(),
    );
    expect([...givenNames([first])]).toEqual([...given]);
    // Another configuration of the same instance: those that are needed stay, the very same; the others are not carried on.
    const next = nextPlacement(first, vrrpInstance({ virtualAddresses: [own] }), given, SEEN, global);
    expect(virtualsOf(next)).toHaveLength(1);
    expect(virtualsOf(next)[0]).toBe(virtualsOf(first)[0] as never);
    // Without any it is the same map as before: what was made with it holds.
    const plain = place({});
    expect(nextPlacement(plain, vrrpInstance(), given, SEEN, global).addressVmacs).toBe(plain.addressVmacs);
  });

  test("what is not accepted is blocked on the link that the address is on, where there is one", () => {
    const excludedAddresses = [address("192.0.2.101", { device: "eth1" }), address("192.0.2.102", { device: "eth9" })];
    const closed = vrrpInstance({ accept: false, excludedAddresses });
    expect(blockedOn(place({}), closed, SEEN)).toEqual([
      { ip: "192.0.2.100", index: 2 },
      { ip: "192.0.2.101", index: 3 },
    ]);
    expect(blockedOn(place({}), { ...closed, accept: true }, SEEN)).toEqual([]);
  });
});
