// network.yaml in a kernel: every key that the appliance takes, as ip(8) shows it afterwards. Cards are dummies that are called so.
import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";
import { kernelModules } from "../../../src/kernel/modules.ts";
import { openRtnetlink } from "../../../src/kernel/rtnetlink.ts";
import { bringUp, LINK_DRIVERS } from "../../../src/process/appliance/network.ts";
import { setLinkSetting } from "../../../src/process/appliance/network-keeper.ts";
import { retire } from "../../../src/process/appliance/network-retire.ts";

const CARDS = [
  { name: "c0", mac: "02:00:00:00:00:01", driver: "fast", path: "pci-0000:01:00.0" },
  { name: "c1", mac: "02:00:00:00:00:02", driver: "slow", path: "pci-0000:02:00.0" },
];

const made = new Set<string>();
afterEach(() => {
  for (const name of [...made].reverse()) spawnSync("ip", ["link", "del", name]);
  made.clear();
  for (const family of ["-4", "-6"]) spawnSync("ip", [family, "rule", "flush", "protocol", "static"]);
});

function ip(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync("ip", ["-d", "-j", ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/** What is there stays. */
function bringAgain(text: string): void {
  const findings = createFindings();
  const wanted = readNetwork({ name: "network.yaml", text }, findings);
  expect(findings.list).toEqual([]);
  const rtnetlink = openRtnetlink();
  const modules = kernelModules();
  const driver = (kind: keyof typeof LINK_DRIVERS) => {
    const outcome = modules.load(...LINK_DRIVERS[kind]);
    return outcome.kind === "failed" ? outcome.reason : undefined;
  };
  const faults = bringUp(wanted, {
    rtnetlink,
    cards: () => CARDS,
    driver,
    firstNames: new Map(),
    setting: setLinkSetting,
  });
  for (const { name } of wanted.links) made.add(name);
  rtnetlink[Symbol.dispose]();
  expect(faults).toEqual([]);
}

/** Brings it up twice: the second time there is nothing to do, and nothing changes. */
function bring(text: string) {
  for (const { name, mac } of CARDS) {
    const { stderr } = spawnSync("ip", ["link", "add", name, "address", mac, "type", "dummy"], { encoding: "utf8" });
    expect(stderr).toBe("");
    made.add(name);
  }
  const findings = createFindings();
  const network = readNetwork({ name: "network.yaml", text }, findings);
  expect(findings.list.map(({ message }) => message)).toEqual([]);
  const modules = kernelModules();
  const rtnetlink = openRtnetlink();
  const firstNames = new Map<string, string>();
  const driver = (kind: keyof typeof LINK_DRIVERS) => {
    const outcome = modules.load(...LINK_DRIVERS[kind]);
    return outcome.kind === "failed" ? outcome.reason : undefined;
  };
  const present = () => {
    const names = new Set(ip("link", "show").map(({ ifname }: { ifname: string }) => ifname));
    return CARDS.map((card) => {
      const renamed = [...firstNames].find(([, first]) => first === card.name)?.[0];
      return { ...card, name: renamed ?? card.name };
    }).filter(({ name }) => names.has(name));
  };
  const ports = { rtnetlink, cards: present, driver, firstNames, setting: setLinkSetting };
  const first = bringUp(network, ports);
  for (const { name } of network.links) made.add(name);
  const second = bringUp(network, ports);
  expect(second).toEqual(first);
  rtnetlink[Symbol.dispose]();
  return first;
}

function network(...lines: readonly string[]): string {
  return ["network:", "  version: 2", ...lines.map((line) => `  ${line}`), ""].join("\n");
}

const link = (name: string) => ip("link", "show", name)[0];

describe("cards", () => {
  test("get their names by address and by place, also each other's", () => {
    expect(
      bring(
        network(
          "ethernets:",
          "  a: {match: {macaddress: '02:00:00:00:00:02'}, set-name: c0}",
          "  b: {match: {path: 'pci-0000:01:00.0'}, set-name: c1, mtu: 1400}",
        ),
      ),
    ).toEqual([]);
    expect([link("c0").address, link("c1").address, link("c1").mtu]).toEqual([
      "02:00:00:00:00:02",
      "02:00:00:00:00:01",
      1400,
    ]);
  });

  test("keep the name by which a pattern found them", () => {
    expect(bring(network("ethernets:", "  a: {match: {name: 'c?', driver: [fa*]}, set-name: lan0}"))).toEqual([]);
    expect(link("lan0").address).toBe("02:00:00:00:00:01");
  });

  test("that are not there are said, and the rest is up", () => {
    expect(
      bring(
        network(
          "ethernets:",
          "  c0: {addresses: [192.0.2.5/24]}",
          "  z: {match: {macaddress: '02:00:00:00:00:99'}}",
          "  y: {optional: true}",
        ),
      ),
    ).toEqual(["z: no network card fits address 02:00:00:00:00:99"]);
    expect(ip("addr", "show", "c0")[0].addr_info.some(({ local }: { local: string }) => local === "192.0.2.5")).toBe(
      true,
    );
  });

  test("have the address that they are given", () => {
    bring(network("ethernets:", "  c0: {macaddress: '02:00:00:00:00:77'}"));
    expect(link("c0").address).toBe("02:00:00:00:00:77");
  });
});

describe("a bond", () => {
  test.each([
    [
      "mode: balance-rr, resend-igmp: 3, packets-per-member: 5",
      { mode: "balance-rr", resend_igmp: 3, packets_per_slave: 5 },
    ],
    [
      "mode: active-backup, primary: c1, primary-reselect-policy: better, fail-over-mac-policy: active, gratuitous-arp: 4",
      { mode: "active-backup", primary: "c1", primary_reselect: "better", fail_over_mac: "active", num_peer_notif: 4 },
    ],
    [
      "mode: balance-xor, transmit-hash-policy: layer3+4, mii-monitor-interval: 200, up-delay: 400, down-delay: 600ms",
      { mode: "balance-xor", xmit_hash_policy: "layer3+4", miimon: 200, updelay: 400, downdelay: 600 },
    ],
    [
      "mode: 802.3ad, lacp-rate: fast, ad-select: bandwidth, min-links: 2, all-members-active: true",
      { mode: "802.3ad", ad_lacp_rate: "fast", ad_select: "bandwidth", min_links: 2, all_slaves_active: 1 },
    ],
    [
      "mode: active-backup, arp-interval: 1s, arp-ip-targets: [192.0.2.1, 192.0.2.2], arp-validate: all, arp-all-targets: all",
      { arp_interval: 1000, arp_validate: "all", arp_all_targets: "all", arp_ip_target: ["192.0.2.1", "192.0.2.2"] },
    ],
    ["mode: balance-alb, learn-packet-interval: 3", { mode: "balance-alb", lp_interval: 3 }],
    // netplan's older words for the same.
    [
      "mode: balance-rr, packets-per-slave: 7, all-slaves-active: true",
      { mode: "balance-rr", packets_per_slave: 7, all_slaves_active: 1 },
    ],
    ["mode: active-backup, gratuitious-arp: 6", { mode: "active-backup", num_peer_notif: 6 }],
    ["mode: broadcast", { mode: "broadcast", miimon: 100 }],
  ])("{%s}", (parameters, expected) => {
    expect(
      bring(
        network(
          "ethernets: {c0: {}, c1: {}}",
          "bonds:",
          `  bond0: {interfaces: [c0, c1], parameters: {${parameters}}}`,
        ),
      ),
    ).toEqual([]);
    expect(link("bond0").linkinfo.info_data).toMatchObject(expected);
    expect([link("c0").master, link("c1").master]).toEqual(["bond0", "bond0"]);
    expect(link("bond0").flags).toContain("UP");
  });
});

test("a bridge has its times and members, a VLAN its number and what it lies on, a dummy nothing", () => {
  const faults = bring(
    network(
      "ethernets: {c0: {}}",
      "bridges:",
      "  br0: {interfaces: [c0], parameters: {stp: false, forward-delay: 4, hello-time: 2, max-age: 12, ageing-time: 100, priority: 4096}}",
      "  br1: {parameters: {aging-time: 200}}",
      "vlans: {v7: {id: 7, link: br0, mtu: 1450}}",
      "dummy-devices: {d0: {addresses: [203.0.113.9/32]}}",
    ),
  );
  expect(faults).toEqual([]);
  expect(link("br1").linkinfo.info_data).toMatchObject({ stp_state: 1, ageing_time: 20000 });
  expect(link("br0").linkinfo.info_data).toMatchObject({
    stp_state: 0,
    forward_delay: 400,
    hello_time: 200,
    max_age: 1200,
    ageing_time: 10000,
    priority: expect.anything(),
  });
  expect(link("c0").master).toBe("br0");
  expect(link("v7")).toMatchObject({
    link: "br0",
    mtu: 1450,
    linkinfo: { info_kind: "vlan", info_data: { id: 7, protocol: "802.1Q" } },
  });
  expect(link("d0").linkinfo.info_kind).toBe("dummy");
});

test("addresses, routes and rules are those of the file", () => {
  const faults = bring(
    network(
      "ethernets:",
      "  c0:",
      "    addresses: [192.0.2.5/24, '2001:db8::5/64']",
      "    routes:",
      "      - {to: default, via: 192.0.2.1, metric: 77}",
      "      - {to: 198.51.100.0/24, via: 203.0.113.1, on-link: true, table: 7, from: 192.0.2.5, mtu: 1300}",
      "      - {to: 198.51.100.9, scope: link}",
      "      - {to: 203.0.113.0/24, type: blackhole}",
      "      - {to: 203.0.114.0/24, type: unreachable}",
      "      - {to: 203.0.115.0/24, type: prohibit}",
      "      - {to: '2001:db8:1::/48', via: '2001:db8::1'}",
      "    routing-policy:",
      "      - {from: 192.0.2.0/24, table: 7, priority: 1000}",
      "      - {mark: 5, to: 198.51.100.0/24, table: 8}",
      "      - {from: 192.0.2.5, type-of-service: 16, table: 9, priority: 1001}",
    ),
  );
  expect(faults).toEqual([]);
  const routes = (...words: readonly string[]) => ip("route", "show", "proto", "static", ...words);
  expect(
    routes().map(({ dst, gateway, metric, scope, type }: Record<string, unknown>) => [
      type,
      dst,
      gateway,
      metric,
      scope,
    ]),
  ).toEqual(
    expect.arrayContaining([
      ["unicast", "default", "192.0.2.1", 77, "global"],
      ["unicast", "198.51.100.9", undefined, undefined, "link"],
      ["blackhole", "203.0.113.0/24", undefined, undefined, "global"],
      ["unreachable", "203.0.114.0/24", undefined, undefined, "global"],
      ["prohibit", "203.0.115.0/24", undefined, undefined, "global"],
    ]),
  );
  expect(routes("table", "7")).toMatchObject([
    {
      dst: "198.51.100.0/24",
      gateway: "203.0.113.1",
      flags: ["onlink"],
      prefsrc: "192.0.2.5",
      metrics: [{ mtu: 1300 }],
    },
  ]);
  expect(ip("-6", "route", "show", "proto", "static")).toMatchObject([
    { dst: "2001:db8:1::/48", gateway: "2001:db8::1" },
  ]);
  expect(ip("rule", "show")).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ priority: 1000, src: "192.0.2.0", srclen: 24, table: "7" }),
      expect.objectContaining({
        priority: 1001,
        src: "192.0.2.5",
        table: "9",
        tos: expect.stringMatching(/0x10|lowdelay/),
      }),
      expect.objectContaining({ priority: 30_000, dst: "198.51.100.0", dstlen: 24, fwmark: "0x5", table: "8" }),
    ]),
  );
});

test("router advertisements are taken where accept-ra says so, by a machine that forwards", () => {
  bring(network("ethernets: {c0: {accept-ra: true}, c1: {accept-ra: false}}"));
  const taken = (name: string) => readFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, "utf8").trim();
  expect([taken("c0"), taken("c1")]).toEqual(["2", "0"]);
});

test("another network takes the place of one that is up: what it lacks goes, what both have stays", () => {
  const lines = (mode: string, vlan: number) => [
    "ethernets: {c0: {}, c1: {}}",
    `bonds: {bond0: {interfaces: [c0, c1], parameters: {mode: ${mode}}}}`,
    `vlans: {v7: {id: ${vlan}, link: bond0, addresses: [192.0.2.5/24]}}`,
    "dummy-devices: {d0: {addresses: [203.0.113.9/32]}}",
  ];
  const rtnetlink = openRtnetlink();
  const read = (text: string) => readNetwork({ name: "network.yaml", text }, createFindings());
  bring(network(...lines("active-backup", 7)));
  const before = read(network(...lines("active-backup", 7)));
  const index = (name: string): number => link(name).ifindex;
  const [bond, vlan] = [index("bond0"), index("v7")];

  const another = [
    "ethernets:",
    "  c0: {}",
    "  c1: {addresses: [198.51.100.5/24], routes: [{to: 10.0.0.0/8, via: 198.51.100.1}], routing-policy: [{from: 198.51.100.0/24, table: 9}]}",
    "bonds: {bond0: {interfaces: [c0], parameters: {mode: active-backup}}}",
    "vlans: {v7: {id: 7, link: bond0, addresses: [192.0.2.6/24]}}",
  ];
  expect(retire(before, read(network(...another)), rtnetlink)).toEqual([]);
  expect([link("c1").master, link("c0").master]).toEqual([undefined, "bond0"]);
  expect(() => link("d0")).toThrow();
  bringAgain(network(...another));
  expect([index("bond0"), index("v7")]).toEqual([bond, vlan]);
  const own = (name: string) =>
    (ip("-4", "addr", "show", name)[0]?.addr_info ?? []).map(({ local }: { local: string }) => local);
  expect([own("v7"), own("c1")]).toEqual([["192.0.2.6"], ["198.51.100.5"]]);

  // Another mode takes another bond, and what lies on it is made anew.
  const mode = network(...lines("balance-xor", 7).slice(0, 3));
  expect(retire(read(network(...another)), read(mode), rtnetlink)).toEqual([]);
  expect(ip("rule", "show").some(({ src }: { src?: string }) => src === "198.51.100.0")).toBe(false);
  expect(own("c1")).toEqual([]);
  bringAgain(mode);
  expect(index("bond0")).not.toBe(bond);
  expect([link("bond0").linkinfo.info_data.mode, own("v7")]).toEqual(["balance-xor", ["192.0.2.5"]]);
  expect(retire(read(mode), read(mode), rtnetlink)).toEqual([]);
  rtnetlink[Symbol.dispose]();
});
