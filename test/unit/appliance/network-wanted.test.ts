// network.yaml in the kernel's terms: which card is which link, what is made for the others, and the tables that they fill.
import { describe, expect, test } from "bun:test";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { assignCards, type Card, formOf, wantedTables } from "../../../src/appliance/network/wanted.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

function read(...lines: readonly string[]) {
  const text = ["network:", "  version: 2", ...lines.map((line) => `  ${line}`), ""].join("\n");
  const findings = createFindings();
  const network = readNetwork({ name: "network.yaml", text }, findings);
  expect(findings.list.filter(({ severity }) => severity === "error")).toEqual([]);
  return network;
}

const CARDS: readonly Card[] = [
  { name: "eth0", mac: "52:54:00:aa:00:01", driver: "virtio_net", path: "pci-0000:03:00.0" },
  { name: "eth1", mac: "52:54:00:aa:00:02", driver: "e1000e", path: "pci-0000:03:00.1" },
  { name: "lan9", firstName: "eth2", mac: "52:54:00:aa:00:03", driver: "e1000" },
];

describe("a card", () => {
  const assigned = (...lines: readonly string[]) => {
    const { assignments, absent, doubts } = assignCards(read("ethernets:", ...lines), CARDS);
    return {
      cards: assignments.map(({ link, card }) => `${link.id}: ${card.name}`),
      absent: absent.map(({ id }) => id),
      doubts,
    };
  };

  test.each<[string, string, readonly string[]]>([
    ["of its name", "eth1: {dhcp4: true}", ["eth1: eth1"]],
    ["of the name that it had first", "eth2: {dhcp4: true}", ["eth2: lan9"]],
    ["not of the name that it was given", "lan9: {dhcp4: true}", []],
    ["by its MAC, in whatever case", "a: {match: {macaddress: '52:54:00:AA:00:02'}}", ["a: eth1"]],
    ["by its path", "a: {match: {path: 'pci-0000:03:00.1'}}", ["a: eth1"]],
    ["by its driver", "a: {match: {driver: virtio_net}}", ["a: eth0"]],
    ["by a pattern of its driver", "a: {match: {driver: 'e1000?'}}", ["a: eth1"]],
    ["by a pattern of its first name", "a: {match: {name: '*2'}}", ["a: lan9"]],
    ["by all that is named", "a: {match: {name: 'eth*', driver: e1000e}}", ["a: eth1"]],
    ["none, where one of it does not fit", "a: {match: {name: eth0, driver: e1000e}}", []],
    ["none, where a dot is no pattern", "a: {match: {name: 'e.h0'}}", []],
  ])("%s", (_what, line, cards) => {
    const absent = cards.length === 0 ? [line.slice(0, line.indexOf(":"))] : [];
    expect(assigned(`  ${line}`)).toEqual({ cards: [...cards], absent, doubts: [] });
  });

  test("that several links fit is the first one's, and that is said of the others", () => {
    expect(assigned("  a: {match: {driver: virtio_net}}", "  b: {match: {name: eth0}}")).toEqual({
      cards: ["a: eth0"],
      absent: ["b"],
      doubts: ["b: eth0 (52:54:00:aa:00:01) is a already"],
    });
  });

  test("of several that fit the first is taken, of those that are left, and said so", () => {
    expect(
      assigned("  a: {match: {name: 'eth*'}}", "  b: {match: {name: 'eth*'}}", "  c: {match: {driver: e1000}}"),
    ).toEqual({
      cards: ["a: eth0", "b: eth1", "c: lan9"],
      absent: [],
      doubts: [
        "a: eth0 (52:54:00:aa:00:01) and eth1 (52:54:00:aa:00:02) and lan9 (52:54:00:aa:00:03) fit; eth0 is taken",
        "b: eth1 (52:54:00:aa:00:02) and lan9 (52:54:00:aa:00:03) fit; eth1 is taken",
      ],
    });
  });
});

const STACK = read(
  "ethernets:",
  "  eth0: {addresses: [192.0.2.5/24, '2001:db8::5/64']}",
  "bonds:",
  "  bond0: {interfaces: [eth0], parameters: {mode: 802.3ad, lacp-rate: fast, transmit-hash-policy: layer3+4, min-links: 1}}",
  "  bond1: {parameters: {arp-interval: 200, arp-ip-targets: [192.0.2.1]}}",
  "dummy-devices:",
  "  d0: {addresses: [192.0.2.9/32]}",
  "vlans:",
  "  front:",
  "    id: 10",
  "    link: bond0",
  "    routes:",
  "      - {to: default, via: 192.0.2.1, metric: 100}",
  "      - {to: 198.51.100.77/24, via: 192.0.2.2, table: 7, on-link: true, mtu: 1400, from: 192.0.2.5}",
  "      - {to: '2001:db8:9::/64', via: 'fe80::1'}",
  "      - {to: 203.0.113.0/24, type: blackhole}",
  "    routing-policy:",
  "      - {from: 192.0.2.0/24, table: 7, priority: 1000}",
  "      - {to: 203.0.113.0/24, table: 8, mark: 5}",
);

describe("what is made for a link", () => {
  const form = (id: string, indexOf: (id: string) => number | undefined = () => 5) => {
    const link = STACK.links.find((one) => one.id === id);
    return link && formOf(link, indexOf);
  };

  test("nothing for a card; a VLAN on what it lies on, when that is there", () => {
    expect(form("eth0")).toBeUndefined();
    expect(form("d0")).toEqual({ kind: "dummy" });
    expect(form("front", (id) => (id === "bond0" ? 7 : undefined))).toEqual({ kind: "vlan", lower: 7, id: 10 });
    expect(form("front", () => undefined)).toBeUndefined();
  });

  test("a bond with the kernel's numbers of its words; one that nobody monitors is monitored each tenth of a second", () => {
    expect<unknown>(form("bond0")).toEqual({
      kind: "bond",
      options: { mode: 4, miimon: 100, adLacpRate: 1, xmitHashPolicy: 1, minLinks: 1 },
    });
    expect<unknown>(form("bond1")).toEqual({
      kind: "bond",
      options: { mode: 0, arpInterval: 200, arpTargets: ["192.0.2.1"] },
    });
  });
});

describe("the tables of a network", () => {
  const all = new Map([
    ["eth0", 2],
    ["d0", 4],
    ["front", 6],
  ]);

  test("have addresses, routes and rules of its links, whole", () => {
    const { addresses, routes, rules } = wantedTables(STACK, (id) => all.get(id));
    expect(
      addresses.map(({ ip, prefix, index, family, flags }) => `${ip}/${prefix} ${index} ${family} ${flags}`),
    ).toEqual(["192.0.2.5/24 2 4 0", "2001:db8::5/64 2 6 0", "192.0.2.9/32 4 4 0"]);
    const route = { family: 4, type: 1, tos: 0, table: 254, metric: 0, protocol: 4, metrics: new Map() };
    const hop = { index: 6, weight: 1, onlink: false };
    expect<unknown>(routes).toEqual([
      { ...route, destination: { ip: "0.0.0.0", prefix: 0 }, metric: 100, hops: [{ ...hop, via: "192.0.2.1" }] },
      {
        ...{ ...route, destination: { ip: "198.51.100.0", prefix: 24 }, table: 7, source: "192.0.2.5" },
        ...{ hops: [{ ...hop, via: "192.0.2.2", onlink: true }], metrics: new Map([[2, 1400]]) },
      },
      {
        ...{ ...route, family: 6, destination: { ip: "2001:db8:9::", prefix: 64 }, metric: 1024 },
        hops: [{ ...hop, via: "fe80::1" }],
      },
      { ...route, destination: { ip: "203.0.113.0", prefix: 24 }, type: 6, hops: [] },
    ]);
    const rule = { family: 4, invert: false, tos: 0, l3mdev: false, protocol: 4 };
    expect<unknown>(rules).toEqual([
      { ...rule, priority: 1000, from: { ip: "192.0.2.0", prefix: 24 }, action: { kind: "table", table: 7 } },
      {
        ...{ ...rule, priority: 30_000, to: { ip: "203.0.113.0", prefix: 24 } },
        ...{ fwmark: { mark: 5, mask: 0xffff_ffff }, action: { kind: "table", table: 8 } },
      },
    ]);
  });

  test("are without what belongs to a link that is not there, but for its rules", () => {
    const { addresses, routes, rules } = wantedTables(STACK, (id) => (id === "d0" ? 4 : undefined));
    expect([addresses.map(({ ip }) => ip), routes, rules.length]).toEqual([["192.0.2.9"], [], 2]);
  });
});
