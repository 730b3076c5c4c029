import { describe, expect, test } from "bun:test";
import { openMessagePair, takeIntroductions } from "../../../src/kernel/introductions.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import type { ApiCallers, ApiLife } from "../../../src/process/api-callers.ts";
import type { RunOptions } from "../../../src/process/options.ts";
import { API_WAIT_MS, VRRP_WAIT_MS } from "../../../src/process/parent-start.ts";
import { MAX_WAITING_BYTES } from "../../../src/process/relay.ts";
import type { SpawnChild } from "../../../src/process/runtime.ts";
import { HEARTBEAT_MS, SILENT_MS } from "../../../src/process/signs-of-life.ts";
import type { RoleName } from "../../../src/roles/role.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { bindText } from "../../support/config.ts";
import { type FakeChild, type FakeChildren, fakeChildren } from "../../support/fake-children.ts";
import { type Found, found, unusable } from "../../support/fake-readers.ts";
import { configIds, type ParentLabOptions, parentLab, settle } from "../../support/parent-lab.ts";
import { AT, virtualServer } from "../../support/status-samples.ts";
import { until } from "../../support/until.ts";

const SERVICES = "virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.10 80 {\n }\n}\n";
const VRRP = "vrrp_instance VI_1 {\n interface lo\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n";

/** @param errors texts of the errors that were found in it; their keys lack the line */
function reading(text: string, ...errors: string[]): Found {
  return found(bindText(text).config, errors, ["not yet effective"]);
}

function lab(first: Found, change: Partial<RunOptions> = {}, options: ParentLabOptions = {}) {
  return parentLab(first, { change, ...options });
}

/** What an api process knows after taking all `status` messages it was sent. */
function pictureOf(children: FakeChildren) {
  const store = createStatusStore();
  for (const message of children.of("api").got)
    if (message.kind === "status") for (const u of message.updates) store.apply(u);
  return store;
}

test("the checker boots while the configuration is read, and starts with it", async () => {
  const { director, children } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  expect(checker.last("start")).toBeUndefined();
  checker.say({ kind: "hello" });
  expect(configIds(checker.last("start")?.config)).toEqual(["192.0.2.1:80/tcp"]);
});

test("what is only told of a configuration comes after the table", async () => {
  const { director, children, said, clock } = lab(reading(SERVICES));
  director.start();
  await settle();
  expect(said("not yet effective")).toBe(false);
  children.of("checker").comeUp();
  await settle();
  expect(said("not yet effective")).toBe(true);
  const waiting = lab(reading(SERVICES));
  waiting.director.start();
  await settle();
  waiting.clock.advance(1000);
  await settle();
  expect(waiting.said("not yet effective")).toBe(true);
  expect(clock.now()).toBe(0);
});

test("vrrp waits for the table, so that no address comes before it, and api, so that it comes sooner", async () => {
  const { director, children, startedRoles } = lab(reading(SERVICES + VRRP));
  director.start();
  await settle();
  for (const child of [...children.all]) child.say({ kind: "hello" });
  expect(startedRoles()).toEqual(["checker"]);
  children.of("checker").say({ kind: "started" });
  for (const role of ["vrrp", "api"] as const) children.of(role).say({ kind: "hello" });
  expect(startedRoles()).toEqual(["checker", "vrrp", "api"]);
});

test("roles that the file seems to need boot while it is read; one that it does not need after all is dismissed", async () => {
  const { director, children, startedRoles } = lab(reading(VRRP), {}, { likely: ["checker", "vrrp"] });
  director.start();
  await settle();
  expect(children.all.map(({ role }) => role)).toEqual(["checker", "vrrp"]);
  expect(children.of("checker").killed).toEqual(["SIGKILL"]);
  children.of("vrrp").say({ kind: "hello" });
  expect(startedRoles()).toEqual(["vrrp"]);
});

test("a role whose leftovers are in the kernel is started though the file has nothing for it", async () => {
  const { director, children, startedRoles } = lab(reading(""), {}, { leftBehind: ["vrrp"], likely: [] });
  director.start();
  await settle();
  children.of("vrrp").comeUp();
  expect(startedRoles()).toEqual(["vrrp"]);
});

test("neither waits for ever for a checker that does not come up", async () => {
  const { director, children, clock } = lab(reading(SERVICES + VRRP));
  director.start();
  await settle();
  expect(children.all.map(({ role }) => role)).toEqual(["checker"]);
  clock.advance(API_WAIT_MS);
  expect(children.all.map(({ role }) => role)).toEqual(["checker", "api"]);
  clock.advance(VRRP_WAIT_MS - API_WAIT_MS);
  expect(children.all.map(({ role }) => role)).toEqual(["checker", "api", "vrrp"]);
});

test("a configuration without virtual servers needs no checker", async () => {
  const { director, children } = lab(reading(VRRP));
  director.start();
  await settle();
  await settle();
  expect(children.of("checker").alive).toBe(false);
  expect(children.of("vrrp").alive).toBe(true);
});

test("a configuration with an error ends with status 2 and names the place", async () => {
  const { director, ended, said, children } = lab(unusable("k.conf:3:1: unknown keyword qourum"));
  director.start();
  await settle();
  await settle();
  expect(ended).toEqual([2]);
  expect(said("k.conf:3:1: unknown keyword qourum")).toBe(true);
  expect(children.all.every((child) => !child.alive)).toBe(true);
});

test.each([
  ["-P runs no checker", { vrrp: true, checker: false, bfd: true }, ["vrrp", "api"]],
  ["-C runs no vrrp", { vrrp: false, checker: true, bfd: true }, ["checker", "api"]],
  ["-P -C together run neither", { vrrp: false, checker: false, bfd: true }, ["api"]],
] as const)("%s", async (_why, roles, expected) => {
  const { director, children } = lab(reading(SERVICES + VRRP), { roles });
  director.start();
  await settle();
  if (roles.checker) children.of("checker").comeUp();
  else if (roles.vrrp) children.of("vrrp").comeUp();
  expect(new Set(children.all.map((child) => child.role))).toEqual(new Set<RoleName>(expected));
});

test("stop goes vrrp, checker, api, each after the one before has ended", async () => {
  const children = fakeChildren({ obedient: false });
  const { director, ended } = lab(reading(SERVICES + VRRP), {}, { children });
  director.start();
  await settle();
  children.of("checker").comeUp();
  for (const role of ["vrrp", "api"] as const) children.of(role).comeUp();
  director.stop("SIGTERM");
  for (const role of ["vrrp", "checker", "api"] as const) {
    await settle();
    expect(children.all.filter((child) => child.last("stop")).map((child) => child.role)).toContain(role);
    expect(ended).toEqual([]);
    children.of(role).end("status 0");
  }
  await settle();
  expect(ended).toEqual([0]);
});

test("children that don't stop are killed within child_wait_time", async () => {
  const children = fakeChildren({ obedient: false });
  const { director, ended, clock } = lab(reading(`child_wait_time 3\n${SERVICES}${VRRP}`), {}, { children });
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("vrrp").comeUp();
  children.of("api").comeUp();
  director.stop("SIGTERM");
  for (let ms = 0; ms < 6000 && ended.length === 0; ms += 100) {
    clock.advance(100);
    await settle();
  }
  expect(children.all.map((child) => child.killed)).toEqual([["SIGKILL"], ["SIGKILL"], ["SIGKILL"]]);
  expect(ended).toEqual([0]);
  expect(clock.now()).toBeLessThanOrEqual(5100);
});

test("what a killed role left in the kernel is taken away by a new process of it, in bounded time", async () => {
  const children = fakeChildren({ obedient: false });
  const { director, ended, clock } = lab(reading(`child_wait_time 3\n${VRRP}`), {}, { children, leftBehind: ["vrrp"] });
  director.start();
  await settle();
  children.of("vrrp").comeUp();
  children.of("api").comeUp();
  const stuck = children.of("vrrp");
  director.stop("SIGTERM");
  clock.advance(3000);
  await settle();
  expect(stuck.killed).toEqual(["SIGKILL"]);
  const sweeper = children.of("vrrp");
  sweeper.comeUp();
  await settle();
  expect(sweeper.got.map(({ kind }) => kind).filter((kind) => kind !== "ping")).toEqual(["start", "stop"]);
  sweeper.say({ kind: "stopped" });
  sweeper.end("status 0");
  for (let ms = 0; ms < 2000 && ended.length === 0; ms += 100) {
    clock.advance(100);
    await settle();
  }
  expect(ended).toEqual([0]);
});

test("a role that has just died is swept up after too, and none that stopped in order", async () => {
  const { director, children, ended } = lab(reading(SERVICES + VRRP), {}, { leftBehind: ["vrrp", "checker"] });
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("vrrp").comeUp();
  children.of("vrrp").end("signal SIGKILL");
  director.stop("SIGTERM");
  await settle();
  children.of("vrrp").comeUp();
  await settle();
  expect(children.all.map(({ role }) => role)).toEqual(["checker", "vrrp", "api", "vrrp"]);
  expect(ended).toEqual([0]);
});

test("a stop before the configuration is read starts nothing", async () => {
  const { director, children, ended } = lab(reading(SERVICES));
  director.stop("SIGTERM");
  director.start();
  await settle();
  await settle();
  expect(children.all).toEqual([]);
  expect(ended).toEqual([0]);
});

test("a dead child comes back at once, later with growing delays, and gets the configuration again", async () => {
  const { director, children, clock } = lab(reading(SERVICES));
  director.start();
  await settle();
  const starts: number[] = [];
  for (let i = 0; i < 6; i++) {
    const checker = children.of("checker");
    checker.say({ kind: "hello" });
    expect(configIds(checker.last("start")?.config)).toHaveLength(1);
    checker.end("status 1");
    const from = clock.now();
    while (children.of("checker") === checker) clock.advance(100);
    starts.push(clock.now() - from);
  }
  expect(starts).toEqual([100, 1000, 2000, 4000, 5000, 5000]);
});

test("the reason of its end is a child's own word", async () => {
  const { director, children, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.say({ kind: "hello" });
  checker.say({ kind: "failed", reason: "start: the kernel has no IPVS" });
  checker.end("status 1");
  expect(said("checker ended with status 1: start: the kernel has no IPVS")).toBe(true);
});

test("a child's last words are cut, however many they are", async () => {
  const { director, children, logs } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.say({ kind: "hello" });
  checker.say({ kind: "failed", reason: "x".repeat(1_000_000) });
  checker.end("status 1");
  expect(Math.max(...logs.map((line) => line.message.length))).toBeLessThan(5000);
});

test("an api process that asks for pieces without end is ended, and the parent makes none of them at once", async () => {
  let made = 0;
  const { director, children } = lab({ ...reading(SERVICES), effective: () => ({ made: ++made }) });
  director.start();
  await settle();
  children.of("checker").comeUp();
  const api = children.of("api");
  api.comeUp();
  // All in one piece of the channel, each with a number that begins a transfer anew.
  for (let serial = 1; serial <= 1000; serial++) api.say({ kind: "want-effective", serial });
  expect(made).toBe(0);
  expect(api.killed).toEqual(["SIGKILL"]);
});

test("an api process that takes nothing holds roles back, and is replaced before what waits for it fills the parent", async () => {
  const { director, children, clock, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  const api = children.of("api");
  api.comeUp();
  const reason = "x".repeat(2_000_000);
  const acks = () => checker.got.filter(({ kind }) => kind === "ack").length;
  const report = (at: number) =>
    checker.say({
      kind: "batch",
      logs: [],
      updates: [{ kind: "virtual-server", value: virtualServer(`${at}`, { reason }) }],
      topics: {},
    });
  let at = 0;
  for (; acks() === at; at++) report(at);
  // Half full: the next one is taken in a second, or sooner when there is room.
  expect(at * reason.length).toBeWithin(MAX_WAITING_BYTES / 2, MAX_WAITING_BYTES / 2 + 2 * reason.length);
  expect(api.alive && api.killed.length === 0).toBe(true);
  await settle();
  api.say({ kind: "ack" });
  await settle();
  expect(acks()).toBe(at);
  const pongs = new Map<FakeChild, number>();
  for (; api.killed.length === 0 && at < 100; at++) {
    report(at);
    await settle();
    if (acks() < at + 1) clock.advance(1000);
    for (const child of [checker, api])
      for (; child.got.filter(({ kind }) => kind === "ping").length > (pongs.get(child) ?? 0); ) {
        child.answer("ping");
        pongs.set(child, (pongs.get(child) ?? 0) + 1);
      }
  }
  expect(at * reason.length).toBeWithin(MAX_WAITING_BYTES, MAX_WAITING_BYTES + 5 * reason.length);
  expect(said(`api lets more than ${MAX_WAITING_BYTES / 1e6} MB of reports wait: killing pid ${api.pid}`)).toBe(true);
  expect(checker.alive && checker.killed.length === 0).toBe(true);
});

test("at rest there is one wake-up in five seconds, for all children", async () => {
  const { director, children, clock } = lab(reading(SERVICES + VRRP));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("vrrp").comeUp();
  await settle();
  const wakeUps: number[] = [];
  while (clock.now() < 120_000) {
    clock.advance((clock.nextAt() ?? Number.NaN) - clock.now());
    wakeUps.push(clock.now());
    for (const child of children.all) if (child.got.at(-1)?.kind === "ping") child.answer("ping");
  }
  expect(new Set(wakeUps.filter((at) => at > 60_000)).size).toBe(12);
});

test("a stuck child is killed and restarted; one that answers is left alone", async () => {
  const { director, children, clock, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  for (let i = 0; i < 10; i++) {
    clock.advance(HEARTBEAT_MS);
    checker.answer("ping");
  }
  expect(checker.alive).toBe(true);
  clock.advance(SILENT_MS + 1001);
  expect(checker.killed).toEqual(["SIGKILL"]);
  expect(said("no sign of life")).toBe(true);
  clock.advance(100);
  expect(children.of("checker")).not.toBe(checker);
});

test("with -R a dead child ends the director", async () => {
  const { director, children, ended } = lab(reading(SERVICES), { respawn: false });
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("checker").end("signal SIGSEGV");
  await settle();
  expect(ended).toEqual([1]);
});

test("a reload with an error keeps the old configuration and says so everywhere", async () => {
  const { director, children, willRead, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("api").comeUp();
  willRead(unusable("k.conf:7:3: expected a number (got six)"));
  director.reload();
  await settle();
  expect(children.of("checker").last("reload")).toBeUndefined();
  expect(said("k.conf:7:3: expected a number (got six)")).toBe(true);
  children.of("api").say({ kind: "ack" });
  await settle();
  const config = pictureOf(children).director()?.config;
  expect(config).toMatchObject({
    stale: true,
    state: "loaded",
    reloads: 1,
    errors: ["k.conf:7:3: expected a number (got six)"],
  });

  willRead(reading(SERVICES.replace("80", "81")));
  director.reload();
  await settle();
  const checker = children.of("checker");
  expect(configIds(checker.last("reload")?.config)).toEqual(["192.0.2.1:81/tcp"]);
  checker.answer("reload");
  children.of("api").answer("reload");
  await settle();
  children.of("api").say({ kind: "ack" });
  await settle();
  expect(pictureOf(children).director()?.config).toMatchObject({ stale: false, errors: [], reloads: 2 });
});

test("a configuration with errors runs with what is left of it, and says so", async () => {
  const { director, children, said, ended } = lab(reading(SERVICES, "k.conf:9:1: unknown keyword x"));
  director.start();
  await settle();
  children.of("checker").comeUp();
  expect(configIds(children.of("checker").last("start")?.config)).toEqual(["192.0.2.1:80/tcp"]);
  expect(said("k.conf:9:1: unknown keyword x")).toBe(true);
  expect(said("loaded with 1 error:")).toBe(true);
  children.of("api").comeUp();
  await settle();
  expect(pictureOf(children).director()?.config).toMatchObject({
    state: "loaded",
    stale: false,
    errorCount: 1,
    tolerated: ["k.conf:9:1: unknown keyword x"],
    errors: [],
  });
  expect(ended).toEqual([]);
});

test.each([
  ["the same error on another line", reading(SERVICES.replace("80", "81"), "k.conf:12:1: unknown keyword x"), []],
  ["no error any more", reading(SERVICES.replace("80", "81")), []],
  [
    "a new error beside the old one",
    reading(SERVICES.replace("80", "81"), "k.conf:9:1: unknown keyword x", "k.conf:10:1: unknown keyword y"),
    ["k.conf:10:1: unknown keyword y"],
  ],
  [
    "the same error once more",
    reading(SERVICES.replace("80", "81"), "k.conf:9:1: unknown keyword x", "k.conf:10:1: unknown keyword x"),
    ["k.conf:10:1: unknown keyword x"],
  ],
  ["nothing that can be used", unusable("k.conf:9:1: unknown keyword x"), ["k.conf:9:1: unknown keyword x"]],
])("beside a configuration with an error: a reload with %s", async (_what, next, refused) => {
  const { director, children, willRead } = lab(reading(SERVICES, "k.conf:9:1: unknown keyword x"));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("api").comeUp();
  willRead(next);
  director.reload();
  await settle();
  const taken = children.of("checker").last("reload");
  expect(configIds(taken?.config)).toEqual(refused.length === 0 ? ["192.0.2.1:81/tcp"] : []);
  if (taken) children.of("checker").answer("reload");
  children.of("api").say({ kind: "ack" });
  await settle();
  const config = pictureOf(children).director()?.config;
  expect(config).toMatchObject({ stale: refused.length > 0, errors: refused });
  expect(config?.errorCount).toBe(refused.length > 0 ? 1 : next.errors.length);
});

test("a setting that needs a restart refuses the whole reload", async () => {
  const { director, children, willRead, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  willRead(reading(`instance other\n${SERVICES.replace("80", "81")}`));
  director.reload();
  await settle();
  expect(children.of("checker").last("reload")).toBeUndefined();
  expect(said("instance: can't change while running")).toBe(true);
});

test("reloads asked for during one are done once after it", async () => {
  const { director, children, willRead } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  children.of("api").comeUp();
  willRead(reading(SERVICES.replace("80", "81")));
  director.reload();
  await settle();
  willRead(reading(SERVICES.replace("80", "82")));
  for (let i = 0; i < 5; i++) director.reload();
  await settle();
  const answered = () => checker.got.filter((message) => message.kind === "reload");
  for (let i = 0; i < 3; i++) {
    for (const child of [checker, children.of("api")]) child.answer("reload");
    await settle();
  }
  expect(answered().map((message) => configIds(message.config)[0])).toEqual(["192.0.2.1:81/tcp", "192.0.2.1:82/tcp"]);
});

test("a reload that brings the first VRRP instance starts the process for it", async () => {
  const { director, children, willRead } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  willRead(reading(SERVICES + VRRP));
  director.reload();
  await settle();
  children.of("vrrp").say({ kind: "hello" });
  expect(children.of("vrrp").last("start")?.config?.vrrp.instances).toHaveLength(1);
});

test("TERM during a reload wins", async () => {
  const { director, children, ended, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  director.reload();
  director.stop("SIGTERM");
  await settle();
  expect(ended).toEqual([0]);
  expect(said("reload done")).toBe(false);
});

test("what roles report reaches the api, also one that comes later", async () => {
  const { director, children, clock } = lab(reading(SERVICES));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  const update: StatusUpdate = { kind: "virtual-server", value: virtualServer("192.0.2.1:80/tcp") };
  const event: StatusUpdate = {
    kind: "event",
    value: { at: AT, kind: "real-server", subject: "x", to: "down", reason: "" },
  };
  checker.say({ kind: "batch", logs: [], updates: [update, event], topics: {} });
  expect(checker.last("ack")).toBeDefined();
  children.of("api").comeUp();
  await settle();
  // Objects come from the role itself, which is asked for them; events from what the parent kept.
  expect(checker.last("snapshot")).toBeDefined();
  checker.say({ kind: "batch", logs: [], updates: [update], topics: {} });
  for (let i = 0; i < 2; i++) {
    children.of("api").say({ kind: "ack" });
    await settle();
  }
  const picture = pictureOf(children);
  expect(picture.virtualServers().map((server) => server.id)).toEqual(["192.0.2.1:80/tcp"]);
  expect(picture.eventsAfter(0).events.some(({ event: { subject } }) => subject === "x")).toBe(true);
  // Large, so only for who asks.
  expect(children.of("api").last("effective")).toBeUndefined();
  children.of("api").say({ kind: "want-effective", serial: 1 });
  clock.advance(0);
  await settle();
  const piece = JSON.stringify({ configured: ["192.0.2.1:80/tcp"] });
  expect(children.of("api").last("effective")).toMatchObject({ piece, end: false });
});

test("what one role publishes, the others hear, also those that start later", async () => {
  const session = "bfd_instance b {\n  neighbor_ip 192.0.2.2\n}\n";
  const { director, children, clock } = lab(reading(session + VRRP), {}, { roles: ["bfd", "vrrp", "api"] });
  director.start();
  await settle();
  const bfd = children.of("bfd");
  bfd.comeUp();
  const vrrp = children.of("vrrp");
  vrrp.comeUp();
  bfd.say({ kind: "batch", logs: [], updates: [], topics: { bfd: { b: { up: true, detail: "" } } } });
  expect(vrrp.last("topic")).toMatchObject({ topic: "bfd", value: { b: { up: true, detail: "" } } });
  expect(bfd.last("topic")).toBeUndefined();
  vrrp.end("status 1");
  clock.advance(100);
  children.of("vrrp").say({ kind: "hello" });
  expect(children.of("vrrp").last("start")?.topics).toEqual({ bfd: { b: { up: true, detail: "" } } });
});

test("starter and roles that have programs are introduced to each other, each process anew, and nobody else is", async () => {
  const script = "vrrp_script s {\n  script /bin/true\n}\n";
  const children = fakeChildren();
  const readiness = openReadiness();
  const met: string[] = [];
  const spawn: SpawnChild = (role, ...rest) => {
    const handle = children.spawn(role, ...rest);
    const [ours, theirs] = openMessagePair();
    takeIntroductions(readiness, theirs, (open, word) => {
      open({ message() {}, closed() {} });
      met.push(`${role} ${word}`);
    });
    return { ...handle, introductions: () => (children.of(role).pid === handle.pid ? ours : undefined) };
  };
  const { director, clock } = lab(
    reading(SERVICES + script + VRRP),
    {},
    { roles: ["starter", "vrrp", "checker", "api"], children: { ...children, spawn } },
  );
  director.start();
  await settle();
  for (const role of ["starter", "checker", "vrrp", "api"] as const) children.of(role).comeUp();
  await until("all were introduced", () => met.length === 4);
  expect(met.splice(0).sort()).toEqual(["checker starter", "starter checker", "starter vrrp", "vrrp starter"]);
  children.of("checker").end("status 1");
  clock.advance(100);
  await until("the next checker was introduced", () => met.length === 2);
  expect(met.splice(0).sort()).toEqual(["checker starter", "starter checker"]);
  children.of("starter").end("status 1");
  clock.advance(100);
  await until("the next starter was introduced", () => met.length === 4);
  expect(met.sort()).toEqual(["checker starter", "starter checker", "starter vrrp", "vrrp starter"]);
  readiness[Symbol.dispose]();
});

const VRRP_PID = { role: "vrrp", state: "running", pid: 4711, since: "", restarts: 0, reason: "" } as const;

test.each([
  ["no message", 7, "sent something that is no message"],
  ["a message that nothing asked for", { kind: "answer", id: 7 }, "sent «answer» that nothing asked for"],
  [
    "the pid of another process",
    { kind: "batch", logs: [], updates: [{ kind: "process", value: VRRP_PID }], topics: {} },
    "sent a report of kind process",
  ],
  [
    "a state that is another role's to tell",
    { kind: "batch", logs: [], updates: [], topics: { bfd: {} } },
    "sent topic bfd, which is not the api process's to tell",
  ],
])("an api process that sends %s is ended, and nobody else", async (_what, raw, reason) => {
  const { director, children, clock, said, ended } = lab(reading(VRRP), {}, { likely: ["vrrp"] });
  director.start();
  await settle();
  children.of("vrrp").comeUp();
  const api = children.of("api");
  api.comeUp();
  const toVrrp = children.of("vrrp").got.length;
  api.sayRaw(raw);
  expect(api.killed).toEqual(["SIGKILL"]);
  expect(said(`api ${reason}: killing pid ${api.pid}`)).toBe(true);
  expect(children.of("vrrp").killed).toEqual([]);
  expect(children.of("vrrp").got.length).toBe(toVrrp);
  expect(ended).toEqual([]);
  clock.advance(5000);
  expect(children.of("api")).not.toBe(api);
  expect(said(`api ended with signal SIGKILL: ${reason}`)).toBe(true);
});

test("bytes that are no message end the child that sent them", async () => {
  const { director, children, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("checker").breakChannel("an empty message");
  expect(children.of("checker").killed).toEqual(["SIGKILL"]);
  expect(said("checker sent an empty message: killing pid")).toBe(true);
});

test("a child can't fill the log, by its channel or beside it", async () => {
  const { director, children, clock, logs, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  const api = children.of("api");
  api.comeUp();
  const line = { level: "error", area: "api", message: "x".repeat(10_000) } as const;
  for (let at = 0; at < 10; at++) {
    api.say({ kind: "batch", logs: Array.from({ length: 100 }, () => line), updates: [], topics: {} });
    clock.advance(100);
  }
  api.stderr("flood\n".repeat(10_000));
  const written = logs.filter(({ area }) => area === "api");
  expect(written.length).toBeLessThan(220);
  expect(Math.max(...written.map(({ message }) => message.length))).toBe(4096);
  clock.advance(10_000);
  api.say({ kind: "batch", logs: [line], updates: [], topics: {} });
  expect(said("log lines left out, they came too fast")).toBe(true);
});

test("a child that sends without end is answered more slowly", async () => {
  const { director, children, clock } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  const api = children.of("api");
  api.comeUp();
  const acks = () => api.got.filter(({ kind }) => kind === "ack").length;
  const line = { level: "info", area: "api", message: "x".repeat(1_500_000) } as const;
  const say = () => api.say({ kind: "batch", logs: [line], updates: [], topics: {} });
  const before = acks();
  say();
  expect(acks()).toBe(before + 1);
  say();
  expect(acks()).toBe(before + 1);
  clock.advance(10_000);
  expect(acks()).toBe(before + 2);
});

test("texts of events are cut before they are kept", async () => {
  const { director, children } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("api").comeUp();
  const value = { at: "", kind: "drift", subject: "s", to: "t", reason: "r".repeat(100_000) };
  children.of("checker").say({ kind: "batch", logs: [], updates: [{ kind: "event", value }], topics: {} });
  for (let turn = 0; turn < 3; turn++) {
    await settle();
    if (children.of("api").got.at(-1)?.kind === "status") children.of("api").say({ kind: "ack" });
  }
  const sent = JSON.stringify(children.of("api").got);
  expect(sent).toContain("rrrr");
  expect(sent.length).toBeLessThan(50_000);
});

describe("an api process that runs while somebody asks", () => {
  async function called() {
    let life: ApiLife | undefined;
    let idle = () => {};
    const callers: ApiCallers = {
      open: (_namespace, given) => {
        life = given;
      },
      listeners: () => [],
      facts: () => ({ tcp: "off" }),
      lingerMs: () => 5,
      idle: () => idle(),
      added() {},
      stop() {},
      close() {},
    };
    const all = lab(reading(SERVICES), {}, { callers });
    all.director.start();
    await settle();
    all.children.of("checker").comeUp();
    const roles = () => all.children.all.map(({ role }) => role);
    const whenIdle = (run: () => void) => {
      idle = run;
    };
    return { ...all, roles, call: () => life?.start(), leave: () => life?.dismiss(), whenIdle };
  }

  const acked = new WeakMap<FakeChild, number>();
  /** Takes what it is told, batch by batch. */
  async function takeAll(api: FakeChild): Promise<void> {
    for (;;) {
      await settle();
      const before = acked.get(api) ?? 0;
      if (api.got.filter(({ kind }) => kind === "status").length === before) return;
      acked.set(api, before + 1);
      api.say({ kind: "ack" });
    }
  }

  test("nobody asks: there is none, and a reload starts none", async () => {
    const { director, children, clock, roles } = await called();
    clock.advance(10_000);
    director.reload();
    await settle();
    children.of("checker").answer("reload");
    await settle();
    expect(roles()).toEqual(["checker"]);
    expect(children.of("checker").last("snapshot")).toBeUndefined();
  });

  test("it answers when every role has told how it is, and then goes without a word", async () => {
    const { children, roles, call, leave, logs } = await called();
    call();
    const api = children.of("api");
    api.comeUp();
    expect(children.of("checker").last("snapshot")).toBeDefined();
    await takeAll(api);
    api.answer("snapshot");
    expect(api.last("complete")).toBeUndefined();
    children.of("checker").answer("snapshot");
    await takeAll(api);
    expect(api.last("complete")).toEqual({ kind: "complete", lingerMs: 5 });
    await leave();
    expect([api.alive, children.of("checker").last("unwatched")]).toEqual([false, { kind: "unwatched" }]);
    expect(logs.filter(({ level, message }) => level !== "debug" && message.includes("api"))).toEqual([]);
    call();
    children.of("api").comeUp();
    await settle();
    // Its coming and going is no news.
    const { events } = pictureOf(children).eventsAfter(0);
    expect(events.filter(({ event }) => event.subject === "api")).toEqual([]);
    expect(roles()).toEqual(["checker", "api", "api"]);
  });

  test("a role that does not answer is not waited for without end", async () => {
    const { children, call, clock } = await called();
    call();
    const api = children.of("api");
    api.comeUp();
    await takeAll(api);
    clock.advance(4999);
    expect(api.last("complete")).toBeUndefined();
    clock.advance(1);
    await takeAll(api);
    expect(api.last("complete")).toBeDefined();
  });

  test("that it is idle is no word for one that was not told to answer", async () => {
    const { children, call, whenIdle } = await called();
    let idle = 0;
    whenIdle(() => void idle++);
    call();
    const api = children.of("api");
    api.comeUp();
    api.say({ kind: "idle" });
    expect([idle, api.killed]).toEqual([0, ["SIGKILL"]]);
  });
});
