import { expect, test } from "bun:test";
import { statusAnswer } from "../../../src/api/answers.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { type Picture, statusText } from "../../../src/status/text.ts";
import { bfdText } from "../../../src/status/text-bfd.ts";
import { vrrpText } from "../../../src/status/text-vrrp.ts";
import { age, count, cutName, duration, paint } from "../../../src/status/writer.ts";
import {
  AT,
  AT_MS,
  bfdSession,
  deadServer,
  director,
  everything,
  virtualServer,
  vrrpInstance,
} from "../../support/status-samples.ts";

function pictureOf(updates: readonly StatusUpdate[], change: Partial<Picture> = {}): Picture {
  const store = createStatusStore();
  for (const update of updates) store.apply(update);
  return {
    director: store.director() ?? null,
    ready: true,
    reasons: [],
    details: [],
    summary: statusAnswer(store).summary,
    scope: "all",
    left: 0,
    processes: store.processes(),
    virtualServers: store.virtualServers(),
    vrrp: store.vrrp(),
    groups: store.syncGroups(),
    facts: store.facts(),
    ...change,
  };
}

const OPTIONS = { columns: 80, nowWallMs: AT_MS + 65_000 };

test("shows the director, VRRP and each virtual server with its real servers", () => {
  expect(statusText(pictureOf(everything()), OPTIONS)).toBe(
    [
      "ready, 1 of 2 virtual servers DOWN, 2 of 4 real servers DOWN, VRRP 1 master 1",
      "  FAULT",
      "lbd 0.1.0 on director-1, pid 4242, up 65 s",
      "configuration /etc/keepalived/keepalived.conf: loaded, read 65 s ago, 1 warning",
      "processes: checker running (pid 4243); api running (pid 4244, 1 restart)",
      "",
      "  instance  state   for   iface  vrid  prio  master",
      "  VI_1      MASTER  65 s  eth0   51    110   192.0.2.1",
      "  VI_2      FAULT   65 s  eth0   52    110   eth1 is down",
      "  VI_1: script chk up, +10: exit status 0",
      "  VI_1: refused packets: 2 ttl; the last 65 s ago from 192.0.2.66: ttl",
      "  VI_2: script chk up, +10: exit status 0",
      "  VI_2: refused packets: 2 ttl; the last 65 s ago from 192.0.2.66: ttl",
      "",
      "  sync group  state   for   members",
      "  G1          MASTER  65 s  VI_1, VI_2",
      "",
      "198.51.100.1:80/tcp  wlc  UP for 65 s  live weight 1, quorum 1",
      "  real server    state  for   weight  active  inact  last check",
      "  192.0.2.10:80  up     65 s  1       3       2      ok 1.5 ms",
      "  192.0.2.11:80  DOWN   65 s  5>0     -       -      TCP_CHECK: connection",
      "                                                     refused",
      "",
      "198.51.100.1:53/udp  wlc  DOWN for 65 s  live weight 1, quorum 1",
      "  quorum lost",
      "  real server    state  for   weight  active  inact  last check",
      "  192.0.2.10:80  up     65 s  1       3       2      ok 1.5 ms",
      "  192.0.2.11:80  DOWN   65 s  5>0     -       -      TCP_CHECK: connection",
      "                                                     refused",
      "",
      "weight: 5>0 is 5 as configured and 0 as wanted now",
      "",
    ].join("\n"),
  );
});

test("a long name gives way to the state beside it", () => {
  const name = "a-name-that-somebody-thought-was-a-good-idea-and-that-goes-on-and-on-and-on";
  const lines = statusText(
    pictureOf([
      { kind: "director", value: director() },
      { kind: "vrrp", value: vrrpInstance(name) },
    ]),
    OPTIONS,
  ).split("\n");
  const row = lines.find((line) => line.includes("a-name"));
  expect(row).toMatch(/^ {2}a-name-that-.*….*on-and-on {2}MASTER {2}65 s {2}eth0 {3}51 {4}110 {3}192\.0\.2\.1$/);
  expect(row?.length).toBeLessThanOrEqual(80);
  const picture = pictureOf([
    { kind: "virtual-server", value: virtualServer(`group:${name}/tcp`) },
    { kind: "vrrp", value: vrrpInstance(name) },
    { kind: "director", value: director() },
  ]);
  expect(statusText(picture, OPTIONS)).toContain("UP for 65 s  live weight 1, quorum 1");
  expect(vrrpText(picture, OPTIONS)).toContain("MASTER for 65 s");
});

test.each([
  ["listening", "API: http://127.0.0.1:812"],
  [
    "can't listen: another program has the port",
    "API: 127.0.0.1:812 FAILED, can't listen: another program has the port",
  ],
  ["off", undefined],
])("the API's TCP address that is %s", (tcp, line) => {
  const facts = { kind: "facts", role: "api", values: { tcp, tcpAddress: "127.0.0.1:812" } } as const;
  const text = statusText(pictureOf([{ kind: "director", value: director() }, facts]), OPTIONS);
  expect(text.split("\n").find((one) => one.startsWith("API"))).toBe(line);
});

test("a refused reload and missing readiness stand out, with the reasons", () => {
  const stale = director({
    config: {
      ...director().config,
      stale: true,
      errors: ["/etc/keepalived/keepalived.conf:7:3: expected a number (got six)"],
    },
  });
  const text = statusText(
    pictureOf([{ kind: "director", value: stale }], { ready: false, reasons: ["checker: waiting"] }),
    OPTIONS,
  );
  expect(text).toContain("NOT READY\n  checker: waiting\n");
  expect(text).toContain(": STALE, read 65 s ago");
  expect(text).toContain("  /etc/keepalived/keepalived.conf:7:3: expected a number (got six)\n");
});

test("errors of the configuration in force stand out, apart from those of a refused reload", () => {
  const config = {
    ...director().config,
    errorCount: 7,
    tolerated: [1, 2, 3, 4, 5, 6, 7].map((line) => `k.conf:${line}:1: bad`),
  };
  const first = statusText(pictureOf([{ kind: "director", value: director({ config }) }]), OPTIONS);
  expect(first).toContain(": loaded with 7 errors, read 65 s");
  expect(first).toContain("  k.conf:5:1: bad\n  and 2 more errors\n");
  const stale = { ...config, stale: true, errors: ["k.conf:8:1: worse"] };
  const second = statusText(pictureOf([{ kind: "director", value: director({ config: stale }) }]), OPTIONS);
  expect(second).toContain("  and 2 more errors\n  refused since then:\n  k.conf:8:1: worse\n");
});

test("no line is wider than the terminal, whatever the names", () => {
  const long = virtualServer(`group:${"x".repeat(300)}/tcp`, { reason: "y ".repeat(200), up: false });
  const text = statusText(pictureOf([...everything(), { kind: "virtual-server", value: long }]), OPTIONS);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("text from servers can't speak to the terminal", () => {
  const evil = virtualServer("192.0.2.1:80/tcp", { reason: "\u001b[2Jgone\u0007", up: false });
  const text = statusText(pictureOf([{ kind: "virtual-server", value: evil }]), OPTIONS);
  expect(text).toContain("\\x1b[2Jgone\\x07");
  expect(text).not.toContain("\u001b");
});

test("a router that we refuse is an error in both pictures, a sender that no list names is shown", () => {
  const refused = {
    address: "192.0.2.2",
    own: "192.0.2.1",
    priority: 100,
    reason: "auth-password",
    since: AT,
    lastAt: AT,
    likelyCause: "authentication: its password differs",
    remedy: "authentication (lbd.conf:7) has to be the same on both",
  };
  const senders = [{ address: "192.0.2.9", listed: false, hops: 64 }];
  const instance = vrrpInstance("VI_1", { refusedMasters: [refused], senders, advice: ["look here"] });
  const options = { columns: 400, nowWallMs: AT_MS };
  const error =
    "ERROR: VI_1: 192.0.2.2 and we, 192.0.2.1, both use VRID 51 and don't agree: authentication: its password differs; authentication (lbd.conf:7) has to be the same on both";
  const details = [error];
  const picture = pictureOf([{ kind: "director", value: director() }], { vrrp: [instance], details });
  expect(statusText(picture, options)).toContain(`\n  ${error}\n`);
  const own = vrrpText({ vrrp: [instance], groups: [] }, options);
  for (const line of [error, "not in unicast_peer: 192.0.2.9", "advice: look here"])
    expect(own).toContain(`  ${line}\n`);
});

test("an instance says what decides about its state", () => {
  const text = vrrpText(pictureOf(everything()), OPTIONS);
  expect(text).toContain(
    "VI_1  MASTER for 65 s  eth0 vrid 51  VRRPv3 IPv4\n  BACKUP to MASTER 65 s ago: no advert for 3.6 s\n",
  );
  expect(text).toContain("  priority 110 (configured 100)\n    script chk up, +10: exit status 0\n");
  expect(text).toContain("refused packets: 2 ttl\n");
  expect(text).toContain("fault: eth1 is down\n");
  expect(text).toContain("group G1  MASTER for 65 s\n  members: VI_1, VI_2\n");
});

test.each([
  [0, "0 s"],
  [119_999, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
  [-5, "0 s"],
])("%d ms is %s", (ms, text) => expect(age(ms)).toBe(text));

test.each([
  [0.44, "0.4 ms"],
  [12.3, "12 ms"],
  [1500, "1.5 s"],
])("a check of %d ms took %s", (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  ["[2001:db8:1234:5678:aaaa:bbbb:cccc:1]:443", 24, "[2001:db8:12…ccc:1]:443"],
  ["[2001:db8:1234:5678:aaaa:bbbb:cccc:2]:8443/tcp", 20, "[2001:…cc:2]:8443/tcp"],
  ["192.0.2.1:80", 12, "192.0.2.1:80"],
  ["a-rather-long-name-of-something", 12, "a-rat…ething"],
])("%s in %d columns keeps its port", (name, columns, shown) => {
  expect(cutName(name, columns).length).toBeLessThanOrEqual(columns);
  expect(cutName(name, columns).slice(-4)).toBe(shown.slice(-4));
});

test("IPv6 servers of one network are told apart in 80 columns", () => {
  const reals = ["[2001:db8:1234:5678:aaaa:bbbb:cccc:1]:443", "[2001:db8:1234:5678:aaaa:bbbb:cccc:2]:443"];
  const server = virtualServer("[2001:db8::1]:443/tcp", {
    realServers: reals.map((id) => ({ ...deadServer("192.0.2.11:80"), id })),
  });
  const rows = statusText(pictureOf([{ kind: "virtual-server", value: server }]), OPTIONS)
    .split("\n")
    .filter((line) => line.includes("2001:db8:1"));
  expect(rows.map((row) => /\S+/.exec(row)?.[0].slice(-8))).toEqual(["c:1]:443", "c:2]:443"]);
  for (const row of rows) expect(row.length).toBeLessThanOrEqual(80);
});

test("colour changes no column and marks what is bad", () => {
  const plain = statusText(pictureOf(everything()), OPTIONS);
  const coloured = statusText(pictureOf(everything()), { ...OPTIONS, colour: true });
  expect(plain).not.toContain("\u001b");
  expect(coloured.replace(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g"), "")).toBe(plain);
  expect(coloured).toContain("\u001b[31mDOWN\u001b[0m");
  expect(coloured).toContain("\u001b[31mFAULT\u001b[0m");
  expect(coloured).toContain("\u001b[32mMASTER\u001b[0m");
  expect(paint("x: ANOTHER MASTER 192.0.2.2")).toBe("x: \u001b[31mANOTHER MASTER\u001b[0m 192.0.2.2");
  expect(paint("MASTERS DOWNTOWN my-UP")).toBe("MASTERS DOWNTOWN my-UP");
});

test("of what is down nothing else is shown", () => {
  const text = statusText(pictureOf(everything(), { scope: "down" }), OPTIONS);
  expect(text).toContain("192.0.2.11:80  DOWN");
  expect(text).not.toContain("192.0.2.10:80");
  expect(text).toContain("VI_2      FAULT");
  expect(text).not.toContain("VI_1      MASTER");
  const well = pictureOf([{ kind: "director", value: director() }], { scope: "down" });
  expect(statusText(well, OPTIONS)).toEndWith("\n\nnothing is down\n");
});

test("a split brain is in the picture, and so are the sync groups and what counts against the priority", () => {
  const foreignMaster = {
    address: "192.0.2.2",
    priority: 100,
    at: AT,
    likelyCause: "authentication: its password differs",
  };
  const text = statusText(
    pictureOf([...everything(), { kind: "vrrp", value: vrrpInstance("VI_1", { foreignMaster }) }]),
    {
      ...OPTIONS,
      columns: 120,
    },
  );
  expect(text).toContain("VI_1: ANOTHER MASTER 192.0.2.2 priority 100: authentication: its password differs\n");
  expect(text).toContain("VI_1: script chk up, +10");
});

test("a real server that was asked for stands once for each virtual server", () => {
  const realServers = ["198.51.100.1:80/tcp", "198.51.100.2:80/tcp"].map((virtual) => ({
    ...deadServer("192.0.2.11:80"),
    virtualServer: virtual,
  }));
  const picture = pictureOf([{ kind: "director", value: director() }], { scope: "some", realServers });
  const lines = statusText(picture, OPTIONS).split("\n");
  expect(lines.slice(1, 4)).toEqual([
    "",
    "192.0.2.11:80",
    "  virtual server       state  for   weight  active  inact  last check",
  ]);
  expect(lines.filter((line) => line.includes("DOWN"))).toHaveLength(2);
});

test.each([
  [0, "0 servers"],
  [1, "1 server"],
  [999, "999 servers"],
  [1000, "1,000 servers"],
  [40_000, "40,000 servers"],
  [1_234_567, "1,234,567 servers"],
])("%d is %s", (n, text) => expect(count(n, "server")).toBe(text));

test("lbd bfd: state, why, intervals, what the neighbour says, what was refused and what is wrong", () => {
  expect(bfdText([], OPTIONS)).toBe("no BFD sessions\n");
  const lost = bfdSession("far", {
    state: "Down",
    diagnostic: "control detection time expired",
    remote: null,
    detectionMs: null,
    problem: "can't send: ENETUNREACH",
    advice: ["Do this."],
  });
  expect(bfdText([bfdSession("peer"), lost], { ...OPTIONS, columns: 120 })).toBe(`peer  Up for 65 s
  neighbour 192.0.2.2 from 192.0.2.1 port 50000, single hop, discriminator 11
  last change: Init to Up 65 s ago: neighbour is up
  sends every 300 ms, the neighbour is lost after 900 ms
  neighbour says Up, discriminator 77, sends every 300 ms × 3, takes one every 300 ms
  packets: 9 sent, 8 received; 1 times up, 0 times down
  refused packets: 2 ttl

far  DOWN for 65 s, told as up
  neighbour 192.0.2.2 from 192.0.2.1 port 50000, single hop, discriminator 11
  last change: Init to Up 65 s ago: neighbour is up
  our diagnostic: control detection time expired
  sends every 300 ms
  neighbour last heard 65 s ago
  packets: 9 sent, 8 received; 1 times up, 0 times down
  refused packets: 2 ttl
  PROBLEM: can't send: ENETUNREACH
  Do this.
`);
});
