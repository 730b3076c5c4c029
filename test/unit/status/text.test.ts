import { expect, test } from "bun:test";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { age, duration, type Picture, statusText, vrrpText } from "../../../src/status/text.ts";
import { AT, AT_MS, director, everything, virtualServer, vrrpInstance } from "../../support/status-samples.ts";

function pictureOf(updates: readonly StatusUpdate[], change: Partial<Picture> = {}): Picture {
  const store = createStatusStore();
  for (const update of updates) store.apply(update);
  return {
    director: store.director() ?? null,
    ready: true,
    reasons: [],
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
      "lbd 0.1.0 on director-1, pid 4242, up 65 s, ready",
      "configuration /etc/keepalived/keepalived.conf: loaded, read 65 s ago, 1 warning",
      "processes: checker running (pid 4243); api running (pid 4244, 1 restart)",
      "",
      "  instance  state   for   iface  vrid  prio  master",
      "  VI_1      MASTER  65 s  eth0   51    110   192.0.2.1",
      "  VI_2      FAULT   65 s  eth0   52    110   eth1 is down",
      "",
      "198.51.100.1:80/tcp  wlc  UP for 65 s  quorum 1 of 1",
      "  real server    state  for   weight  active  inact  last check",
      "  192.0.2.10:80  up     65 s  1       3       2      ok 1.5 ms",
      "  192.0.2.11:80  DOWN   65 s  5>0     -       -      TCP_CHECK: connection",
      "                                                     refused",
      "",
      "198.51.100.1:53/udp  wlc  DOWN for 65 s  quorum 1 of 1",
      "  quorum lost",
      "  real server    state  for   weight  active  inact  last check",
      "  192.0.2.10:80  up     65 s  1       3       2      ok 1.5 ms",
      "  192.0.2.11:80  DOWN   65 s  5>0     -       -      TCP_CHECK: connection",
      "                                                     refused",
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
  expect(row).toMatch(/^ {2}a-name-that-somebody-thou.*… {2}MASTER {2}65 s {2}eth0 {3}51 {4}110 {3}192\.0\.2\.1$/);
  expect(row?.length).toBeLessThanOrEqual(80);
  const picture = pictureOf([
    { kind: "virtual-server", value: virtualServer(`group:${name}/tcp`) },
    { kind: "vrrp", value: vrrpInstance(name) },
    { kind: "director", value: director() },
  ]);
  expect(statusText(picture, OPTIONS)).toContain("UP for 65 s  quorum 1 of 1");
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
  expect(statusText(pictureOf([], { vrrp: [instance] }), options)).toContain(`\n${error}`);
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
