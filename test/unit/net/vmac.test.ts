import { describe, expect, test } from "bun:test";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import type { Link } from "../../../src/net/model.ts";
import {
  addressInterface,
  addressParent,
  newLinkOf,
  presenceOf,
  virtualInterfaceOf,
  virtualRouterMac,
} from "../../../src/net/vmac.ts";

const instance = (family: 4 | 6, vrid: number, vmac: VrrpInstance["vmac"]) =>
  ({ family, vrid, interface: "eth0", vmac }) as VrrpInstance;
const PLAIN = { kind: "macvlan" as const, xmitBase: false };
const GLOBAL = { vmacPrefix: "vrrp" };
const ETH0: Link = { index: 2, name: "eth0", flags: 0x43, mtu: 1500, hardwareType: 1, group: 5 };
const nobody = () => false;

describe("name and MAC", () => {
  test.each([
    [4 as const, 51, "vrrp.51", "00:00:5e:00:01:33"],
    [6 as const, 255, "vrrp.255", "00:00:5e:00:02:ff"],
  ])("IPv%d, VRID %d", (family, vrid, name, mac) => {
    expect(virtualInterfaceOf(instance(family, vrid, PLAIN), GLOBAL, nobody)).toEqual({
      name,
      parent: "eth0",
      family,
      form: { kind: "macvlan", mac },
    });
    expect(virtualRouterMac(family, vrid)).toBe(mac);
  });

  test.each<[string, 4 | 6, string[], string]>([
    ["taken, IPv4", 4, ["vrrp.51"], "vrrp1.51"],
    ["taken, IPv6", 6, ["vrrp.51"], "vrrp6.51"],
    ["both taken, IPv6", 6, ["vrrp.51", "vrrp6.51"], "vrrp1.51"],
    ["more taken", 4, ["vrrp.51", "vrrp1.51", "vrrp2.51"], "vrrp3.51"],
  ])("%s", (_why, family, taken, name) => {
    expect(virtualInterfaceOf(instance(family, 51, PLAIN), GLOBAL, (n) => taken.includes(n))?.name).toBe(name);
  });

  test("names are cut to what the kernel takes; a configured name and MAC are used as they are", () => {
    const long = virtualInterfaceOf(instance(4, 255, PLAIN), { vmacPrefix: "averylongprefix" }, nobody);
    expect(long?.name).toBe("averylongpr.255");
    const own = instance(4, 51, { ...PLAIN, interface: "vip0", mac: "02:AA:00:00:00:01", group: 7 });
    expect(virtualInterfaceOf(own, GLOBAL, nobody)).toMatchObject({
      name: "vip0",
      form: { mac: "02:aa:00:00:00:01" },
      group: 7,
    });
    expect(virtualInterfaceOf(instance(4, 51, undefined), GLOBAL, nobody)).toBeUndefined();
  });
});

describe("addresses with a virtual MAC of their own", () => {
  const on4 = { ...instance(4, 51, PLAIN), vmacForAddresses: false };
  const bare = { ...instance(4, 51, undefined), vmacForAddresses: false };
  const all = { ...on4, vmacForAddresses: true };
  test.each<[string, VrrpInstance, { device?: string; family: 4 | 6; useVmac: boolean }, string | undefined]>([
    ["of the instance's interface", on4, { family: 4, useVmac: true }, undefined],
    ["of that interface by name", on4, { family: 4, device: "eth0", useVmac: true }, undefined],
    ["of an instance without one", bare, { family: 4, useVmac: true }, "eth0"],
    ["elsewhere, asked for", bare, { family: 4, device: "eth1", useVmac: true }, "eth1"],
    ["elsewhere, not asked for", on4, { family: 4, device: "eth1", useVmac: false }, undefined],
    ["elsewhere, use_vmac_addr", all, { family: 4, device: "eth1", useVmac: false }, "eth1"],
    ["the other family, use_vmac_addr", all, { family: 6, useVmac: false }, "eth0"],
    ["the other family, not asked for", on4, { family: 6, useVmac: false }, undefined],
  ])("%s", (_why, of, address, parent) => {
    expect(addressParent(of, address)).toBe(parent);
  });

  test("name with vmac_addr_prefix, MAC by the address's family or as configured", () => {
    const made = addressInterface(bare, "eth1", 6, { vmacAddrPrefix: "lba" }, nobody);
    expect(made).toEqual({
      name: "lba.51",
      parent: "eth1",
      family: 6,
      form: { kind: "macvlan", mac: "00:00:5e:00:02:33" },
    });
    const own = instance(4, 51, { ...PLAIN, mac: "02:AA:00:00:00:01" });
    expect(addressInterface(own, "eth1", 4, { vmacAddrPrefix: "lba" }, nobody).form).toMatchObject({
      mac: "02:aa:00:00:00:01",
    });
  });
});

describe("what a link of that name is", () => {
  const wish = {
    name: "vrrp.51",
    parent: "eth0",
    family: 4 as const,
    form: { kind: "macvlan" as const, mac: "00:00:5e:00:01:33" },
  };
  const there: Link = {
    ...ETH0,
    index: 9,
    name: "vrrp.51",
    kind: "macvlan",
    mode: 1,
    parent: 2,
    mac: "00:00:5e:00:01:33",
  };
  const seen = (...links: Link[]) => ({ links: new Map(links.map((link) => [link.index, link])) });

  test.each<[string, Link | undefined, string]>([
    ["nothing", undefined, "absent"],
    ["ours", there, "adopt"],
    ["other MAC", { ...there, mac: "00:00:5e:00:01:34" }, "replace"],
    ["other parent", { ...there, parent: 3 }, "replace"],
    ["other mode", { ...there, mode: 4 }, "replace"],
    ["a bridge", { ...there, kind: "bridge" }, "stranger"],
    ["hardware", { ...ETH0, index: 9, name: "vrrp.51" }, "stranger"],
  ])("%s", (_why, link, kind) => {
    expect(presenceOf(wish, seen(ETH0, ...(link ? [link] : []))).kind).toBe(kind as never);
  });

  test("on a macvlan it lies on what that lies on, here or in another namespace", () => {
    const middle: Link = { ...ETH0, kind: "macvlan", mode: 4, parent: 7 };
    expect(presenceOf(wish, seen(middle, { ...there, parent: 7 })).kind).toBe("adopt");
    expect(presenceOf(wish, seen(middle, there)).kind).toBe("replace");
    const { parent: _, ...foreign } = middle;
    const { parent: __, ...lifted } = there;
    expect(presenceOf(wish, seen(foreign, lifted)).kind).toBe("adopt");
  });

  test("it gets the parent's group, and its VRF but not its bridge", () => {
    expect(newLinkOf(wish, { ...ETH0, master: 4 }, false)).toMatchObject({ parent: 2, group: 5 });
    expect(newLinkOf(wish, { ...ETH0, master: 4 }, false)).not.toHaveProperty("master");
    expect(newLinkOf(wish, { ...ETH0, master: 4 }, true)).toMatchObject({ master: 4 });
    expect(newLinkOf({ ...wish, form: { kind: "ipvlan", mode: "vepa" } }, ETH0, false).form).toEqual({
      kind: "ipvlan",
      flags: 2,
    });
  });
});
