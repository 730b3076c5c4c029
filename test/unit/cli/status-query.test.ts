// `lbd status` against the real application, without a socket: what it asks for, and what it then shows.
import { expect, test } from "bun:test";
import { createApp } from "../../../src/api/app.ts";
import { createEventStream } from "../../../src/api/events.ts";
import { ROUTES } from "../../../src/api/routes/table.ts";
import { type Asker, MANY, readPicture } from "../../../src/cli/status-query.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { statusText } from "../../../src/status/text.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { AT_MS, everything, realServer, virtualServer } from "../../support/status-samples.ts";

function lab(updates: readonly StatusUpdate[] = everything()) {
  const store = createStatusStore();
  for (const update of updates) store.apply(update);
  const app = createApp({
    routes: ROUTES,
    state: {
      store,
      events: createEventStream(store, manualClock()),
      build: { version: "0.1.0", revision: "x", bun: "1", kernel: "6" },
      effective: async () => undefined,
    },
    log: () => {},
    names: {},
    nonce: "n",
  });
  const asked: string[] = [];
  let bytes = 0;
  const asker: Asker = async (path) => {
    asked.push(path);
    const response = await app(new Request(`http://lbd${path}`), { kind: "unix" });
    const text = await response.text();
    bytes += text.length;
    return { ok: true, value: { status: response.status, body: JSON.parse(text) } };
  };
  const query = async (wanted: Partial<Parameters<typeof readPicture>[1]> = {}) => {
    const picture = await readPicture(asker, { ids: [], down: false, all: false, ...wanted });
    if (!picture.ok) return picture.error.message;
    return statusText(picture.value, { columns: 100, nowWallMs: AT_MS });
  };
  return { query, asked, bytes: () => bytes };
}

const many = (count: number): StatusUpdate[] => [
  ...everything(),
  ...Array.from({ length: count }, (_, i): StatusUpdate => {
    const id = `10.0.${i >> 8}.${i & 255}:80/tcp`;
    return { kind: "virtual-server", value: virtualServer(id, { realServers: [realServer("192.0.2.10:80")] }) };
  }),
];

test("a small director is shown whole", async () => {
  const text = await lab().query();
  for (const part of ["VI_1", "G1", "198.51.100.1:80/tcp", "192.0.2.10:80", "192.0.2.11:80"])
    expect(text).toContain(part);
});

test("a large one is counted, and what is down of it is shown; --all shows it whole", async () => {
  const { query, bytes } = lab(many(MANY));
  const text = await query();
  expect(text.split("\n")[0]).toBe(
    "ready, 1 of 502 virtual servers DOWN, 2 of 504 real servers DOWN, VRRP 1 master 1 FAULT",
  );
  expect(text).toContain("VI_1      MASTER");
  expect(text).toContain("192.0.2.11:80  DOWN");
  expect(text).not.toContain("10.0.0.1:80");
  expect(text).toEndWith("500 virtual servers more; lbd status --vs ID shows one, --all shows all\n");
  expect(text.split("\n").length).toBeLessThan(40);
  expect(bytes()).toBeLessThan(50_000);
  expect(await query({ all: true })).toContain("10.0.0.1:80");
});

test("--down of what is named: the real servers that fail", async () => {
  const { query } = lab();
  const real = await query({ ids: ["192.0.2.10", "192.0.2.11"], down: true });
  expect([real.includes("192.0.2.11:80"), real.includes("192.0.2.10:80")]).toEqual([true, false]);
  const both = await query({ ids: ["192.0.2.10", "192.0.2.11"] });
  expect([both.includes("192.0.2.11:80"), both.includes("192.0.2.10:80")]).toEqual([true, true]);
});

test("--down shows what is down only", async () => {
  const text = await lab().query({ down: true });
  expect(text).toContain("192.0.2.11:80  DOWN");
  expect(text).not.toContain("192.0.2.10:80");
});

test.each([
  ["a virtual server", { ids: ["198.51.100.1:80"] }, ["198.51.100.1:80/tcp", "192.0.2.10:80"], ["/udp", "VI_1"]],
  ["one by --vs", { vs: "198.51.100.1:53" }, ["198.51.100.1:53/udp", "192.0.2.10:80"], ["/tcp", "VI_1"]],
  ["a real server", { ids: ["192.0.2.11"] }, ["192.0.2.11:80", "/tcp", "/udp"], ["192.0.2.10", "VI_1"]],
  ["a real server of one", { ids: ["192.0.2.11:80"], vs: "198.51.100.1:80" }, ["192.0.2.11:80", "/tcp"], ["/udp"]],
  ["an instance", { ids: ["VI_2"] }, ["VI_2"], ["VI_1", "/tcp"]],
  ["a sync group with its instances", { ids: ["G1"] }, ["G1", "VI_1"], ["/tcp"]],
  ["two of them", { ids: ["VI_2", "198.51.100.1:80"] }, ["VI_2", "/tcp"], ["/udp"]],
])("%s", async (_what, wanted, shown, hidden) => {
  const text = await lab().query(wanted);
  for (const part of shown) expect(text).toContain(part);
  for (const part of hidden) expect(text).not.toContain(part);
});

test.each([
  [{ ids: ["VI_3"] }, "no virtual server, real server, instance or sync group VI_3; did you mean VI_"],
  [{ ids: ["nothing-like-it"] }, "no virtual server, real server, instance or sync group nothing-like-it"],
  [{ ids: ["198.51.100.1"], vs: "198.51.100.1:80" }, "no real server of that id"],
  [{ vs: "192.0.2.99:80" }, "no virtual server of that id"],
])("%j is told as it is", async (wanted, message) => {
  expect(await lab().query(wanted)).toContain(message);
});

test("a name of several virtual servers says which", async () => {
  const more: StatusUpdate = { kind: "virtual-server", value: virtualServer("198.51.100.1:80/udp") };
  expect(await lab([...everything(), more]).query({ ids: ["198.51.100.1:80"] })).toContain(
    "198.51.100.1:80/tcp, 198.51.100.1:80/udp",
  );
});
