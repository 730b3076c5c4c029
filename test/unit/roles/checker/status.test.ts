// What is shown of a virtual server and its checks.
import { expect, test } from "bun:test";
import type { CheckState } from "../../../../src/check/runner-state.ts";
import type { Check } from "../../../../src/config/model/check.ts";
import { NOTHING_COUNTED, type SeenService } from "../../../../src/lvs/model.ts";
import { quorumText, type StatusSource, virtualServerStatus } from "../../../../src/roles/checker/status.ts";
import {
  endpoint,
  httpCheck,
  httpUrl,
  miscCheck,
  ORIGIN,
  realServer,
  sorryServer,
  tcpCheck,
  timing,
  virtualServer,
} from "../../../support/model.ts";

const NOW = Date.UTC(2026, 0, 1);
const address = (port: number) => ({ kind: "address", ip: "10.9.0.1", port }) as const;

/** A service of the kernel with one destination; every counter is another number. */
function seen(port: number, from: number): SeenService {
  const counters = Object.keys(NOTHING_COUNTED);
  const statistics = Object.fromEntries(counters.map((name, i) => [name, from + i])) as never;
  const [service] = virtualServer([]).services;
  return {
    service: {
      family: 4,
      protocol: 6,
      address: { ...(service as ReturnType<typeof address>), port },
      scheduler: "rr",
      flags: 0,
      timeoutS: 0,
      netmask: 0,
    },
    statistics,
    destinations: [
      {
        ip: "10.9.1.1",
        port: 80,
        forwarding: { method: "NAT" },
        weight: 3,
        upperThreshold: 0,
        lowerThreshold: 0,
        activeConnections: from + 100,
        inactiveConnections: from + 200,
        persistentConnections: from + 300,
        statistics,
      },
    ],
  };
}

function source(part: Partial<StatusSource> = {}): StatusSource {
  const healthy = { healthy: true, weight: 5, sinceWallMs: NOW, reason: "fine" };
  return {
    virtualServer: virtualServer([realServer(1, { weight: 4 }), realServer(2)], {
      services: [address(80), address(81)],
    }),
    standing: {
      quorumUp: true,
      liveWeight: 5,
      sinceWallMs: NOW,
      reason: "quorum",
      realServers: new Map([["10.9.1.1:80", healthy as never]]),
    },
    suspended: false,
    seen: [seen(80, 1), seen(81, 10)],
    checks: [[], []],
    nowMs: 5000,
    wallMs: NOW,
    failures: [],
    ...part,
  };
}

test("counters of all its services are added up, each with its kind; a server that is not in the table has none", () => {
  const status = virtualServerStatus(source());
  const traffic = { connections: 11, inPackets: 13, outPackets: 15, inBytes: 17, outBytes: 19 };
  expect(status.statistics).toEqual(traffic);
  const [first, second] = status.realServers;
  expect(first).toMatchObject({
    inTable: true,
    weight: { configured: 4, effective: 5, kernel: 3 },
    connections: { active: 211, inactive: 411, persistent: 611 },
    statistics: traffic,
    healthy: true,
    reason: "fine",
  });
  expect(second).toMatchObject({
    inTable: false,
    connections: null,
    statistics: null,
    weight: { kernel: null },
    healthy: true,
    reason: "",
    since: "2026-01-01T00:00:00.000Z",
  });
  expect(virtualServerStatus(source({ seen: [undefined, undefined] })).statistics).toBeNull();
});

test("the first three failed calls stand behind the reason", () => {
  const { reason } = virtualServerStatus(source({ failures: ["one", "two", "three", "four"] }));
  expect(reason).toBe("quorum; one; two; three");
});

test("the sorry server serves without a quorum", () => {
  const vs = virtualServer([], { sorryServer: sorryServer() });
  const standing = { ...source().standing, realServers: new Map() };
  const activeWith = (quorumUp: boolean) =>
    virtualServerStatus(source({ virtualServer: vs, standing: { ...standing, quorumUp }, checks: [] })).sorryServer;
  expect([activeWith(true)?.active, activeWith(false)?.active]).toEqual([false, true]);
  expect(virtualServerStatus(source()).sorryServer).toBeNull();
});

function checkState(check: Check, part: Partial<CheckState> = {}): CheckState {
  return {
    check,
    health: { up: false, failures: 0 } as never,
    sinceWallMs: NOW,
    weight: undefined,
    outcome: undefined,
    endedWallMs: NOW,
    durationMs: 0,
    runs: 0,
    failures: 0,
    nextAt: undefined,
    ...part,
  };
}

const shown = (state: CheckState) => virtualServerStatus(source({ checks: [[state], []] })).realServers[0]?.checks[0];

test("a check says nothing of its server before its first run, and when it will", () => {
  expect(shown(checkState(tcpCheck("10.9.1.1"), { nextAt: 6500 }))).toEqual({
    id: "TCP_CHECK",
    kind: "TCP_CHECK",
    target: "10.9.1.1:80",
    healthy: null,
    since: "2026-01-01T00:00:00.000Z",
    runs: 0,
    failures: 0,
    nextAt: "2026-01-01T00:00:01.500Z",
  });
  const outcome = { ok: false, code: "refused", reason: "no" } as const;
  const ran = shown(checkState(tcpCheck("10.9.1.1"), { runs: 3, failures: 2, outcome, durationMs: 1.23456 }));
  expect(ran).toEqual({
    id: "TCP_CHECK",
    kind: "TCP_CHECK",
    target: "10.9.1.1:80",
    healthy: false,
    since: "2026-01-01T00:00:00.000Z",
    lastResult: { at: "2026-01-01T00:00:00.000Z", ok: false, reason: "no", code: "refused", durationMs: 1.235 },
    runs: 3,
    failures: 2,
  });
});

const base = { id: "x", timing: timing(), origin: ORIGIN };
test.each<[string, Check, string]>([
  ["one url", httpCheck("10.9.1.1", { urls: [httpUrl({ path: "/a" })] }), "http://10.9.1.1:80/a"],
  [
    "more of them, by TLS",
    { ...httpCheck("10.9.1.1", { urls: [httpUrl(), httpUrl(), httpUrl()] }), kind: "SSL_GET" },
    "https://10.9.1.1:80/ and 2 more",
  ],
  ["no url", httpCheck("10.9.1.1", { urls: [] }), "http://10.9.1.1:80/"],
  ["a ping", { ...base, kind: "PING_CHECK", endpoint: endpoint("10.9.1.1") } as Check, "10.9.1.1"],
  [
    "hosts of mail",
    {
      ...base,
      kind: "SMTP_CHECK",
      heloName: "h",
      hosts: [endpoint("10.9.1.1", 25), endpoint("10.9.1.2", 26)],
    } as Check,
    "10.9.1.1:25 10.9.1.2:26",
  ],
  ["a program: its arguments may hold secrets", miscCheck(["/bin/ask", "--password", "x"]), "/bin/ask"],
  ["a file", { ...base, kind: "FILE_CHECK", file: "/run/f", weight: 1, reverse: false } as Check, "/run/f"],
  ["a session", { ...base, kind: "BFD_CHECK", instance: "b" } as Check, "b"],
])("the target of a check: %s", (_what, check, target) => {
  expect(shown(checkState(check))?.target).toBe(target);
});

test.each([
  [{ method: "DR" }, "DR"],
  [{ method: "TUN" }, "TUN"],
  [{ method: "TUN", tunnel: { type: "gue", port: 6080 } }, "TUN gue port 6080"],
  [{ method: "TUN", tunnel: { type: "gre" } }, "TUN gre"],
] as const)("forwarding by %j", (forwarding, text) => {
  const vs = virtualServer([realServer(1, { forwarding: forwarding as never })]);
  expect(virtualServerStatus(source({ virtualServer: vs, checks: [[]] })).realServers[0]?.forwarding).toBe(text);
});

test("the quorum in words", () => {
  expect(quorumText(virtualServer([], { quorum: 4, hysteresis: 1 }), 3)).toBe(
    "live weight 3; quorum 4 with hysteresis 1: gained at 5, lost below 3",
  );
});
