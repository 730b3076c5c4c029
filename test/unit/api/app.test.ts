import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import type { App } from "../../../src/api/app.ts";
import type { Via } from "../../../src/api/guard.ts";
import type { Route } from "../../../src/api/route.ts";
import type { CheckStatus, StatusUpdate, VirtualServerStatus } from "../../../src/status/schema.ts";
import { appWith } from "../../support/api-app.ts";
import {
  AT,
  director,
  everything,
  realServer,
  syncGroup,
  virtualServer,
  vrrpInstance,
} from "../../support/status-samples.ts";

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

  test("a router that VRRP refuses is a detail of a ready director", async () => {
    const refused = {
      ...{ address: "192.0.2.2", own: "192.0.2.1", priority: 100, reason: "interval", since: AT, lastAt: AT },
      ...{ likelyCause: "advertisement interval: it has 3 s, we have 1 s", remedy: "advert_int has to be the same" },
    };
    const value = vrrpInstance("VI_1", { refusedMasters: [refused] });
    const { app } = appWith([...everything(), { kind: "vrrp", value }]);
    for (const path of ["/readyz", "/v1/status"]) {
      const { body } = await get(app, path);
      expect(body.details).toEqual([expect.stringContaining("192.0.2.2 and we, 192.0.2.1, both use VRID 51")]);
    }
    expect(await get(app, "/metrics")).toMatchObject({
      text: expect.stringContaining('lbd_vrrp_refused_masters{vrrp="VI_1"} 1'),
    });
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

describe("one real server", () => {
  test.each([
    ["/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.10:80", "192.0.2.10:80"],
    ["/v1/virtual-servers/198.51.100.1%3A80%2Ftcp/real-servers/192.0.2.11%3A80", "192.0.2.11:80"],
    ["/v1/virtual-servers/198.51.100.1:53/real-servers/192.0.2.10", "192.0.2.10:80"],
  ])("%s", async (path, id) => {
    const { status, body } = await get(appWith().app, path);
    expect([status, body.id, typeof body.virtualServer]).toEqual([200, id, "string"]);
  });

  test.each(["192.0.2.10:80", "192.0.2.10"])("%s in all virtual servers that have it", async (asked) => {
    const { status, body } = await get(appWith().app, `/v1/real-servers/${asked}`);
    expect(status).toBe(200);
    expect(body.realServers.map((real: { virtualServer: string }) => real.virtualServer)).toEqual([
      "198.51.100.1:80/tcp",
      "198.51.100.1:53/udp",
    ]);
  });

  test.each([
    ["/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.99:80", "no-such-real-server"],
    ["/v1/virtual-servers/nothing/real-servers/192.0.2.10:80", "no-such-virtual-server"],
    ["/v1/real-servers/192.0.2.99:80", "no-such-real-server"],
    ["/v1/vrrp/nothing", "no-such-instance"],
    ["/v1/sync-groups/nothing", "no-such-group"],
  ])("%s: %s", async (path, code) => {
    expect(await get(appWith().app, path)).toMatchObject({ status: 404, body: { code } });
  });
});

test("a sync group has a URL of its own, and whether this director is its master", async () => {
  const { app } = appWith();
  const { body } = await get(app, "/v1/sync-groups/G1");
  expect([body.name, body.members.map((member: { name: string }) => member.name)]).toEqual(["G1", ["VI_1", "VI_2"]]);
  expect(await get(app, "/v1/sync-groups/G1/active")).toMatchObject({ status: 200, body: { state: "MASTER" } });
  expect((await get(app, "/v1/vrrp/G1")).body.detail).toContain("/v1/sync-groups/G1");
  const split = appWith([...everything(), { kind: "sync-group", value: { ...syncGroup("G1"), state: "BACKUP" } }]);
  expect(await get(split.app, "/v1/sync-groups/G1/active")).toMatchObject({
    status: 503,
    body: { code: "not-master" },
  });
});

describe("pages", () => {
  const many: StatusUpdate[] = Array.from({ length: 25 }, (_, i) => ({
    kind: "virtual-server",
    value: virtualServer(`192.0.2.${i}:80/tcp`),
  }));

  test.each([
    ["/v1/virtual-servers", "virtualServers", 25],
    ["/v1/real-servers", "realServers", 50],
    ["/v1/real-servers?healthy=false", "realServers", 25],
    ["/v1/real-servers/192.0.2.10", "realServers", 25],
  ])("of %s: each item once, the last page names no next", async (path, list, count) => {
    const { app } = appWith([...everything().slice(0, 1), ...many]);
    const ids: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const query = `${path.includes("?") ? "&" : "?"}limit=10${cursor === undefined ? "" : `&cursor=${cursor}`}`;
      const { body } = await get(app, path + query);
      ids.push(...body[list].map((item: { id: string; virtualServer?: string }) => `${item.virtualServer} ${item.id}`));
      expect(body[list].length).toBeLessThanOrEqual(10);
      cursor = body.next;
      pages++;
    } while (cursor !== undefined);
    expect([new Set(ids).size, ids.length, pages]).toEqual([count, count, Math.ceil(count / 10)]);
  });

  test("go on behind the same item when others come and go", async () => {
    const { app, store } = appWith(many);
    const { body } = await get(app, "/v1/virtual-servers?limit=10");
    store.apply({ kind: "virtual-server-gone", id: "192.0.2.3:80/tcp" });
    const { body: second } = await get(app, `/v1/virtual-servers?limit=1&cursor=${body.next}`);
    expect(second.virtualServers[0].id).toBe("192.0.2.10:80/tcp");
    store.apply({ kind: "virtual-server-gone", id: "192.0.2.9:80/tcp" });
    const gone = await get(app, `/v1/virtual-servers?cursor=${body.next}`);
    expect(gone).toMatchObject({ status: 400, body: { code: "bad-cursor" } });
  });

  test.each(["0", "-1", "10001", "x", "1.5", ""])("a limit of %s is refused", async (limit) => {
    expect((await get(appWith().app, `/v1/virtual-servers?limit=${limit}`)).body.code).toBe("bad-query");
  });
});

describe("ETag", () => {
  const paths = [
    "/v1/status",
    "/v1/virtual-servers",
    "/v1/virtual-servers/198.51.100.1:80/tcp",
    "/v1/real-servers",
    "/v1/vrrp",
    "/v1/vrrp/VI_1",
    "/v1/sync-groups/G1",
  ];
  test.each(paths)("%s is not sent again while nothing changed", async (path) => {
    const { app, store } = appWith();
    const first = await get(app, path);
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^W\/"n0nce-\d+"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    for (const list of [tag, tag.replace("W/", ""), `"other", ${tag}`, "*"])
      expect(await get(app, path, { "if-none-match": list })).toMatchObject({ status: 304, text: "" });
    store.apply({ kind: "virtual-server", value: virtualServer("198.51.100.1:80/tcp", { up: false }) });
    store.apply({ kind: "vrrp", value: vrrpInstance("VI_1", { state: "BACKUP" }) });
    expect((await get(app, path, { "if-none-match": tag })).status).toBe(200);
  });

  test("of one object stays while another changes, and a list's changes with what went", async () => {
    const { app, store } = appWith();
    const one = (await get(app, "/v1/virtual-servers/198.51.100.1:80/tcp")).headers.get("etag") ?? "";
    const all = (await get(app, "/v1/virtual-servers")).headers.get("etag") ?? "";
    store.apply({ kind: "virtual-server-gone", id: "198.51.100.1:53/udp" });
    const again = { "if-none-match": one };
    expect((await get(app, "/v1/virtual-servers/198.51.100.1:80/tcp", again)).status).toBe(304);
    expect((await get(app, "/v1/virtual-servers", { "if-none-match": all })).status).toBe(200);
  });

  test("none where the answer depends on more than the store", async () => {
    for (const path of ["/livez", "/readyz", "/metrics", "/v1/config", "/v1/vrrp/VI_1/active"])
      expect((await get(appWith().app, path)).headers.get("etag")).toBeNull();
  });
});

describe("large answers", () => {
  const many = (): StatusUpdate[] => [
    ...everything(),
    ...Array.from(
      { length: 400 },
      (_, i): StatusUpdate => ({
        kind: "virtual-server",
        value: virtualServer(`192.0.2.${i}:80/tcp`),
      }),
    ),
  ];
  const ask = (app: App, path: string, headers: Record<string, string> = {}, via: Via = { kind: "unix" }) =>
    app(new Request(`http://lbd${path}`, { headers: { host: "127.0.0.1", ...headers } }), via);
  const paths = ["/v1/virtual-servers", "/v1/real-servers", "/metrics"];

  test.each(paths)("%s: two at a time for each listener, and one more when one has gone", async (path) => {
    const { app } = appWith(many());
    const [first, second, third] = [await ask(app, path), await ask(app, path), await ask(app, path)];
    expect([first.status, second.status, third.status]).toEqual([200, 200, 503]);
    expect(third.headers.get("retry-after")).toBe("2");
    expect(await third.json()).toMatchObject({ code: "busy" });
    expect((await ask(app, path, {}, { kind: "tcp" })).status).toBe(200);
    await first.body?.cancel();
    expect((await ask(app, path)).status).toBe(200);
    expect((await ask(app, path)).status).toBe(503);
    await second.text();
    expect((await ask(app, path)).status).toBe(200);
  });

  test("the configuration: one at a time", async () => {
    const { app } = appWith();
    const first = await ask(app, "/v1/config");
    expect((await ask(app, "/v1/config")).status).toBe(503);
    await first.text();
    expect((await ask(app, "/v1/config")).status).toBe(200);
  });

  test("what ends with a problem takes no place", async () => {
    const { app } = appWith([]);
    for (let i = 0; i < 5; i++)
      expect(await (await ask(app, "/v1/config")).json()).toMatchObject({ code: "no-configuration" });
  });

  test("HEAD takes no place", async () => {
    const { app } = appWith(many());
    for (let i = 0; i < 5; i++) expect((await get(app, "/metrics", {}, { kind: "unix" }, "HEAD")).status).toBe(200);
  });

  test("nothing is made before it is taken", async () => {
    const { app, store } = appWith(many());
    let looked = 0;
    const servers = store.virtualServers().map((server) =>
      Object.defineProperty({ ...server }, "scheduler", {
        enumerable: true,
        get: () => {
          looked++;
          return "rr";
        },
      }),
    );
    store.virtualServers = () => servers as readonly VirtualServerStatus[];
    const response = await ask(app, "/v1/virtual-servers");
    expect(looked).toBe(0);
    const reader = response.body?.getReader();
    await reader?.read();
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThan(200);
    await reader?.cancel();
  });

  test("a few objects are answered at once, however many ask", async () => {
    const { app } = appWith();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(app, "/v1/virtual-servers")));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  });

  test.each([
    ["gzip", true],
    ["deflate, gzip;q=0.5", true],
    ["*", true],
    ["br", false],
    ["gzip;q=0", false],
    ["identity, *;q=0", false],
    ["", false],
  ])("Accept-Encoding: %s: gzip %p", async (encoding, gzip) => {
    const { app } = appWith(many());
    const plain = await (await ask(app, "/v1/real-servers")).text();
    const response = await ask(app, "/v1/real-servers", { "accept-encoding": encoding });
    expect(response.headers.get("content-encoding")).toBe(gzip ? "gzip" : null);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(gzip ? gunzipSync(bytes).toString() : Buffer.from(bytes).toString()).toBe(plain);
    if (gzip) expect(bytes.byteLength).toBeLessThan(plain.length / 5);
  });
});

describe("over TCP nothing is shown that may hold a secret", () => {
  const tcp: Via = { kind: "tcp" };
  const local = { host: "127.0.0.1" };
  const secret: StatusUpdate[] = [
    ...everything(),
    {
      kind: "director",
      value: director({
        config: {
          ...director().config,
          errors: ["/etc/k.conf:7:3: odd auth_pass SECRET"],
          tolerated: ["/etc/k.conf:8:3: SECRET"],
        },
      }),
    },
    {
      kind: "virtual-server",
      value: virtualServer("198.51.100.1:80/tcp", {
        realServers: [
          realServer("192.0.2.10:80", {
            checks: [
              { ...(realServer("x:1").checks[0] as CheckStatus), target: "http://192.0.2.10:80/up?token=SECRET" },
            ],
          }),
        ],
      }),
    },
  ];

  test("the configuration is refused, and the problem names the socket", async () => {
    const answer = await get(appWith(secret).app, "/v1/config", local, tcp);
    expect(answer).toMatchObject({ status: 403, body: { code: "socket-only" } });
    expect(answer.body.detail).toContain("api.sock");
  });

  test.each([
    "/v1/status",
    "/v1/virtual-servers",
    "/v1/virtual-servers/198.51.100.1:80/tcp",
    "/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.10:80",
    "/v1/real-servers",
    "/v1/real-servers/192.0.2.10:80",
    "/readyz",
    "/metrics",
  ])("%s", async (path) => {
    const { app } = appWith(secret);
    expect((await get(app, path, local, tcp)).text).not.toContain("SECRET");
    if (!["/readyz", "/metrics"].includes(path)) expect((await get(app, path)).text).toContain("SECRET");
  });

  test("where an error is, and what a check asks, are still told", async () => {
    const { app } = appWith(secret);
    const { body } = await get(app, "/v1/status", local, tcp);
    expect(body.director.config.errors).toEqual(["/etc/k.conf:7:3: the text is on the UNIX socket: lbd status"]);
    const one = await get(app, "/v1/real-servers/192.0.2.10:80", local, tcp);
    expect(one.body.realServers[0].checks[0].target).toBe("http://192.0.2.10:80/up?********");
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
    expect(answer.body).toMatchObject({ type: `urn:lbd:problem:${answer.body.code}`, status });
    if (status === 405) expect(answer.headers.get("allow")).toBe("GET, HEAD");
  });

  test("a path that nothing is at is unknown with every method", async () => {
    for (const method of ["GET", "HEAD", "POST"])
      expect((await get(appWith().app, "/v2", {}, { kind: "unix" }, method)).status).toBe(404);
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

describe("a row of the table", () => {
  const row = (method: Route["method"], guard: Route["guard"], path = "/v1/thing"): Route => ({
    method,
    path,
    guard,
    summary: `${method} it`,
    ok: { description: "Done" },
    answer: () => new Response(`${method} ${guard}`),
  });
  const { app } = appWith(
    everything(),
    "127.0.0.1",
    [],
    [row("PUT", "socket"), row("GET", "anybody"), row("POST", "anybody", "/v1/deed")],
  );
  const local = { host: "127.0.0.1" };

  test.each([
    ["its method", "GET", "tcp", 200, "GET anybody"],
    ["another row of its path", "PUT", "unix", 200, "PUT socket"],
    ["the guard of that row only", "PUT", "tcp", 403, "socket-only"],
    ["a method without a row", "DELETE", "unix", 405, "served here: PUT, GET, HEAD"],
  ] as const)("answers by %s", async (_why, method, kind, status, text) => {
    const answer = await get(app, "/v1/thing", local, { kind }, method);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(text);
  });

  test("that changes something serves no HEAD, and is in the document and not among the links", async () => {
    const answer = await get(app, "/v1/deed", {}, { kind: "unix" }, "HEAD");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    const { paths } = (await get(app, "/openapi.json")).body;
    expect(Object.keys(paths["/v1/thing"])).toEqual(["put", "get"]);
    expect(paths["/v1/thing"].put.operationId).toBe("putV1Thing");
    expect(paths["/v1/thing"].put.responses[403].description).toEndWith("Asked over TCP");
    expect(paths["/v1/thing"].get.responses[403].description).not.toContain("TCP");
    expect(Object.keys((await get(app, "/")).body.links)).toEqual(["/v1/thing", "/openapi.json"]);
  });
});

describe("over TCP", () => {
  const tcp: Via = { kind: "tcp" };
  test.each([
    ["localhost", 200],
    ["localhost:812", 200],
    ["LOCALHOST:812", 200],
    ["127.0.0.1:812", 200],
    ["127.8.9.10", 200],
    ["[::1]:812", 200],
    ["10.0.0.5:812", 200],
    ["10.0.0.6:812", 403],
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
    ["our own Origin", { origin: "http://127.0.0.1:812" }, 200],
    ["a foreign Origin", { origin: "http://evil.example" }, 403],
    ["an Origin of a file", { origin: "null" }, 403],
    ["a picture of a foreign page", { "sec-fetch-site": "cross-site" }, 403],
    ["an address typed by the user", { "sec-fetch-site": "none" }, 200],
  ] as const)("%s: %d", async (_why, headers, status) => {
    const answer = await get(appWith().app, "/v1/status", { host: "127.0.0.1:812", ...headers }, tcp);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("without a Host", async () => {
    expect((await get(appWith().app, "/livez", {}, tcp)).status).toBe(400);
  });

  test.each([
    ["director-a.example.net", 200],
    ["DIRECTOR-A.example.net:812", 200],
    ["director-a.example.net.", 200],
    ["director-b.example.net", 403],
    ["example.net", 403],
    ["director-a.example.net@evil.example", 403],
  ])("--api-host director-a.example.net: Host: %s gives %d", async (host, status) => {
    const { app } = appWith(everything(), "10.0.0.5", ["director-a.example.net"]);
    expect((await get(app, "/livez", { host }, tcp)).status).toBe(status);
  });

  test("listening everywhere takes any address, but no name", async () => {
    const { app } = appWith(everything(), "0.0.0.0");
    expect((await get(app, "/livez", { host: "10.9.8.7:812" }, tcp)).status).toBe(200);
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
