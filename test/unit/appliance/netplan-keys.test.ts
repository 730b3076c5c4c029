// netplan's documented keys («YAML configuration», 1.1; tunnels, wireless, modems and Open vSwitch by their heads), each at its place: what the
// machine takes is read without a word and is shown in a kernel by test/vm/guest/network.test.ts; every other key is a finding that names it.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

/** A value that fits each key that is taken; `null`: the machine has no use for it. `as` is how the test in a kernel writes it, when otherwise. */
interface Key {
  readonly value: string | null;
  /** Shown somewhere else than in the kernel's links: the file of that test. */
  readonly shownBy?: string;
}
const taken = (value: string, shownBy?: string): Key => ({ value, ...(shownBy !== undefined && { shownBy }) });
const no: Key = { value: null };

const LINK = {
  renderer: taken("networkd", "test/unit/appliance/netplan-keys.test.ts"),
  dhcp4: taken("true", "test/support/dhcp-child.ts"),
  // DHCPv6 is a finding of its own when it is asked for.
  dhcp6: taken("false", "test/unit/appliance/network-extras.test.ts"),
  "ipv6-mtu": no,
  "ipv6-privacy": no,
  "link-local": no,
  "ignore-carrier": no,
  critical: no,
  "dhcp-identifier": no,
  "dhcp4-overrides": no,
  "dhcp6-overrides": no,
  "accept-ra": taken("true"),
  "ra-overrides": no,
  addresses: taken("[192.0.2.5/24]"),
  "ipv6-address-generation": no,
  "ipv6-address-token": no,
  gateway4: no,
  gateway6: no,
  nameservers: taken("{addresses: [192.0.2.53], search: [example.org]}", "test/unit/appliance/network-extras.test.ts"),
  macaddress: taken("02:00:00:00:00:77"),
  mtu: taken("1400"),
  optional: taken("true"),
  "optional-addresses": no,
  "activation-mode": no,
  routes: taken("[{to: default, via: 192.0.2.1}]"),
  "routing-policy": taken("[{from: 192.0.2.0/24, table: 7}]"),
  "neigh-suppress": no,
  hairpin: no,
  "port-mac-learning": no,
  wakeonlan: no,
  "emit-lldp": no,
  "receive-checksum-offload": no,
  "transmit-checksum-offload": no,
  "tcp-segmentation-offload": no,
  "tcp6-segmentation-offload": no,
  "generic-segmentation-offload": no,
  "generic-receive-offload": no,
  "large-receive-offload": no,
  openvswitch: no,
  networkmanager: no,
  auth: no,
} as const satisfies Record<string, Key>;

const CARD = {
  ...LINK,
  match: taken("{name: eth0}"),
  "set-name": taken("lan0, match: {name: eth0}"),
  link: no,
  "virtual-function-count": no,
  "embedded-switch-mode": no,
  "delay-virtual-functions-rebind": no,
  "infiniband-mode": no,
} as const;

const PLACES: Readonly<Record<string, { readonly document: string; readonly keys: Readonly<Record<string, Key>> }>> = {
  "the network": {
    document: "network: {version: 2, $}",
    keys: {
      renderer: LINK.renderer,
      bonds: taken("{}"),
      bridges: taken("{}"),
      "dummy-devices": taken("{}"),
      ethernets: taken("{}"),
      vlans: taken("{}"),
      modems: no,
      tunnels: no,
      "virtual-ethernets": no,
      vrfs: no,
      wifis: no,
      "nm-devices": no,
      openvswitch: no,
    },
  },
  "a card": { document: "network: {version: 2, ethernets: {eth0: {$}}}", keys: CARD },
  "what finds a card": {
    document: "network: {version: 2, ethernets: {eth0: {match: {$}}}}",
    keys: {
      name: taken("eth*"),
      macaddress: taken("02:00:00:00:00:01"),
      driver: taken("[igb, 'ix*']"),
    },
  },
  "a bond": {
    document: "network: {version: 2, ethernets: {eth0: {}}, bonds: {bond0: {interfaces: [eth0], $}}}",
    keys: { ...LINK, parameters: taken("{mode: active-backup}") },
  },
  "a bridge": {
    document: "network: {version: 2, ethernets: {eth0: {}}, bridges: {br0: {interfaces: [eth0], $}}}",
    keys: { ...LINK, parameters: taken("{stp: false}") },
  },
  "a VLAN": {
    document: "network: {version: 2, ethernets: {eth0: {}}, vlans: {v7: {id: 7, link: eth0, $}}}",
    keys: LINK,
  },
  "a dummy": { document: "network: {version: 2, dummy-devices: {d0: {$}}}", keys: LINK },
  "an address": {
    document: "network: {version: 2, ethernets: {eth0: {addresses: [{192.0.2.5/24: {$}}]}}}",
    keys: { lifetime: no, label: no },
  },
  "a route": {
    document: "network: {version: 2, ethernets: {eth0: {routes: [{to: 198.51.100.0/24, via: 192.0.2.1, $}]}}}",
    keys: {
      from: taken("192.0.2.5"),
      "on-link": taken("true"),
      metric: taken("77"),
      type: taken("unicast"),
      scope: taken("global"),
      table: taken("7"),
      mtu: taken("1300"),
      "congestion-window": no,
      "advertised-receive-window": no,
      "advertised-mss": no,
    },
  },
  "a rule": {
    document: "network: {version: 2, ethernets: {eth0: {routing-policy: [{from: 192.0.2.0/24, $}]}}}",
    keys: {
      to: taken("198.51.100.0/24"),
      table: taken("7"),
      priority: taken("1000"),
      mark: taken("5"),
      "type-of-service": taken("16"),
    },
  },
  "a bridge's parameters": {
    document: "network: {version: 2, bridges: {br0: {parameters: {$}}}}",
    keys: {
      "ageing-time": taken("100"),
      "aging-time": taken("100s"),
      priority: taken("4096"),
      "port-priority": no,
      "forward-delay": taken("4"),
      "hello-time": taken("2000ms"),
      "max-age": taken("12"),
      "path-cost": no,
      stp: taken("false"),
    },
  },
  "a bond's parameters": {
    document: "network: {version: 2, ethernets: {eth0: {}}, bonds: {bond0: {interfaces: [eth0], parameters: {$}}}}",
    keys: {
      mode: taken("802.3ad"),
      "lacp-rate": taken("fast"),
      "mii-monitor-interval": taken("100ms"),
      "min-links": taken("2"),
      "transmit-hash-policy": taken("layer3+4"),
      "ad-select": taken("bandwidth"),
      "all-members-active": taken("true"),
      "all-slaves-active": taken("true"),
      "arp-interval": taken("1s"),
      "arp-ip-targets": taken("[192.0.2.1]"),
      "arp-validate": taken("all"),
      "arp-all-targets": taken("all"),
      "up-delay": taken("400"),
      "down-delay": taken("600"),
      "fail-over-mac-policy": taken("active"),
      "gratuitous-arp": taken("4"),
      "gratuitious-arp": taken("4"),
      "packets-per-member": taken("5"),
      "packets-per-slave": taken("5"),
      "primary-reselect-policy": taken("better"),
      "resend-igmp": taken("3"),
      "learn-packet-interval": taken("3"),
      primary: taken("eth0"),
    },
  },
};

function said(text: string) {
  const findings = createFindings();
  const { links } = readNetwork({ name: "network.yaml", text }, findings);
  return { links, list: findings.list };
}

for (const [place, { document, keys }] of Object.entries(PLACES))
  describe(place, () => {
    const [before = ""] = document.split("$");
    test.each(Object.entries(keys))("%s", (key, { value }) => {
      const { list, links } = said(document.replace("$", `${key}: ${value ?? "x"}`));
      if (value !== null) return expect(list.map(({ message }) => message)).toEqual([]);
      expect(list.map(({ severity, code, span }) => [severity, code, span?.line, span?.column])).toEqual([
        ["error", "unsupported-key", 1, before.length + 1],
      ]);
      expect(list[0]?.message).toMatch(new RegExp(`^${key} does nothing here: \\w.{9}`));
      // Nothing else of the file is lost for it.
      expect(links.map(({ id }) => id)).toEqual(said(document.replace("$", "")).links.map(({ id }) => id));
    });
  });

describe("in a kernel", () => {
  const root = join(import.meta.dir, "../../..");
  const shown = readFileSync(join(root, "test/vm/guest/network.test.ts"), "utf8");
  const all = Object.values(PLACES).flatMap(({ keys }) => Object.entries<Key>(keys));
  test.each([...new Map(all.filter(([, { value }]) => value !== null))])("%s is shown", (key, { shownBy }) => {
    const text = shownBy === undefined ? shown : readFileSync(join(root, shownBy), "utf8");
    expect(new RegExp(`(?<![\\w-])${key}:`).test(text)).toBeTrue();
  });
});

test("an address with settings is there all the same", () => {
  const { links, list } = said(
    "network: {version: 2, ethernets: {eth0: {addresses: [{192.0.2.5/24: {lifetime: 0, label: a}}, 192.0.2.6/24]}}}",
  );
  expect(links[0]?.addresses.map(({ ip }) => ip)).toEqual(["192.0.2.5", "192.0.2.6"]);
  expect(list.map(({ message }) => message.split(" ")[0])).toEqual(["lifetime", "label"]);
  const wrong = said("network: {version: 2, ethernets: {eth0: {addresses: [{192.0.2.5: {label: a}}]}}}").list;
  expect(wrong.map(({ message }) => message)).toEqual([
    expect.stringContaining("label does nothing here"),
    "expected an address with its prefix length, 192.0.2.5/24 (got 192.0.2.5)",
  ]);
});

test("the renderer of a kind of link is no link", () => {
  expect(said("network: {version: 2, ethernets: {renderer: networkd, eth0: {}}}")).toMatchObject({
    links: [{ id: "eth0" }],
    list: [],
  });
  const { list } = said("network: {version: 2, ethernets: {renderer: NetworkManager, eth0: {renderer: sriov}}}");
  expect(list.map(({ span, message }) => [span?.column, message])).toEqual([
    [45, "expected networkd (got NetworkManager)"],
    [78, "expected networkd (got sriov)"],
  ]);
});

test("DHCPv6 that is asked for says what is there instead", () => {
  const { list } = said("network: {version: 2, ethernets: {eth0: {dhcp6: true}}}");
  expect(list).toMatchObject([
    {
      span: { line: 1, column: 49 },
      message: "DHCPv6 is not spoken here",
      hint: "write accept-ra: true for addresses that routers announce, or addresses",
    },
  ]);
});
