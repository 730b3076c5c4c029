import { describe, expect, test } from "bun:test";
import { type App, createApp } from "../../../src/api/app.ts";
import { createEventStream } from "../../../src/api/events.ts";
import type { Via } from "../../../src/api/guard.ts";
import type { LogLine } from "../../../src/base/log.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { everything, virtualServer } from "../../support/status-samples.ts";

export function appWith(updates: readonly StatusUpdate[] = everything(), listenAddress = "127.0.0.1") {
  const store = createStatusStore();
  for (const update of updates) store.apply(update);
  const clock = manualClock();
  const logs: LogLine[] = [];
  const events = createEventStream(store, clock);
  const app = createApp({
    state: {
      store,
      events,
      build: { version: "0.1.0", revision: "x", bun: "1", kernel: "6" },
      effective: async () => '{"blocks":[]}',
    },
    log: (line) => logs.push(line),
    listenAddress,
  });
  return { app, store, clock, logs, events };
}

async function get(
  app: App,
  path: string,
  headers: Record<string, string> = {},
  via: Via = { kind: "unix" },
  method = "GET",
) {
  const response = await app(new Request(`http://lbd${path}`, { method, headers }), via);
  const text = await response.text();
  const json = response.headers.get("content-type")?.includes("json") === true && text !== "";
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
}

describe("answers", () => {
  test("livez and readyz", async () => {
    const { app } = appWith();
    expect(await get(app, "/livez")).toMatchObject({ status: 200, body: { status: "live" } });
    expect(await get(app, "/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
  });

  test("readyz says why not", async () => {
    const waiting: StatusUpdate = {
      kind: "process",
      value: {
        role: "checker",
        state: "waiting",
        pid: null,
        since: "2026-01-01T00:00:00.000Z",
        restarts: 3,
        reason: "no IPVS",
      },
    };
    const { app } = appWith([...everything(), waiting]);
    expect(await get(app, "/readyz")).toMatchObject({
      status: 503,
      body: { status: 503, reasons: ["checker: waiting, no IPVS"] },
    });
    expect(await get(appWith([]).app, "/readyz")).toMatchObject({ status: 503 });
    const problem = (text: string): StatusUpdate => ({ kind: "facts", role: "checker", values: { problem: text } });
    expect(await get(appWith([...everything(), problem("no IPVS")]).app, "/readyz")).toMatchObject({
      status: 503,
      body: { reasons: ["checker: no IPVS"] },
    });
    expect(await get(appWith([...everything(), problem("")]).app, "/readyz")).toMatchObject({ status: 200 });
  });

  test("status counts", async () => {
    const { app } = appWith();
    const { body } = await get(app, "/v1/status");
    expect(body.summary).toEqual({
      virtualServers: { total: 2, up: 1 },
      realServers: { total: 4, healthy: 2 },
      vrrp: { total: 2, master: 1, backup: 0, fault: 1 },
    });
    expect(body.facts).toEqual({ checker: { ipvsTransport: "sockopt" } });
  });

  test.each([
    ["true", ["192.0.2.10:80", "192.0.2.10:80"]],
    ["false", ["192.0.2.11:80", "192.0.2.11:80"]],
  ])("real servers that are healthy=%s", async (healthy, ids) => {
    const { body } = await get(appWith().app, `/v1/real-servers?healthy=${healthy}`);
    expect(body.realServers.map((server: { id: string }) => server.id)).toEqual(ids);
    expect(body.realServers[0].virtualServer).toBe("198.51.100.1:80/tcp");
  });

  test("vrrp: one instance, and whether it is master", async () => {
    const { app } = appWith();
    expect(await get(app, "/v1/vrrp/VI_1")).toMatchObject({ status: 200, body: { name: "VI_1", state: "MASTER" } });
    expect(await get(app, "/v1/vrrp/VI_1/active")).toMatchObject({ status: 200, body: { state: "MASTER" } });
    expect(await get(app, "/v1/vrrp/VI_2/active")).toMatchObject({ status: 503, body: { detail: "VI_2 is FAULT" } });
    expect(await get(app, "/v1/vrrp/VI_9/active")).toMatchObject({ status: 404 });
    expect(await get(app, "/v1/vrrp/VI_9")).toMatchObject({ status: 404 });
  });

  test("the configuration with its state", async () => {
    const { body } = await get(appWith().app, "/v1/config");
    expect(body).toMatchObject({ state: "loaded", stale: false, effective: { blocks: [] } });
  });

  test("the index links to everything", async () => {
    const { app } = appWith();
    const { body } = await get(app, "/");
    for (const path of Object.keys(body.links).filter((link) => !link.includes("{") && link !== "/v1/events"))
      expect((await get(app, path)).status).toBe(200);
  });
});

describe("a virtual server is found by", () => {
  const named: StatusUpdate[] = [
    ...everything(),
    { kind: "virtual-server", value: virtualServer("192.0.2.7:80/tcp") },
    { kind: "virtual-server", value: virtualServer("[2001:db8::1]:443/tcp") },
    { kind: "virtual-server", value: virtualServer("group:web/tcp", { name: "web" }) },
    { kind: "virtual-server", value: virtualServer("fwmark:5/inet", { name: "fwmark 5" }) },
    { kind: "virtual-server", value: virtualServer("198.51.100.1:80/udp") },
  ];
  test.each([
    ["its id, escaped", "198.51.100.1%3A80%2Ftcp", "198.51.100.1:80/tcp"],
    ["its id, as it is", "198.51.100.1:80/tcp", "198.51.100.1:80/tcp"],
    ["its id with an escaped slash only", "198.51.100.1:80%2Fudp", "198.51.100.1:80/udp"],
    ["address and port, when one protocol has it", "192.0.2.7:80", "192.0.2.7:80/tcp"],
    ["an IPv6 address in any case", "%5B2001:DB8::1%5D:443/tcp", "[2001:db8::1]:443/tcp"],
    ["the name of its group", "web", "group:web/tcp"],
    ["its mark", "fwmark:5", "fwmark:5/inet"],
    ["the number of its mark", "5", "fwmark:5/inet"],
  ])("%s", async (_why, asked, id) => {
    const { status, body } = await get(appWith(named).app, `/v1/virtual-servers/${asked}`);
    expect([status, body.id]).toEqual([200, id]);
  });

  test("nothing: 404; a name of several: 400 with their ids", async () => {
    const { app } = appWith(named);
    expect(await get(app, "/v1/virtual-servers/192.0.2.99:80")).toMatchObject({ status: 404 });
    const several = await get(app, "/v1/virtual-servers/198.51.100.1:80");
    expect(several).toMatchObject({ status: 400, body: { reasons: ["198.51.100.1:80/tcp", "198.51.100.1:80/udp"] } });
  });
});

describe("errors are problem details:", () => {
  test.each([
    ["an unknown path", "GET", "/v2", 404],
    ["a path with more behind it", "GET", "/livez/x", 404],
    ["a trailing slash", "GET", "/v1/status/", 404],
    ["a wrong value", "GET", "/v1/real-servers?healthy=yes", 400],
    ["a value given twice", "GET", "/v1/real-servers?healthy=true&healthy=false", 400],
    ["an unknown parameter", "GET", "/v1/real-servers?helthy=true", 400],
    ["a parameter named like a method of objects", "GET", "/v1/real-servers?constructor=1", 400],
    ["POST", "POST", "/v1/status", 405],
    ["DELETE", "DELETE", "/v1/virtual-servers/x", 405],
    ["OPTIONS", "OPTIONS", "/v1/status", 405],
    ["a method that was made up", "PURGE", "/v1/status", 405],
  ])("%s", async (_why, method, path, status) => {
    const answer = await get(appWith().app, path, {}, { kind: "unix" }, method);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body).toMatchObject({ type: "about:blank", status });
    if (status === 405) expect(answer.headers.get("allow")).toBe("GET, HEAD");
  });

  test("a mistake of ours shows nothing of the inside, and is logged", async () => {
    const { app, logs, store } = appWith();
    store.processes = () => {
      throw new Error("secret /path");
    };
    const answer = await get(app, "/v1/status");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(logs[0]?.message).toContain("secret /path");
  });
});

describe("over TCP", () => {
  const tcp: Via = { kind: "tcp" };
  test.each([
    ["localhost", 200],
    ["localhost:8080", 200],
    ["LOCALHOST:8080", 200],
    ["127.0.0.1:8080", 200],
    ["127.8.9.10", 200],
    ["[::1]:8080", 200],
    ["10.0.0.5:8080", 200],
    ["10.0.0.6:8080", 403],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["evil.example:127", 403],
    ["127.1", 403],
    ["0177.0.0.1", 403],
    ["[::ffff:127.0.0.1]", 403],
    ["localhost@evil.example", 403],
    ["local host", 403],
  ])("Host: %s gives %d", async (host, status) => {
    expect((await get(appWith(everything(), "10.0.0.5").app, "/livez", { host }, tcp)).status).toBe(status);
  });

  test.each([
    ["no Origin", {}, 200],
    ["our own Origin", { origin: "http://127.0.0.1:8080" }, 200],
    ["a foreign Origin", { origin: "http://evil.example" }, 403],
    ["an Origin of a file", { origin: "null" }, 403],
    ["a picture of a foreign page", { "sec-fetch-site": "cross-site" }, 403],
    ["an address typed by the user", { "sec-fetch-site": "none" }, 200],
  ] as const)("%s: %d", async (_why, headers, status) => {
    const answer = await get(appWith().app, "/v1/status", { host: "127.0.0.1:8080", ...headers }, tcp);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("without a Host", async () => {
    expect((await get(appWith().app, "/livez", {}, tcp)).status).toBe(400);
  });

  test("listening everywhere takes any address, but no name", async () => {
    const { app } = appWith(everything(), "0.0.0.0");
    expect((await get(app, "/livez", { host: "10.9.8.7:8080" }, tcp)).status).toBe(200);
    expect((await get(app, "/livez", { host: "evil.example" }, tcp)).status).toBe(403);
  });

  test("the UNIX socket takes any Host", async () => {
    expect((await get(appWith().app, "/livez", { host: "anything" })).status).toBe(200);
  });
});

test("a wrong value names the ones that are taken", async () => {
  const { body } = await get(appWith().app, "/v1/real-servers?healthy=maybe");
  expect(body.detail).toBe("query parameter healthy: expected true or false");
});

test("HEAD is GET without a body", async () => {
  const { app, events } = appWith();
  const answer = await get(app, "/v1/status", {}, { kind: "unix" }, "HEAD");
  expect([answer.status, answer.text]).toEqual([200, ""]);
  expect((await get(app, "/v1/events", {}, { kind: "unix" }, "HEAD")).status).toBe(200);
  expect(events.subscribers()).toBe(0);
});

test("every answer forbids caching, sniffing and embedding", async () => {
  const { headers } = await get(appWith().app, "/nowhere");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
});
