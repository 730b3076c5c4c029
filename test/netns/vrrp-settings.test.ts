// Ring netns: settings of the process, of sockets and of the machine, each seen from outside, and taken back where that is promised.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../support/daemon.ts";
import { vrrpFrames } from "../support/frames.ts";
import { type Namespace, netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { addLink, config, has, instance, stateOf, VIP } from "../support/vrrp-host.ts";

const LIMIT_MS = 90_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

const sysctl = (host: Namespace, path: string) => host.run("cat", `/proc/sys/net/${path}`).stdout.trim();

/** What is left of 300 refused packets that came while the process stood still, all of them smaller than a page. */
async function keptOf300(settings: Parameters<typeof config>[0]): Promise<number> {
  using segment = new Segment("a", "b");
  const host = segment.host(0);
  using a = new Daemon("lbd", host, config(settings)).start();
  await until("master", () => has(host));
  const pid = Number(readFileSync(`${a.dir}/run/vrrp.pid`, "utf8"));
  process.kill(pid, "SIGSTOP");
  const script = join(import.meta.dir, "../support/junk-sender.ts");
  // All of them in its first burst.
  const bodies = Array.from({ length: 300 }, () => `2133${"00".repeat(18)}`);
  const sender = segment.host(1).spawn(process.execPath, [script, "192.0.2.2", "255", "1", "0.01", ...bodies]);
  let sent = "";
  sender.stdout?.on("data", (chunk: Buffer) => {
    sent += chunk.toString();
  });
  await until("the sender ends", () => sent !== "");
  expect(Number(sent)).toBe(300);
  process.kill(pid, "SIGCONT");
  return await until("all that was kept is refused", () => {
    const { stdout } = host.run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp/V1");
    const { refused, lastRefused } = JSON.parse(stdout);
    const count = Object.values<number>(refused).reduce((sum, one) => sum + one, 0);
    return count > 0 && Date.now() - Date.parse(lastRefused.at) > 3000 && count;
  });
}

describe.skipIf(reason !== undefined)("the process", () => {
  netTest(
    "vrrp_priority, vrrp_no_swap, vrrp_cpu_affinity, vrrp_rt_priority and vrrp_rlimit_rttime; a reload takes them back",
    async () => {
      if (spawnSync("chrt", ["-r", "1", "true"]).status !== 0) {
        console.log("skipped: real-time priorities are not allowed here");
        return;
      }
      using segment = new Segment("a");
      const global =
        "vrrp_priority -5\n  vrrp_no_swap\n  vrrp_cpu_affinity 0\n  vrrp_rt_priority 7\n  vrrp_rlimit_rttime 2000000";
      using a = new Daemon("lbd", segment.host(0), config({ global })).start();
      await until("master", () => has(segment.host(0)));
      const pid = Number(readFileSync(`${a.dir}/run/vrrp.pid`, "utf8"));
      const shown = () => {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
        return {
          nice: Number(/^\d+ \(.*\) (?:\S+ ){16}(\S+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]),
          locked: Number(/VmLck:\s+(\d+)/.exec(status)?.[1]) > 0,
          cpus: /Cpus_allowed_list:\s+(\S+)/.exec(status)?.[1],
          realtime: /SCHED_RR.*\n.*priority: 7/.test(spawnSync("chrt", ["-p", `${pid}`], { encoding: "utf8" }).stdout),
          limitUs: /Max realtime timeout\s+(\S+)/.exec(limits)?.[1],
        };
      };
      const all = readFileSync("/proc/self/status", "utf8").match(/Cpus_allowed_list:\s+(\S+)/)?.[1];
      expect(shown()).toEqual({ nice: -5, locked: true, cpus: "0", realtime: true, limitUs: "2000000" });
      a.reload(config());
      await until("ordinary again", () => !shown().realtime);
      expect(shown()).toMatchObject({ nice: 0, locked: false, cpus: all });
    },
  );

  netTest("process_name, vrrp_process_name and process_names: what ps calls the parent and its children", async () => {
    using segment = new Segment("a");
    const named = (global: string) => config({ global });
    using a = new Daemon("lbd", segment.host(0), named("process_name dir\n  vrrp_process_name vr")).start();
    const comms = () => {
      const vrrp = Number(readFileSync(`${a.dir}/run/vrrp.pid`, "utf8"));
      return [a.pid, vrrp].map((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").trim()).join();
    };
    await until("master", () => has(segment.host(0)));
    await until("both are named", () => comms() === "dir,vr");
    a.reload(named("process_name dir"));
    await until("the parent's name", () => comms() === "dir,dir");
    a.reload(named("process_name dir\n  process_names"));
    await until("a name of its own", () => comms() === "dir,lbd-vrrp");
    a.reload(named(""));
    await until("the usual ones", () => comms() === "lbd,lbd-vrrp");
  });

  netTest("fifo_write_vrrp_states_on_reload: a reload tells the states again, groups first", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    using a = new Daemon("lbd", host, "");
    const fifo = join(a.dir, "fifo");
    const group = "vrrp_sync_group G {\n  group {\n    V1\n  }\n}\n";
    a.configure(config({ global: `vrrp_notify_fifo ${fifo}` }) + group);
    a.start();
    await until("the FIFO", () => existsSync(fifo));
    let heard = "";
    host.spawn("cat", [fifo]).stdout?.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await until("master", () => heard.includes('GROUP "G" MASTER 0\n'));
    heard = "";
    a.reload(config({ global: `vrrp_notify_fifo ${fifo}\n  fifo_write_vrrp_states_on_reload` }) + group);
    await until("told again", () => heard.includes("INSTANCE"));
    expect(heard).toBe('GROUP "G" MASTER 0\nINSTANCE "V1" MASTER 100\n');
  });
});

describe.skipIf(reason !== undefined)("sockets", () => {
  netTest(
    "kernel_rx_buf_size, vrrp_rx_bufs_policy and vrrp_rx_bufs_multiplier: how much waits for a busy director",
    async () => {
      const kept = await Promise.all([
        keptOf300({}),
        keptOf300({ extra: "kernel_rx_buf_size 10000" }),
        keptOf300({ global: "vrrp_rx_bufs_policy 20000" }),
        keptOf300({ global: "vrrp_rx_bufs_policy MTU\n  vrrp_rx_bufs_multiplier 20" }),
        keptOf300({ global: "vrrp_rx_bufs_policy ADVERT\n  vrrp_rx_bufs_multiplier 100" }),
      ]);
      const [all = 0, own = 0, fixed = 0, mtu = 0, advert = 0] = kept;
      // kernel: each of these packets counts as 768 bytes against twice the size.
      expect(all).toBe(300);
      expect([own < 40, fixed < 80, mtu < 110, advert < 30]).toEqual([true, true, true, true]);
      expect([own < fixed, fixed < mtu, advert < own]).toEqual([true, true, true]);
    },
  );

  netTest("log_unknown_vrids names a VRID that is not ours", async () => {
    using segment = new Segment("a", "b");
    using a = new Daemon("lbd", segment.host(0), config({ global: "log_unknown_vrids" })).start();
    await until("a is master", () => has(segment.host(0)));
    using _b = new Daemon("lbd", segment.host(1), instance({ vrid: 77, vips: ["192.0.2.177"] })).start();
    await until("77 is named", () => /VRID 77\b/i.test(a.output));
  });

  netTest(
    "vrrp_mcast_group4, vrrp_mcast_group6, mcast_dst_ip: where adverts go, and where others hear them",
    async () => {
      using segment = new Segment("a", "b");
      const global = "vrrp_mcast_group4 224.0.0.20\n  vrrp_mcast_group6 ff02::20";
      const text = (priority: number) =>
        config({ global, priority }) +
        instance({ name: "V2", vrid: 52, vips: ["192.0.2.102"], priority, extra: "mcast_dst_ip 224.0.0.21" }) +
        instance({ name: "V3", vrid: 53, vips: ["fe80::103/64"], priority });
      const capture = await segment.capture("proto 112 or ip6 proto 112");
      const [a, b] = [segment.host(0), segment.host(1)];
      using _a = new Daemon("lbd", a, text(150)).start();
      const all = (host: Namespace) => [VIP, "192.0.2.102/32", "fe80::103/64"].filter((vip) => has(host, vip)).length;
      await until("a is master of all", () => all(a) === 3);
      const from = capture.frames.length;
      using _b = new Daemon("lbd", b, text(100)).start();
      const states = () => ["V1", "V2", "V3"].map((name) => stateOf(b, _b, name)?.state);
      await until("b hears a in each", () => states().every((state) => state === "BACKUP"));
      await until("and goes on so", () => vrrpFrames(capture.frames.slice(from)).length > 60);
      expect(states()).toEqual(["BACKUP", "BACKUP", "BACKUP"]);
      const sent = vrrpFrames(capture.frames.slice(from)).map(({ vrid, destination }) => `${vrid} ${destination}`);
      expect([...new Set(sent)].sort()).toEqual(["51 224.0.0.20", "52 224.0.0.21", "53 ff02::20"]);
    },
  );

  netTest("track_src_ip: an instance is in FAULT while its source address is not there", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    host.ip("addr add 192.0.2.50/24 dev eth0");
    using _a = new Daemon("lbd", host, config({ extra: "mcast_src_ip 192.0.2.50\n  track_src_ip" })).start();
    await until("master", () => has(host));
    host.ip("addr del 192.0.2.50/24 dev eth0");
    await until("fault", () => !has(host));
    host.ip("addr add 192.0.2.50/24 dev eth0");
    await until("master again", () => has(host));
  });
});

describe.skipIf(reason !== undefined)("the machine", () => {
  netTest("disable_local_igmp and promote_secondaries set what they say, and the stop takes it back", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const settings = () => [
      sysctl(host, "ipv4/igmp_link_local_mcast_reports"),
      sysctl(host, "ipv4/conf/eth0/promote_secondaries"),
    ];
    const before = settings();
    using a = new Daemon("lbd", host, config({ global: "disable_local_igmp", extra: "promote_secondaries" })).start();
    await until("both are set", () => settings().join() === "0,1");
    expect(before).toEqual(["1", "0"]);
    a.reload(config({ global: "disable_local_igmp" }));
    await until("a reload without takes it back", () => settings().join() === "0,0");
    expect(await a.stop()).toBe(0);
    expect(settings()).toEqual(before);
  });

  netTest("add, append and prepend of a route beside one of somebody else with the same destination", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const nets = ["203.0.113.0/24", "203.0.114.0/24", "203.0.115.0/24"];
    for (const net of nets) host.ip(`route add ${net} via 192.0.2.3 dev eth0`);
    const extra = `virtual_routes {
    ${nets[0]} via 192.0.2.2 dev eth0 add
    ${nets[1]} via 192.0.2.2 dev eth0 append
    ${nets[2]} via 192.0.2.2 dev eth0 prepend
  }`;
    using a = new Daemon("lbd", host, config({ extra })).start();
    const gateways = () =>
      nets.map((net) => [...host.ip(`route show ${net}`).matchAll(/via 192\.0\.2\.(\d)/g)].map((m) => m[1]).join(" "));
    await until("all that the kernel takes", () => gateways().join() === "3,3 2,2 3");
    expect(await a.stop()).toBe(0);
    expect(gateways()).toEqual(["3", "3", "3"]);
  });

  netTest(
    "default_interface holds static addresses, and those of an instance without interface, that name none",
    async () => {
      using segment = new Segment("a");
      const host = segment.host(0);
      addLink(host, "dummy0");
      const unicast = instance({ extra: "unicast_src_ip 192.0.2.1\n  unicast_peer {\n    192.0.2.2\n  }" });
      const text = `${unicast.replace("interface eth0\n", "")}static_ipaddress {\n  198.51.100.9/24\n}\n`;
      const both = (device: string) => {
        const shown = host.ip(`-o addr show dev ${device}`);
        return [shown.includes("198.51.100.9/24"), shown.includes("192.0.2.100/32")].join();
      };
      using a = new Daemon("lbd", host, `global_defs {\n  default_interface dummy0\n}\n${text}`).start();
      await until("both are there", () => both("dummy0") === "true,true");
      a.reload(text);
      await until("without it, eth0", () => both("eth0") === "true,true" && both("dummy0") === "false,false");
      expect(await a.stop()).toBe(0);
      expect(both("eth0")).toBe("false,false");
    },
  );

  netTest("init_file of a track_file: written when it is missing, overwritten when asked", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    using a = new Daemon("lbd", host, "");
    const [fresh, kept, overwritten] = ["fresh", "kept", "overwritten"].map((name) => join(a.dir, name));
    for (const path of [kept, overwritten]) writeFileSync(path ?? "", "7\n");
    const file = (name: string, path: string | undefined, init: string) =>
      `track_file ${name} {\n  file ${path}\n  init_file ${init}\n}\n`;
    a.configure(
      file("f", fresh, "3") +
        file("k", kept, "3") +
        file("o", overwritten, "3 overwrite") +
        config({ extra: "track_file {\n    f weight 1\n    k weight 1\n    o weight 1\n  }" }),
    );
    a.start();
    await until("master", () => has(host));
    expect([fresh, kept, overwritten].map((path) => readFileSync(path ?? "", "utf8"))).toEqual(["3\n", "7\n", "3\n"]);
  });
});
