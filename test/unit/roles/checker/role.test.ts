import { describe, expect, test } from "bun:test";
import { judgeProgram } from "../../../../src/check/misc.ts";
import { failedCall, good } from "../../../../src/check/outcome.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import type { RealServer, VirtualServer } from "../../../../src/config/model/lvs.ts";
import { IPVS_RETRY_MS } from "../../../../src/roles/checker/ipvs.ts";
import {
  configOf,
  miscCheck,
  ORIGIN,
  realServer,
  sorryServer,
  tcpCheck,
  timing,
  virtualServer,
} from "../../../support/model.ts";
import { bench, machine } from "./bench.ts";

const FAST = timing({ delayLoopMs: 1000 });

function server(host: number, part: Partial<RealServer> = {}, alpha = false): RealServer {
  return realServer(host, { checks: [tcpCheck(`10.9.1.${host}`, { timing: { ...FAST, alpha } })], ...part });
}

function two(part: Partial<VirtualServer> = {}): Config {
  return configOf([virtualServer([server(1), server(2)], part)]);
}

const command = (name: string) => ({ argv: [`/bin/${name}`], origin: ORIGIN });

describe("start", () => {
  test("services and servers are there at once, checks follow", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two());
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
  });

  test("alpha: a server comes with its first success", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(configOf([virtualServer([server(1, {}, true), server(2, {}, true)])]));
    expect(b.shown()).toBe("10.9.0.1:80 rr:");
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
  });

  test("alpha: a server whose first check fails is told of as down, once (keepalived)", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(configOf([virtualServer([server(1, {}, true), server(2, {}, true)])]));
    expect(b.notified()).toEqual([]);
    b.clock.advance(5000);
    expect(b.notified()).toEqual([
      "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "RS [10.9.1.2]:tcp:80 [10.9.0.1]:tcp:80 UP",
      "VS [10.9.0.1]:tcp:80 UP",
    ]);
  });

  test("alpha: a server that has been up and fails is told of as down once as well", () => {
    const b = bench();
    b.start(configOf([virtualServer([server(1, {}, true), server(2)])]));
    b.clock.advance(5000);
    b.fails("10.9.1.1");
    b.clock.advance(20_000);
    expect(b.notified().filter((text) => text.includes("10.9.1.1"))).toEqual([
      "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 UP",
      "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
    ]);
  });

  test("alpha with a sorry server: it serves until then, and that is told (keepalived)", () => {
    const b = bench();
    b.start(configOf([virtualServer([server(1, {}, true)], { sorryServer: sorryServer() })]));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.8=1");
    expect(b.notified()).toEqual(["VS [10.9.0.1]:tcp:80 DOWN"]);
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1");
  });

  test("no virtual servers: IPVS is not even opened", () => {
    const b = bench({ openFails: true });
    b.start(configOf([]));
    expect(b.opened()).toBe(0);
  });

  test("no IPVS: said once, checks run and are shown, and the table is filled when it comes", () => {
    const b = bench({ openFails: true });
    b.fails("10.9.1.1");
    b.start(two());
    expect(b.fact("problem")).toBe("the kernel has no IPVS");
    b.clock.advance(12_000);
    expect(b.opened()).toBe(3);
    expect(b.logs.filter(({ message }) => message.includes("no IPVS")).map(({ message }) => message)).toEqual([
      "the kernel has no IPVS; checking without it, trying again every 5 s",
    ]);
    expect(b.status().realServers.map(({ healthy, inTable }) => [healthy, inTable])).toEqual([
      [false, false],
      [true, false],
    ]);
    b.ipvsComes();
    b.clock.advance(IPVS_RETRY_MS);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
    expect(b.fact("problem")).toBe("");
    expect(b.status().realServers.map(({ inTable }) => inTable)).toEqual([false, true]);
    b.works("10.9.1.1");
    b.clock.advance(1500);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("no IPVS: a reload tries at once, and what an earlier life left is still ours", async () => {
    const on = machine();
    bench({ on, releaseIpvs: false }).start(two());
    const b = bench({ on, openFails: true, session: "2:2" });
    b.start(configOf([virtualServer([server(2)])]));
    b.ipvsComes();
    b.role.reload(configOf([]));
    expect(b.shown()).toBe("");
    expect(b.fact("problem")).toBe("");
    await b.role.stop();
    b.clock.advance(2 * IPVS_RETRY_MS);
    expect(b.opened()).toBe(2);
  });

  test("no IPVS: a reload that needs none is no problem any more", () => {
    const b = bench({ openFails: true });
    b.start(two());
    b.role.reload(configOf([]));
    expect(b.fact("problem")).toBe("");
    b.clock.advance(2 * IPVS_RETRY_MS);
    expect(b.opened()).toBe(1);
  });

  test("lvs_flush empties the table, strangers too; without it they stay", () => {
    const stranger = { service: { ...serviceAt(99), scheduler: "rr" }, destinations: [] };
    const plain = bench({ on: machine([stranger]) });
    plain.start(two());
    expect(plain.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1 | 10.9.0.99:80 rr:");
    const flushing = bench({ on: machine([stranger]) });
    flushing.start(configOf(two().virtualServers, { flush: true }));
    expect(flushing.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test.each([
    [
      { tcp: 60, udp: 5 },
      { tcp: 60, tcpFin: 120, udp: 5 },
    ],
    [{ tcp: 60 }, { tcp: 60, tcpFin: 120, udp: 300 }],
    [{ tcpFin: 7 }, { tcp: 900, tcpFin: 7, udp: 300 }],
    [{ udp: 5 }, { tcp: 900, tcpFin: 120, udp: 5 }],
  ])("time-outs are set, and put back at the end: %o", async (timeouts, want) => {
    const b = bench();
    b.start(configOf(two().virtualServers, { timeouts }));
    expect(b.table.timeouts()).toEqual(want);
    await b.role.stop();
    expect(b.table.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
  });
});

function serviceAt(host: number) {
  return {
    family: 4 as const,
    protocol: 6,
    address: { kind: "address" as const, ip: `10.9.0.${host}`, port: 80 },
    scheduler: "rr",
    flags: 0,
    timeoutS: 0,
    netmask: 0xffffffff,
  };
}

describe("failure and recovery", () => {
  test("verdicts of one turn make one plan; the reason is told everywhere", () => {
    const b = bench();
    b.start(two({ quorumDown: command("quorum-down"), quorumUp: command("quorum-up") }));
    b.clock.advance(1500);
    b.fails("10.9.1.1");
    b.fails("10.9.1.2");
    const before = b.table.applied.length;
    b.clock.advance(1000);
    expect(b.shown()).toBe("10.9.0.1:80 rr:");
    expect(b.table.applied.length - before).toBe(2);
    expect(b.events("real-server")).toEqual([
      "10.9.0.1:80/tcp 10.9.1.1:80: up → down",
      "10.9.0.1:80/tcp 10.9.1.2:80: up → down",
    ]);
    expect(b.events("virtual-server")).toEqual(["10.9.0.1:80/tcp: up", "10.9.0.1:80/tcp: up → down"]);
    expect(b.notified()).toEqual([
      "VS [10.9.0.1]:tcp:80 UP",
      "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "RS [10.9.1.2]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "VS [10.9.0.1]:tcp:80 DOWN",
    ]);
    expect(b.status().realServers[0]).toMatchObject({
      healthy: false,
      reason: "TCP_CHECK: connection refused",
      inTable: false,
      weight: { configured: 1, effective: 0, kernel: null },
      checks: [
        {
          healthy: false,
          runs: 2,
          failures: 1,
          lastResult: { ok: false, code: "refused", reason: "connection refused", durationMs: 1 },
        },
      ],
    });
    expect(b.status()).toMatchObject({ up: false, reason: "live weight 0, wanted 1" });
  });

  test("sorry server: no moment with an empty table, either way (C1)", () => {
    const b = bench();
    let emptied = 0;
    b.start(two({ sorryServer: sorryServer() }));
    b.table.onApplied = () => {
      if (b.table.entries().some((entry) => entry.destinations.length === 0)) emptied++;
    };
    b.clock.advance(1500);
    b.fails("10.9.1.1");
    b.fails("10.9.1.2");
    b.clock.advance(1000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.8=1");
    expect(b.status().sorryServer).toEqual({ address: "10.9.1.8", port: 80, active: true });
    b.works("10.9.1.2");
    b.clock.advance(1000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
    expect(emptied).toBe(0);
    expect(b.events("sorry-server")).toEqual([
      "10.9.0.1:80/tcp 10.9.1.8: waiting → serving",
      "10.9.0.1:80/tcp 10.9.1.8: serving → waiting",
    ]);
  });

  test("log_all_failures tells every failed try, otherwise the decision alone is told", () => {
    for (const [logAllFailures, lines] of [
      [false, 0],
      [true, 2],
    ] as const) {
      const b = bench();
      const checks = [
        tcpCheck("10.9.1.1", {
          timing: timing({ delayLoopMs: 1000, retry: 3, delayBeforeRetryMs: 100, logAllFailures }),
        }),
      ];
      b.start(configOf([virtualServer([realServer(1, { checks })])]));
      b.clock.advance(1500);
      b.fails("10.9.1.1");
      b.clock.advance(650);
      expect(b.logs.filter((line) => line.message.includes("failed: connection refused")).length).toBe(lines);
    }
  });

  test("a server named by its mark (cli-signals.md §6)", () => {
    const b = bench();
    const services = [{ kind: "fwmark", mark: 5, family: 4 }] as const;
    b.start(configOf([virtualServer([server(1)], { id: "fwmark:5/inet", services })]));
    b.fails("10.9.1.1");
    b.clock.advance(1100);
    expect(b.notified()).toEqual(["VS FWM 5 UP", "RS [10.9.1.1]:none:0 FWM 5 DOWN", "VS FWM 5 DOWN"]);
  });

  test("rs_init_notifies tells of servers that are up at the start", () => {
    const b = bench();
    b.start(configOf([virtualServer([server(1)])], { rsInitNotifies: true }));
    expect(b.notified()).toEqual(["RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 UP", "VS [10.9.0.1]:tcp:80 UP"]);
  });

  test("what a program wrote that failed is for the log, and nobody else", () => {
    const b = bench();
    b.start(configOf([virtualServer([realServer(1, { checks: [miscCheck(["/lab/misc.sh"])] })])]));
    b.answers("/lab/misc.sh", judgeProgram({ kind: "exit", status: 2, output: "no such pool" }, false));
    b.clock.advance(60_000);
    const lines = b.logs.map(({ message }) => message).filter((message) => message.includes("no such pool"));
    expect(lines).toEqual([
      "MISC_CHECK of 10.9.1.1:80 in 10.9.0.1:80/tcp: down: exit status 2; it wrote: no such pool",
    ]);
    expect(JSON.stringify(b.status())).toContain("exit status 2");
    expect(JSON.stringify(b.status())).not.toContain("no such pool");
  });

  test("a change of weight is no change of health", () => {
    const b = bench();
    const checks = [miscCheck(["/lab/misc.sh"], { dynamic: true })];
    b.start(configOf([virtualServer([realServer(1, { weight: 10, checks })])]));
    b.answers("/lab/misc.sh", { ...good("exit status 52"), weight: { set: 50 } });
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=50");
    expect(b.events("real-server")).toEqual(["10.9.0.1:80/tcp 10.9.1.1:80: weight 10 → weight 50"]);
    expect(b.status()).toMatchObject({
      quorum: { live: 50 },
      realServers: [{ weight: { configured: 10, effective: 50, kernel: 50 } }],
    });
  });
});

describe("ha_suspend", () => {
  test("checks run only while the address is here; the table stays (lifecycle.json)", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two({ haSuspend: true }));
    b.clock.advance(5000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.status()).toMatchObject({ suspended: true, realServers: [{ checks: [{ runs: 0, healthy: null }] }, {}] });
    b.addresses("10.9.0.1");
    b.clock.advance(1500);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
    b.addresses();
    b.works("10.9.1.1");
    b.clock.advance(5000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
    b.addresses("10.9.0.1");
    b.clock.advance(1500);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("marks are never suspended, a group not while one of its addresses is here", () => {
    const b = bench({ addresses: ["10.9.0.7"] });
    const mark = virtualServer([server(1)], {
      id: "mark",
      haSuspend: true,
      services: [{ kind: "fwmark", mark: 5, family: 4 }],
    });
    const group = virtualServer([server(1)], {
      id: "group",
      haSuspend: true,
      services: [6, 7].map((host) => ({ kind: "address", ip: `10.9.0.${host}`, port: 80 }) as const),
    });
    b.start(configOf([mark, group]));
    expect([b.status("mark").suspended, b.status("group").suspended]).toEqual([false, false]);
  });
});

describe("the kernel's table", () => {
  test("what others change is put back at the next look, and told", () => {
    const b = bench();
    b.start(two());
    b.clock.advance(1500);
    b.table.put({
      service: { ...serviceAt(1), scheduler: "wlc" },
      destinations: [
        { ip: "10.9.1.1", port: 80, forwarding: { method: "NAT" }, weight: 7, upperThreshold: 0, lowerThreshold: 0 },
        { ip: "10.9.1.77", port: 80, forwarding: { method: "NAT" }, weight: 9, upperThreshold: 0, lowerThreshold: 0 },
      ],
    });
    b.clock.advance(5000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.events("drift").toSorted()).toEqual([
      "destination 10.9.1.1:80 of 10.9.0.1:80/tcp: repaired",
      "destination 10.9.1.2:80 of 10.9.0.1:80/tcp: repaired",
      "destination 10.9.1.77:80 of 10.9.0.1:80/tcp: repaired",
      "service 10.9.0.1:80/tcp: repaired",
    ]);
    expect(b.logs.filter((line) => line.message.startsWith("drift:")).map((line) => line.message)).toContain(
      "drift: destination 10.9.1.1:80 of 10.9.0.1:80/tcp weight was 7, wanted 1, set back: changed by another program (ipvsadm or another director)",
    );
    expect(b.metric('lbd_drift_repaired_total{kind="ipvs"}')).toBe(4);
  });

  test("ipvsadm -C: everything comes back; a stranger's service does not matter", () => {
    const b = bench();
    b.start(two());
    b.table.flush();
    b.table.put({ service: serviceAt(99), destinations: [] });
    b.clock.advance(5000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1 | 10.9.0.99:80 rr:");
  });

  test("the same drift again and again is repaired each time and told once a minute", () => {
    const b = bench();
    b.start(two());
    for (let i = 0; i < 12; i++) {
      b.table.drop("10.9.0.1:80/tcp");
      b.clock.advance(5000);
      expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    }
    expect(b.events("drift").length).toBe(3);
    expect(b.metric('lbd_drift_detected_total{kind="ipvs"}')).toBe(36);
    b.clock.advance(10_000);
    b.table.drop("10.9.0.1:80/tcp");
    b.clock.advance(5000);
    expect(b.events("drift").length).toBe(6);
  });

  test("a change while the table is not as thought: it is read again and the change is made", () => {
    const b = bench();
    b.start(two());
    b.clock.advance(1500);
    b.table.flush();
    b.fails("10.9.1.1");
    b.clock.advance(1000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
  });

  test("what the kernel refuses is tried again with growing pauses, and shown", () => {
    const b = bench();
    b.table.failWith = (c) => (c.kind === "addDestination" && c.destination.ip === "10.9.1.2" ? "EINVAL" : undefined);
    b.start(two());
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1");
    b.clock.advance(100);
    expect(b.status().reason).toContain("EINVAL");
    b.clock.advance(20_000);
    const errors = b.logs.filter((line) => line.message.includes("EINVAL")).length;
    expect(errors).toBe(1);
    expect(b.metric('lbd_kernel_ops_total{kind="ipvs",op="addDestination",result="failed"}')).toBe(5);
    b.table.failWith = () => undefined;
    b.clock.advance(20_000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.status().reason).not.toContain("EINVAL");
    expect(b.events("drift")).toEqual([]);
  });

  test("errors name the line that asked for the object: virtual, real and sorry server", () => {
    const at = (line: number) => ({ origin: { file: "lbd.conf", line, column: 1 } });
    const b = bench();
    b.table.failWith = ({ kind }) => (kind === "addService" ? undefined : "EINVAL");
    b.start(configOf([virtualServer([server(1, at(5)), server(2, at(9))], at(2))]));
    b.table.failWith = () => "EPERM";
    b.fails("10.9.1.1");
    b.fails("10.9.1.2");
    const sorry = virtualServer([server(1, at(5))], { ...at(2), scheduler: "wlc", sorryServer: sorryServer(at(13)) });
    b.role.reload(configOf([sorry]));
    b.clock.advance(3000);
    const errors = b.logs
      .filter(({ level }) => level === "error")
      .map(({ message }) => message.split(":", 2).join(":"));
    expect([...new Set(errors)].toSorted()).toEqual(["lbd.conf:13", "lbd.conf:2", "lbd.conf:5", "lbd.conf:9"]);
    expect(b.status().reason).toContain("lbd.conf:2: ");
  });

  test("a scheduler that the kernel lacks stops nobody else", () => {
    const b = bench();
    const other = virtualServer([server(3)], {
      id: "other",
      services: [{ kind: "address", ip: "10.9.0.2", port: 80 }],
    });
    b.start(configOf([virtualServer([server(1)], { scheduler: "nope" }), other]));
    expect(b.shown()).toBe("10.9.0.2:80 rr: 10.9.1.3=1");
    b.clock.advance(6000);
    expect(b.status().reason).toContain("ENOENT");
  });

  test("a table that can't be read ends the process after three tries", () => {
    const b = bench();
    b.start(two());
    b.table.onLook = () => {
      throw new Error("ENOBUFS");
    };
    b.clock.advance(10_000);
    expect(() => b.clock.advance(5000)).toThrow("3 times in a row: ENOBUFS");
  });

  test("counters and connections come from the kernel", () => {
    const b = bench();
    b.start(two());
    expect(b.status().realServers[0]).toMatchObject({
      inTable: true,
      connections: { active: 0, inactive: 0, persistent: 0 },
      statistics: { connections: 0 },
      weight: { configured: 1, effective: 1, kernel: 1 },
    });
  });
});

describe("nftables_ipvs", () => {
  const group = (part: Partial<VirtualServer> = {}) =>
    virtualServer([server(1)], {
      id: "group:g/tcp",
      name: { kind: "group", text: "g" },
      services: [
        { kind: "address", ip: "10.9.0.1", port: 80 },
        { kind: "address", ip: "10.9.0.2", port: 443 },
      ],
      ...part,
    });
  const config = (...servers: readonly VirtualServer[]) =>
    configOf(servers, { nftablesIpvsTable: "marks", nftablesIpvsStartFwmark: 2000 });

  test("a group of addresses is one service by mark, and its addresses are marked first", async () => {
    const b = bench();
    b.start(config(group()));
    expect(b.shown()).toBe("fwmark 2000 rr: 10.9.1.1=1");
    expect(b.markedSets.map((marked) => marked.map(({ ip, port, mark }) => `${ip}:${port}=${mark}`))).toEqual([
      ["10.9.0.1:80=2000", "10.9.0.2:443=2000"],
    ]);
    expect(b.status("group:g/tcp").realServers[0]).toMatchObject({ inTable: true });
    b.role.reload(config(group({ services: [{ kind: "address", ip: "10.9.0.3", port: 80 }], scheduler: "wlc" })));
    expect(b.shown()).toBe("fwmark 2000 wlc: 10.9.1.1=1");
    expect(b.markedSets.at(-1)?.map(({ ip }) => ip)).toEqual(["10.9.0.3"]);
    await b.role.stop();
    expect([b.shown(), b.markedSets.at(-1)]).toEqual(["", []]);
  });

  test("servers behind a tunnel or direct routing have no port of their own: the packet keeps its", () => {
    const b = bench();
    b.start(config(group({ realServers: [server(1, { forwarding: { method: "DR" } }), server(2)] })));
    const ports = b.table.entries().flatMap(({ destinations }) => destinations.map(({ ip, port }) => `${ip}:${port}`));
    expect(ports).toEqual(["10.9.1.1:0", "10.9.1.2:80"]);
  });

  test("a kernel without it: said, and each address is a service as before", () => {
    const b = bench({ nftFails: true });
    b.start(config(group()));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 | 10.9.0.2:443 rr: 10.9.1.1=1");
    expect(b.logs.map(({ message }) => message).join()).toContain("EOPNOTSUPP; without nftables_ipvs each address");
  });
});

describe("stop", () => {
  test("destinations, then their service; strangers stay; nothing runs any more", async () => {
    const b = bench();
    b.table.put({ service: serviceAt(99), destinations: [] });
    b.start(two());
    b.table.applied.length = 0;
    await b.role.stop();
    expect(b.table.applied.map((c) => c.kind)).toEqual(["deleteDestination", "deleteDestination", "deleteService"]);
    expect(b.shown()).toBe("10.9.0.99:80 rr:");
    expect([b.clock.nextAt(), b.machine.journal]).toEqual([undefined, undefined]);
    expect(b.notified()).toEqual(["VS [10.9.0.1]:tcp:80 UP"]);
  });

  test("omega: whoever heard of it hears the end", async () => {
    const b = bench();
    b.fails("10.9.1.2");
    b.start(configOf([virtualServer([server(1, { smtpAlert: true }), server(2)], { omega: true, smtpAlert: true })]));
    b.clock.advance(1100);
    b.notifications.length = 0;
    await b.role.stop();
    expect(b.notified()).toEqual(["RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN", "VS [10.9.0.1]:tcp:80 DOWN"]);
    expect(b.notifications.map(({ smtpAlert }) => smtpAlert)).toEqual([false, false]);
  });

  test.each(["a stop with omega", "a reload without it"])(
    "who is down already does not go down again: %s",
    async (how) => {
      const b = bench();
      b.fails("10.9.1.1");
      b.start(configOf([virtualServer([server(1)], { omega: true })]));
      b.clock.advance(20_000);
      expect(b.notified().slice(1)).toEqual([
        "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
        "VS [10.9.0.1]:tcp:80 DOWN",
      ]);
      b.notifications.length = 0;
      if (how.includes("stop")) await b.role.stop();
      else b.role.reload(configOf([]));
      expect(b.notified()).toEqual([]);
    },
  );

  test.each([
    ["all", "", []],
    ["virtual-servers", "10.9.0.99:80 rr:", ["deleteService"]],
  ] as const)("lvs_flush_on_stop %s", async (flushOnStop, left, kinds) => {
    const b = bench();
    b.table.put({ service: serviceAt(99), destinations: [] });
    b.start(configOf(two().virtualServers, { flushOnStop }));
    b.table.applied.length = 0;
    await b.role.stop();
    expect(b.shown()).toBe(left);
    expect(b.table.applied.map((c) => c.kind)).toEqual([...kinds]);
  });

  test("-I leaves the table, and the next start adopts it", async () => {
    const b = bench({ releaseIpvs: false });
    b.start(two());
    await b.role.stop();
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.machine.journal?.services).toEqual(["10.9.0.1:80/tcp"]);
  });
});

describe("after a crash", () => {
  /** A first life that ends without a word, and a second one on the same machine. */
  function crash(
    first: Config,
    second: Config,
    options: { before?: (b: ReturnType<typeof bench>) => void; session?: string } = {},
  ) {
    const a = bench({ session: "1:1" });
    a.start(first);
    options.before?.(a);
    a.table.applied.length = 0;
    const b = bench({ on: a.machine, session: options.session ?? "1:1" });
    b.start(second);
    return b;
  }

  test("the table is adopted: nothing is changed, nobody is told again", () => {
    const b = crash(two(), two(), { before: (a) => a.clock.advance(3000) });
    expect([b.table.applied, b.notified()]).toEqual([[], []]);
  });

  test("a server that was down stays out until it succeeds, one that was up stays in", () => {
    const failed = (a: ReturnType<typeof bench>) => {
      a.fails("10.9.1.1");
      a.clock.advance(3000);
    };
    const b = crash(two(), two(), { before: failed });
    expect([b.table.applied, b.shown()]).toEqual([[], "10.9.0.1:80 rr: 10.9.1.2=1"]);
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("alpha takes nobody out who serves", () => {
    const alpha = configOf([virtualServer([server(1, {}, true), server(2, {}, true)])]);
    const b = crash(alpha, alpha, { before: (a) => a.clock.advance(3000) });
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("inhibited servers stay at weight 0; the sorry server goes on serving", () => {
    const config = configOf([
      virtualServer([server(1, { inhibitOnFailure: true })], { sorryServer: sorryServer({ inhibit: true }) }),
    ]);
    const failed = (a: ReturnType<typeof bench>) => {
      a.fails("10.9.1.1");
      a.clock.advance(3000);
    };
    const b = crash(config, config, { before: failed });
    expect([b.table.applied, b.shown()]).toEqual([[], "10.9.0.1:80 rr: 10.9.1.1=0 10.9.1.8=1"]);
  });

  test("what the configuration lost meanwhile goes; a stranger's service stays", () => {
    const other = virtualServer([server(3)], {
      id: "other",
      services: [{ kind: "address", ip: "10.9.0.2", port: 80 }],
    });
    const b = crash(configOf([...two().virtualServers, other]), two(), {
      before: (a) => a.table.put({ service: serviceAt(99), destinations: [] }),
    });
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1 | 10.9.0.99:80 rr:");
  });

  test("a server that is new in the configuration starts as at a start", () => {
    const b = crash(configOf([virtualServer([server(1)])]), two());
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("a dynamic weight holds until the check says another", () => {
    const config = configOf([
      virtualServer([realServer(1, { weight: 10, checks: [miscCheck(["/lab/misc.sh"], { dynamic: true })] })]),
    ]);
    const b = crash(config, config, {
      before(a) {
        a.answers("/lab/misc.sh", { ...good("exit status 52"), weight: { set: 50 } });
        a.clock.advance(1100);
      },
    });
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=50");
  });

  test("lvs_flush acts at a start of the director, not when only this process came back", () => {
    const config = configOf(two().virtualServers, { flush: true });
    const stranger = (a: ReturnType<typeof bench>) => a.table.put({ service: serviceAt(99), destinations: [] });
    expect(crash(config, config, { before: stranger }).shown()).toContain("10.9.0.99");
    expect(crash(config, config, { before: stranger, session: "2:2" }).shown()).not.toContain("10.9.0.99");
  });

  test("time-outs of before the first life are put back", async () => {
    const config = configOf(two().virtualServers, { timeouts: { tcp: 60 } });
    const b = crash(config, config);
    await b.role.stop();
    expect(b.table.timeouts().tcp).toBe(900);
  });
});

describe("reload", () => {
  test("what did not change is not touched: no command, no new check, health stays", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two());
    b.clock.advance(1100);
    b.table.applied.length = 0;
    b.role.reload(two());
    expect([b.table.applied, b.shown()]).toEqual([[], "10.9.0.1:80 rr: 10.9.1.2=1"]);
    expect(b.status().realServers[0]?.checks[0]).toMatchObject({ runs: 1, failures: 1 });
  });

  test("mails go out for what a reload removes, not for what a stop ends (keepalived)", () => {
    const b = bench();
    b.start(configOf([virtualServer([server(1, { smtpAlert: true })], { smtpAlert: true })]));
    b.role.reload(configOf([]));
    expect(b.notified().slice(1)).toEqual(["RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN", "VS [10.9.0.1]:tcp:80 DOWN"]);
    expect(b.notifications.map(({ smtpAlert }) => smtpAlert)).toEqual([true, true, true]);
  });

  test("weight, thresholds, method, scheduler: in place (C8)", () => {
    const b = bench();
    b.start(two());
    b.table.applied.length = 0;
    b.role.reload(
      configOf([virtualServer([server(1, { weight: 5 }), server(2, { upperThreshold: 200 })], { scheduler: "wrr" })]),
    );
    expect(b.table.applied.map((c) => c.kind)).toEqual(["editService", "editDestination", "editDestination"]);
    expect(b.shown()).toBe("10.9.0.1:80 wrr: 10.9.1.1=5 10.9.1.2=1");
  });

  test("another server, another service", () => {
    const b = bench();
    b.start(two());
    b.role.reload(configOf([virtualServer([server(1), server(3)])]));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.3=1");
    b.role.reload(
      configOf([
        virtualServer([server(1)], { id: "other", services: [{ kind: "address", ip: "10.9.0.2", port: 80 }] }),
      ]),
    );
    expect(b.shown()).toBe("10.9.0.2:80 rr: 10.9.1.1=1");
    expect(b.updates).toContainEqual({ kind: "virtual-server-gone", id: "10.9.0.1:80/tcp" });
    expect(b.machine.journal?.services).toEqual(["10.9.0.2:80/tcp"]);
    // keepalived: with or without omega, who was up and is removed goes down.
    expect(b.notified()).toEqual([
      "VS [10.9.0.1]:tcp:80 UP",
      "RS [10.9.1.2]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "RS [10.9.1.3]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
      "VS [10.9.0.1]:tcp:80 DOWN",
      "VS [10.9.0.2]:tcp:80 UP",
    ]);
  });

  test("a changed check does not bring a dead server back, nor takes a living one out", () => {
    const changed = (host: number) =>
      server(host, {
        checks: [
          tcpCheck(`10.9.1.${host}`, {
            timing: { ...FAST, alpha: true },
            endpoint: { ip: `10.9.1.${host}`, port: 81, fwmark: 0, connectTimeoutMs: 9 },
          }),
        ],
      });
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two());
    b.clock.advance(1100);
    b.role.reload(configOf([virtualServer([changed(1), changed(2)])]));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1");
    b.works("10.9.1.1");
    b.clock.advance(1100);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("the failing check is taken out of the configuration: the server is back", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two());
    b.clock.advance(1100);
    b.role.reload(configOf([virtualServer([realServer(1), server(2)])]));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.events("real-server").at(-1)).toBe("10.9.0.1:80/tcp 10.9.1.1:80: down → up");
  });

  test("a quorum that changed is judged anew", () => {
    const b = bench();
    b.fails("10.9.1.1");
    b.start(two({ sorryServer: sorryServer() }));
    b.clock.advance(1100);
    b.role.reload(two({ sorryServer: sorryServer(), quorum: 2 }));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.8=1");
    expect(b.notified().at(-1)).toBe("VS [10.9.0.1]:tcp:80 DOWN");
  });

  test("the first virtual server of a director that had none", () => {
    const b = bench();
    b.start(configOf([]));
    b.role.reload(two());
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
  });

  test("time-outs that are no longer named go back", () => {
    const b = bench();
    b.start(configOf(two().virtualServers, { timeouts: { tcp: 60 } }));
    b.role.reload(two());
    expect(b.table.timeouts().tcp).toBe(900);
  });
});

test("no more checks at once than there are descriptors for", () => {
  const b = bench({ checksAtOnce: 2 });
  const hosts = [1, 2, 3, 4, 5];
  for (const host of hosts) b.takes(`10.9.1.${host}`, 4500);
  b.start(configOf([virtualServer(hosts.map((host) => server(host)))]));
  b.clock.advance(5000);
  expect(b.metric("lbd_checks_in_flight")).toBe(2);
  b.clock.advance(20_000);
  expect(b.status().realServers.every(({ checks }) => (checks[0]?.runs ?? 0) > 0)).toBe(true);
});

test("priority, limits and CPUs of this process are taken at the start and at each reload", () => {
  const b = bench();
  const config = two();
  const asking = {
    ...config,
    global: { ...config.global, process: { ...config.global.process, checker: { noSwap: true } } },
  };
  b.start(asking);
  b.role.reload(config);
  expect(b.rights).toEqual([{ noSwap: true }, { noSwap: false }]);
});

test("a watched file is looked at when it changes", () => {
  const b = bench();
  const check = {
    kind: "FILE_CHECK",
    id: "FILE_CHECK",
    file: "/lab/wf",
    weight: 1,
    reverse: false,
    origin: ORIGIN,
    timing: timing({ delayLoopMs: 60_000 }),
  } as const;
  b.start(configOf([virtualServer([realServer(1, { weight: 10, checks: [check] })])]));
  b.clock.advance(1100);
  b.answers("/lab/wf", { ...good("file says 5"), weight: { add: 5 } });
  b.fileChanged("/lab/other");
  b.clock.advance(10);
  expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=10");
  b.fileChanged("/lab/wf");
  b.clock.advance(10);
  expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=15");
});

const bare = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    virtualServer([], { id: `vs${i}`, services: [{ kind: "address", ip: `10.8.0.${i}`, port: 80 }] }),
  );
const reported = (b: ReturnType<typeof bench>) =>
  b.updates.flatMap((update) => (update.kind === "virtual-server" ? [update.value.id] : []));

test("a dead server is out of the table before anybody hears of it", () => {
  const b = bench();
  b.start(configOf([virtualServer([server(1), server(2)])]));
  b.clock.advance(5000);
  const order: string[] = [];
  b.table.onApplied = ({ kind }) => order.push(kind);
  b.updates.push = (...updates) => order.push(...updates.map(({ kind }) => kind));
  b.logs.push = () => order.push("log");
  b.notifications.push = () => order.push("notification");
  b.fails("10.9.1.1");
  b.clock.advance(2000);
  expect(order.slice(0, 5)).toEqual(["deleteDestination", "log", "log", "event", "notification"]);
  expect(order).toContain("virtual-server");
});

test("services whose counters moved in the kernel are reported within seconds, a slice at a time", () => {
  const b = bench();
  b.start(configOf(bare(150)));
  for (let i = 0; i < 120; i++) b.table.counted.set(`10.8.0.${i}:80/tcp`, 7);
  b.clock.advance(4999);
  b.updates.length = 0;
  b.clock.advance(1);
  expect(reported(b)).toHaveLength(20);
  b.clock.advance(500);
  expect(new Set(reported(b)).size).toBe(120);
  expect(b.status("vs119").statistics?.connections).toBe(7);
  b.updates.length = 0;
  b.clock.advance(30_000);
  expect(reported(b)).toEqual([]);
});

test("what did nothing is not reported again", () => {
  const b = bench({ openFails: true });
  const checked = virtualServer([server(1)]);
  b.start(configOf([...bare(30), checked]));
  b.clock.advance(900);
  b.updates.length = 0;
  b.clock.advance(30_000);
  expect(new Set(reported(b))).toEqual(new Set([checked.id]));
  expect(reported(b).length).toBeLessThanOrEqual(6);
});

test("while nobody looks: events only, whatever happens, and then the whole picture", () => {
  const b = bench();
  b.start(configOf([...bare(3), virtualServer([server(1), server(2)])]));
  b.clock.advance(7000);
  b.watch(false);
  b.updates.length = 0;
  b.table.counted.set("10.8.0.1:80/tcp", 7);
  b.fails("10.9.1.1");
  b.clock.advance(60_000);
  expect(new Set(b.updates.map(({ kind }) => kind))).toEqual(new Set(["event"]));
  b.updates.length = 0;
  b.watch(true);
  expect(reported(b).toSorted()).toEqual(["10.9.0.1:80/tcp", "vs0", "vs1", "vs2"]);
  expect(b.status().realServers.map(({ healthy }) => healthy)).toEqual([false, true]);
  expect(b.metric("lbd_checks")).toBe(2);
  b.updates.length = 0;
  b.clock.advance(10_000);
  expect(reported(b)).toContain("10.9.0.1:80/tcp");
});

test("without virtual servers there is nothing to wake up for", () => {
  const b = bench();
  b.watch(false);
  b.start(configOf([]));
  expect(b.clock.nextAt()).toBeUndefined();
});

describe("what servers can make us write", () => {
  const flap = (b: ReturnType<typeof bench>, seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (let host = 1; host <= 50; host++)
        if (second % 2 === 0) b.fails(`10.9.1.${host}`);
        else b.works(`10.9.1.${host}`);
      b.clock.advance(1000);
    }
  };

  test("fifty servers that come and go each second: ten lines a minute of each kind, and a number for the rest", () => {
    const b = bench();
    b.start(configOf([virtualServer(Array.from({ length: 50 }, (_server, i) => server(i + 1)))]));
    b.clock.advance(2000);
    b.logs.length = 0;
    flap(b, 60);
    // A check's line and a server's line for each change, without a limit: 6000.
    expect(b.logs.length).toBeLessThanOrEqual(50 * 2 * 11 + 30);
    b.clock.advance(60_000);
    expect(b.logs.some(({ message }) => /^real server 10\.9\.1\.7:80 .* \(\d+ more in 60 s\)$/.test(message))).toBe(
      true,
    );
    // Status and events are told all the same.
    expect(b.events("real-server").length).toBeGreaterThan(1000);
  });

  test("however many there are, the log has its bound", () => {
    const b = bench();
    b.start(configOf([virtualServer(Array.from({ length: 250 }, (_server, i) => server(i + 1)))]));
    b.clock.advance(2000);
    b.logs.length = 0;
    for (let second = 0; second < 20; second++) {
      for (let host = 1; host <= 250; host++)
        if (second % 2 === 0) b.fails(`10.9.1.${host}`);
        else b.works(`10.9.1.${host}`);
      b.clock.advance(1000);
    }
    expect(b.logs.length).toBeLessThan(2100);
  });

  test("what is held back is said at the stop", async () => {
    const b = bench();
    b.start(configOf([virtualServer(Array.from({ length: 50 }, (_server, i) => server(i + 1)))]));
    flap(b, 30);
    await b.role.stop();
    expect(b.logs.filter(({ message }) => message.endsWith("more in 60 s)")).length).toBeGreaterThan(50);
  });
});

describe("what this machine lacks is not the server's failure", () => {
  test.each([
    ["bind", "EADDRINUSE"],
    ["socket", "EMFILE"],
    ["send", "ENOBUFS"],
  ])("%s: %s: the server stays as it is, it is tried again, and said once", (call, code) => {
    const b = bench();
    b.answers("10.9.1.1", failedCall(call, code));
    b.start(two());
    b.clock.advance(10_000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(
      b.starts.filter(({ attempt: { check } }) => "endpoint" in check && check.endpoint.ip === "10.9.1.1").length,
    ).toBeGreaterThan(5);
    const said = b.logs.filter(({ message }) => message.includes(code)).map(({ message }) => message);
    expect(said).toEqual([
      expect.stringMatching(/^TCP_CHECK of 10\.9\.1\.1:80 in .*could not try: .*the server stays as it is$/),
    ]);
    b.role.snapshot();
    const [first] = b.status().realServers;
    expect([first?.healthy, first?.checks[0]?.lastResult?.reason.startsWith("could not try: ")]).toEqual([true, true]);
  });
});
