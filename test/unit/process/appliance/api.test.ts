// The machine's own API: who may open its socket, what is answered where nothing is, and what an answer that fails looks like.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogLine } from "../../../../src/base/log.ts";
import {
  type ApplianceApi,
  type ApplianceRoute,
  answerRoute,
  sendJson,
  serveOn,
} from "../../../../src/process/appliance/api.ts";
import { until } from "../../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "appliance-api-"));
const socket = join(folder, "own", "api.sock");
const lines: LogLine[] = [];
let api: ApplianceApi;

const routes: readonly ApplianceRoute[] = [
  {
    method: "GET",
    path: "/v1/thing",
    role: "read",
    summary: "",
    answer: (_, response) => sendJson(response, { a: 1 }),
  },
  {
    method: "PUT",
    path: "/v1/thing",
    role: "admin",
    summary: "",
    answer: () => {
      throw new Error("the disk is full");
    },
  },
];

beforeAll(async () => {
  api = await serveOn({ path: socket, maxConnections: 2 }, (request, response) =>
    answerRoute(routes, (line) => lines.push(line), request, response),
  );
});

afterAll(() => {
  api.close();
  rmSync(folder, { recursive: true });
});

const ask = (path: string, method = "GET") => fetch(`http://localhost${path}`, { unix: socket, method });

test("the socket is root's alone", () => {
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "own")).mode & 0o777).toBe(0o700);
});

test("a route answers, whatever its query", async () =>
  expect(await (await ask("/v1/thing?x=1")).json()).toEqual({ a: 1 }));

test.each([
  ["GET", "/v1/other", 404, "not-found"],
  ["POST", "/v1/thing", 405, "method-not-allowed"],
  ["PUT", "/v1/thing", 500, "internal"],
])("%s %s is status %d, %s", async (method, path, status, code) => {
  const answer = await ask(path, method);
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ type: `urn:lbd:problem:${code}`, code, status });
});

test("what fails is in the log", async () => {
  await ask("/v1/thing", "PUT");
  expect(lines.at(-1)?.message).toBe("PUT /v1/thing: the disk is full");
});

test("a connection serves one request", async () => {
  const client = connect(socket);
  let text = "";
  client.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const closed = new Promise((resolve) => client.once("close", resolve));
  client.write("GET /v1/thing HTTP/1.1\r\nhost: l\r\n\r\n".repeat(2));
  await closed;
  expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(1);
});

test("connections are bounded", async () => {
  const clients = Array.from({ length: 5 }, () => connect(socket));
  let closed = 0;
  for (const client of clients) client.on("close", () => closed++).on("error", () => {});
  await until("those beyond two are closed", () => closed === 3);
  for (const client of clients) client.destroy();
  await until("it serves again", async () => (await ask("/v1/thing").catch(() => undefined))?.status === 200);
});
