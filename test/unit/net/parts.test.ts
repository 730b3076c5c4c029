// What a configuration would have in the kernel's tables, asked of the core alone.
import { expect, test } from "bun:test";
import { IFF_RUNNING, IFF_UP, type Link, linkByName, type SeenTables } from "../../../src/net/model.ts";
import { partOf, staticPart, wantedOf } from "../../../src/net/parts.ts";
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
