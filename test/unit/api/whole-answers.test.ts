// What each path of the API gives, whole: the store's objects as they are, in their order, with what is made of them.
import { describe, expect, test } from "bun:test";
import type { Via } from "../../../src/api/guard.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { appWith } from "../../support/api-app.ts";
import {
  AT,
  bfdSession,
  director,
  everything,
  realServer,
  syncGroup,
  virtualServer,
  vrrpInstance,
} from "../../support/status-samples.ts";

const WEB = virtualServer("198.51.100.1:80/tcp");
const DNS = virtualServer("198.51.100.1:53/udp", { protocol: "UDP", up: false, reason: "quorum lost" });
const [HEALTHY, DEAD] = WEB.realServers.map((server) => server);
const VI_1 = vrrpInstance("VI_1");
const VI_2 = vrrpInstance("VI_2", {
  ...{ state: "FAULT", vrid: 52, addresses: [], faults: ["eth1 is down"], master: null },
});
const BFD = everything().flatMap((update) => (update.kind === "bfd" ? [update.value] : []));

async function ask(path: string, updates = everything(), via: Via = { kind: "unix" }) {
  const { app } = appWith(updates);
  const response = await app(new Request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1" } }), via);
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    body: JSON.parse(await response.text()),
  };
}

const of = (server: typeof WEB, real: typeof HEALTHY) => ({ virtualServer: server.id, ...real });
const problem = (code: string, status: number, title: string, detail: string, more: object = {}) => ({
  ...{ type: `urn:lbd:problem:${code}`, code, title, status, detail },
  ...more,
});

test.each<[string, unknown]>([
  ["/livez", { status: "live" }],
  ["/readyz", { status: "ready" }],
  ["/v1/virtual-servers", { virtualServers: [WEB, DNS] }],
  ["/v1/virtual-servers?healthy=true", { virtualServers: [] }],
  ["/v1/virtual-servers?healthy=false", { virtualServers: [WEB, DNS] }],
  ["/v1/virtual-servers/198.51.100.1:53", DNS],
  ["/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.11", of(WEB, DEAD)],
  ["/v1/real-servers", { realServers: [of(WEB, HEALTHY), of(WEB, DEAD), of(DNS, HEALTHY), of(DNS, DEAD)] }],
  ["/v1/real-servers?healthy=false", { realServers: [of(WEB, DEAD), of(DNS, DEAD)] }],
  ["/v1/real-servers/192.0.2.11", { realServers: [of(WEB, DEAD), of(DNS, DEAD)] }],
  ["/v1/real-servers/192.0.2.11?healthy=true", { realServers: [] }],
  ["/v1/real-servers/192.0.2.10?healthy=true", { realServers: [of(WEB, HEALTHY), of(DNS, HEALTHY)] }],
  ["/v1/vrrp", { instances: [VI_1, VI_2], groups: [syncGroup("G1")] }],
  ["/v1/vrrp/VI_2", VI_2],
  ["/v1/vrrp/VI_1/active", { name: "VI_1", state: "MASTER", since: AT }],
  ["/v1/sync-groups", { groups: [syncGroup("G1")] }],
  ["/v1/sync-groups/G1", { ...syncGroup("G1"), members: [VI_1, VI_2] }],
  ["/v1/sync-groups/G1/active", { name: "G1", state: "MASTER", since: AT }],
  ["/v1/bfd", { sessions: BFD }],
  ["/v1/bfd/far", BFD[1]],
  ["/v1/config", { ...director().config, effective: { blocks: [] } }],
  [
    "/v1/status",
    {
      ready: true,
      ...{ reasons: [], details: [] },
      revision: everything().length,
      director: director(),
      processes: [
        { role: "checker", state: "running", pid: 4243, since: AT, restarts: 0, reason: "" },
        { role: "api", state: "running", pid: 4244, since: AT, restarts: 1, reason: "" },
      ],
      summary: {
        virtualServers: { total: 2, up: 1 },
        realServers: { total: 4, healthy: 2 },
        vrrp: { total: 2, master: 1, backup: 0, fault: 1 },
      },
      facts: { checker: { ipvsTransport: "sockopt" } },
    },
  ],
])("%s", async (path, want) => {
  expect(await ask(path)).toEqual({ status: 200, type: "application/json", body: want });
});

const NOT_FOUND = "Not Found";
test.each<[string, number, unknown]>([
  ["/v1/nothing", 404, problem("not-found", 404, NOT_FOUND, "nothing is here, / lists what is")],
  [
    "/v1/virtual-servers/198.51.100.9:80",
    404,
    problem("no-such-virtual-server", 404, NOT_FOUND, "no virtual server of that id"),
  ],
  [
    "/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.99",
    404,
    problem("no-such-real-server", 404, NOT_FOUND, "no real server of that id"),
  ],
  ["/v1/real-servers/192.0.2.99", 404, problem("no-such-real-server", 404, NOT_FOUND, "no real server of that id")],
  ["/v1/vrrp/VI_9", 404, problem("no-such-instance", 404, NOT_FOUND, "no VRRP instance of that name")],
  [
    "/v1/vrrp/G1/active",
    404,
    problem(
      "no-such-instance",
      404,
      NOT_FOUND,
      "no VRRP instance of that name; a sync group is called so, see /v1/sync-groups/G1",
    ),
  ],
  ["/v1/sync-groups/G9", 404, problem("no-such-group", 404, NOT_FOUND, "no sync group of that name")],
  ["/v1/sync-groups/G9/active", 404, problem("no-such-group", 404, NOT_FOUND, "no sync group of that name")],
  ["/v1/bfd/nobody", 404, problem("no-such-session", 404, NOT_FOUND, "no BFD session of that name")],
  ["/v1/vrrp/VI_2/active", 503, problem("not-master", 503, "Service Unavailable", "VI_2 is FAULT")],
  ["/v1/vrrp?page=2", 400, problem("bad-query", 400, "Bad Request", "unknown query parameter; accepted here: none")],
  [
    "/v1/real-servers?healthy=true&healthy=true",
    400,
    problem("bad-query", 400, "Bad Request", "query parameter healthy: given twice"),
  ],
  [
    "/v1/real-servers?page=2",
    400,
    problem("bad-query", 400, "Bad Request", "unknown query parameter; accepted here: healthy, limit, cursor"),
  ],
])("%s: %d", async (path, status, want) => {
  expect(await ask(path)).toEqual({ status, type: "application/problem+json", body: want });
});

test("a director that knows nothing yet: lists are empty, and it says what it waits for", async () => {
  const none = { total: 0 };
  expect((await ask("/v1/status", [])).body).toEqual({
    ready: false,
    reasons: ["the status has not arrived yet"],
    details: [],
    revision: 0,
    director: null,
    processes: [],
    summary: {
      virtualServers: { ...none, up: 0 },
      realServers: { ...none, healthy: 0 },
      vrrp: { ...none, master: 0, backup: 0, fault: 0 },
    },
    facts: {},
  });
  expect((await ask("/readyz", [])).body).toEqual(
    problem("not-ready", 503, "Service Unavailable", "not ready", { reasons: ["the status has not arrived yet"] }),
  );
  expect((await ask("/v1/config", [])).body).toMatchObject({ code: "no-configuration" });
  expect((await ask("/v1/vrrp", [])).body).toEqual({ instances: [], groups: [] });
});

test("what is wrong with a director is said of each of its parts, in their order", async () => {
  const { config } = director();
  const updates: StatusUpdate[] = [
    ...everything(),
    { kind: "director", value: director({ config: { ...config, state: "reading" as never, errorCount: 2 } }) },
    { kind: "process", value: { role: "vrrp", state: "waiting", pid: null, since: AT, restarts: 1, reason: "" } },
    { kind: "process", value: { role: "bfd", state: "waiting", pid: null, since: AT, restarts: 1, reason: "why" } },
    { kind: "process", value: { role: "api", state: "starting", pid: 1, since: AT, restarts: 1, reason: "" } },
    { kind: "facts", role: "checker", values: { problem: "no IPVS" } },
    { kind: "facts", role: "vrrp", values: { problem: "" } },
  ];
  const reasons = ["configuration: reading", "vrrp: waiting", "bfd: waiting, why", "checker: no IPVS"];
  expect((await ask("/readyz", updates)).body).toMatchObject({ status: 503, reasons });
  expect((await ask("/v1/status", updates)).body).toMatchObject({
    ...{ ready: false, reasons, details: ["configuration: loaded with 2 errors"] },
    facts: { checker: { ipvsTransport: "sockopt", problem: "no IPVS" }, vrrp: { problem: "" } },
  });
  const one: StatusUpdate = { kind: "director", value: director({ config: { ...config, errorCount: 1 } }) };
  expect((await ask("/readyz", [...everything(), one])).body).toEqual({
    status: "ready",
    details: ["configuration: loaded with 1 error"],
  });
});

test("the last reload is shown with what it changed", async () => {
  const lastReload = { at: AT, ok: true, durationMs: 12.5, changes: ["vrrp_instance VI_1"] };
  const { config } = director();
  const update: StatusUpdate = { kind: "director", value: director({ config: { ...config, lastReload } }) };
  expect((await ask("/v1/status", [...everything(), update])).body.director.config).toEqual({ ...config, lastReload });
});

describe("an answer of many objects is sent as it is made, one of 200 is not:", () => {
  const servers = (count: number) => Array.from({ length: count }, (_, i) => realServer(`192.0.2.1:${i + 1}`));
  const web = (count: number): StatusUpdate => ({
    kind: "virtual-server",
    value: virtualServer("198.51.100.1:80/tcp", { realServers: servers(count) }),
  });
  const instances = (count: number, addresses = 0): StatusUpdate[] =>
    Array.from({ length: count }, (_, i) => ({
      kind: "vrrp",
      value: vrrpInstance(`V${i}`, {
        addresses: Array.from({ length: i === 0 ? addresses : 0 }, () => VI_1.addresses[0] as never),
      }),
    }));
  const groups = (count: number): StatusUpdate[] =>
    Array.from({ length: count }, (_, i) => ({ kind: "sync-group", value: syncGroup(`G${i}`) }));
  const group = (count: number): StatusUpdate => ({
    kind: "sync-group",
    value: { ...syncGroup("G"), instances: Array.from({ length: count }, (_, i) => `V${i}`) },
  });
  const sessions = (count: number): StatusUpdate[] =>
    Array.from({ length: count }, (_, i) => ({ kind: "bfd", value: bfdSession(`b${i}`) }));
  const metrics = (count: number): StatusUpdate => ({
    kind: "metrics",
    role: "checker",
    values: Object.fromEntries(Array.from({ length: count }, (_, i) => [`lbd_x{n="${i}"}`, i])),
  });

  test.each<[string, readonly StatusUpdate[], readonly StatusUpdate[]]>([
    ["/v1/virtual-servers", [web(199)], [web(200)]],
    ["/v1/virtual-servers/198.51.100.1:80/tcp", [web(200)], [web(201)]],
    ["/v1/real-servers", [web(200)], [web(201)]],
    ["/v1/real-servers/192.0.2.1", [web(200)], [web(201)]],
    ["/v1/vrrp", instances(100), instances(101)],
    ["/v1/vrrp", [...instances(99), ...groups(2)], [...instances(99), ...groups(3)]],
    ["/v1/vrrp", instances(99, 8), instances(99, 12)],
    ["/v1/sync-groups", groups(200), groups(201)],
    ["/v1/sync-groups/G", [...instances(100), group(100)], [...instances(101), group(101)]],
    ["/v1/bfd", sessions(200), sessions(201)],
    ["/metrics", [web(199)], [web(200)]],
    ["/metrics", instances(100), instances(101)],
    ["/metrics", [metrics(2000)], [metrics(2001)]],
  ])("%s", async (path, few, many) => {
    const streams = async (updates: readonly StatusUpdate[]) => {
      const { app } = appWith(updates);
      const response = await app(new Request(`http://lbd${path}`), { kind: "unix" });
      await response.text();
      return [response.status, response.headers.get("transfer-encoding")];
    };
    expect([await streams(few), await streams(many)]).toEqual([
      [200, null],
      [200, "chunked"],
    ]);
  });
});
