// What the vrrp process tells of itself, and when.
import { describe, expect, test } from "bun:test";
import { createVrrpReports } from "../../../../src/roles/vrrp/reports.ts";
import type { StatusUpdate, VrrpTraffic } from "../../../../src/status/schema.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { vrrpInstance } from "../../../support/status-samples.ts";

function lab(count: number) {
  const clock = manualClock();
  const told: StatusUpdate[] = [];
  const names = Array.from({ length: count }, (_, i) => `V${i + 1}`);
  const marks = new Map(names.map((name) => [name, 0]));
  const sent = new Map(names.map((name) => [name, 0]));
  const watched = { now: true };
  const metrics: Record<string, number> = { a: 1 };
  const groups: string[] = [];
  const traffic = (value: number): VrrpTraffic => ({ lastAdvertAt: null, counters: { advert_sent: value } });
  const reports = createVrrpReports({
    clock,
    report: (update) => void told.push(update),
    isWatched: () => watched.now,
    names: () => names,
    status: (name) => vrrpInstance(name),
    marks: (name) => [marks.get(name)],
    traffic: () => [...sent].map(([name, value]) => [name, traffic(value)] as const),
    groups: () => groups.map((name) => ({ name, state: "BACKUP" as const, since: "", instances: [] })),
    metrics: () => metrics,
  });
  const words = () => told.splice(0).flatMap(wordsOf);
  return { clock, reports, watched, marks, sent, metrics, groups, words };
}

function wordsOf(update: StatusUpdate): string[] {
  if (update.kind === "vrrp") return [update.value.name];
  if (update.kind === "vrrp-traffic") return [`traffic ${Object.keys(update.values).join(" ")}`];
  if (update.kind === "metrics") return Object.keys(update.values).map((name) => `metric ${name}`);
  if (update.kind === "sync-group") return [`sync-group ${update.value.name}`];
  if (update.kind === "sync-group-gone") return [`sync-group-gone ${update.name}`];
  return [update.kind];
}

test("a sync group that a reload leaves out is gone", () => {
  const { reports, groups, words } = lab(0);
  groups.push("G1", "G2");
  reports.everything();
  expect(words()).toEqual(["sync-group G1", "sync-group G2", "metric a"]);
  groups.shift();
  reports.everything();
  expect(words()).toEqual(["sync-group G2", "sync-group-gone G1", "metric a"]);
  reports.everything();
  expect(words()).toEqual(["sync-group G2", "metric a"]);
});

describe("an instance", () => {
  test("is told whole once, and again when something of it changed", () => {
    const { clock, reports, marks, words } = lab(2);
    reports.everything();
    expect(words()).toEqual(["V1", "V2", "metric a"]);
    clock.advance(2000);
    expect(words()).toEqual(["traffic V1 V2"]);
    clock.advance(10_000);
    expect(words()).toEqual([]);
    marks.set("V2", 1);
    clock.advance(2000);
    expect(words()).toEqual(["V2"]);
    clock.advance(10_000);
    expect(words()).toEqual([]);
  });

  test("that changed its state is told at once", () => {
    const { clock, reports, words } = lab(3);
    reports.changed("V2");
    reports.changed("V3");
    clock.advance(0);
    expect(words()).toEqual(["V2", "V3"]);
  });

  test("that is gone is told once more when it comes back", () => {
    const { clock, reports, words } = lab(1);
    reports.everything();
    reports.gone("V1");
    expect(words()).toEqual(["V1", "metric a", "vrrp-gone"]);
    clock.advance(2000);
    expect(words()).toEqual(["V1", "traffic V1"]);
    reports.gone("V1");
    clock.advance(2000);
    // With its traffic, though nothing was sent meanwhile.
    expect(words()).toEqual(["vrrp-gone", "V1", "traffic V1"]);
  });
});

test("what moves with every advertisement goes for all in one message, every two seconds", () => {
  const { clock, reports, sent, words } = lab(3);
  reports.everything();
  clock.advance(2000);
  words();
  sent.set("V1", 2).set("V3", 2);
  clock.advance(2000);
  expect(words()).toEqual(["traffic V1 V3"]);
});

test("of metrics those go that changed", () => {
  const { clock, reports, metrics, words } = lab(0);
  reports.everything();
  words();
  metrics.b = 1;
  clock.advance(2000);
  expect(words()).toEqual(["metric b"]);
});

test("many changes are told some at a time", () => {
  const { clock, reports, words } = lab(100);
  for (let i = 1; i <= 100; i++) reports.changed(`V${i}`);
  clock.advance(0);
  expect(words()).toHaveLength(16);
  clock.advance(60);
  expect(words()).toHaveLength(48);
  clock.advance(1000);
  expect(words()).toHaveLength(36);
});

test("nothing is told after the end but what is asked for", () => {
  const { clock, reports, words } = lab(20);
  for (let i = 1; i <= 20; i++) reports.changed(`V${i}`);
  reports.rest();
  clock.advance(10_000);
  expect(words()).toEqual([]);
  reports.tell(["V1"]);
  expect(words()).toEqual(["V1"]);
});

test("everything is told some at a time too, and is done with the last of it", async () => {
  const { clock, reports, words } = lab(100);
  let done = false;
  const told = reports.everything().then(() => {
    done = true;
  });
  await Promise.resolve();
  expect([words().length, done]).toEqual([16, false]);
  clock.advance(1);
  await told;
  expect(words()).toHaveLength(85);
});

test("while nobody looks nothing is told and nothing waits", async () => {
  const { clock, reports, watched, words } = lab(100);
  watched.now = false;
  reports.changed("V1");
  reports.look();
  reports.tell(["V1"]);
  await reports.everything();
  expect(clock.nextAt()).toBeUndefined();
  watched.now = true;
  const told = reports.everything();
  watched.now = false;
  reports.rest();
  await told;
  expect(clock.nextAt()).toBeUndefined();
  expect(words()).toHaveLength(16);
});
