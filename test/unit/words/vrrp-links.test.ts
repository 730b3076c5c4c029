// Words that change what an instance makes of its links: virtual interfaces, and what the packet filter keeps away.
import { describe, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import type { Config } from "../../../src/config/model/config.ts";
import { type FirewallWish, firewallSettings } from "../../../src/net/firewall-wish.ts";
import type { Link } from "../../../src/net/model.ts";
import { planFirewall } from "../../../src/net/nft-vrrp.ts";
import { blockedOn, newPlacement, virtualsOf } from "../../../src/net/placement.ts";
import { emptyState } from "../../../src/net/seen.ts";
import { newLinkOf } from "../../../src/net/vmac.ts";
import { newStation } from "../../../src/roles/vrrp/station.ts";
import type { Station } from "../../../src/roles/vrrp/station-record.ts";
import { expectWord, globalText, instanceText, type WordCase } from "../../support/words.ts";

const ETH0: Link = { index: 2, name: "eth0", flags: 0x43, mtu: 1500, hardwareType: 1, group: 0 };
const SEEN = { ...emptyState(), links: new Map([[ETH0.index, ETH0]]) };

function stationOf({ vrrp }: Config): Station {
  const [instance] = vrrp.instances;
  if (!instance) throw new Error("no instance");
  return newStation(newPlacement(instance, new Set(), SEEN, vrrp.global));
}

const blocked = (config: Config) => {
  const station = stationOf(config);
  return blockedOn(station, station.instance, SEEN).map(({ ip }) => ip);
};
const names = (config: Config) => virtualsOf(stationOf(config)).map(({ name }) => name);

const STRICT = "version 3\nstrict_mode";

describe("addresses that the packet filter keeps packets from", () => {
  test.each<WordCase<readonly string[]>>([
    ["vrrp_instance/accept", instanceText(`${STRICT}\n«accept»`), [], ["192.0.2.100"]],
    ["vrrp_instance/no_accept", instanceText("«no_accept»"), ["192.0.2.100"], []],
    ["vrrp_instance/strict_mode", instanceText("version 3\n«strict_mode»"), ["192.0.2.100"], []],
    ["global_defs/vrrp_strict", globalText("«vrrp_strict»", "version 3"), ["192.0.2.100"], []],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, blocked, seen, otherwise));
});

describe("the packet filter's tables", () => {
  const WISH: FirewallWish = {
    ready: [],
    blocked: [{ ip: "192.0.2.100", index: 2 }],
    services: [],
    vmacs: [{ index: 9, name: "vrrp.51", parentIndex: 2, family: 6, parentLinkLocal: "fe80::1" }],
  };
  /** What of a text stands in the messages to the kernel whose title begins so. */
  const sent =
    (title: string, ...texts: readonly string[]) =>
    ({ vrrp }: Config) => {
      const { messages } = planFirewall(firewallSettings(vrrp.global), WISH, {});
      const bytes = messages.filter(({ what }) => what.startsWith(title)).map(({ payload }) => toHex(payload));
      return texts.filter((text) => bytes.some((hex) => hex.includes(text)));
    };
  const hex = (text: string) => Buffer.from(text).toString("hex");
  const priority = (value: string) => `08000200${value}`;
  test.each<readonly [...WordCase<readonly string[]>, look: (config: Config) => readonly string[]]>([
    [
      "global_defs/nftables",
      globalText("«nftables mine»"),
      [hex("mine\0")],
      [hex("keepalived\0")],
      sent("table", hex("mine\0"), hex("keepalived\0")),
    ],
    [
      "global_defs/nftables_priority",
      globalText("«nftables_priority 5»"),
      [priority("00000005")],
      [priority("ffffffff")],
      sent("chain", priority("00000005"), priority("ffffffff")),
    ],
    [
      "global_defs/nftables_counters",
      globalText("«nftables_counters»"),
      [hex("counter\0")],
      [],
      sent("rule", hex("counter\0")),
    ],
    [
      "global_defs/nftables_ifindex",
      globalText("«nftables_ifindex»"),
      ["00000109000000"],
      [hex("vrrp.51\0")],
      sent("add to set", "00000109000000", hex("vrrp.51\0")),
    ],
  ])("%s", (_id, text, seen, otherwise, look) => expectWord(text, look, seen, otherwise));
});

describe("virtual interfaces", () => {
  const elsewhere = "use_vmac_addr\nvirtual_ipaddress {\n192.0.2.100 dev eth1\n}";
  test.each<WordCase<readonly string[]>>([
    ["vrrp_instance/use_vmac", instanceText("«use_vmac»"), ["vrrp.51"], []],
    ["global_defs/vmac_prefix", globalText("«vmac_prefix lb»", "use_vmac"), ["lb.51"], ["vrrp.51"]],
    ["global_defs/vmac_addr_prefix", globalText("«vmac_addr_prefix lba»", elsewhere), ["lba.51"], ["vrrp.51"]],
    ["vrrp_instance/use_vmac_addr", instanceText(`«use_vmac_addr»\n${elsewhere.slice(14)}`), ["vrrp.51"], []],
    ["vmac/name", instanceText("use_vmac «name vip0»"), ["vip0"], ["vrrp.51"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, names, seen, otherwise));

  const groups = (config: Config) => virtualsOf(stationOf(config)).map((one) => newLinkOf(one, ETH0, false).group);
  test("vmac/group", () => expectWord(instanceText("use_vmac «group 7»"), groups, [7], [0]));
});
