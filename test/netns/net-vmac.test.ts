// Ring netns: virtual interfaces with their settings, and the packet filter, against a real kernel. S36, S44, traps R3 and R4.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { LogLine } from "../../src/base/log.ts";
import { openVrrpFirewall } from "../../src/kernel/nftables.ts";
import { openRtnetlink, type Rtnetlink } from "../../src/kernel/rtnetlink.ts";
import {
  currentWorld,
  openSysctlKeeper,
  type SysctlJournal,
  type SysctlJournalContent,
} from "../../src/kernel/sysctl.ts";
import { openVirtualInterfaces } from "../../src/kernel/vmac.ts";
import { DEFAULT_FIREWALL, NO_FIREWALL, type VirtualService } from "../../src/net/firewall-wish.ts";
import type { VirtualInterface } from "../../src/net/vmac.ts";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";
import { loadVector } from "../unit/net/vectors.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const SCOPE = { routeProtocols: [], rules: false };
const V4: VirtualInterface = {
  name: "vrrp.51",
  parent: "eth0",
  family: 4,
  form: { kind: "macvlan", mac: "00:00:5e:00:01:33" },
};
const V6: VirtualInterface = {
  ...V4,
  name: "vrrp6.51",
  family: 6,
  form: { kind: "macvlan", mac: "00:00:5e:00:02:33" },
};

function memoryJournal(): SysctlJournal & { content: SysctlJournalContent | undefined } {
  return {
    content: undefined,
    read() {
      return this.content;
    },
    write(content) {
      this.content = content;
    },
    clear() {
      this.content = undefined;
    },
  };
}

describe.skipIf(reason !== undefined)("virtual interfaces and packet filter", () => {
  let ns: Namespace;
  let peer: Namespace;
  let commands: Rtnetlink;
  const logged: LogLine[] = [];
  const log = (line: LogLine) => void logged.push(line);

  beforeEach(() => {
    ns = new Namespace("vmac");
    peer = new Namespace("peer");
    connect(ns, "eth0", peer, "eth0");
    ns.ip("addr add 192.0.2.1/24 dev eth0");
    ns.ip("addr add fe80::a/64 dev eth0 nodad");
    ns.ip("addr add 2001:db8::1/64 dev eth0 nodad");
    peer.ip("addr add 192.0.2.2/24 dev eth0");
    peer.ip("addr add 2001:db8::2/64 dev eth0 nodad");
    logged.length = 0;
    commands = within(ns, () => openRtnetlink());
  });

  afterEach(() => {
    commands[Symbol.dispose]();
    ns[Symbol.dispose]();
    peer[Symbol.dispose]();
  });

  /** Every IPv4 setting of every interface, and the IPv6 ones that matter. */
  function settings(): string {
    const script =
      "grep -H . /proc/sys/net/ipv4/conf/*/{arp_ignore,arp_filter,rp_filter,accept_local,promote_secondaries}";
    return ns.run("bash", "-c", script).stdout;
  }

  /** What a change can touch, as text. */
  function state(): string {
    return settings() + ns.ip("-o link show").replace(/qlen \d+/g, "") + ns.run("nft", "list", "ruleset").stdout;
  }

  const open = (journal: SysctlJournal) => {
    const sysctl = openSysctlKeeper(journal, log, undefined, currentWorld());
    return { sysctl, vmacs: openVirtualInterfaces(commands, sysctl, log) };
  };

  test("macvlan with MAC, mode and settings; everything is as before once it is removed (trap R3)", () => {
    ns.sysctl("net.ipv4.conf.eth0.arp_ignore", 0);
    const before = state();
    within(ns, () => {
      const { vmacs, sysctl } = open(memoryJournal());
      const made = vmacs.ensure(V4, commands.read(SCOPE));
      expect(made).toMatchObject({ ok: true, adopted: false, link: { name: "vrrp.51", mac: "00:00:5e:00:01:33" } });
      const shown = ns.ip("-d link show vrrp.51");
      expect(shown).toContain("macvlan mode private");
      expect(shown).toContain("addrgenmode none");
      expect(shown).toMatch(/<.*UP.*>/);
      const now = settings();
      for (const line of [
        "vrrp.51/arp_ignore:1",
        "vrrp.51/accept_local:1",
        "vrrp.51/rp_filter:0",
        "vrrp.51/promote_secondaries:1",
        "eth0/arp_ignore:1",
        "eth0/arp_filter:1",
      ])
        expect(now).toContain(line);
      expect(sysctl.value("net/ipv6/conf/vrrp.51/disable_ipv6")).toBe("1");
      // Taken over as it is, by the next process.
      expect(vmacs.ensure(V4, commands.read(SCOPE))).toMatchObject({ ok: true, adopted: true });
      vmacs.remove("vrrp.51");
    });
    expect(state()).toBe(before);
    expect(logged).toEqual([]);
  });

  test("a strict rp_filter for all is moved to the interfaces, and back; two virtual interfaces share the need", () => {
    ns.sysctl("net.ipv4.conf.all.rp_filter", 2);
    ns.sysctl("net.ipv4.conf.eth0.rp_filter", 1);
    const before = settings();
    within(ns, () => {
      const { vmacs } = open(memoryJournal());
      const second = { ...V4, name: "vrrp.52", form: { kind: "macvlan" as const, mac: "00:00:5e:00:01:34" } };
      expect(vmacs.ensure(V4, commands.read(SCOPE)).ok).toBe(true);
      expect(vmacs.ensure(second, commands.read(SCOPE)).ok).toBe(true);
      for (const line of [
        "all/rp_filter:0",
        "eth0/rp_filter:2",
        "default/rp_filter:2",
        "lo/rp_filter:2",
        "vrrp.51/rp_filter:0",
        "vrrp.52/rp_filter:0",
      ])
        expect(settings()).toContain(line);
      vmacs.remove("vrrp.51");
      for (const line of ["all/rp_filter:0", "eth0/rp_filter:2", "eth0/arp_ignore:1"])
        expect(settings()).toContain(line);
      vmacs.remove("vrrp.52");
    });
    expect(settings()).toBe(before);
  });

  test("after a crash the next process restores what the first one found", () => {
    const before = settings();
    const journal = memoryJournal();
    within(ns, () => expect(open(journal).vmacs.ensure(V4, commands.read(SCOPE)).ok).toBe(true));
    // The process is gone here; its journal and the interface are left.
    expect(journal.content?.records.map((r) => [r.path, r.found, r.set])).toEqual([
      ["net/ipv4/conf/eth0/arp_ignore", "0", "1"],
      ["net/ipv4/conf/eth0/arp_filter", "0", "1"],
    ]);
    within(ns, () => {
      const { vmacs } = open(journal);
      expect(vmacs.ensure(V4, commands.read(SCOPE))).toMatchObject({ ok: true, adopted: true });
      vmacs.remove("vrrp.51");
    });
    expect(settings()).toBe(before);
    expect(journal.content).toBeUndefined();
    // And when the configuration no longer has it: left-over settings go without anybody asking.
    within(ns, () => expect(open(journal).vmacs.ensure(V4, commands.read(SCOPE)).ok).toBe(true));
    within(ns, () => open(journal).sysctl.releaseLeftOver());
    expect(settings()).toContain("eth0/arp_ignore:0");
    expect(journal.content).toBeUndefined();
  });

  test("a setting that somebody else changed meanwhile is left alone", () => {
    within(ns, () => {
      const { vmacs } = open(memoryJournal());
      vmacs.ensure(V4, commands.read(SCOPE));
      ns.sysctl("net.ipv4.conf.eth0.arp_ignore", 2);
      vmacs.remove("vrrp.51");
    });
    expect(settings()).toContain("eth0/arp_ignore:2");
    expect(logged.map((l) => l.message)).toEqual([expect.stringContaining("changed to 2 by somebody else")]);
  });

  test("what somebody else changed of one is found by a look at the tables, put right and told", () => {
    within(ns, () => {
      const { vmacs } = open(memoryJournal());
      const look = (wish = V4) => vmacs.ensure(wish, commands.read(SCOPE));
      expect(look()).toMatchObject({ ok: true, adopted: false });
      expect(look()).not.toHaveProperty("putRight");
      // As a service that sets rp_filter of every new interface does.
      writeFileSync("/proc/sys/net/ipv4/conf/vrrp.51/rp_filter", "2");
      expect(look()).toMatchObject({ ok: true, adopted: true, putRight: "rp_filter" });
      expect(settings()).toContain("vrrp.51/rp_filter:0");
      ns.ip("link set vrrp.51 down");
      expect(look()).toMatchObject({ putRight: "up" });
      ns.ip("link del vrrp.51");
      expect(look()).toMatchObject({ putRight: "made anew", adopted: false });
      expect(look()).not.toHaveProperty("putRight");
      look(V6);
      ns.ip("addr del fe80::a/64 dev vrrp6.51");
      // As at boot, when the parent has got it only now.
      expect(look(V6)).not.toHaveProperty("putRight");
      expect(ns.ip("-6 addr show dev vrrp6.51")).toContain("fe80::a/64");
      ns.ip("link set eth0 down");
      ns.ip("link set eth0 name eth1");
      ns.ip("link add eth0 type veth peer name eth9");
      expect(look()).toMatchObject({ ok: true, adopted: false });
      vmacs.remove("vrrp.51");
      vmacs.remove("vrrp6.51");
    });
    expect(logged.map(({ message }) => message)).toEqual([
      "vrrp.51 was not as wanted, put right: rp_filter",
      "vrrp.51 was not as wanted, put right: up",
      "vrrp.51 was not as wanted, put right: made anew",
    ]);
  });

  test("IPv6: the parent's link-local address is copied, deprecated and without duplicate detection", () => {
    within(ns, () => {
      const { vmacs } = open(memoryJournal());
      expect(vmacs.ensure(V6, commands.read(SCOPE))).toMatchObject({ ok: true });
      expect(ns.ip("-6 addr show dev vrrp6.51")).toMatch(/fe80::a\/64 scope link (nodad deprecated|deprecated nodad)/);
      vmacs.remove("vrrp6.51");
    });
  });

  test("a stranger of that name is not touched; one of ours on another parent is made anew", () => {
    ns.ip("link add vrrp.51 type veth peer name other0");
    within(ns, () => {
      const { vmacs } = open(memoryJournal());
      expect(vmacs.ensure(V4, commands.read(SCOPE))).toEqual({ ok: false, reason: "vrrp.51 is a veth, not a macvlan" });
      ns.ip("link del vrrp.51");
      ns.ip("link add link eth0 name vrrp.51 address 00:00:5e:00:01:44 type macvlan mode private");
      expect(vmacs.ensure(V4, commands.read(SCOPE))).toMatchObject({
        ok: true,
        adopted: false,
        link: { mac: "00:00:5e:00:01:33" },
      });
      expect(vmacs.ensure({ ...V4, name: "vrrp.9", parent: "eth9" }, commands.read(SCOPE))).toEqual({
        ok: false,
        reason: "no interface eth9",
      });
      vmacs.remove("vrrp.51");
    });
  });

  const ruleset = () => ns.run("nft", "list", "ruleset").stdout;

  test("no_accept: unreachable, but resolved by ARP and neighbour discovery; nothing is left (S36, S44)", async () => {
    using firewall = within(ns, () => openVrrpFirewall(DEFAULT_FIREWALL));
    const index = commands.link("eth0")?.index ?? 0;
    const addresses = ["192.0.2.100", "2001:db8::100", "fe80::100"].map((ip) => ({ ip, index }));
    expect(firewall.apply({ ...NO_FIREWALL, blocked: addresses })).toBeUndefined();
    for (const { ip } of addresses) ns.ip(`addr add ${ip}/${ip.includes(":") ? "64 nodad" : "24"} dev eth0`);
    const ping = (ip: string) =>
      peer.run("ping", "-c", "1", "-W", "1", ip.startsWith("fe80") ? `${ip}%eth0` : ip).status;
    // The base addresses answer, so the link is up.
    await until("the link works", () => ping("192.0.2.1") === 0 && ping("2001:db8::1") === 0);
    for (const { ip } of addresses) {
      expect(ping(ip)).not.toBe(0);
      expect(peer.ip(`neigh show ${ip}`)).toMatch(/lladdr/);
    }
    expect(firewall.apply(NO_FIREWALL)).toBeUndefined();
    for (const { ip } of addresses) expect(ping(ip)).toBe(0);
    expect(firewall.remove()).toBeUndefined();
    expect(ruleset()).toBe("");
  });

  test("the IPv4 ruleset reads as keepalived's, with an empty set while it is only prepared, also by a rehearsal", () => {
    using firewall = within(ns, () => openVrrpFirewall(DEFAULT_FIREWALL));
    expect(firewall.apply({ ...NO_FIREWALL, ready: [4] })).toBeUndefined();
    firewall.rehearse({ ...NO_FIREWALL, blocked: [{ ip: "192.0.2.100", index: 2 }] });
    expect(ruleset()).toContain("set vips");
    expect(ruleset()).not.toContain("192.0.2.100");
    firewall.apply({ ...NO_FIREWALL, blocked: [{ ip: "192.0.2.100", index: 2 }] });
    const keepalived = loadVector("no-accept").result.nft_ruleset.join("\n").split("table ip6")[0] ?? "";
    expect(ruleset().trim()).toBe(keepalived.trim());
    firewall.remove();
  });

  test("virtual MAC: the rulesets read as keepalived's", () => {
    using firewall = within(ns, () => openVrrpFirewall(DEFAULT_FIREWALL));
    ns.ip("link add link eth0 name vrrp.51 type macvlan mode private");
    const index = commands.link("vrrp.51")?.index ?? 0;
    const parentIndex = commands.link("eth0")?.index ?? 0;
    firewall.apply({ ...NO_FIREWALL, vmacs: [{ index, name: "vrrp.51", parentIndex, family: 4 }] });
    expect(ruleset().trim()).toBe(loadVector("vmac-v4").result.nft_ruleset.join("\n").trim());
    firewall.remove();
    firewall.apply({
      ...NO_FIREWALL,
      vmacs: [{ index, name: "vrrp.51", parentIndex, family: 6, parentLinkLocal: "fe80::a" }],
    });
    // keepalived leaves out type 132, «done», which a switch should not hear from the virtual MAC either.
    const ours = ruleset()
      .replace("\t\t\t     mld-listener-done,\n", "")
      .replace(/mld-listener-done,\s*/, "");
    expect(words(ours)).toBe(words(loadVector("vmac-v6").result.nft_ruleset.join("\n")));
    firewall.remove();
    expect(ruleset()).toBe("");
  });

  const words = (text: string) => text.split(/\s+/).join(" ").trim();

  test("a virtual server on a no_accept address gets its traffic, and nothing else does (trap R4)", async () => {
    using firewall = within(ns, () => openVrrpFirewall(DEFAULT_FIREWALL));
    const index = commands.link("eth0")?.index ?? 0;
    const ips = ["192.0.2.100", "2001:db8::100"];
    const services: readonly VirtualService[] = [
      ...ips.map((ip) => ({ kind: "address" as const, ip, protocol: "TCP" as const, port: 8080 })),
      { kind: "address", ip: "192.0.2.101", protocol: "TCP", port: 0 },
      { kind: "fwmark", mark: 7, family: 4 },
    ];
    const blocked = [...ips, "192.0.2.101"].map((ip) => ({ ip, index }));
    expect(firewall.apply({ ...NO_FIREWALL, services, blocked })).toBeUndefined();
    for (const ip of [...ips, "192.0.2.101"]) ns.ip(`addr add ${ip}/${ip.includes(":") ? "64 nodad" : "24"} dev eth0`);
    // What listens on the director stands for IPVS: both take packets after the filter's input hook.
    for (const [port, family] of [
      [8080, "TCP4"],
      [8081, "TCP4"],
      [8082, "TCP6"],
      [8083, "TCP6"],
    ] as const)
      ns.spawn(process.execPath, [
        "-e",
        LISTENER,
        family === "TCP4" ? "0.0.0.0" : "::",
        String(port === 8082 ? 8080 : port),
      ]);
    const reach = (ip: string, port: number) =>
      peer.run(process.execPath, "-e", CONNECT, ip, String(port)).stdout.trim();
    await until("both answer", () => reach("192.0.2.1", 8080) === "yes" && reach("2001:db8::1", 8080) === "yes");
    expect(reach("192.0.2.100", 8080)).toBe("yes");
    expect(reach("2001:db8::100", 8080)).toBe("yes");
    expect(reach("192.0.2.100", 8081)).toBe("no");
    expect(reach("2001:db8::100", 8083)).toBe("no");
    expect(reach("192.0.2.101", 8081)).toBe("yes");
    expect(peer.run("ping", "-c", "1", "-W", "1", "192.0.2.100").status).not.toBe(0);
    firewall.apply({ ...NO_FIREWALL, blocked });
    expect(reach("192.0.2.100", 8080)).toBe("no");
    firewall.remove();
  }, 30_000);

  test("a flushed ruleset is noticed and made anew; a change after it too", () => {
    using firewall = within(ns, () => openVrrpFirewall(DEFAULT_FIREWALL));
    firewall.apply({ ...NO_FIREWALL, blocked: [{ ip: "192.0.2.100", index: 2 }] });
    expect(firewall.audit()).toBe(false);
    ns.run("nft", "flush", "ruleset");
    expect(firewall.audit()).toBe(true);
    expect(ruleset()).toContain("192.0.2.100");
    ns.run("nft", "flush", "ruleset");
    const two = ["192.0.2.100", "192.0.2.101"].map((ip) => ({ ip, index: 2 }));
    expect(firewall.apply({ ...NO_FIREWALL, blocked: two })).toBeUndefined();
    expect(ruleset()).toMatch(/192\.0\.2\.100, *192\.0\.2\.101/);
    expect(firewall.apply({ ...NO_FIREWALL, blocked: two.slice(1) })).toBeUndefined();
    expect(ruleset()).not.toContain("192.0.2.100");
    firewall.remove();
  });

  test("two thousand addresses are one transaction; counters and names by index when asked", () => {
    using firewall = within(ns, () =>
      openVrrpFirewall({ ...DEFAULT_FIREWALL, table: "lbd", counters: true, ifindex: true }),
    );
    const many = Array.from({ length: 2000 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}`, index: 2 }));
    expect(firewall.apply({ ...NO_FIREWALL, blocked: many })).toBeUndefined();
    // kernel: a set that has just grown is moved to a larger table, and meanwhile its listing may name an element twice.
    expect(new Set(ruleset().match(/10\.0\.\d+\.\d+/g)).size).toBe(2000);
    expect(ruleset()).toContain("counter packets 0 bytes 0 drop");
    expect(firewall.apply({ ...NO_FIREWALL, blocked: many.slice(0, 1) })).toBeUndefined();
    expect(ruleset().match(/10\.0\.\d+\.\d+/g)).toEqual(["10.0.0.0"]);
    firewall.remove();
  });
});

const LISTENER = `
const [host, port] = process.argv.slice(1);
require("node:net").createServer((socket) => socket.destroy()).listen({ host, port: Number(port), ipv6Only: host.includes(":") });
`;

const CONNECT = `
const [host, port] = process.argv.slice(1);
const done = (answer) => { console.log(answer); process.exit(0); };
require("node:net").connect({ host, port: Number(port), timeout: 700 })
  .on("connect", () => done("yes")).on("error", () => done("no")).on("timeout", () => done("no"));
`;
