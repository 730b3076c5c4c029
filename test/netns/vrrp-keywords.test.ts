// Ring netns: keywords that change what a single director does to its machine, each seen in the kernel's own words.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Daemon } from "../support/daemon.ts";
import { gratuitousArps, vrrpFrames } from "../support/frames.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { saying } from "../support/saying.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { addLink, config, has, instance, stateOf } from "../support/vrrp-host.ts";

const LIMIT_MS = 90_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

/** Pid of the process that a role runs in. */
const rolePid = (daemon: Daemon, file: string): number => Number(readFileSync(`${daemon.dir}/run/${file}`, "utf8"));

describe.skipIf(reason !== undefined)("what addresses, routes and rules depend on", () => {
  netTest(
    "the interface of an address elsewhere is tracked; with no_track neither it nor the address matters",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      for (const name of ["dummy0", "dummy1"]) addLink(host, name);
      const vips = ["192.0.2.100", "198.51.100.100 dev dummy0", "198.51.100.101 dev dummy1 no_track"];
      using a = new Daemon("lbd", host, config({ vips })).start();
      const all = ["192.0.2.100/32", "198.51.100.100/32", "198.51.100.101/32"];
      await until("master with all", () => all.every((address) => has(host, address)));

      host.ip("addr del 198.51.100.101/32 dev dummy1");
      await until("it is left so", () =>
        a.output.includes("address 198.51.100.101/32 was removed by somebody else, left so"),
      );
      host.ip("addr del 198.51.100.100/32 dev dummy0");
      await until("the tracked one is back", () => has(host, "198.51.100.100/32"));
      expect(has(host, "198.51.100.101/32")).toBe(false);

      host.ip("link set dummy1 down");
      host.ip("link set dummy0 down");
      await until("fault", () => stateOf(host, a)?.state === "FAULT");
      expect(stateOf(host, a)?.faults).toEqual(["interface dummy0 is down (is set down)"]);
      host.ip("link set dummy0 up");
      // The next mastership wants it again, and it comes with its interface.
      await until("master again", () => has(host) && has(host, "198.51.100.100/32"));
      host.ip("link set dummy1 up");
      await until("all again", () => all.every((address) => has(host, address)));
    },
  );

  netTest("no_track of routes and rules: what somebody removed stays away", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const extra = `virtual_routes {
    203.0.113.0/24 via 192.0.2.2 dev eth0
    203.0.114.0/24 via 192.0.2.2 dev eth0 no_track
  }
  virtual_rules {
    from 192.0.2.100 table 100 priority 2000
    from 192.0.2.101 table 100 priority 2001 no_track
  }`;
    using a = new Daemon("lbd", host, config({ extra })).start();
    const shown = () => host.ip("route show") + host.ip("rule show");
    const there = (...texts: string[]) => texts.every((text) => shown().includes(text));
    await until("all", () => there("203.0.113.0/24", "203.0.114.0/24", "2000:", "2001:"));
    for (const words of [
      "route del 203.0.114.0/24",
      "route del 203.0.113.0/24",
      "rule del pref 2001",
      "rule del pref 2000",
    ])
      host.ip(words);
    await until("the tracked ones are back", () => there("203.0.113.0/24", "2000:"));
    await until("two are left", () => a.output.match(/left so: no_track/g)?.length === 2);
    expect([there("203.0.114.0/24"), there("2001:")]).toEqual([false, false]);
    expect(stateOf(host, a)?.state).toBe("MASTER");
  });

  netTest("track_group: an instance is in FAULT while a static thing of its group is gone for good", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    addLink(host, "dummy0");
    const statics = `track_group T {
  group {
    V1
  }
}
static_ipaddress {
  198.51.100.7/24 dev dummy0 track_group T
  198.51.100.8/24 dev dummy0
}
static_routes {
  203.0.113.0/24 via 198.51.100.1 dev dummy0 track_group T
}
static_rules {
  from 198.51.100.7 iif dummy0 table 77 priority 700 track_group T
}
`;
    using a = new Daemon(
      "lbd",
      host,
      config() + instance({ name: "V2", vrid: 52, vips: ["192.0.2.110"] }) + statics,
    ).start();
    await until("both are master", () => has(host) && has(host, "192.0.2.110/32"));
    const shown = () => host.ip("-o addr show") + host.ip("route show") + host.ip("rule show");
    for (const text of ["198.51.100.7/24", "198.51.100.8/24", "203.0.113.0/24 via 198.51.100.1", "700:"])
      expect(shown()).toContain(text);

    host.ip("addr del 198.51.100.8/24 dev dummy0");
    host.ip("route del 203.0.113.0/24");
    host.ip("rule del pref 700");
    await until("all is put back", () =>
      ["198.51.100.8/24", "203.0.113.0/24 via 198.51.100.1", "700:"].every((text) => shown().includes(text)),
    );
    await until("it says so", () =>
      a.output.includes("static route 203.0.113.0/24 was removed by somebody else, putting"),
    );
    expect(stateOf(host, a)?.state).toBe("MASTER");

    host.ip("link del dummy0");
    await until("V1 is in FAULT", () => stateOf(host, a)?.state === "FAULT");
    expect(stateOf(host, a)?.faults.join()).toContain("track_group T: static: address 198.51.100.7 waits");
    expect(stateOf(host, a, "V2")?.state).toBe("MASTER");
    addLink(host, "dummy0");
    await until("master again", () => has(host) && shown().includes("203.0.113.0/24 via 198.51.100.1"));
    expect(await a.stop()).toBe(0);
    expect(shown()).not.toMatch(/198\.51\.100\.[78]|203\.0\.113|700:/);
  });

  netTest("vrf: the route goes to the table of that VRF", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    if (host.run("ip", "link", "add", "blue", "type", "vrf", "table", "1001").status !== 0) {
      console.log("skipped: this kernel has no VRFs");
      return;
    }
    host.ip("link set blue up");
    const extra = "virtual_routes {\n    203.0.113.0/24 via 192.0.2.2 dev eth0 vrf blue\n  }";
    using a = new Daemon("lbd", host, config({ extra })).start();
    await until("the route", () =>
      host.ip("route show table all").includes("203.0.113.0/24 via 192.0.2.2 dev eth0 table 1001"),
    );
    expect(await a.stop()).toBe(0);
    expect(host.ip("route show table all")).not.toContain("203.0.113.0/24");
  });

  netTest("more addresses than a frame has room for: 89 are listed as by keepalived, all are held", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const capture = await segment.capture("ip6[6] == 112 or ip6[6] == 44");
    const vips = Array.from({ length: 100 }, (_, i) => `2001:db8:5::${(i + 1).toString(16)}`);
    using a = new Daemon("lbd", host, config({ vips })).start();
    await until("all are there", () => vips.every((ip) => has(host, `${ip}/128`)));
    const frame = await until("an advertisement", () => capture.frames[0]);
    expect([frame.bytes[20], vrrpFrames([frame])[0]?.count]).toEqual([112, 89]);
    expect(a.output).toContain("V1: a frame of 1500 bytes has room for 89 addresses");
  });

  netTest("no_virtual_ipaddress: an instance without addresses that advertises none", async () => {
    using segment = new Segment("a");
    const capture = await segment.capture("proto 112");
    const bare = instance().replace(/virtual_ipaddress \{[^}]*\}/, "no_virtual_ipaddress");
    using a = new Daemon("lbd", segment.host(0), bare).start();
    const advert = await until("an advertisement", () => vrrpFrames(capture.frames)[0]);
    expect(advert).toMatchObject({ vrid: 51, count: 0 });
    expect(a.output).not.toContain("no virtual address");
  });
});

describe.skipIf(reason !== undefined)("virtual MACs", () => {
  netTest(
    "use_vmac for IPv6: adverts come from the link-local address of the interface below, once that is there",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      const capture = await segment.capture("ip6 proto 112");
      // Its address is tentative for a moment after the interface has come up.
      host.sysctl("net.ipv6.conf.eth0.accept_dad", 1);
      host.ip("link set eth0 down");
      host.ip("link set eth0 up");
      using _a = new Daemon("lbd", host, config({ vips: ["2001:db8::100/64"], extra: "use_vmac" })).start();
      await until("master", () => has(host, "2001:db8::100/64"));
      const linkLocal = /inet6 (fe80:\S+)\/64/.exec(host.ip("-6 -o addr show dev eth0 scope link"))?.[1] ?? "none";
      await until("the virtual interface has it", () =>
        host.ip("-6 -o addr show dev vrrp.51 scope link").includes(`${linkLocal}/64`),
      );
      const advert = await until("an advertisement", () => vrrpFrames(capture.frames).at(-1));
      expect(advert).toMatchObject({ source: linkLocal, sourceMac: "00:00:5e:00:02:33" });
    },
  );

  netTest(
    "use_vmac of an address, use_vmac_addr and vmac_addr_prefix; garp_extra_if tells of each interface",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      addLink(host, "eth1");
      const capture = await segment.capture("arp");
      const vips = ["192.0.2.100", "192.0.2.101 dev eth0", "198.51.100.100 dev eth1"];
      const evip = "virtual_ipaddress_excluded {\n    2001:db8::100\n  }";
      const first = config({
        global: "vmac_addr_prefix lba",
        vips,
        extra: `use_vmac\n  use_vmac_addr\n  garp_extra_if 1\n  ${evip}`,
      });
      const second = instance({
        name: "V2",
        vrid: 52,
        vips: ["192.0.2.120 use_vmac", "192.0.2.121"],
        extra: "garp_extra_if 1\n  garp_master_repeat 1\n  garp_master_delay 0",
      });
      using a = new Daemon("lbd", host, first + second).start();
      const places = () =>
        Object.fromEntries(
          [...host.ip("-o addr show").matchAll(/^\d+: (\S+) +inet6? ((?:192\.0\.2|198\.51\.100|2001:db8::)\S+)/gm)].map(
            ([, device, address]) => [address, device],
          ),
        );
      await until("all are there", () => Object.keys(places()).length >= 8);
      expect(places()).toMatchObject({
        "192.0.2.100/32": "vrrp.51",
        "192.0.2.101/32": "vrrp.51",
        "198.51.100.100/32": "lba.51",
        "2001:db8::100/128": "lba6.51",
        "192.0.2.120/32": "lba.52",
        "192.0.2.121/32": "eth0",
      });
      const macOf = (name: string) => /link\/ether (\S+)/.exec(host.ip(`link show ${name}`))?.[1];
      expect(["lba.51", "lba6.51", "lba.52"].map(macOf)).toEqual([
        "00:00:5e:00:01:33",
        "00:00:5e:00:02:33",
        "00:00:5e:00:01:34",
      ]);
      // Its own virtual MAC gets an announcement each second, the interface of the advertisements none.
      const of = (ip: string) => gratuitousArps(capture.frames).filter((arp) => arp.senderIp === ip);
      await until("three announcements on the address's virtual MAC", () => of("192.0.2.120").length >= 4);
      expect(of("192.0.2.120").every((arp) => arp.sourceMac === "00:00:5e:00:01:34")).toBe(true);
      expect(of("192.0.2.121").length).toBe(1);

      a.reload(config({ vips: ["192.0.2.100"], extra: "use_vmac" }) + second);
      await until("the others are gone", () => !/lba\S*51/.test(host.ip("link show")));
      expect(places()).toMatchObject({ "192.0.2.100/32": "vrrp.51", "192.0.2.120/32": "lba.52" });
      expect(await a.stop()).toBe(0);
      expect(host.ip("link show")).not.toMatch(/vrrp|lba/);
    },
  );

  netTest(
    "use_vmac on a macvlan, as in a container: the kernel makes it on what that lies on, and it stays",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      host.ip("link add mv0 link eth0 type macvlan mode bridge");
      host.ip("link set mv0 up");
      host.ip("addr add 198.51.100.1/24 dev mv0");
      using container = new Namespace("container");
      host.ip(`link add mv1 link eth0 netns ${container.name} type macvlan mode bridge`);
      container.ip("link set mv1 up");
      container.ip("addr add 198.51.100.2/24 dev mv1");
      for (const [place, parent, vrid] of [
        [host, "mv0", 51],
        [container, "mv1", 52],
      ] as const) {
        const vips = [`198.51.100.${vrid}`];
        const settings = { interface: parent, vrid, vips, extra: "use_vmac" };
        using a = new Daemon("lbd", place, config(settings)).start();
        await until(`master on ${parent}`, () => has(place, `198.51.100.${vrid}/32`));
        const index = () => /^\d+/.exec(place.ip(`-o link show vrrp.${vrid}`))?.[0];
        const first = index();
        a.reload(config({ ...settings, priority: 101 }));
        await until("reloaded", () => a.output.includes("reload done"));
        expect(index()).toBe(first);
        expect(a.output).not.toContain("ENODEV");
        expect(await a.stop()).toBe(0);
        expect(place.ip("link show")).not.toContain("vrrp.");
      }
    },
  );

  netTest("netlink_notify_msg: the kernel tells of the parent when the virtual interface comes and goes", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    host.ip("link add br9 type bridge");
    host.ip("link set br9 up");
    host.ip("addr add 198.51.100.1/24 dev br9");
    const settings = { interface: "br9", vips: ["198.51.100.100"] };
    const monitor = host.spawn("ip", ["monitor", "link", "dev", "br9"]);
    let told = "";
    monitor.stdout?.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    using a = new Daemon("lbd", host, config({ ...settings, extra: "use_vmac" })).start();
    await until("the virtual interface", () => host.ip("link show").includes("vrrp.51"));
    expect(await a.stop()).toBe(0);
    const without = told.match(/br9/g)?.length ?? 0;
    a.configure(config({ ...settings, extra: "use_vmac vrrp.51 netlink_notify_msg" }));
    a.start();
    await until("the virtual interface", () => host.ip("link show").includes("vrrp.51"));
    await until("the kernel tells", () => (told.match(/br9/g)?.length ?? 0) > without);
    const made = told.match(/br9/g)?.length ?? 0;
    expect(await a.stop()).toBe(0);
    await until("and again", () => (told.match(/br9/g)?.length ?? 0) > made);
  });
});

describe.skipIf(reason !== undefined)("interfaces that come later", () => {
  netTest(
    "dynamic_interfaces: expected to come; an instance works when its interface is there, of whatever kind",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      const late = instance({ name: "V2", vrid: 52, interface: "late0", vips: ["198.51.100.100"] });
      using a = new Daemon("lbd", host, config() + late).start();
      await until("V1 is master", () => has(host));
      await until("what is missing is said", () =>
        a.output.includes(
          "interface late0 does not exist: V2 in FAULT until it does (dynamic_interfaces, if that is meant)",
        ),
      );
      a.reload(config({ global: "dynamic_interfaces allow_if_changes" }) + late);
      await until("it is expected", () =>
        a.output.includes("interface late0 does not exist yet: V2 in FAULT until it does"),
      );

      addLink(host, "late0");
      host.ip("addr add 198.51.100.1/24 dev late0");
      await until("V2 is master", () => has(host, "198.51.100.100/32"));
      host.ip("link del late0");
      await until("V2 is in FAULT", () => stateOf(host, a, "V2")?.state === "FAULT");
      host.ip("link add late0 link eth0 type macvlan mode bridge");
      host.ip("link set late0 up");
      host.ip("addr add 198.51.100.1/24 dev late0");
      await until("V2 is master on another kind of interface", () => has(host, "198.51.100.100/32"));
      host.ip("link set late0 name renamed0");
      await until("V2 is in FAULT for its name is gone", () => stateOf(host, a, "V2")?.state === "FAULT");
      expect(has(host, "198.51.100.100/32")).toBe(false);
      expect(stateOf(host, a)?.state).toBe("MASTER");
    },
  );
});

describe.skipIf(reason !== undefined)("buffers and priorities", () => {
  netTest(
    "vrrp_netlink_cmd_rcv_bufs and vrrp_netlink_monitor_rcv_bufs, forced past the system's limit or not",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      const limit = Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));
      const wish = 2 * limit;
      const buffers = () =>
        [...host.run("ss", "-f", "netlink", "-m").stdout.matchAll(/rtnl:.*?\brb(\d+)/g)].map((m) => Number(m[1]));
      const ask = (force: boolean) =>
        config({
          global: `vrrp_netlink_cmd_rcv_bufs ${wish}
  vrrp_netlink_cmd_rcv_bufs_force ${force}
  vrrp_netlink_monitor_rcv_bufs ${wish + 1}
  vrrp_netlink_monitor_rcv_bufs_force ${force}`,
        });
      using a = new Daemon("lbd", host, ask(true)).start();
      // kernel: keeps twice as much.
      await until("both are forced", () => [wish, wish + 1].every((bytes) => buffers().includes(2 * bytes)));
      a.reload(ask(false));
      await until("both are cut", () => buffers().filter((bytes) => bytes === 2 * limit).length >= 2);
      a.reload(config());
      await until("as without", () => buffers().includes(8 * 1024 * 1024) && buffers().includes(2 * 1024 * 1024));
    },
  );

  netTest(
    "max_auto_priority and min_auto_priority_delay: a process that stood still gets a real-time priority",
    async () => {
      if (spawnSync("chrt", ["-r", "1", "true"]).status !== 0) {
        console.log("skipped: real-time priorities are not allowed here");
        return;
      }
      using segment = new Segment("a");
      const host = segment.host(0);
      const global = "max_auto_priority 1\n  min_auto_priority_delay 300000";
      using a = new Daemon("lbd", host, config({ global })).start();
      // Stopped in the middle of the takeover it would set its next timer behind the pause, which is then not late.
      await until("master, and done with it", () => has(host) && a.output.includes("to MASTER"));
      const pid = rolePid(a, "vrrp.pid");
      const policy = () => spawnSync("chrt", ["-p", String(pid)], { encoding: "utf8" }).stdout;
      process.kill(pid, "SIGSTOP");
      const stoppedAt = performance.now();
      // News of the kernel that is heard first must not hide how late the timers are.
      for (let i = 1; i < 20; i++) host.ip(`addr add 198.51.100.${i}/32 dev lo`);
      // Longer than an interval and the delay: a timer was due in time to be late enough, whatever the phase.
      await until("it stood still", () => performance.now() - stoppedAt > 2000);
      process.kill(pid, "SIGCONT");
      const stoodMs = Math.round(performance.now() - stoppedAt);
      const facts = () => `stood still for ${stoodMs} ms; pid ${pid}, now ${rolePid(a, "vrrp.pid")}: ${policy()}`;
      await saying(
        a,
        async () => {
          await until("it has a priority", () => /SCHED_RR.*\n.*priority: 1/.test(policy()));
          await until("it says so", () => /timers ran \d+ ms late: real-time priority is now 1/.test(a.output));
        },
        facts,
      );
    },
  );
});
