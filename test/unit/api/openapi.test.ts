import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createApp } from "../../../src/api/app.ts";
import { createEventStream } from "../../../src/api/events.ts";
import { ROUTES } from "../../../src/api/routes/table.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { closed, mismatches } from "../../support/json-schema.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { everything } from "../../support/status-samples.ts";

const store = createStatusStore();
for (const update of everything()) store.apply(update);
const app = createApp({
  routes: ROUTES,
  state: {
    store,
    events: createEventStream(store, manualClock()),
    build: { version: "0.1.0", revision: "x", bun: "1", kernel: "6" },
    effective: async () => inPieces('{"blocks"', ":[]}"),
  },
  log: () => {},
  names: {},
  nonce: "n0nce",
});

async function* inPieces(...parts: readonly string[]): AsyncGenerator<string> {
  yield* parts;
}

async function ask(path: string, method = "GET") {
  const response = await app(new Request(`http://lbd${path}`, { method }), { kind: "unix" });
  return { status: response.status, type: response.headers.get("content-type") ?? "", response };
}

const document = JSON.parse(await (await ask("/openapi.json")).response.text());
const paths: string[] = Object.keys(document.paths);

test("is an OpenAPI 3.1 document", () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect(document.info).toMatchObject({ title: expect.any(String), version: "0.1.0" });
  const ids = paths.map((path) => document.paths[path].get.operationId);
  expect(new Set(ids).size).toBe(paths.length);
});

test("describes every path of the index, and nothing else", async () => {
  const { links } = JSON.parse(await (await ask("/")).response.text());
  expect(paths.toSorted()).toEqual(["/", ...Object.keys(links)].toSorted());
});

test("every parameter of a path is declared, every reference leads somewhere", () => {
  for (const path of paths) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (document.paths[path].get.parameters ?? []).filter((p: { in: string }) => p.in === "path");
    expect(declared.map((p: { name: string; required: boolean }) => [p.name, p.required])).toEqual(
      names.map((name) => [name, true]),
    );
  }
  for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
    expect(document.components.schemas[reference ?? ""], reference).toBeDefined();
});

const ASKED: Readonly<Record<string, readonly string[]>> = {
  "/v1/virtual-servers": ["/v1/virtual-servers", "/v1/virtual-servers?limit=1", "/v1/virtual-servers?cursor=x"],
  "/v1/virtual-servers/{id}/real-servers/{server}": [
    "/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/192.0.2.10:80",
    "/v1/virtual-servers/198.51.100.1:80/tcp/real-servers/nothing",
    "/v1/virtual-servers/nothing/real-servers/nothing",
  ],
  "/v1/real-servers/{server}": ["/v1/real-servers/192.0.2.10:80", "/v1/real-servers/nothing"],
  "/v1/sync-groups/{name}": ["/v1/sync-groups/G1", "/v1/sync-groups/nothing"],
  "/v1/sync-groups/{name}/active": ["/v1/sync-groups/G1/active", "/v1/sync-groups/nothing/active"],
  "/v1/virtual-servers/{id}": ["/v1/virtual-servers/198.51.100.1%3A80%2Ftcp", "/v1/virtual-servers/nothing"],
  "/v1/bfd/{name}": ["/v1/bfd/peer", "/v1/bfd/nothing"],
  "/v1/vrrp/{name}": ["/v1/vrrp/VI_1", "/v1/vrrp/nothing"],
  "/v1/vrrp/{name}/active": ["/v1/vrrp/VI_1/active", "/v1/vrrp/VI_2/active", "/v1/vrrp/nothing/active"],
  "/v1/real-servers": ["/v1/real-servers", "/v1/real-servers?healthy=false", "/v1/real-servers?healthy=x"],
};

test.each(paths)("%s answers as it is described", async (path) => {
  for (const asked of ASKED[path] ?? [path]) {
    const { status, type, response } = await ask(asked);
    const described = document.paths[path].get.responses[status];
    if (described === undefined) throw new Error(`${asked} gave ${status}, which is not described`);
    expect(Object.keys(described.content)).toContain(path === "/metrics" ? type : (type.split(";")[0] ?? ""));
    if (!type.includes("json")) {
      await response.body?.cancel();
      continue;
    }
    const { schema } = described.content[type.split(";")[0] ?? ""];
    expect(mismatches(await response.json(), closed(schema), closed(document)), asked).toEqual([]);
  }
});

test("every kind of event that is reported is named", () => {
  const kinds = new Set<string>();
  for (const folder of ["src/process", "src/roles"])
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    ))
      for (const [, kind = ""] of readFileSync(`${folder}/${file}`, "utf8").matchAll(/[eE]vent\(\s*"([a-z-]+)",/g))
        kinds.add(kind);
  expect(kinds.size).toBeGreaterThan(4);
  for (const kind of kinds)
    expect(document.components.schemas.Event.properties.kind.description).toContain(`\`${kind}\``);
});

test("the data of the stream is an Event, and nobody logs in", () => {
  const { schema } = document.paths["/v1/events"].get.responses[200].content["text/event-stream"];
  expect(schema.contentSchema).toEqual({ $ref: "#/components/schemas/Event" });
  expect(document.security).toEqual([]);
});

test("the checker of this test finds what is wrong", () => {
  const { schema } = document.paths["/v1/virtual-servers/{id}"].get.responses[200].content["application/json"];
  const server = structuredClone(store.virtualServer("198.51.100.1:80/tcp"));
  expect(mismatches(server, closed(schema), closed(document))).toEqual([]);
  expect(mismatches({ ...server, up: "yes" }, closed(schema), closed(document))).toEqual(["$.up: not of type boolean"]);
  expect(mismatches({ ...server, extra: 1 }, closed(schema), closed(document))).toEqual(["$: extra is not declared"]);
});
