import { describe, expect, test } from "bun:test";
import { IFA_F_NODAD, type InterfaceAddress, type Link, type SeenTables } from "../../../src/net/model.ts";
import type { VirtualInterface } from "../../../src/net/vmac.ts";
import { describeDrift, planVirtual, type VirtualPlan } from "../../../src/net/vmac-plan.ts";

const V4: VirtualInterface = {
  ...{ name: "vrrp.51", parent: "eth0", family: 4 },
  form: { kind: "macvlan", mac: "00:00:5e:00:01:33" },
};
const V6: VirtualInterface = { ...V4, family: 6, form: { kind: "macvlan", mac: "00:00:5e:00:02:33" } };
const IPVLAN: VirtualInterface = {
  ...{ ...V4, form: { kind: "ipvlan", mode: "bridge" } },
  address: { ip: "192.0.2.7", prefix: 32 },
};
const ETH0: Link = { index: 2, name: "eth0", flags: 0x43, mtu: 1500, hardwareType: 1, group: 5 };
const SETTINGS = { arp_ignore: 1, accept_local: 1, rp_filter: 0, promote_secondaries: 1 };
const OURS: Link = {
  ...ETH0,
  ...{ index: 9, name: "vrrp.51", kind: "macvlan", mode: 1, parent: 2, mac: "00:00:5e:00:01:33", ipv4: SETTINGS },
};
const OURS6: Link = { ...OURS, mac: "00:00:5e:00:02:33" };
const OURS_IP: Link = { ...OURS, kind: "ipvlan", mode: 0 };
const LOCAL: InterfaceAddress = { family: 6, index: 2, ip: "fe80::a", prefix: 64, flags: 0x80 };

function seen(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[] = [],
): Pick<SeenTables, "links" | "addresses"> {
  return {
    links: new Map(links.map((link) => [link.index, link])),
    addresses: new Map(addresses.map((address) => [`${address.index}|${address.ip}`, address])),
  };
}

function kinds(plan: VirtualPlan): string {
  return plan.ok ? plan.steps.map(({ kind }) => kind).join(" ") : plan.reason;
}

describe("virtual interfaces: the steps", () => {
  const own = { ...LOCAL, index: 9 };
  test.each([
    ["none there", V4, seen([ETH0]), false, "create settings disable-ipv6 no-address-generation up"],
    ["gone", V4, seen([ETH0]), true, "create settings disable-ipv6 no-address-generation up"],
    [
      "news of the parent",
      { ...V4, notifyParent: true as const },
      seen([ETH0]),
      false,
      "create retell settings disable-ipv6 no-address-generation up",
    ],
    ["of another process, as wanted", V4, seen([ETH0, OURS]), false, "disable-ipv6 no-address-generation"],
    ["as wanted", V4, seen([ETH0, OURS]), true, ""],
    [
      "as wanted, on a kernel that tells no settings",
      V4,
      seen([ETH0, { ...OURS, ipv4: undefined } as unknown as Link]),
      true,
      "",
    ],
    ["set down", V4, seen([ETH0, { ...OURS, flags: 2 }]), true, "up"],
    [
      "with a setting of somebody else",
      V4,
      seen([ETH0, { ...OURS, ipv4: { ...SETTINGS, rp_filter: 2 } }]),
      true,
      "settings",
    ],
    [
      "with another MAC",
      V4,
      seen([ETH0, { ...OURS, mac: "02:00:00:00:00:01" }]),
      true,
      "delete create settings disable-ipv6 no-address-generation up",
    ],
    [
      "on another parent",
      V4,
      seen([ETH0, { ...OURS, parent: 3 }]),
      true,
      "delete create settings disable-ipv6 no-address-generation up",
    ],
    ["a stranger's", V4, seen([ETH0, { ...OURS, kind: "veth" }]), false, "vrrp.51 is a veth, not a macvlan"],
    ["without a parent", V4, seen([]), true, "no interface eth0"],
    ["IPv6, none there", V6, seen([ETH0], [LOCAL]), false, "create settings no-address-generation up address"],
    ["IPv6, as wanted", V6, seen([ETH0, OURS6], [LOCAL, own]), true, ""],
    ["IPv6, the parent got its address later", V6, seen([ETH0, OURS6], [LOCAL]), true, "address"],
    ["IPv6, the parent has none", V6, seen([ETH0, OURS6]), true, ""],
    ["ipvlan, none there", IPVLAN, seen([ETH0]), false, "create settings no-address-generation up address"],
    ["ipvlan, its address is gone", IPVLAN, seen([ETH0, OURS_IP]), true, "address"],
    [
      "ipvlan, as wanted",
      IPVLAN,
      seen([ETH0, OURS_IP], [{ ...LOCAL, family: 4, index: 9, ip: "192.0.2.7" }]),
      true,
      "",
    ],
  ] as const)("%s", (_what, wish, tables, isKnown, steps) => {
    expect(kinds(planVirtual(wish, tables, isKnown))).toBe(steps);
  });

  test("only what differs is set, and is told by name", () => {
    const plan = planVirtual(V4, seen([ETH0, { ...OURS, flags: 2, ipv4: { ...SETTINGS, rp_filter: 1 } }]), true);
    if (!plan.ok) throw new Error(plan.reason);
    expect(plan.steps[0]).toEqual({ kind: "settings", values: [["rp_filter", 0]] });
    expect(describeDrift(plan.steps)).toBe("rp_filter, up");
    const anew = planVirtual(V4, seen([ETH0]), true);
    expect(anew.ok && describeDrift(anew.steps)).toBe("made anew");
  });

  test("a link-local address that the parent got only now is nobody's change, another address is", () => {
    const late = planVirtual(V6, seen([ETH0, OURS6], [LOCAL]), true);
    expect(late.ok && describeDrift(late.steps)).toBe("");
    const taken = planVirtual(IPVLAN, seen([ETH0, OURS_IP]), true);
    expect(taken.ok && describeDrift(taken.steps)).toBe("192.0.2.7");
  });

  test("the parent's link-local address: without duplicate detection, and not preferred", () => {
    const plan = planVirtual(V6, seen([ETH0, OURS6], [LOCAL]), true);
    expect(plan.ok && plan.steps).toMatchObject([
      { kind: "address", address: { ip: "fe80::a", prefix: 64, flags: IFA_F_NODAD, preferredS: 0 } },
    ]);
  });

  test("one on a parent in a VRF goes there, too", () => {
    const vrf: Link = { ...ETH0, index: 3, name: "red", kind: "vrf" };
    const plan = planVirtual(V4, seen([{ ...ETH0, master: 3 }, vrf]), false);
    expect(plan.ok && plan.steps[0]).toMatchObject({ kind: "create", link: { parent: 2, master: 3, group: 5 } });
  });
});
