// What a configuration would have in the kernel's tables, asked of the core alone.
import { expect, test } from "bun:test";
import type { Route, Rule } from "../../../src/config/model/net.ts";
import { IFF_RUNNING, IFF_UP, type Link, linkByName, type SeenTables } from "../../../src/net/model.ts";
import { partOf, staticPart, type TablesPart, wantedOf } from "../../../src/net/parts.ts";
import { givenNames, newPlacement } from "../../../src/net/placement.ts";
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
