// The roles' processes under the parent: who is configured with what, told what, stopped when, and what is cleared away behind one that was
// killed.
import { describe, expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import type { RunOptions } from "../../../src/process/options.ts";
import { rightsOf } from "../../../src/process/role-rights.ts";
import { packText } from "../../../src/process/runtime.ts";
import { createWorkers, stopLimitMs } from "../../../src/process/workers.ts";
import type { RoleName } from "../../../src/roles/role.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { type FakeChild, fakeChildren } from "../../support/fake-children.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { configOf } from "../../support/model.ts";
import { RUN_OPTIONS, settle } from "../../support/parent-lab.ts";

/** A share that has everything, of a configuration that has nothing. */
const SHARE = packText(JSON.stringify([["whole"], ["rest", configOf([])]]));
/** The end without a shutdown_script. */
const ALONE = { shutdownScript: false };
const ALL: readonly RoleName[] = ["starter", "checker", "bfd", "vrrp", "api"];

interface LabOptions {
  readonly roles?: readonly RoleName[];
  readonly change?: Partial<RunOptions>;
  readonly obedient?: boolean;
  readonly leftBehind?: readonly RoleName[];
  readonly onDemand?: readonly RoleName[];
  /** Roles that the configuration has nothing for. */
  readonly nothing?: readonly RoleName[];
}

function lab(options: LabOptions = {}) {
  const clock = manualClock(0);
  const children = fakeChildren({ obedient: options.obedient ?? true });
  const logs: LogLine[] = [];
  /** What was told to the parent, in its order. */
  const told: string[] = [];
  const updates: StatusUpdate[] = [];
  const shared: RoleName[] = [];
  const run = { ...RUN_OPTIONS, ...options.change };
  const workers = createWorkers(run, options.roles ?? ALL, {
    clock,
    log: (line) => void logs.push(line),
    spawn: children.spawn,
    share(role) {
      shared.push(role);
      const pieces = options.nothing?.includes(role) ? [] : [SHARE];
      return { pieces, whole: 1, rights: rightsOf(role, undefined, run) };
    },
    ...(options.leftBehind && { leftBehind: (role) => options.leftBehind?.includes(role) === true }),
    report: (update) => void updates.push(update),
    event: (subject, from, to, reason) => void told.push(`${subject} ${from} → ${to}${reason && `: ${reason}`}`),
    running: (role) => void told.push(`${role} runs`),
    acknowledged: () => void told.push("acknowledged"),
    whenRoom: (_role, then) => then(),
    wantsEffective: (serial) => void told.push(`wants ${serial}`),
    dumped() {},
    idle: () => void told.push("idle"),
    onDemand: (role) => options.onDemand?.includes(role) === true,
    dismissed: (role) => void told.push(`${role} dismissed`),
    gaveUp: (role, reason) => void told.push(`${role} gave up: ${reason}`),
  });
  const kinds = (child: FakeChild) => child.got.map(({ kind }) => kind).filter((kind) => kind !== "ping");
  return {
    ...{ clock, children, logs, told, updates, shared, workers },
    /** Configured and up. */
    up(...roles: readonly RoleName[]) {
      for (const role of roles) {
        void workers.configure(role);
        children.of(role).comeUp();
      }
      told.length = 0;
    },
    /** What the newest process of each role was told, but for heartbeats. */
    got: (role: RoleName) => kinds(children.of(role)),
    roles: () => children.all.map(({ role }) => role),
  };
}

test("a process that boots early waits for its share; a role that is none of ours is nobody", async () => {
  const { workers, children, got, shared, roles } = lab({ roles: ["checker", "api"] });
  expect([workers.has("checker"), workers.has("vrrp")]).toEqual([true, false]);
  workers.spawn("checker");
  workers.spawn("vrrp");
  children.of("checker").say({ kind: "hello" });
  expect([got("checker"), shared]).toEqual([[], []]);
  await workers.configure("checker");
  await workers.configure("vrrp");
  expect([got("checker"), shared, roles()]).toEqual([["start"], ["checker"], ["checker"]]);
});

test("how each of them is", () => {
  const { workers, children, up } = lab();
  workers.spawn("vrrp");
  up("checker", "api");
  expect([workers.isUp("vrrp"), workers.isRunning("vrrp"), workers.isUp("bfd")]).toEqual([true, false, false]);
  expect(workers.running()).toEqual(["checker", "api"]);
  children.of("checker").end("status 1");
  expect([workers.running(), workers.isUp("checker"), workers.isRunning("checker")]).toEqual([["api"], true, false]);
});

test("a configuration goes to a process that runs as a reload, and is taken when it has answered", async () => {
  const { workers, children, up, got } = lab();
  up("checker");
  let taken = false;
  void workers.configure("checker").then(() => {
    taken = true;
  });
  await settle();
  expect([got("checker"), taken]).toEqual([["start", "reload"], false]);
  children.of("checker").answer("reload");
  await settle();
  expect(taken).toBe(true);
});

describe("facts", () => {
  test("of a role go to all others, those of the parent to all, and the newest to who starts later", () => {
    const { workers, children, up } = lab();
    up("bfd", "vrrp");
    const topics = (role: RoleName) =>
      children
        .of(role)
        .got.flatMap((one) => (one.kind === "topic" ? [`${one.topic} ${JSON.stringify(one.value)}`] : []));
    const sessions = { s: { up: true, detail: "a" } };
    children.of("bfd").say({ kind: "batch", logs: [], updates: [], topics: { bfd: sessions } });
    workers.publish("hold", true);
    workers.publish("hold", false);
    expect(topics("bfd")).toEqual(["hold true", "hold false"]);
    expect(topics("vrrp")).toEqual([`bfd ${JSON.stringify(sessions)}`, "hold true", "hold false"]);
    void workers.configure("checker");
    children.of("checker").comeUp();
    expect(children.of("checker").last("start")?.topics).toEqual({ bfd: sessions, hold: false });
  });

  /** JSON.parse makes it; JSON.stringify can't write it. */
  const deep = (levels = 200_000): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

  test.each<[RoleName, string, (value: unknown) => unknown]>([
    ["vrrp", "handover", (value) => value],
    ["vrrp", "handover", (more) => ({ masters: [], spokeAtMs: 1, more })],
    ["bfd", "bfd", (value) => ({ s: value })],
    ["bfd", "bfd", (more) => ({ s: { up: true, detail: "", more } })],
  ])("of %s that can't be written again end it, and nobody else, now or later", (teller, topic, around) => {
    const { children, up, logs, clock } = lab();
    up("bfd", "vrrp", "api");
    const value = around(deep());
    children.of(teller).sayParsed({ kind: "batch", logs: [], updates: [], topics: { [topic]: value } });
    const killed = () => children.all.filter((child) => child.killed.length > 0).map(({ role }) => role);
    expect(killed()).toEqual([teller]);
    expect(logs.filter(({ message }) => message.includes("killing pid"))).toHaveLength(1);
    clock.advance(1000);
    children.of(teller).comeUp();
    children.of("api").end("status 1");
    clock.advance(1000);
    children.of("api").comeUp();
    expect([killed(), children.of(teller).last("start")?.topics, children.of("api").last("start")?.topics]).toEqual([
      [teller],
      {},
      {},
    ]);
  });

  test("of the parent that can't be written cost no process its life", () => {
    const { workers, children, up, logs } = lab();
    up("bfd", "vrrp");
    workers.publish("hold", deep());
    expect(children.all.flatMap(({ killed }) => killed)).toEqual([]);
    expect(logs.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      "bfd is not told topic hold: Maximum call stack size exceeded.",
      "vrrp is not told topic hold: Maximum call stack size exceeded.",
    ]);
  });

  test("reports and words of a process reach the parent", () => {
    const { workers, children, up, updates, told } = lab({ onDemand: ["api"] });
    up("checker", "api");
    workers.send("api", { kind: "complete", lingerMs: 1 });
    updates.length = 0;
    const update: StatusUpdate = { kind: "facts", role: "checker", values: { problem: "" } };
    children.of("checker").say({ kind: "batch", logs: [], updates: [update, update], topics: {} });
    children.of("api").say({ kind: "want-effective", serial: 7 });
    children.of("api").say({ kind: "idle" });
    expect([updates, told]).toEqual([
      [update, update],
      ["wants 7", "idle"],
    ]);
  });
});

test("a message goes to each process there is but one, or to that of one role", () => {
  const { workers, up, got } = lab();
  up("checker", "vrrp", "api");
  workers.sendAll({ kind: "unwatched" }, "api");
  expect([got("checker"), got("vrrp"), got("api")]).toEqual([
    ["start", "unwatched"],
    ["start", "unwatched"],
    ["start"],
  ]);
  workers.sendAll({ kind: "unwatched" });
  expect(got("api")).toEqual(["start", "unwatched"]);
  expect([workers.send("vrrp", { kind: "unwatched" }), workers.send("bfd", { kind: "unwatched" })]).toEqual([
    true,
    false,
  ]);
  expect(got("vrrp")).toEqual(["start", "unwatched", "unwatched", "unwatched"]);
});

test("all tell everything again, or one of them", () => {
  const { workers, up, got } = lab();
  up("checker", "vrrp");
  workers.snapshot("vrrp");
  expect([got("checker"), got("vrrp")]).toEqual([["start"], ["start", "snapshot"]]);
  workers.snapshot();
  expect([got("checker"), got("vrrp")]).toEqual([
    ["start", "snapshot"],
    ["start", "snapshot", "snapshot"],
  ]);
});

test("one that is expelled is killed, said so, and another one takes its place", () => {
  const { workers, children, up, logs, clock } = lab();
  up("checker");
  const first = children.of("checker");
  workers.expel("checker", "sent rubbish");
  expect(first.killed).toEqual(["SIGKILL"]);
  expect(logs.map(({ message }) => message)).toContain(`checker sent rubbish: killing pid ${first.pid}`);
  clock.advance(100);
  expect(children.of("checker")).not.toBe(first);
});

test("--dont-respawn: who ends is not started again, and the parent hears of it", () => {
  const { children, up, told, clock, roles } = lab({ change: { respawn: false } });
  up("checker");
  children.of("checker").end("status 1");
  clock.advance(60_000);
  expect([roles(), told.filter((text) => text.includes("gave up"))]).toEqual([
    ["checker"],
    ["checker gave up: ended with status 1"],
  ]);
});

describe("a role that nothing needs", () => {
  test("goes; what it is configured with meanwhile is for the process after", async () => {
    const { workers, children, up, told, roles } = lab({ obedient: false });
    up("api");
    const gone = workers.dismiss("api");
    expect([workers.isLeaving("api"), children.of("api").last("stop")]).toMatchObject([true, { limitMs: 1000 }]);
    void workers.configure("api");
    await settle();
    expect(roles()).toEqual(["api"]);
    children.of("api").say({ kind: "stopped" });
    children.of("api").end("status 0");
    await gone;
    await settle();
    expect([workers.isLeaving("api"), roles(), told.filter((text) => text === "api dismissed")]).toEqual([
      false,
      ["api", "api"],
      ["api dismissed"],
    ]);
    children.of("api").comeUp();
    expect(workers.isRunning("api")).toBe(true);
  });

  test("that was none goes at once", async () => {
    const { workers, told } = lab({ roles: ["checker"] });
    await workers.dismiss("api");
    expect([workers.isLeaving("api"), told]).toEqual([false, []]);
  });

  test("does not come back when the director stops meanwhile", async () => {
    const { workers, children, up, roles } = lab({ obedient: false });
    up("api");
    const gone = workers.dismiss("api");
    const configured = workers.configure("api");
    const stopped = workers.stopAll(0, ALONE);
    children.of("api").say({ kind: "stopped" });
    children.of("api").end("status 0");
    await Promise.all([gone, configured, stopped]);
    expect([roles(), workers.isUp("api")]).toEqual([["api"], false]);
  });
});

describe("the end", () => {
  test("is that of one after the other: vrrp first, within what is left of the time, and a second for each at least", async () => {
    const { workers, children, up, clock } = lab({ obedient: false });
    up(...ALL);
    const stopped = workers.stopAll(5000, ALONE);
    const limits: (readonly [RoleName, number | undefined])[] = [];
    for (const role of ["vrrp", "checker", "bfd", "api", "starter"] as const) {
      await settle();
      expect(children.all.filter((child) => child.last("stop")).map((child) => child.role)).toHaveLength(
        limits.length + 1,
      );
      limits.push([role, children.of(role).last("stop")?.limitMs]);
      clock.advance(900);
      children.of(role).say({ kind: "stopped" });
      children.of(role).end("status 0");
    }
    await stopped;
    expect(limits).toEqual([
      ["vrrp", 5000],
      ["checker", 4100],
      ["bfd", 3200],
      ["api", 1000],
      ["starter", 1400],
    ]);
    const late = lab({ obedient: false });
    late.up("vrrp");
    void late.workers.stopAll(300, ALONE);
    await settle();
    expect(late.children.of("vrrp").last("stop")?.limitMs).toBe(1000);
  });

  test("shutdown_script runs when all others are gone, and the starter stops behind it", async () => {
    const { workers, children, up, got } = lab({ roles: ["starter", "vrrp"] });
    up("starter", "vrrp");
    let over = false;
    void workers.stopAll(5000, { shutdownScript: true }).then(() => {
      over = true;
    });
    await settle();
    expect([got("vrrp"), got("starter"), over]).toEqual([["start", "stop"], ["start", "shutdown"], false]);
    children.of("starter").answer("shutdown");
    await settle();
    expect([got("starter"), over]).toEqual([["start", "shutdown", "stop"], true]);
  });

  test("may take as long as each of them, with one that clears up behind it", () => {
    expect(stopLimitMs(5000) - stopLimitMs(0)).toBe(5000);
    expect(stopLimitMs(0)).toBe(5 * 5000);
  });

  const killed = async (options: LabOptions, end: (child: FakeChild) => void) => {
    const made = lab({ obedient: false, roles: ["vrrp"], ...options });
    made.up("vrrp");
    const first = made.children.of("vrrp");
    const stopped = made.workers.stopAll(2000, ALONE);
    end(first);
    made.clock.advance(2000);
    await settle();
    return { ...made, first, stopped };
  };
  const KILLED = () => {};

  test("one that had to be killed and left things: a new process takes them away, and stops", async () => {
    const { children, first, clock, logs, got, stopped, roles } = await killed({ leftBehind: ["vrrp"] }, KILLED);
    expect([first.killed, roles()]).toEqual([["SIGKILL"], ["vrrp", "vrrp"]]);
    expect(logs.at(-1)).toMatchObject({
      level: "warning",
      message: "vrrp: a new process takes away what the killed one left",
    });
    const sweeper = children.of("vrrp");
    sweeper.say({ kind: "hello" });
    await settle();
    expect(got("vrrp")).toEqual(["start"]);
    sweeper.say({ kind: "started" });
    await settle();
    expect(sweeper.last("stop")?.limitMs).toBe(1000);
    sweeper.say({ kind: "stopped" });
    sweeper.end("status 0");
    await stopped;
    expect([roles().length, clock.now()]).toEqual([2, 2000]);
  });

  test("a new one that does not come up is not waited for longer than three seconds", async () => {
    const { children, clock, stopped } = await killed({ leftBehind: ["vrrp"] }, KILLED);
    let over = false;
    void stopped.then(() => {
      over = true;
    });
    children.of("vrrp").say({ kind: "hello" });
    clock.advance(2999);
    await settle();
    expect(children.of("vrrp").last("stop")).toBeUndefined();
    clock.advance(1);
    await settle();
    expect(children.of("vrrp").last("stop")?.limitMs).toBe(1000);
    clock.advance(1000);
    await settle();
    expect([children.of("vrrp").killed, over]).toEqual([["SIGKILL"], true]);
  });

  test.each<[string, LabOptions, (child: FakeChild) => void]>([
    ["nothing was left", { leftBehind: [] }, KILLED],
    ["nobody can say what was left", {}, KILLED],
    ["the configuration has nothing for it", { leftBehind: ["vrrp"], nothing: ["vrrp"] }, KILLED],
    [
      "it stopped in order",
      { leftBehind: ["vrrp"] },
      (child) => {
        child.say({ kind: "stopped" });
        child.end("status 0");
      },
    ],
  ])("no other process where %s", async (_why, options, end) => {
    const { roles, stopped } = await killed(options, end);
    await stopped;
    expect(roles()).toEqual(["vrrp"]);
  });
});

test("who should have been killed and is not gone is stuck", () => {
  const { workers, children, up, clock } = lab();
  up("checker", "vrrp");
  const checker = children.of("checker");
  // The kernel keeps it.
  checker.end = () => {};
  for (let at = 0; at < 30_000; at += 1000) {
    clock.advance(1000);
    if (children.of("vrrp").got.at(-1)?.kind === "ping") children.of("vrrp").answer("ping");
  }
  expect([workers.stuck(), checker.killed.length > 0]).toEqual([["checker"], true]);
});
