import { expect, test } from "bun:test";
import { createStatusStore, MAX_EVENTS, MAX_EVENTS_OF_SUBJECT } from "../../../src/status/store.ts";
import { AT, everything, virtualServer, vrrpInstance } from "../../support/status-samples.ts";

const event = (id: number) =>
  ({ kind: "event", id, value: { at: AT, kind: "process", subject: `${id}`, to: "x", reason: "" } }) as const;

test("holds the newest of each object, in the order they came first", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  store.apply({ kind: "virtual-server", value: virtualServer("198.51.100.1:80/tcp", { up: false }) });
  expect(store.virtualServers().map(({ id, up }) => [id, up])).toEqual([
    ["198.51.100.1:80/tcp", false],
    ["198.51.100.1:53/udp", false],
  ]);
  store.apply({ kind: "virtual-server-gone", id: "198.51.100.1:80/tcp" });
  expect(store.virtualServer("198.51.100.1:80/tcp")).toBeUndefined();
});

test("each object has the revision of its last change, each kind that of all of them", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  const revision = store.revision();
  store.apply({ kind: "vrrp", value: vrrpInstance("VI_1", { state: "BACKUP" }) });
  expect(store.revision()).toBe(revision + 1);
  expect([store.revisionOf("vrrp"), store.revisionOf("vrrp", "VI_1")]).toEqual([revision + 1, revision + 1]);
  expect(store.revisionOf("vrrp", "VI_2")).toBeLessThanOrEqual(revision);
  expect(store.revisionOf("virtual-server")).toBeLessThanOrEqual(revision);
  store.apply({ kind: "vrrp-gone", name: "VI_2" });
  expect([store.revisionOf("vrrp"), store.revisionOf("vrrp", "VI_2")]).toEqual([revision + 2, 0]);
});

test("traffic of an instance is worked into what is known of it", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  const revision = store.revision();
  const traffic = { lastAdvertAt: "2026-11-23T09:00:00.000Z", counters: { advert_sent: 10 } };
  store.apply({
    kind: "vrrp-traffic",
    values: { VI_1: traffic, VI_2: { lastAdvertAt: null, counters: {} }, none: traffic },
  });
  const before = vrrpInstance("VI_1");
  expect(store.vrrpInstance("VI_1")).toEqual({
    ...before,
    master: before.master && { ...before.master, lastAdvertAt: "2026-11-23T09:00:00.000Z" },
    counters: { advert_rcvd: 4, advert_sent: 10, become_master: 1 },
  });
  expect(store.vrrpInstance("VI_2")?.master).toBeNull();
  expect(store.vrrpInstance("none")).toBeUndefined();
  for (const name of ["VI_1", "VI_2"]) expect(store.revisionOf("vrrp", name)).toBe(revision + 1);
});

test("what a role that came back does not mention again is gone, and only that", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  store.apply({ kind: "role-gone", role: "checker" });
  expect(store.virtualServers()).toHaveLength(2);
  store.apply({ kind: "virtual-server", value: virtualServer("198.51.100.1:80/tcp") });
  store.apply({ kind: "role-current", role: "checker" });
  expect(store.virtualServers().map(({ id }) => id)).toEqual(["198.51.100.1:80/tcp"]);
  expect(store.vrrp()).toHaveLength(2);
  // A later picture of the same process removes nothing.
  store.apply({ kind: "role-current", role: "checker" });
  expect(store.virtualServers()).toHaveLength(1);
});

test("what a role says while it comes back is not old: sync groups and instances of vrrp alike", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  const groups = store.syncGroups();
  expect(groups.length).toBeGreaterThan(0);
  store.apply({ kind: "role-gone", role: "vrrp" });
  store.apply({ kind: "vrrp", value: vrrpInstance("VI_2") });
  store.apply({ kind: "role-current", role: "vrrp" });
  expect([store.vrrp().map(({ name }) => name), store.syncGroups()]).toEqual([["VI_2"], []]);
  expect(store.virtualServers()).toHaveLength(2);
  expect([store.revisionOf("vrrp"), store.revisionOf("sync-group")]).toEqual([store.revision(), store.revision()]);
});

test("a role of which nothing is known goes and comes without harm", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  store.apply({ kind: "role-gone", role: "starter" });
  store.apply({ kind: "role-current", role: "starter" });
  expect([store.vrrp().length, store.virtualServers().length]).toEqual([2, 2]);
});

test("what was never there is not gone: nothing changed", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  const before = (["vrrp", "virtual-server", "sync-group"] as const).map((kind) => store.revisionOf(kind));
  store.apply({ kind: "vrrp-gone", name: "none" });
  store.apply({ kind: "virtual-server-gone", id: "none" });
  store.apply({ kind: "sync-group-gone", name: "none" });
  expect((["vrrp", "virtual-server", "sync-group"] as const).map((kind) => store.revisionOf(kind))).toEqual(before);
});

test("traffic without a time keeps the one that is known", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  const before = store.vrrpInstance("VI_1")?.master?.lastAdvertAt;
  store.apply({ kind: "vrrp-traffic", values: { VI_1: { lastAdvertAt: null, counters: {} } } });
  expect(typeof before).toBe("string");
  expect(store.vrrpInstance("VI_1")?.master?.lastAdvertAt).toBe(before as string);
});

test("facts of a role add up by name, go with it, and leave those of others", () => {
  const store = createStatusStore();
  store.apply({ kind: "facts", role: "checker", values: { a: 1, b: "x" } });
  store.apply({ kind: "facts", role: "checker", values: { b: "y" } });
  store.apply({ kind: "facts", role: "vrrp", values: { c: true } });
  expect(store.facts()).toEqual({ checker: { a: 1, b: "y" }, vrrp: { c: true } });
  store.apply({ kind: "role-gone", role: "checker" });
  expect(store.facts()).toEqual({ vrrp: { c: true } });
});

test("names of metrics beyond 20,000 of a role are left out, values of known ones still move", () => {
  const store = createStatusStore();
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`m${i}`, i]));
  store.apply({ kind: "metrics", role: "vrrp", values: many });
  store.apply({ kind: "metrics", role: "vrrp", values: { more: 1, m7: 70 } });
  store.apply({ kind: "metrics", role: "checker", values: { more: 2 } });
  const metrics = store.metrics();
  expect([metrics.size, metrics.get("m7"), metrics.get("more"), metrics.get("m19999")]).toEqual([
    20_001, 70, 2, 19_999,
  ]);
});

test("counters of a role go with it, those of others stay", () => {
  const store = createStatusStore();
  store.apply({ kind: "metrics", role: "checker", values: { a: 1 } });
  store.apply({ kind: "metrics", role: "vrrp", values: { b: 2 } });
  store.apply({ kind: "metrics", role: "vrrp", values: { c: 3 } });
  store.apply({ kind: "role-gone", role: "checker" });
  expect([...store.metrics()]).toEqual([
    ["b", 2],
    ["c", 3],
  ]);
});

test("what two roles count under one name is added up", () => {
  const store = createStatusStore();
  store.apply({ kind: "metrics", role: "checker", values: { runs: 1 } });
  store.apply({ kind: "metrics", role: "vrrp", values: { runs: 2 } });
  expect([...store.metrics()]).toEqual([["runs", 3]]);
});

test("events are a ring, each is taken once, and a gap is told", () => {
  const store = createStatusStore();
  const heard: number[] = [];
  const stop = store.onEvent(({ id }) => heard.push(id));
  for (let id = 1; id <= MAX_EVENTS + 10; id++) store.apply(event(id));
  store.apply(event(5));
  expect(heard).toHaveLength(MAX_EVENTS + 10);
  expect(store.lastEventId()).toBe(MAX_EVENTS + 10);
  expect(store.eventsAfter(MAX_EVENTS + 8)).toMatchObject({
    missed: false,
    events: [{ id: MAX_EVENTS + 9 }, { id: MAX_EVENTS + 10 }],
  });
  expect(store.eventsAfter(0).events).toHaveLength(MAX_EVENTS);
  expect(store.eventsAfter(10).missed).toBe(false);
  expect(store.eventsAfter(9).missed).toBe(true);
  stop();
  store.apply(event(MAX_EVENTS + 11));
  expect(heard).toHaveLength(MAX_EVENTS + 10);
});

test("of one thing a part of the events is kept, and who saw less is told that some are gone", () => {
  const store = createStatusStore();
  const of = (subject: string) => {
    const { id: _id, value } = event(1);
    store.apply({ kind: "event", value: { ...value, subject } });
  };
  of("one");
  for (let n = 0; n < 2 * MAX_EVENTS; n++) of("flapping");
  of("two");
  const { events, missed } = store.eventsAfter(0);
  expect(events.map(({ event: { subject } }) => subject)).toEqual([
    "one",
    ...Array<string>(MAX_EVENTS_OF_SUBJECT).fill("flapping"),
    "two",
  ]);
  expect(missed).toBe(true);
  expect(store.eventsAfter(2 * MAX_EVENTS)).toMatchObject({ missed: false });
});

test("events without a number go on from the last one; who asks before there were any has missed none", () => {
  const store = createStatusStore();
  expect([store.lastEventId(), store.eventsAfter(0)]).toEqual([0, { events: [], missed: false }]);
  const { id: _id, ...unnumbered } = event(1);
  store.apply(unnumbered);
  store.apply(event(7));
  store.apply(unnumbered);
  expect(store.eventsAfter(0).events.map(({ id }) => id)).toEqual([1, 7, 8]);
  expect(store.eventsAfter(8)).toEqual({ events: [], missed: false });
});
