// Ring netns: what an instance does when the world around it changes: links, peers, trackers, reloads, crashes, hands that delete
// things. Two directors of the subject's kind unless a row says otherwise. Statement numbers are those of docs/vrrp.md.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type Kind, lbdBinary } from "../support/daemon.ts";
import { gratuitousArps, vrrpFrames } from "../support/frames.ts";
import { type Namespace, netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { addLink, config, has, instance, VIP } from "../support/vrrp-host.ts";

const LIMIT_MS = 90_000;
/** Advertisements come ten times a second; two busy cores run this beside other rings. */
const LATE_S = 1;
const SUBJECT: Kind = process.env.LBD_SUBJECT === "keepalived" ? "keepalived" : "lbd";
const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`skipped: ${reason}`);
const ofV1 = (arp: { readonly senderIp: string }) => arp.senderIp === "192.0.2.100";
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

describe.skipIf(reason !== undefined)("a second master", () => {
  netTest(
    "a second master is named with the likely cause, and answered with announcements once it has left",
    async () => {
      using segment = new Segment("a", "b");
      const capture = await segment.capture("arp");
      using a = new Daemon(SUBJECT, segment.host(0), config({ priority: 150 })).start();
      await until("a is master", () => has(segment.host(0)));
      // b hears nothing of a, a hears b: a filter in one direction.
      const deaf =
        "table ip deaf { chain in { type filter hook input priority 0; ip protocol 112 ip saddr 192.0.2.1 drop; }; }";
      expect(segment.host(1).run("nft", deaf).status).toBe(0);
      using b = new Daemon(SUBJECT, segment.host(1), config({ priority: 100 })).start();
      await until("b is master too", () => has(segment.host(1)));
      if (SUBJECT === "keepalived") return; // It has no status to ask.
      const ask = () =>
        segment.host(0).run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp/V1").stdout;
      const named = await until("a names b", () => /"foreignMaster":\{"address":"192\.0\.2\.2"/.test(ask()) && ask());
      expect(named).toContain("likelyCause");
      await until("and says so", () => a.output.includes("192.0.2.2 is master too"));
      expect(await b.stop()).toBe(0);
      const seen = capture.frames.length;
      const macOfA = /ether (\S+)/.exec(segment.host(0).ip("link show eth0"))?.[1];
      await until("a tells the neighbours", () =>
        gratuitousArps(capture.frames.slice(seen)).some((arp) => arp.senderMac === macOfA),
      );
      await until("nobody is named any more", () => ask().includes('"foreignMaster":null'));
    },
  );
});

describe.skipIf(reason !== undefined)("many instances", () => {
  netTest("each one's counters are reported on and on, whatever their number", async () => {
    if (SUBJECT === "keepalived") return; // It has no status to ask.
    using segment = new Segment("a");
    const host = segment.host(0);
    const vrids = Array.from({ length: 50 }, (_, i) => i + 1);
    const all = vrids.map((vrid) => instance({ name: `V${vrid}`, vrid, vips: [`10.0.0.${vrid}`] })).join("");
    using a = new Daemon(SUBJECT, host, all).start();
    const sent = () => {
      const { stdout } = host.run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp");
      const shown: { instances?: { counters: { advert_sent: number } }[] } = stdout === "" ? {} : JSON.parse(stdout);
      return (shown.instances ?? []).map(({ counters }) => counters.advert_sent);
    };
    const first = await until("all are masters", () => {
      const counts = sent();
      return counts.length === vrids.length && counts.every((count) => count > 0) && counts;
    });
    await until("every counter has moved", () => sent().every((count, i) => count > (first[i] ?? 0)));
    await until("and again", () => sent().every((count, i) => count > (first[i] ?? 0) + 20));
  });
});

describe.skipIf(reason !== undefined)("lbd vrrp", () => {
  netTest("prints all instances, those that are named, and says which one there is not", async () => {
    if (SUBJECT === "keepalived") return; // It has no such command.
    using segment = new Segment("a");
    const host = segment.host(0);
    using a = new Daemon(SUBJECT, host, config() + instance({ name: "V2", vrid: 52, vips: ["192.0.2.120"] })).start();
    const vrrp = (...names: readonly string[]) => host.run(lbdBinary(), "vrrp", ...names, "--run-dir", `${a.dir}/run`);
    await until("both are masters", () => vrrp().stdout.match(/^V\d +MASTER/gm)?.length === 2);
    expect(vrrp("V2").stdout).toContain("BACKUP to MASTER");
    expect(vrrp("V2").stdout).not.toContain("V1");
    const { instances }: { instances: { name: string }[] } = JSON.parse(vrrp("--json", "V1").stdout);
    expect(instances.map(({ name }) => name)).toEqual(["V1"]);
    expect(vrrp("V3")).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("sync group V3") });
  });
});

describe.skipIf(reason !== undefined)("groups and trackers", () => {
  netTest("S24 S25 a sync group moves as one when one member's link is lost", async () => {
    using inner = new Segment("a", "b");
    for (const host of inner.hosts) {
      addLink(host, "dummy0");
      host.ip("addr add 198.51.100.1/24 dev dummy0");
    }
    const both = (priority: number) =>
      `${config({ priority })}${instance({ name: "V2", vrid: 52, interface: "dummy0", priority, vips: ["198.51.100.100"] })}vrrp_sync_group G {\n  group {\n    V1\n    V2\n  }\n}\n`;
    using _a = new Daemon(SUBJECT, inner.host(0), both(150)).start();
    const whole = (i: number) => has(inner.host(i)) && has(inner.host(i), "198.51.100.100/32");
    const none = (i: number) => !has(inner.host(i)) && !has(inner.host(i), "198.51.100.100/32");
    await until("a has both", () => whole(0));
    inner.host(0).ip("link set dummy0 down");
    await until("a has neither", () => none(0));
    inner.host(0).ip("link set dummy0 up");
    await until("a has both again", () => whole(0));
  });

  netTest("S26 a script's weight changes the priority on the wire, and back", async () => {
    using segment = new Segment("a");
    const capture = await segment.capture("proto 112");
    using a = new Daemon(SUBJECT, segment.host(0), "");
    const flag = join(a.dir, "flag");
    const script = join(a.dir, "check");
    writeFileSync(script, `#!/bin/sh\ntest -e ${flag}\n`);
    chmodSync(script, 0o755);
    writeFileSync(flag, "");
    a.configure(
      `vrrp_script chk {\n  script "${script}"\n  interval 0.2\n  weight -30\n}\n${config({ extra: "track_script {\n    chk\n  }" })}`,
    );
    a.start();
    const last = () => vrrpFrames(capture.frames).at(-1)?.priority;
    await until("priority 100", () => last() === 100);
    spawnSync("rm", [flag]);
    await until("priority 70", () => last() === 70);
    writeFileSync(flag, "");
    await until("priority 100 again", () => last() === 100);
  });

  netTest("S38 a script of weight 0 that fails is a fault with priority 0, and recovery starts as backup", async () => {
    using segment = new Segment("a");
    const capture = await segment.capture("proto 112");
    using a = new Daemon(SUBJECT, segment.host(0), "");
    const flag = join(a.dir, "flag");
    writeFileSync(flag, "");
    a.configure(
      `vrrp_script chk {\n  script "/usr/bin/test -e ${flag}"\n  interval 0.2\n}\n${config({ extra: "track_script {\n    chk\n  }" })}`,
    );
    a.start();
    await until("master", () => has(segment.host(0)));
    spawnSync("rm", [flag]);
    await until("fault", () => !has(segment.host(0)));
    await until("priority 0 went out", () => vrrpFrames(capture.frames).some((advert) => advert.priority === 0));
    writeFileSync(flag, "");
    await until("master again", () => has(segment.host(0)));
  });

  netTest("a tracked file adds value times weight, at once", async () => {
    using segment = new Segment("a");
    const capture = await segment.capture("proto 112");
    using a = new Daemon(SUBJECT, segment.host(0), "");
    const file = join(a.dir, "value");
    writeFileSync(file, "2\n");
    a.configure(
      `track_file f {\n  file ${file}\n  weight 1\n}\n${config({ extra: "track_file {\n    f weight 10\n  }" })}`,
    );
    a.start();
    const last = () => vrrpFrames(capture.frames).at(-1)?.priority;
    await until("priority 120", () => last() === 120);
    writeFileSync(file, "-3\n");
    await until("priority 70", () => last() === 70);
    spawnSync("rm", [file]);
    await until("priority 100", () => last() === 100);
  });

  netTest("a tracked interface of weight 0 is a fault when it goes, with a weight it lowers the priority", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    for (const name of ["dummy0", "dummy1"]) addLink(host, name);
    const capture = await segment.capture("proto 112");
    using _a = new Daemon(
      SUBJECT,
      host,
      config({ extra: "track_interface {\n    dummy0\n    dummy1 weight -20\n  }" }),
    ).start();
    const last = () => vrrpFrames(capture.frames).at(-1)?.priority;
    await until("priority 100", () => last() === 100);
    host.ip("link set dummy1 down");
    await until("priority 80", () => last() === 80);
    host.ip("link set dummy0 down");
    await until("fault", () => !has(host));
    host.ip("link set dummy0 up");
    await until("master again", () => has(host));
  });

  netTest("a tracked process that ends is a fault, and its return mends it", async () => {
    if (SUBJECT === "keepalived") return; // The kernel's process connector is not there in a namespace.
    using segment = new Segment("a");
    const host = segment.host(0);
    using a = new Daemon(SUBJECT, host, "");
    const program = join(a.dir, `tp${process.pid}`.slice(0, 15));
    spawnSync("cp", ["/bin/sleep", program]);
    a.configure(
      `vrrp_track_process p {\n  process ${program.split("/").at(-1)}\n}\n${config({ extra: "track_process {\n    p\n  }" })}`,
    );
    let child = host.spawn(program, ["300"]);
    await until(
      "it runs",
      () => child.pid !== undefined && readFileSync(`/proc/${child.pid}/comm`, "utf8").startsWith("tp"),
    );
    a.start();
    await until("master", () => has(host));
    child.kill("SIGKILL");
    await until("fault", () => !has(host));
    child = host.spawn(program, ["300"]);
    await until("master again", () => has(host));
  });
});

describe.skipIf(reason !== undefined)("addresses, routes and rules", () => {
  const EVERYTHING = config({
    vips: ["192.0.2.100", "192.0.2.101/24 dev eth0 label eth0:v", "192.0.2.102 dev lo"],
    extra: `virtual_ipaddress_excluded {
    2001:db8::100
    192.0.2.103
  }
  virtual_routes {
    203.0.113.0/24 via 192.0.2.2 dev eth0 metric 50
    blackhole 203.0.113.128/25
    198.51.100.0/24 dev eth0 table 100
    2001:db8:1::/48 via 2001:db8::2 dev eth0
  }
  virtual_rules {
    from 192.0.2.100 table 100 priority 2000
  }`,
  });

  function kernelState(host: Namespace): string {
    const parts = [
      "-o addr show",
      "route show table all proto 18",
      "-6 route show table all proto 18",
      "rule show",
      "-6 rule show",
      "-o link show",
    ];
    return parts
      .map((words) => host.ip(words))
      .join("\n")
      .replace(/valid_lft.*|inet6 fe80\S+| tentative/g, "");
  }

  netTest("S07 S20 S37 S44 everything is there as master, and nothing is left after the stop", async () => {
    using segment = new Segment("a", "b");
    const host = segment.host(0);
    const before = kernelState(host);
    using a = new Daemon(SUBJECT, host, EVERYTHING).start();
    await until("all addresses", () =>
      ["192.0.2.100/32", "192.0.2.101/24", "192.0.2.102/32", "2001:db8::100/128", "192.0.2.103/32"].every((address) =>
        has(host, address),
      ),
    );
    const routes = await until("all routes", () => {
      const shown = host.ip("route show table all") + host.ip("-6 route show table all");
      return (
        [
          "203.0.113.0/24 via 192.0.2.2",
          "blackhole 203.0.113.128/25",
          "198.51.100.0/24 dev eth0 table 100",
          "2001:db8:1::/48 via 2001:db8::2",
        ].every((route) => shown.includes(route)) && shown
      );
    });
    expect(routes).toMatch(/203.0.113.0\/24 .*proto (18|keepalived)/);
    await until("the rule", () => /2000:\s+from 192.0.2.100 lookup 100/.test(host.ip("rule show")));
    expect(host.ip("-o addr show dev lo")).toContain("192.0.2.102/32");
    expect(host.ip("-o addr show dev eth0")).toContain("eth0:v");
    expect(await a.stop()).toBe(0);
    if (SUBJECT === "keepalived") return; // Its trap R1: the IPv6 route without metric stays.
    expect(kernelState(host)).toBe(before);
  });

  netTest("S40 what a crash left is recognised: kept while master, removed when no longer wanted", async () => {
    if (SUBJECT === "keepalived") return; // 2.2.7 leaves the rule behind.
    using segment = new Segment("a", "b");
    const host = segment.host(0);
    using a = new Daemon(SUBJECT, host, EVERYTHING).start();
    await until("master", () => has(host) && host.ip("rule show").includes("2000:"));
    a.kill();
    expect(has(host)).toBe(true);
    using _b = new Daemon(SUBJECT, segment.host(1), config({ priority: 200 })).start();
    await until("b is master", () => has(segment.host(1)));
    a.start();
    await until(
      "a cleaned up as backup",
      () => !has(host) && !host.ip("rule show").includes("2000:") && !host.ip("route show").includes("203.0.113.0"),
    );
  });

  netTest("two directors in one namespace leave each other's addresses, routes and rules alone", async () => {
    if (SUBJECT === "keepalived") return;
    using segment = new Segment("a");
    const host = segment.host(0);
    const of = (i: number) => {
      const extra = `virtual_routes {\n    203.0.113.${i}/32 dev eth0\n  }\n  virtual_rules {\n    from 10.0.0.${i} table 99 priority ${600 + i}\n  }`;
      return config({ name: `V${i}`, vrid: 50 + i, vips: [`192.0.2.10${i}`], extra });
    };
    const whole = (i: number) =>
      has(host, `192.0.2.10${i}/32`) &&
      host.ip("route show").includes(`203.0.113.${i} `) &&
      host.ip("rule show").includes(`60${i}:`);
    using a = new Daemon(SUBJECT, host, of(1)).start();
    await until("the first is master", () => whole(1));
    using b = new Daemon(SUBJECT, host, of(2)).start();
    await until("the second is master beside it", () => whole(1) && whole(2));
    b.kill();
    b.start();
    await until("its next start is told", () => b.output.match(/V2: BACKUP to MASTER/g)?.length === 2);
    expect([whole(1), whole(2)]).toEqual([true, true]);
    expect(await b.stop()).toBe(0);
    expect([whole(1), whole(2)]).toEqual([true, false]);
    expect(a.output + b.output).not.toMatch(/somebody else|put right/);
  });

  netTest("S28 an address that somebody removed is put back", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    using _a = new Daemon(SUBJECT, host, config()).start();
    await until("master", () => has(host));
    host.ip("addr del 192.0.2.100/32 dev eth0");
    await until("it is back", () => has(host));
  });

  netTest("S29 S31 a reload adds and removes addresses without a gap in the advertisements", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112 or arp");
    using a = new Daemon(SUBJECT, host, config({ vips: ["192.0.2.100", "192.0.2.101"] })).start();
    await until("master", () => has(host) && has(host, "192.0.2.101/32"));
    a.reload(config({ vips: ["192.0.2.100", "192.0.2.102"] }));
    await until("changed", () => has(host, "192.0.2.102/32") && !has(host, "192.0.2.101/32"));
    await until("announced", () => gratuitousArps(capture.frames).some((arp) => arp.senderIp === "192.0.2.102"));
    const adverts = vrrpFrames(capture.frames);
    expect(adverts.some((advert) => advert.priority === 0)).toBe(false);
    const gaps = adverts.slice(1).map((advert, i) => advert.at - (adverts[i]?.at ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(LATE_S);
    expect(has(host)).toBe(true);
  });

  netTest("a virtual interface that somebody removes, sets down or gives another MAC is mended at once", async () => {
    if (SUBJECT === "keepalived") return; // Only a removed one is made anew.
    using segment = new Segment("a");
    const host = segment.host(0);
    using _a = new Daemon(SUBJECT, host, config({ extra: "use_vmac" })).start();
    const sound = () => {
      const shown = host.run("ip", "-n", host.name, "-o", "addr", "show", "dev", "vrrp.51").stdout;
      const link = host.run("ip", "-n", host.name, "-o", "link", "show", "vrrp.51").stdout;
      return shown.includes(VIP) && /[<,]UP[,>]/.test(link) && link.includes("00:00:5e:00:01:33");
    };
    await until("master", sound);
    for (const words of ["link del vrrp.51", "link set vrrp.51 down", "link set vrrp.51 address 02:00:00:00:00:77"]) {
      const before = performance.now();
      host.ip(words);
      await until(`${words}: mended`, sound);
      // Sooner than the audit would.
      expect(performance.now() - before).toBeLessThan(4000);
    }
  });

  netTest("routes that the kernel drops in silence with an address or a link are there again at once", async () => {
    if (SUBJECT === "keepalived") return;
    using segment = new Segment("a");
    const host = segment.host(0);
    const extra = "virtual_routes {\n    203.0.113.0/24 via 192.0.2.2 dev eth0\n  }";
    using a = new Daemon(SUBJECT, host, config({ extra })).start();
    const whole = () => has(host) && host.ip("route show").includes("203.0.113.0/24 via 192.0.2.2");
    await until("master", whole);
    for (const [away, back] of [
      ["addr del 192.0.2.1/24 dev eth0", "addr add 192.0.2.1/24 dev eth0"],
      ["link set eth0 down", "link set eth0 up"],
    ] as const) {
      const from = a.output.length;
      host.ip(away);
      await until(`${away}: fault`, () => a.output.slice(from).includes("MASTER to FAULT"));
      host.ip(back);
      await until(`${back}: whole again`, () => a.output.slice(from).includes("BACKUP to MASTER") && whole());
      expect(a.output.slice(from)).not.toContain("putting it back");
    }
  });

  netTest("S29 what a reload does not change is not touched, and what it adds begins as backup", async () => {
    if (SUBJECT === "keepalived") return; // Each master advertises, and announces everything anew.
    using segment = new Segment("a");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112 or arp");
    const routes = "virtual_routes {\n    203.0.113.0/24 via 192.0.2.2 dev eth0\n  }";
    const kept = config({ extra: `use_vmac\n  ${routes}` });
    using a = new Daemon(SUBJECT, host, kept + instance({ name: "V2", vrid: 52, vips: ["192.0.2.110"] })).start();
    await until("both are master", () => has(host) && has(host, "192.0.2.110/32"));
    await until("announced for good", () => gratuitousArps(capture.frames).filter(ofV1).length >= 10);
    const monitor = host.spawn("ip", ["monitor", "all"]);
    let told = "";
    monitor.stdout?.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    await until("the monitor hears", () => {
      host.ip("addr add 198.51.100.1/24 dev eth0");
      host.ip("addr del 198.51.100.1/24 dev eth0");
      return told.includes("198.51.100.1");
    });
    told = "";
    const arps = gratuitousArps(capture.frames).filter(ofV1).length;
    const third = instance({ name: "V3", vrid: 53, vips: ["192.0.2.120"] });
    a.reload(kept + instance({ name: "V2", vrid: 52, vips: ["192.0.2.110", "192.0.2.111"] }) + third);
    await until("V3 is master", () => has(host, "192.0.2.120/32") && has(host, "192.0.2.111/32"));
    await until("the monitor heard of it", () => told.includes("192.0.2.120"));
    expect(told).not.toMatch(/192\.0\.2\.100|192\.0\.2\.110|203\.0\.113|vrrp\.51/);
    expect(gratuitousArps(capture.frames).filter(ofV1)).toHaveLength(arps);
    const times = vrrpFrames(capture.frames)
      .filter((advert) => advert.vrid === 51)
      .map((advert) => advert.at);
    expect(Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? 0)))).toBeLessThan(LATE_S);
    await until("V3's start is told", () => a.output.includes("V3: INIT to BACKUP: started"));
    expect(a.output).not.toContain("FAULT");
  });

  netTest("instances that exchange their names, or get others, keep what they have", async () => {
    if (SUBJECT === "keepalived") return; // It has no status to ask.
    using segment = new Segment("a", "b");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112");
    const named = (first: string, second: string) =>
      config({ name: first, priority: 150 }) + instance({ name: second, vrid: 52, vips: ["192.0.2.110"] });
    using _b = new Daemon(
      SUBJECT,
      segment.host(1),
      instance({ name: "P", vrid: 52, vips: ["192.0.2.110"], priority: 200 }),
    ).start();
    await until("b is master of its own", () => has(segment.host(1), "192.0.2.110/32"));
    using a = new Daemon(SUBJECT, host, named("V1", "V2")).start();
    const shown = () =>
      host
        .run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp")
        .stdout.match(/(?<="name":")[^"]+(?=","interface")|"state":"[A-Z]+"|"present":[a-z]+/g) ?? [];
    const states = ['"state":"MASTER"', '"present":true', '"state":"BACKUP"', '"present":false'];
    const expected = (first: string, second: string) => [first, ...states.slice(0, 2), second, ...states.slice(2)];
    await until("master of one, backup of the other", () => shown().join() === expected("V1", "V2").join());
    a.reload(named("V2", "V1"));
    await until(
      "exchanged",
      () => shown().join() === [...expected("V2", "V1").slice(3), "V2", ...states.slice(0, 2)].join(),
    );
    a.reload(named("X1", "X2"));
    await until("renamed", () => shown().join() === expected("X1", "X2").join());
    expect([has(host), has(host, "192.0.2.110/32")]).toEqual([true, false]);
    expect(vrrpFrames(capture.frames).some((advert) => advert.priority === 0)).toBe(false);
  });

  netTest("a broken file at reload changes nothing", async () => {
    if (SUBJECT === "keepalived") return; // Its trap: language.md §13.
    using segment = new Segment("a");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112");
    using a = new Daemon(SUBJECT, host, config()).start();
    await until("master", () => has(host));
    a.reload("vrrp_instance V1 {\n  interface eth0\n  priority\n");
    await until("it says so", () => /keepalived\.conf:\d+:\d+/.test(a.output));
    const seen = vrrpFrames(capture.frames).length;
    await until("ten more advertisements", () => vrrpFrames(capture.frames).length > seen + 10);
    expect(vrrpFrames(capture.frames).some((advert) => advert.priority === 0)).toBe(false);
    expect(has(host)).toBe(true);
  });

  netTest("a reload takes away what is static no more", async () => {
    if (SUBJECT === "keepalived") return; // Its rules stay.
    using segment = new Segment("a");
    const host = segment.host(0);
    const statics = `static_ipaddress {
  198.51.100.1/24 dev eth0
  2001:db8:66::1/64 dev eth0
}
static_routes {
  203.0.113.0/24 dev eth0
  2001:db8:67::/64 dev eth0
}
static_rules {
  from 198.51.100.0/24 table 99 priority 990
}
`;
    const shown = () =>
      ["-o addr show", "route show", "-6 route show", "rule show"]
        .map((words) => host.ip(words))
        .join("")
        .match(/198\.51\.100\.1\/24|2001:db8:66::1\/|203\.0\.113\.0|2001:db8:67::\/|990:/g)?.length ?? 0;
    using a = new Daemon(SUBJECT, host, config() + statics).start();
    await until("all are there", () => shown() === 5 && has(host));
    a.reload(config());
    await until("none is left", () => shown() === 0);
    expect(has(host)).toBe(true);
  });

  netTest("S30 an instance that a reload leaves out resigns and cleans up", async () => {
    using segment = new Segment("a");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112");
    const second = instance({ name: "V2", vrid: 52, vips: ["192.0.2.110"] });
    using a = new Daemon(SUBJECT, host, config() + second).start();
    await until("both master", () => has(host) && has(host, "192.0.2.110/32"));
    a.reload(config());
    await until("V2 is gone", () => !has(host, "192.0.2.110/32"));
    await until("V2 resigned", () =>
      vrrpFrames(capture.frames).some((advert) => advert.vrid === 52 && advert.priority === 0),
    );
    expect(has(host)).toBe(true);
  });

  netTest("S36 no_accept: the address does not answer, ARP does", async () => {
    using segment = new Segment("a", "b");
    using a = new Daemon(SUBJECT, segment.host(0), config({ extra: "no_accept" })).start();
    await until("master", () => has(segment.host(0)));
    const peer = segment.host(1);
    await until(
      "the packet filter is in place",
      () => peer.run("ping", "-c1", "-W1", "192.0.2.100").status !== 0,
      20_000,
    );
    expect(peer.ip("neigh show 192.0.2.100")).toContain("lladdr");
    expect(peer.run("ping", "-c1", "-W2", "192.0.2.1").status).toBe(0);
    expect(await a.stop()).toBe(0);
    expect(segment.host(0).run("nft", "list", "ruleset").stdout.trim()).toBe("");
  });

  netTest("no packet filter is left where none is needed: after a reload, and after a crash", async () => {
    if (SUBJECT === "keepalived") return; // Its table stays.
    using segment = new Segment("a", "b");
    const host = segment.host(0);
    const filter = () => host.run("nft", "list", "ruleset").stdout.trim();
    const answers = () => segment.host(1).run("ping", "-c1", "-W1", "192.0.2.100").status === 0;
    using a = new Daemon(SUBJECT, host, config({ extra: "no_accept" })).start();
    await until("filtered", () => has(host) && filter().includes("192.0.2.100"));
    a.reload(config());
    await until("not filtered", () => filter() === "" && answers());
    a.reload(config({ extra: "no_accept" }));
    await until("filtered again", () => filter().includes("192.0.2.100"));
    a.kill();
    a.configure(config());
    a.start();
    await until("not filtered after a crash", () => filter() === "" && answers());
    expect(await a.stop()).toBe(0);
  });

  netTest("the owner of an address leaves it where it was: at the start, after a crash and at the end", async () => {
    if (SUBJECT === "keepalived") return; // It takes it away (findings/keepalived-takes-the-owners-address.sh).
    using segment = new Segment("a", "b");
    const host = segment.host(0);
    const capture = await segment.capture("proto 112");
    // The only address of the interface, so the advertisements come from it.
    host.run("ip", "addr", "flush", "dev", "eth0");
    host.run("ip", "addr", "add", "192.0.2.100/24", "dev", "eth0");
    const addresses = () => host.run("ip", "-o", "-4", "addr", "show", "dev", "eth0").stdout.match(/inet \S+/g);
    using a = new Daemon(SUBJECT, host, config({ priority: 255 }).replace("192.0.2.100", "192.0.2.100/24")).start();
    await until("it advertises", () => vrrpFrames(capture.frames).some(({ source }) => source === "192.0.2.100"));
    expect(addresses()).toEqual(["inet 192.0.2.100/24"]);
    a.kill();
    a.start();
    await until("master again", () => a.output.split("to MASTER").length > 2);
    expect(await a.stop()).toBe(0);
    expect(addresses()).toEqual(["inet 192.0.2.100/24"]);
  });

  netTest("a reload that makes the virtual interface anew works with the new one at once", async () => {
    if (SUBJECT === "keepalived") return; // 2.2.7 keeps the interface.
    using segment = new Segment("a");
    const host = segment.host(0);
    const owner = (vrid: number) => config({ vrid, priority: 255, extra: "use_vmac vm0" });
    using a = new Daemon(SUBJECT, host, owner(51)).start();
    await until("master", () => has(host));
    a.reload(owner(52));
    // Between the two there is none, and `ip` ends with an error.
    const link = () => host.run("ip", "-o", "link", "show", "vm0").stdout;
    await until("master on the new one", () => has(host) && link().includes("00:00:5e:00:01:34"));
    expect(a.output).not.toContain("ENODEV");
  });

  netTest(
    "P25 S44 use_vmac: adverts and announcements carry the virtual MAC, and every sysctl is as it was afterwards",
    async () => {
      using segment = new Segment("a", "b");
      const host = segment.host(0);
      const sysctls = () =>
        host.run(
          "sh",
          "-c",
          "cd /proc/sys/net/ipv4/conf && grep -H . */arp_ignore */arp_filter */rp_filter */accept_local",
        ).stdout;
      const before = sysctls();
      const capture = await segment.capture("proto 112 or arp");
      using a = new Daemon(SUBJECT, host, config({ extra: "use_vmac" })).start();
      await until("master", () => has(host));
      expect(host.ip("-o -d link show vrrp.51")).toContain("macvlan mode private");
      const advert = await until("an advertisement", () => vrrpFrames(capture.frames)[0]);
      expect(advert.sourceMac).toBe("00:00:5e:00:01:33");
      const arp = await until("an announcement", () => gratuitousArps(capture.frames)[0]);
      expect(arp).toMatchObject({ sourceMac: "00:00:5e:00:01:33", senderMac: "00:00:5e:00:01:33" });
      expect(await a.stop()).toBe(0);
      expect(host.ip("-o link show")).not.toContain("vrrp.51");
      if (SUBJECT === "keepalived") return; // Its trap R3.
      expect(sysctls()).toBe(before);
    },
  );
});

describe.skipIf(reason !== undefined)("notifications", () => {
  netTest("scripts and FIFO tell every state, in order", async () => {
    using segment = new Segment("a");
    using a = new Daemon(SUBJECT, segment.host(0), "");
    const log = join(a.dir, "log");
    const script = join(a.dir, "notify");
    const fifo = join(a.dir, "fifo");
    writeFileSync(script, `#!/bin/sh\necho "$@" >> ${log}\n`);
    chmodSync(script, 0o755);
    const reader = join(a.dir, "reader");
    const readLog = join(a.dir, "read");
    writeFileSync(reader, `#!/bin/sh\nexec cat "$2" >> ${readLog}-$1\n`);
    chmodSync(reader, 0o755);
    a.configure(
      config({
        global: `notify_fifo ${fifo}\n  vrrp_notify_fifo ${fifo}-vrrp\n  vrrp_notify_fifo_script "${reader} own"`,
        extra: `notify ${script}\n  notify_master "${script} special"`,
      }),
    );
    a.start();
    await until("master", () => has(segment.host(0)));
    const read = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
    await until("told", () => read().includes("INSTANCE V1 MASTER 100") && read().includes("special"));
    const lines = segment.host(0).spawn("cat", [fifo]);
    let heard = "";
    lines.stdout?.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await until("the FIFO tells", () => heard.includes('INSTANCE "V1" MASTER 100\n'));
    await until("the other one has its reader", () =>
      readFileSync(`${readLog}-own`, "utf8").endsWith('INSTANCE "V1" MASTER 100\n'),
    );
    expect(await a.stop()).toBe(0);
    await until(
      "the stop is told",
      () => heard.includes('INSTANCE "V1" STOP 100\n') && read().includes("INSTANCE V1 STOP 100"),
    );
    expect(heard.indexOf("BACKUP")).toBeLessThan(heard.indexOf("MASTER"));
  });

  netTest("a program that hangs does not cost the stop its own", async () => {
    using segment = new Segment("a");
    using a = new Daemon(SUBJECT, segment.host(0), "");
    const log = join(a.dir, "told");
    const script = join(a.dir, "slow.sh");
    writeFileSync(script, `#!/bin/sh\necho "$3" >>${log}\n[ "$3" = STOP ] || exec sleep 600\n`);
    chmodSync(script, 0o755);
    a.configure(config({ extra: `notify ${script}` }));
    a.start();
    const told = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
    await until("master, and a program hangs", () => has(segment.host(0)) && told() !== "");
    expect(await a.stop()).toBe(0);
    await until("the stop is told", () => told().includes("STOP"));
  });
});
