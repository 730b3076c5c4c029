// A gate that was taken over: what it says, and what strangers make the door say, fills neither memory nor log.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAudit } from "../../../../src/appliance/access/audit.ts";
import { hashOf } from "../../../../src/appliance/access/permits.ts";
import { DEFAULT_SETTINGS } from "../../../../src/appliance/settings.ts";
import type { LogLine } from "../../../../src/base/log.ts";
import { createAccess } from "../../../../src/process/appliance/access/access.ts";
import { createDoor } from "../../../../src/process/appliance/access/door.ts";
import type { GateReport } from "../../../../src/process/appliance/access/gate-protocol.ts";
import { startGate } from "../../../../src/process/appliance/access/start-gate.ts";
import { createTrail } from "../../../../src/process/appliance/access/trail.ts";
import { type ApplianceApi, type ApplianceRoute, serveOn } from "../../../../src/process/appliance/api.ts";
import type { StatusEvent } from "../../../../src/status/schema.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

const ORDER = { address: "127.0.0.1", port: 1, certificate: "", key: "", socket: "" };
const folder = mkdtempSync(join(tmpdir(), "gate-child-"));
afterAll(() => rmSync(folder, { recursive: true }));

function gateSaying(script: string) {
  const reports: GateReport[] = [];
  const ends: string[] = [];
  startGate(
    ORDER,
    (report) => reports.push(report),
    (how) => ends.push(how),
    ["/bin/sh", "-c", script],
  );
  return { reports, ends };
}

test("what it says is heard, and its last words", async () => {
  const { reports, ends } = gateSaying(`echo '{"kind":"listening","port":5}'; echo junk; echo oops >&2`);
  await until("it ended", () => ends.length > 0 && reports.length === 2);
  expect(reports).toContainEqual({ kind: "listening", port: 5 });
  expect(reports).toContainEqual({ kind: "note", message: "oops" });
  expect(ends).toEqual(["status 0"]);
});

test("one that says a line without end is ended", async () => {
  const { reports, ends } = gateSaying("exec cat /dev/zero");
  await until("it ended", () => ends.length > 0);
  expect(ends).toEqual(["a report of more than 4096 characters"]);
  expect(reports).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)("its reports are logged a few times, then counted", async () => {
  const clock = manualClock();
  const said: LogLine[] = [];
  let hear: (report: GateReport) => void = () => {};
  const access = createAccess({
    ...{ clock, folder, routes: [], trail: { record() {} }, directorSocket: "", keep: () => {} },
    log: (line) => said.push(line),
    startGate(_order, heard, ended) {
      hear = heard;
      return { pid: 1, signal: () => ended("SIGTERM") };
    },
    socket: join(folder, "gate", "door.sock"),
    group: process.getgid?.() ?? 0,
  });
  const api = { ...ORDER, tokens: [], origin: { file: "appliance.yaml", line: 1, column: 1 } };
  const { certificate: _certificate, key: _key, socket: _socket, ...listener } = api;
  await access.apply({ ...DEFAULT_SETTINGS, api: listener });
  const before = said.length;
  for (let i = 0; i < 1000; i++) {
    hear({ kind: "note", message: "x" });
    hear({ kind: "waiting", reason: "y" });
    hear({ kind: "listening", port: 1 });
  }
  expect(access.status().state).toBe("listening");
  expect(said.length - before).toBe(60);
  clock.advance(10_000);
  expect(said.length - before).toBe(63);
  expect(said.at(-1)?.message).toContain("980 more in 10 s");
  await access.stop();
});

let door: ApplianceApi;
const audit = createAudit();
const clock = manualClock();
const said: string[] = [];
const events: StatusEvent[] = [];
const socket = join(folder, "door.sock");
const reload: ApplianceRoute = {
  ...{ method: "POST", path: "/v1/reload", role: "operate", summary: "" },
  answer: (_request, response) => void response.writeHead(202).end(),
};

beforeAll(async () => {
  const tokens = [
    { name: "watch", role: "read", sha256: hashOf("r") },
    { name: "ops", role: "operate", sha256: hashOf("o") },
  ] as const;
  const log = ({ message }: LogLine) => void said.push(message);
  const trail = createTrail({ clock, log, audit, happened: (event) => void events.push(event) });
  const ports = { routes: [reload], clock, log, trail, directorSocket: "" };
  door = await serveOn(
    { path: socket },
    createDoor({
      ...ports,
      tokens: () => tokens,
      takesCertificates: () => false,
    }),
  );
});
afterAll(() => door.close());

test.each([
  // Wrong ones of the same address are held up before they come to the log.
  ["strangers", 401, (n: number) => ({ authorization: "Bearer x", "lbd-from": `192.0.2.${n}` }), 20],
  ["who may not", 403, (_n: number) => ({ authorization: "Bearer r" }), 20],
  ["who may", 202, (_n: number) => ({ authorization: "Bearer o" }), 50],
] as const)("calls of %s: each is in the audit, %d", async (_who, status, headers, lines) => {
  const before = { said: said.length, events: events.length, id: audit.after(0).at(-1)?.id ?? 0 };
  for (let n = 0; n < 50; n++)
    expect((await fetch("http://l/v1/reload", { unix: socket, method: "POST", headers: headers(n) })).status).toBe(
      status,
    );
  await until("the audit has each", () => audit.after(before.id).length === 50);
  expect(said.length - before.said).toBe(lines);
  // What the log has, the director is told, as often as that is.
  expect(
    events.slice(before.events).map(({ kind, subject, to, reason }) => [kind, subject, to, `audit: ${reason}`]),
  ).toEqual(said.slice(before.said).map((message) => ["audit", "POST /v1/reload", `${status}`, message]));
});

test("an hour of strangers takes a small part of the events that a director keeps; what is done is an event each time", () => {
  const clock = manualClock();
  let [lines, told] = [0, 0];
  const trail = createTrail({ clock, log: () => lines++, audit: createAudit(), happened: () => told++ });
  const stranger = { who: null, role: null, from: "192.0.2.1", call: "GET /", status: 401, outcome: "" };
  const HOUR_S = 3600;
  for (let s = 0; s < HOUR_S; s++) {
    for (let n = 0; n < 5; n++) trail.record(stranger);
    clock.advance(1000);
  }
  // The log says more: it has room for it.
  expect(lines).toBeGreaterThan(5000);
  expect(told).toBeLessThan(150);
  for (let n = 0; n < 50; n++) trail.record({ ...stranger, who: "ops", role: "operate", status: 202 });
  expect(told).toBeGreaterThanOrEqual(170);
});
