// What the role has its parts do around checks and table: at the start, at a reload, at the end, and when something comes from outside.
import { describe, expect, test } from "bun:test";
import { failedCall } from "../../../../src/check/outcome.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import type { RealServer } from "../../../../src/config/model/lvs.ts";
import { IPVS_RETRY_MS } from "../../../../src/roles/checker/ipvs.ts";
import { bindText } from "../../../support/config.ts";
import { configOf, ORIGIN, realServer, tcpCheck, timing, virtualServer } from "../../../support/model.ts";
import { bench, machine } from "./bench.ts";

const FAST = timing({ delayLoopMs: 1000 });

function server(host: number, part: Partial<RealServer> = {}): RealServer {
  return realServer(host, { checks: [tcpCheck(`10.9.1.${host}`, { timing: FAST })], ...part });
}

const one = (part: Parameters<typeof virtualServer>[1] = {}, lvs: Partial<Config["global"]["lvs"]> = {}): Config =>
  configOf([virtualServer([server(1), server(2)], part)], lvs);

/** Files that are checked, as a configuration names them. */
const FILE = (name: string) =>
  bindText(
    `track_file ${name} {\n file /run/${name}\n}\nvirtual_server 10.9.0.1 80 {\n protocol TCP\n lb_algo rr\n real_server 10.9.1.1 80 {\n FILE_CHECK {\n track_file ${name}\n }\n }\n}\n`,
  ).config;

describe("settings of the process", () => {
  const settings = (name: string) =>
    bindText(
      `global_defs {\n router_id ${name}\n script_user ${name}\n lvs_netlink_cmd_rcv_bufs 1000\n lvs_netlink_monitor_rcv_bufs 2000\n}\nvirtual_server 10.9.0.1 80 {\n protocol TCP\n ha_suspend\n real_server 10.9.1.1 80 {\n }\n}\n`,
    ).config;

  test("programs, notifications and buffers have them from the start on, and those of each reload", () => {
    const b = bench({ addresses: ["10.9.0.1"] });
    b.start(settings("root"));
    expect(b.did).toEqual([
      "programs run as root",
      "notifier takes root",
      "addresses are watched",
      "addresses have a buffer of 2000",
      "files",
      "IPVS has a buffer of 1000",
    ]);
    b.did.length = 0;
    b.role.reload(settings("nobody"));
    expect(b.did).toEqual([
      "programs run as nobody",
      "notifier takes nobody",
      "addresses have a buffer of 2000",
      "files",
      "IPVS has a buffer of 1000",
    ]);
    b.did.length = 0;
    b.role.reload(one());
    expect(b.did).toContain("addresses are watched no more");
  });

  test("a client certificate that can't be used is an error with what follows from it", () => {
    const b = bench({ sslProblem: "SSL: no such key" });
    b.start(one());
    expect(b.logs.map(({ level, message }) => [level, message])).toContainEqual([
      "error",
      "SSL: no such key: SSL_GET checks fail until this is mended and reloaded",
    ]);
    const good = bench();
    good.start(one());
    expect(good.logs.filter(({ message }) => message.includes("SSL"))).toEqual([]);
  });
});

describe("files of FILE_CHECK", () => {
  test("those of the configuration in force are watched, each looked at once at its start and when it changes", () => {
    const b = bench();
    b.start(FILE("a"));
    expect(b.did).toContain("files /run/a");
    b.clock.advance(0);
    expect(b.starts).toHaveLength(1);
    b.clock.advance(100);
    b.fileChanged("/run/a");
    b.clock.advance(0);
    expect(b.starts).toHaveLength(2);
    b.fileChanged("/run/other");
    b.clock.advance(0);
    expect(b.starts).toHaveLength(2);
    b.role.reload(FILE("b"));
    expect(b.did).toContain("files /run/b");
    b.clock.advance(100);
    const before = b.starts.length;
    // The check of before is gone with its file.
    b.fileChanged("/run/a");
    b.clock.advance(100);
    expect(b.starts.length).toBe(before);
    b.role.reload(configOf([]));
    expect(b.did.findLast((what) => what.startsWith("files"))).toBe("files");
  });
});

test("sessions of BFD_CHECK: a server has a word at each change of its own, and nobody else's says anything", () => {
  const check = { kind: "BFD_CHECK", id: "BFD", timing: FAST, origin: ORIGIN, instance: "peer" } as const;
  const b = bench();
  b.start(configOf([virtualServer([realServer(1, { checks: [check] })])]));
  b.clock.advance(0);
  expect(b.shown()).toBe("10.9.0.1:80 rr:");
  const told = (topic: string, facts: Parameters<typeof b.sessionsAre>[0]) => {
    b.role.receive?.(topic, facts);
    b.clock.advance(0);
    return b.shown();
  };
  expect(told("other", { peer: { up: true, detail: "" } })).toBe("10.9.0.1:80 rr:");
  expect(told("bfd", { other: { up: true, detail: "" } })).toBe("10.9.0.1:80 rr:");
  expect(told("bfd", { peer: { up: true, detail: "" } })).toBe("10.9.0.1:80 rr: 10.9.1.1=1");
  const runs = () => b.status().realServers[0]?.checks[0]?.runs;
  const before = runs();
  told("bfd", { peer: { up: true, detail: "still" } });
  expect(runs()).toBe(before);
  // A session that is no more is down.
  expect(told("bfd", {})).toBe("10.9.0.1:80 rr:");
});

describe("IPVS that comes late", () => {
  test("what is shown is whole when it comes, with what it is; the problem is over", () => {
    const b = bench({ openFails: true });
    b.start(one());
    b.clock.advance(1000);
    expect([b.fact("problem"), b.fact("ipvsTransport")]).toEqual(["the kernel has no IPVS", undefined]);
    expect(b.status().realServers.map(({ inTable }) => inTable)).toEqual([false, false]);
    b.ipvsComes();
    b.clock.advance(IPVS_RETRY_MS);
    expect([b.fact("problem"), b.fact("ipvsTransport"), b.fact("ipvsVersion")]).toEqual(["", "netlink", "1.2.1"]);
    expect(b.status().realServers.map(({ inTable }) => inTable)).toEqual([true, true]);
  });

  test("it is tried once in a while, however many reloads there are, and not behind a stop", async () => {
    const b = bench({ openFails: true });
    b.start(one());
    for (let i = 0; i < 5; i++) b.role.reload(one());
    const before = b.opened();
    b.clock.advance(IPVS_RETRY_MS);
    expect(b.opened() - before).toBe(1);
    await b.role.stop();
    b.clock.advance(10 * IPVS_RETRY_MS);
    expect(b.opened() - before).toBe(1);
  });

  test("a reload finds it: the whole table is filled, not what the reload changed", () => {
    const b = bench({ openFails: true });
    b.start(configOf([virtualServer([server(1)])]));
    b.ipvsComes();
    b.role.reload(configOf([virtualServer([server(1)])]));
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1");
  });
});

describe("the journal", () => {
  test("names what is to be in the table before it is there: a process that dies between the two leaves nothing behind", () => {
    const on = machine();
    const b = bench({ on });
    const seen: (readonly string[] | undefined)[] = [];
    b.table.onApplied = () => seen.push(on.journal?.services);
    b.start(one());
    expect(seen[0]).toEqual(["10.9.0.1:80/tcp"]);
    expect(on.journal).toEqual({
      session: "1:1",
      services: ["10.9.0.1:80/tcp"],
      servers: ["10.9.0.1:80/tcp|10.9.1.1:80", "10.9.0.1:80/tcp|10.9.1.2:80"],
    });
    seen.length = 0;
    b.role.reload(configOf([...one().virtualServers, ...one({ id: "b", services: [address(81)] }).virtualServers]));
    expect(seen[0]).toEqual(["10.9.0.1:80/tcp", "10.9.0.1:81/tcp"]);
  });

  test("forgets a service that was taken over and is gone, and one that a reload took away", () => {
    const on = machine();
    on.journal = { session: "0:0", services: ["10.9.9.9:80/tcp"], servers: [] };
    const b = bench({ on });
    b.start(one());
    expect(on.journal?.services).toEqual(["10.9.0.1:80/tcp"]);
    b.role.reload(one({ id: "b", services: [address(81)] }));
    expect(on.journal?.services).toEqual(["10.9.0.1:81/tcp"]);
  });

  test("has the time-outs that a reload found, when that alone changed", () => {
    const on = machine();
    const b = bench({ on });
    b.start(one());
    expect(on.journal?.timeouts).toBeUndefined();
    b.role.reload(one({}, { timeouts: { tcp: 7 } }));
    expect(on.journal?.timeouts).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
  });
});

const address = (port: number) => ({ kind: "address", ip: "10.9.0.1", port }) as const;

describe("what is told", () => {
  test("checks that start late are counted, those in time are not", () => {
    const b = bench();
    b.start(one());
    b.clock.advance(10_500);
    const metric = () => {
      b.watch(true);
      b.clock.advance(0);
      return b.metric("lbd_check_late_total");
    };
    expect(metric()).toBeUndefined();
    // The loop stood still.
    b.clock.skip(3000);
    b.clock.advance(0);
    expect(metric()).toBeGreaterThan(0);
  });

  test("counters are those of checks, the table and notifications together", () => {
    const b = bench();
    b.takes("10.9.1.1", 500);
    b.start(one({}, { rsInitNotifies: true }));
    b.clock.advance(1100);
    b.watch(true);
    b.clock.advance(0);
    expect([b.metric("lbd_checks"), b.metric("lbd_checks_in_flight")]).toEqual([2, 1]);
    expect(b.metric("lbd_notified_total")).toBe(3);
    expect(b.metric('lbd_kernel_ops_total{kind="ipvs",op="addService",result="ok"}')).toBe(1);
  });

  test("that checks rest is an event and a line, and the status has it at once", () => {
    const b = bench({ addresses: ["10.9.0.1"] });
    b.start(one({ haSuspend: true }));
    b.updates.length = 0;
    b.addresses();
    expect(b.events("virtual-server")).toEqual(["10.9.0.1:80/tcp: checking → suspended"]);
    expect(b.status().suspended).toBe(true);
    expect(b.logs.at(-1)?.message).toContain("suspended: its address is not on this machine");
    b.addresses("10.9.0.1");
    expect(b.status().suspended).toBe(false);
  });

  test("a reload that takes a server away says so, and mails do not repeat what a start would not say", () => {
    const b = bench();
    b.start(one());
    b.role.reload(configOf([virtualServer([server(1)])]));
    expect(b.events("real-server")).toEqual(["10.9.0.1:80/tcp 10.9.1.2:80: removed"]);
  });

  test("a server that begins as down and stays so is told to programs, not by mail", () => {
    const b = bench();
    b.fails("10.9.1.1");
    const checks = [tcpCheck("10.9.1.1", { timing: timing({ delayLoopMs: 1000, alpha: true }) })];
    b.start(configOf([virtualServer([realServer(1, { checks, smtpAlert: true })])]));
    b.clock.advance(10_000);
    expect(b.notifications.map(({ kind, smtpAlert }) => [kind, smtpAlert])).toEqual([["real-server", false]]);
  });

  test("words of a server can't write lines of their own", () => {
    const b = bench();
    b.answers("10.9.1.1", { ok: false, code: "bad", reason: "\u001b[2J\nfake" } as never);
    b.start(one());
    b.clock.advance(2000);
    expect(b.logs.filter(({ message }) => message.includes("\u001b") || message.includes("\n"))).toEqual([]);
    expect(b.logs.some(({ message }) => message.includes("fake"))).toBe(true);
  });

  test("what this machine lacks is one kind of line, whichever checks it keeps from being made", () => {
    const b = bench();
    const servers = Array.from({ length: 30 }, (_, i) => server(i + 1));
    for (const { ip } of servers) b.answers(ip, failedCall("socket", "EMFILE"));
    b.start(configOf([virtualServer(servers)]));
    b.clock.advance(5000);
    expect(b.logs.filter(({ message }) => message.includes("the server stays as it is")).length).toBe(10);
  });

  test("up and down have commands of their own", () => {
    const b = bench();
    const command = (name: string) => ({ argv: [`/bin/${name}`], origin: ORIGIN });
    b.start(
      configOf([virtualServer([server(1, { notifyUp: command("up"), notifyDown: command("down") }), server(2)])]),
    );
    b.fails("10.9.1.1");
    b.clock.advance(5000);
    b.works("10.9.1.1");
    b.clock.advance(5000);
    const commands = b.notifications.flatMap((one) => ("command" in one && one.command ? [one.command.argv] : []));
    expect(commands).toEqual([["/bin/down"], ["/bin/up"]]);
  });

  test("drift that could not be put back is told as such", () => {
    const b = bench();
    b.start(one());
    b.table.failWith = ({ kind }) => (kind === "editDestination" ? "EPERM" : undefined);
    const [entry] = b.table.entries();
    if (entry) b.table.put({ ...entry, destinations: entry.destinations.map((d) => ({ ...d, weight: 9 })) });
    b.clock.advance(5000);
    expect(b.events("drift")).toEqual([
      "destination 10.9.1.1:80 of 10.9.0.1:80/tcp: not repaired",
      "destination 10.9.1.2:80 of 10.9.0.1:80/tcp: not repaired",
    ]);
    expect(b.fact("ipvsFailures")).toBe(2);
  });

  test("the tables of nftables_ipvs are looked at with each round of the audit", () => {
    const b = bench({ marksGo: true });
    b.start(one({}, { nftablesIpvsTable: "lbd_ipvs" }));
    b.clock.advance(5000);
    expect(b.logs.map(({ message }) => message)).toContain("drift: the table of nftables_ipvs was missing, made again");
  });
});

describe("the end", () => {
  test("everything closes: programs of checks first, notifications in what is left of child_wait_time, the table last", async () => {
    const b = bench({ addresses: ["10.9.0.1"] });
    const config = one({ haSuspend: true });
    b.start({ ...config, global: { ...config.global, childWaitMs: 3000 } });
    b.did.length = 0;
    await b.role.stop();
    expect(b.did).toEqual([
      "addresses are watched no more",
      "files close",
      "programs of checks end",
      "notifier drains within 2000",
      "notifier closes",
      "all programs end",
      "IPVS closes",
    ]);
    expect(b.clock.nextAt()).toBeUndefined();
    b.did.length = 0;
    await b.role.stop();
    expect(b.did).toEqual([]);
  });

  test("what the kernel refuses at the end is said, and the rest goes", async () => {
    const b = bench();
    b.start(one());
    b.table.failWith = (command) =>
      command.kind === "deleteDestination" && command.destination.ip === "10.9.1.1" ? "EPERM" : undefined;
    await b.role.stop();
    expect(b.logs.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      "deleteDestination 10.9.0.1:80/tcp: EPERM",
    ]);
    expect([b.shown(), b.machine.journal]).toEqual(["", undefined]);
  });

  test("a verdict that waits for its turn at the stop is told before the notifier closes, and changes nothing any more", async () => {
    const verdictAt = () => {
      const twin = bench();
      twin.fails("10.9.1.1");
      twin.start(one());
      while (twin.events("real-server").length === 0) twin.clock.advance(1);
      return twin.clock.now();
    };
    const b = bench({ releaseIpvs: false });
    b.fails("10.9.1.1");
    b.start(one());
    const at = verdictAt();
    b.clock.advance(at - 1);
    b.updates.length = 0;
    let stopped: unknown;
    // Behind the check's end, before what follows from it.
    b.clock.at(at, () => {
      expect(b.events("real-server")).toEqual([]);
      stopped = b.role.stop();
      expect(b.notified()).toContain("RS [10.9.1.1]:tcp:80 [10.9.0.1]:tcp:80 DOWN");
    });
    b.clock.advance(1);
    await stopped;
    b.clock.advance(60_000);
    expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1");
    expect(b.events("real-server")).toEqual(["10.9.0.1:80/tcp 10.9.1.1:80: up → down"]);
    expect(b.updates.filter(({ kind }) => kind === "virtual-server")).toEqual([]);
  });
});
