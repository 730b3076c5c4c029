// network.yaml: what each key comes to, and what is said of what can't be: with line and column, and the rest goes on.
import { describe, expect, test } from "bun:test";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

function read(text: string) {
  const findings = createFindings();
  const network = readNetwork({ name: "network.yaml", text }, findings);
  const said = findings.list.map(
    ({ severity, code, span, message }) => `${severity} ${span?.line}:${span?.column} ${code}: ${message}`,
  );
  return { links: network.links, said };
}

/** The lines of a network below `network:`, indented as they stand. */
function network(...lines: readonly string[]): string {
  return ["network:", "  version: 2", ...lines.map((line) => `  ${line}`), ""].join("\n");
}

const PAIR = network(
  "ethernets:",
  "  port1: {match: {macaddress: '52:54:00:AA:00:01'}, set-name: lan0}",
  "  port2: {match: {path: 'pci-0000:03:00.1'}, set-name: lan1, optional: true}",
  "bonds:",
  "  bond0:",
  "    interfaces: [port1, port2]",
  "    parameters: {mode: 802.3ad, lacp-rate: fast, mii-monitor-interval: 100, transmit-hash-policy: layer3+4, min-links: 1}",
  "vlans:",
  "  front:",
  "    id: 10",
  "    link: bond0",
  "    mtu: 9000",
  "    addresses: [192.0.2.5/24, '2001:db8::5/64']",
  "    nameservers: {addresses: [192.0.2.53], search: [example.org]}",
  "    routes:",
  "      - {to: default, via: 192.0.2.1, metric: 100}",
  "      - {to: 198.51.100.77/24, via: 192.0.2.2, table: 7, on-link: true}",
  "    routing-policy:",
  "      - {from: 192.0.2.0/24, table: 7, priority: 1000}",
);

describe("a bond of two cards with a VLAN on it", () => {
  const { links, said } = read(PAIR);

  test("is read without a word", () => expect(said).toEqual([]));

  test("is made from below", () => expect(links.map(({ name }) => name)).toEqual(["lan0", "lan1", "bond0", "front"]));

  test("finds its cards by what does not change", () => {
    expect(links[0]).toMatchObject({
      kind: "ethernet",
      id: "port1",
      match: { mac: "52:54:00:aa:00:01" },
      optional: false,
    });
    expect(links[1]).toMatchObject({
      kind: "ethernet",
      id: "port2",
      match: { path: "pci-0000:03:00.1" },
      optional: true,
    });
  });

  test("has the bond's parameters", () =>
    expect(links[2]).toMatchObject({
      kind: "bond",
      members: ["port1", "port2"],
      bond: { mode: "802.3ad", lacpRate: "fast", miiMonitorMs: 100, transmitHashPolicy: "layer3+4", minLinks: 1 },
    }));

  test("has addresses, routes without the bits of hosts, and rules", () =>
    expect(links[3]).toMatchObject({
      kind: "vlan",
      vlanId: 10,
      lower: "bond0",
      mtu: 9000,
      addresses: [
        { ip: "192.0.2.5", family: 4, prefix: 24 },
        { ip: "2001:db8::5", family: 6, prefix: 64 },
      ],
      nameservers: ["192.0.2.53"],
      searchDomains: ["example.org"],
      routes: [
        { to: { ip: "0.0.0.0", family: 4, prefix: 0 }, via: "192.0.2.1", metric: 100, onLink: false, type: "unicast" },
        { to: { ip: "198.51.100.0", family: 4, prefix: 24 }, via: "192.0.2.2", table: 7, onLink: true },
      ],
      rules: [{ family: 4, from: { ip: "192.0.2.0", prefix: 24 }, table: 7, priority: 1000 }],
    }));
});

describe("one key", () => {
  const link = (...lines: readonly string[]) =>
    read(network("ethernets:", "  eth0:", ...lines.map((line) => `    ${line}`)));

  test.each([
    ["mtu: 0x5dc", { mtu: 1500 }],
    ["dhcp4: yes", { dhcp4: true }],
    ["dhcp6: false", {}],
    ["accept-ra: off", { acceptRa: false }],
    ["optional: y", { optional: true }],
    ["macaddress: 52:54:00:00:00:0A", { mac: "52:54:00:00:00:0a" }],
    ["match: {driver: [ixgbe, i40e], name: en*}", { match: { drivers: ["ixgbe", "i40e"], name: "en*" } }],
    ["match: {driver: igb}", { match: { drivers: ["igb"] } }],
    [
      "routes: [{to: 198.51.100.9, scope: link}]",
      { routes: [{ to: { ip: "198.51.100.9", prefix: 32 }, scope: "link" }] },
    ],
    ["routes: [{to: 198.51.100.0/24, type: blackhole}]", { routes: [{ type: "blackhole" }] }],
    ["routing-policy: [{mark: 7, table: 7}]", { rules: [{ family: 4, mark: 7, table: 7 }] }],
  ])("%s", (line, expected) => {
    const { links, said } = link(line);
    expect(said).toEqual([]);
    expect(links[0]).toMatchObject(expected);
  });

  test.each([
    ["mtu: 60", "error 5:12 bad-value: expected a number of 68 to 65536 (got 60)"],
    [
      "addresses: 192.0.2.5/24",
      "error 5:18 bad-value: expected a list, [a, b] or lines that begin with - (got 192.0.2.5/24)",
    ],
    [
      "addresses: [192.0.2.5]",
      "error 5:19 bad-value: expected an address with its prefix length, 192.0.2.5/24 (got 192.0.2.5)",
    ],
    [
      "addresses: [192.0.2.5/33]",
      "error 5:19 bad-value: expected an address with its prefix length, 192.0.2.5/24 (got 192.0.2.5/33)",
    ],
    ["adresses: [192.0.2.5/24]", "error 5:7 unknown-key: unknown key adresses"],
    [
      "gateway4: 192.0.2.1",
      "error 5:7 unsupported-key: gateway4 does nothing here: netplan has given it up: write routes with to: default",
    ],
    ["dhcp4: maybe", "error 5:14 bad-value: expected true or false (got maybe)"],
    ["set-name: lan0", "error 5:7 missing-key: set-name needs a match that finds one card"],
    [
      "set-name: a-name-too-long-for-it",
      "error 5:17 bad-value: expected a name of 1 to 15 bytes without / : and blanks (got a-name-too-long-for-it)",
    ],
    ["routes: [{via: 192.0.2.1}]", "error 5:16 missing-key: a route needs to"],
    ["routes: [{to: default}]", "error 5:16 missing-key: a route needs via"],
    [
      "routes: [{to: '::/0', via: 192.0.2.1}]",
      "error 5:29 mixed-families: via 192.0.2.1 is of another family than its destination",
    ],
    ["routing-policy: [{table: 7}]", "error 5:24 missing-key: a rule needs from, to or mark"],
  ])("%s", (line, expected) => {
    const { links, said } = link(line, "accept-ra: true");
    expect(said).toEqual([expected]);
    expect(links.length).toBe(line.startsWith("set-name: lan0") ? 0 : 1);
  });
});

test("of a key that stands twice the first one counts", () => {
  const { links, said } = read(network("ethernets:", "  eth0:", "    mtu: 1500", "    mtu: 9000"));
  expect(said).toEqual(["error 6:7 duplicate-keyword: this key is given twice: the first one counts"]);
  expect(links).toMatchObject([{ mtu: 1500 }]);
});

describe("links against each other", () => {
  test.each([
    [
      "a member that nobody describes",
      ["bonds:", "  b:", "    interfaces: [eth0, eth1]", "ethernets:", "  eth0: {}"],
      "error 5:7 undefined-reference: b lies on eth1, which is not there",
      ["eth0", "b"],
    ],
    [
      "a VLAN on nothing",
      ["vlans:", "  v: {id: 5, link: eth9}"],
      "error 4:16 undefined-reference: v lies on eth9, which is not there",
      [],
    ],
    [
      "a bond without members",
      ["bonds:", "  b: {}"],
      "warning 4:5 empty-list: bond b has no interfaces: nothing can be sent over it",
      ["b"],
    ],
    [
      "a bridge of itself",
      ["bridges:", "  b: {interfaces: [b]}"],
      "error 4:9 link-circle: b lies on itself: b on b",
      ["b"],
    ],
    [
      "one address twice",
      ["ethernets:", "  eth0: {addresses: [192.0.2.5/24]}", "  eth1: {addresses: [192.0.2.5/25]}"],
      "error 5:5 duplicate-address: 192.0.2.5 stands twice",
      ["eth0", "eth1"],
    ],
    [
      "one name twice",
      ["ethernets:", "  eth0: {}", "bridges:", "  eth0: {}"],
      "error 6:5 duplicate-name: eth0 is the name of two links: the first one counts",
      ["eth0"],
    ],
    [
      "a member of two",
      ["ethernets:", "  eth0: {}", "bridges:", "  a: {interfaces: [eth0]}", "  b: {interfaces: [eth0]}"],
      "error 7:9 duplicate-member: eth0 is a member of a already",
      ["eth0", "a", "b"],
    ],
    [
      "a member with an address",
      ["ethernets:", "  eth0: {dhcp4: true}", "bridges:", "  a: {interfaces: [eth0]}"],
      "warning 4:5 without-effect: eth0 is a member of a: addresses belong there",
      ["eth0", "a"],
    ],
    [
      "a VLAN without its number",
      ["ethernets:", "  eth0: {}", "vlans:", "  v: {link: eth0}"],
      "error 6:5 missing-key: vlan v needs id",
      ["eth0"],
    ],
    [
      "wireless",
      ["wifis:", "  w: {}"],
      "error 3:3 unsupported-key: wifis does nothing here: it is for desktops and wireless cards",
      [],
    ],
  ])("%s", (_, lines, expected, made) => {
    const { links, said } = read(network(...lines));
    expect(said).toEqual([expected]);
    expect(links.map(({ name }) => name)).toEqual(made);
  });
});

test.each([
  ["nothing", "", []],
  ["a text", "hello\n", ["error 1:1 bad-value: expected keys with values (got hello)"]],
  ["a list that does not end", "network: [\n", ["error 2:1 yaml-syntax: ", "error 1:10 bad-value: expected keys"]],
  ["another key", "networks: {}\n", ["error 1:1 unknown-key: unknown key networks"]],
])("a file with %s", (_, text, expected) => {
  const { links, said } = read(text);
  expect(links).toEqual([]);
  expect(said.length).toBe(expected.length);
  for (const [n, start] of expected.entries()) expect(said[n]).toStartWith(start);
});
