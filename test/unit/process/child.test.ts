import { expect, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { createOutbox } from "../../../src/process/channel.ts";
import { type Child, type ChildPorts, createChild } from "../../../src/process/child.ts";
import { wholePieces } from "../../../src/process/configuration/shares.ts";
import type { FromChild, ToChild } from "../../../src/process/messages.ts";
import { readFromChild, readToChild } from "../../../src/process/messages.ts";
import { SELF_EVERY_MS } from "../../../src/process/telling.ts";
import type { Role, RoleContext } from "../../../src/roles/role.ts";
import { bindText } from "../../support/config.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { virtualServer } from "../../support/status-samples.ts";

const { config } = bindText("");
const START: ToChild & { readonly kind: "start" } = {
  kind: "start",
  options: {
    runDir: "/r",
    ipvsTransport: "auto",
    releaseIpvs: true,
    releaseVrrp: true,
    api: { tcp: null },
    debug: false,
  },
  topics: { owned: ["192.0.2.9"] },
};

function lab(
  change: Partial<Role> = {},
  onContext: (context: RoleContext) => void = () => {},
  later: (run: () => void) => void = queueMicrotask,
  more: Partial<ChildPorts> = {},
) {
  const clock = manualClock();
  const told: FromChild[] = [];
  const exits: number[] = [];
  const calls: string[] = [];
  const masks: number[] = [];
  const outbox = createOutbox((batch) => {
    told.push(batch);
    queueMicrotask(() => outbox.acknowledged());
  });
  const role: Role = {
    start: () => void calls.push("start"),
    reload: () => void calls.push("reload"),
    stop: () => void calls.push("stop"),
    snapshot: () => void calls.push("snapshot"),
    receive: (topic) => void calls.push(`receive ${topic}`),
    ...change,
  };
  const took: string[] = [];
  const autoPriority = {
    configure: (wish: unknown, base: number) => void took.push(`priority ${base} ${JSON.stringify(wish) ?? "never"}`),
    late: () => {},
  };
  const child = createChild(
    "checker",
    (context) => {
      onContext(context);
      return role;
    },
    {
      clock,
      log: outbox.log,
      outbox,
      autoPriority,
      self: () => ({ own: clock.now() }),
      tell: (m) => told.push(m),
      rename: (name) => void took.push(`name ${name}`),
      grown: () => void took.push(`grown after ${calls.at(-1)}`),
      setUmask: (mask) => masks.push(mask),
      unpack: (piece) => Buffer.from(piece).toString(),
      later,
      enterNamespace(namespace) {
        if (namespace === "missing") throw new Error("open: ENOENT");
        calls.push(`enter ${namespace}`);
      },
      exit: (status) => exits.push(status),
      ...more,
    },
  );
  const kinds = () => told.map((message) => message.kind);
  give(child, config);
  const logged = () => told.flatMap((one) => (one.kind === "batch" ? one.logs.map(({ message }) => message) : []));
  return { clock, child, told, kinds, exits, calls, masks, took, logged };
}

/** A configuration, as the parent gives it before it says what to do with it. */
function give(child: Child, config: Config): void {
  for (const piece of wholePieces(config)) child.takePiece(Buffer.from(piece));
}

async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

test("starts with the topics that are known, and gives a whole picture when it is asked for one", async () => {
  const { child, calls, kinds } = lab();
  child.take(START);
  await settle();
  expect(calls).toEqual(["receive owned", "start"]);
  child.take({ kind: "snapshot", id: 2 });
  await settle();
  expect(calls).toEqual(["receive owned", "start", "snapshot"]);
  expect(kinds()).toEqual(["started", "batch", "answer"]);
});

test("each message of reports is acknowledged, so that the next can come", async () => {
  const got: number[] = [];
  const { child, told } = lab({ update: (updates) => void got.push(updates.length) });
  child.take(START);
  await settle();
  for (let i = 0; i < 2; i++) child.take({ kind: "status", updates: [{ kind: "role-gone", role: "vrrp" }] });
  expect([got, told.filter(({ kind }) => kind === "ack").length]).toEqual([[1, 1], 2]);
});

test("facts that were told in parts are whole for who looks later; who looks twice is told by one timer", async () => {
  let context: RoleContext | undefined;
  const { child, told, clock } = lab({}, (given) => {
    context = given;
  });
  child.take(START);
  await settle();
  context?.report({ kind: "facts", role: "checker", values: { a: 1 } });
  context?.report({ kind: "facts", role: "checker", values: { b: 2 } });
  const updates = () => told.splice(0).flatMap((message) => (message.kind === "batch" ? message.updates : []));
  for (const id of [1, 2]) child.take({ kind: "snapshot", id });
  await settle();
  expect(updates()).toContainEqual({ kind: "facts", role: "checker", values: { a: 1, b: 2 } });
  for (let i = 0; i < 3; i++) {
    clock.advance(SELF_EVERY_MS);
    await settle();
    expect(updates().map(({ kind }) => kind)).toEqual(["metrics"]);
  }
  child.take({ kind: "unwatched" });
  expect(clock.nextAt()).toBeUndefined();
});

test("what others wait for at a stop is done at once, though a reload hangs", async () => {
  const { child, calls } = lab({
    reload: () => new Promise(() => {}),
    leave: () => void calls.push("leave"),
    stop: () => void calls.push("stop"),
  });
  child.take(START);
  await settle();
  child.take({ kind: "reload", id: 2 });
  await settle();
  calls.splice(0);
  child.take({ kind: "stop", limitMs: 5000 });
  expect(calls).toEqual(["leave"]);
});

test("a role that can't leave stops all the same, and not in order", async () => {
  const { child, calls, kinds, exits, logged } = lab({
    leave() {
      throw new Error("ENETDOWN");
    },
    stop: () => void calls.push("stop"),
  });
  child.take(START);
  await settle();
  child.take({ kind: "stop", limitMs: 5000 });
  await settle();
  expect(calls.at(-1)).toBe("stop");
  expect(logged()).toContain("stop: ENETDOWN");
  child.take({ kind: "ack" });
  await settle();
  expect([kinds().includes("stopped"), exits]).toEqual([false, [1]]);
});

test("a parent that is gone leaves the role five seconds to stop in", async () => {
  const { child, clock, exits } = lab({ stop: () => new Promise(() => {}) });
  child.take(START);
  await settle();
  child.orphaned();
  await settle();
  clock.advance(4999);
  await settle();
  expect(exits).toEqual([]);
  clock.advance(1);
  await settle();
  expect(exits).toEqual([1]);
});

test("while nobody looks it tells events alone, and wakes up for nothing", async () => {
  let context: RoleContext | undefined;
  const { child, told, clock, calls } = lab({ unwatched: () => void calls.push("unwatched") }, (given) => {
    context = given;
  });
  const updates = () => told.splice(0).flatMap((message) => (message.kind === "batch" ? message.updates : []));
  const sayAll = () => {
    context?.report({ kind: "facts", role: "checker", values: { transport: "netlink" } });
    context?.report({ kind: "virtual-server", value: virtualServer("a/tcp") });
    context?.report({ kind: "event", value: { at: "", kind: "k", subject: "s", to: "t", reason: "r" } });
  };
  child.take(START);
  await settle();
  sayAll();
  await settle();
  expect(updates().map(({ kind }) => kind)).toEqual(["event"]);
  expect([context?.isWatched?.(), clock.nextAt()]).toEqual([false, undefined]);
  child.take({ kind: "snapshot", id: 2 });
  await settle();
  // The fact was told to nobody; the service is the role's to tell again.
  expect(updates().map(({ kind }) => kind)).toEqual(["facts", "metrics"]);
  sayAll();
  clock.advance(SELF_EVERY_MS);
  await settle();
  expect(updates().map(({ kind }) => kind)).toEqual(["facts", "virtual-server", "metrics", "event"]);
  child.take({ kind: "unwatched" });
  sayAll();
  await settle();
  expect(updates().map(({ kind }) => kind)).toEqual(["event"]);
  expect([context?.isWatched?.(), clock.nextAt(), calls.at(-1)]).toEqual([false, undefined, "unwatched"]);
});

test.each([
  ["as configured", bindText("net_namespace blue\n").config, {}, "enter blue"],
  [
    "as the command line says, which beats the configuration",
    bindText("net_namespace blue\n").config,
    { namespace: "red" },
    "enter red",
  ],
])("goes to its network namespace first: %s", async (_why, config, options, entered) => {
  const { child, calls } = lab();
  give(child, config);
  child.take({ ...START, options: { ...START.options, ...options } });
  await settle();
  expect(calls[0]).toBe(entered);
});

test("a namespace that is missing is the reason of the end", async () => {
  const { child, calls, told, exits } = lab();
  child.take({ ...START, options: { ...START.options, namespace: "missing" } });
  await settle();
  expect(calls).toEqual([]);
  expect(told).toContainEqual({ kind: "failed", reason: "start: open: ENOENT" });
  expect(exits).toEqual([1]);
});

test("«current» comes after everything that was reported", async () => {
  let report = (_id: string) => {};
  const { child, kinds } = lab({ snapshot: () => report("a/tcp") }, (context) => {
    report = (id) => context.report({ kind: "virtual-server", value: virtualServer(id) });
  });
  child.take(START);
  await settle();
  child.take({ kind: "snapshot", id: 2 });
  await settle();
  expect(kinds()).toEqual(["started", "batch", "answer"]);
});

test("a start that fails says why and ends the process", async () => {
  const { child, told, exits } = lab({ start: () => Promise.reject(new Error("the kernel has no IPVS")) });
  child.take(START);
  await settle();
  expect(told).toContainEqual({ kind: "failed", reason: "start: the kernel has no IPVS" });
  expect(exits).toEqual([1]);
});

test("start, reload and stop never overlap", async () => {
  let finish = () => {};
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { child, calls, exits, kinds } = lab({ start: () => slow });
  child.take(START);
  child.take({ kind: "reload", id: 1 });
  await settle();
  expect(calls).toEqual(["receive owned"]);
  finish();
  await settle();
  expect(calls).toEqual(["receive owned", "reload"]);
  child.take({ kind: "stop", limitMs: 1000 });
  await settle();
  expect(calls.at(-1)).toBe("stop");
  expect(kinds().at(-1)).toBe("stopped");
  expect(exits).toEqual([0]);
});

test("of reloads that come while one is under way the last is taken, and all are answered", async () => {
  const taken: Config[] = [];
  const ends: (() => void)[] = [];
  const { child, told } = lab({
    reload(config) {
      taken.push(config);
      return new Promise<void>((resolve) => void ends.push(resolve));
    },
  });
  child.take(START);
  for (const id of [1, 2, 3, 4]) {
    give(child, bindText(`global_defs {\nrouter_id R${id}\n}`).config);
    child.take({ kind: "reload", id });
    if (id === 1) await settle();
  }
  await settle();
  expect(taken).toHaveLength(1);
  ends[0]?.();
  await settle();
  expect(taken).toHaveLength(2);
  const answers = () => told.flatMap((message) => (message.kind === "answer" ? [message.id] : []));
  expect(answers()).toEqual([1]);
  ends[1]?.();
  await settle();
  expect(answers()).toEqual([1, 2, 3, 4]);
  expect(taken.map(({ global }) => global.routerId)).toEqual(["R1", "R4"]);
});

test("a stop tells the role to leave what a reload has still to do, and waits for it", async () => {
  let end = () => {};
  const { child, calls } = lab({
    reload() {
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    },
    leave: () => end(),
  });
  child.take(START);
  child.take({ kind: "reload", id: 1 });
  await settle();
  child.take({ kind: "stop", limitMs: 1000 });
  await settle();
  expect(calls.at(-1)).toBe("stop");
});

test("a stop wins over a start that hangs", async () => {
  const { child, calls, exits, clock } = lab({ start: () => new Promise<void>(() => {}) });
  child.take(START);
  child.take({ kind: "stop", limitMs: 1000 });
  await settle();
  expect(calls).not.toContain("stop");
  clock.advance(500);
  await settle();
  expect(calls).toContain("stop");
  expect(exits).toEqual([0]);
});

test("a stop that hangs is left behind at its limit, and is not told as done", async () => {
  const { child, exits, clock, kinds } = lab({ stop: () => new Promise<void>(() => {}) });
  child.take(START);
  await settle();
  child.orphaned();
  await settle();
  expect(exits).toEqual([]);
  clock.advance(5000);
  await settle();
  expect(exits).toEqual([1]);
  expect(kinds()).toContain("failed");
  expect(kinds()).not.toContain("stopped");
});

test("a stop that fails is not told as done: the parent takes away what is left", async () => {
  const { child, exits, kinds } = lab({ stop: () => Promise.reject(new Error("no such device")) });
  child.take(START);
  await settle();
  child.take({ kind: "stop", limitMs: 1000 });
  for (let turn = 0; turn < 5; turn++) {
    child.take({ kind: "ack" });
    await settle();
  }
  expect(exits).toEqual([1]);
  expect(kinds()).not.toContain("stopped");
});

test("answers heartbeats, and tells of a parent that was silent", async () => {
  const { child, kinds, told, clock } = lab();
  child.take({ kind: "ping", id: 3 });
  clock.advance(1000);
  child.take({ kind: "ping", id: 3 });
  await settle();
  expect(kinds()).toEqual(["answer", "answer"]);
  clock.advance(12_000);
  child.take({ kind: "ping", id: 3 });
  await settle();
  expect(told.at(-1)).toMatchObject({ logs: [{ message: "checker: nothing was heard of the parent for 12 s" }] });
});

test.each([
  ["nothing", undefined],
  ["text", "stop"],
  ["another kind", { kind: "launch" }],
  ["a stop without a limit", { kind: "stop" }],
  ["a status that is no list", { kind: "status", updates: 1 }],
  ["an update without its key", { kind: "status", updates: [{ kind: "virtual-server", value: {} }] }],
])("a parent's message that is %s is refused", (_what, raw) => {
  expect(readToChild(raw)).toBeUndefined();
});

test.each([
  ["null", null],
  ["a batch without its parts", { kind: "batch" }],
  [
    "a log line of no level",
    { kind: "batch", logs: [{ level: "loud", area: "x", message: "y" }], updates: [], topics: {} },
  ],
  [
    "a metric that is no number",
    { kind: "batch", logs: [], updates: [{ kind: "metrics", role: "x", values: { a: "1" } }], topics: {} },
  ],
])("a child's message that is %s is refused", (_what, raw) => {
  expect(readFromChild(raw)).toBeUndefined();
});

test.each([
  ["umask 022 of the configuration", "umask 022", undefined, 0o22],
  ["keepalived's own", "", undefined, 0o177],
  ["--umask beats it", "umask 022", 0o27, 0o27],
])("files are made with %s", async (_why, line, umask, mask) => {
  const { child, masks } = lab();
  const { config } = bindText(`global_defs {\n${line}\n}\n`);
  give(child, config);
  child.take({ ...START, options: { ...START.options, ...(umask !== undefined && { umask }) } });
  await settle();
  child.take({ kind: "reload", id: 1 });
  await settle();
  expect(masks).toEqual([mask, mask]);
});

test("a configuration that can't be read ends the process with the reason", async () => {
  const { child, told, exits } = lab();
  child.takePiece(Buffer.from("[["));
  child.take({ kind: "reload", id: 1 });
  await settle();
  expect(told.find(({ kind }) => kind === "failed")).toMatchObject({ reason: expect.stringContaining("JSON") });
  expect(exits).toEqual([1]);
});

test("a topic that comes while the configuration does is not lost", async () => {
  const later: (() => void)[] = [];
  const { child, calls } = lab(
    {},
    () => {},
    (run) => later.push(run),
  );
  give(child, config);
  child.take(START);
  child.take({ kind: "topic", topic: "bfd", value: {} });
  expect(calls).toEqual([]);
  for (let run = later.shift(); run; run = later.shift()) run();
  await settle();
  expect(calls).toEqual(["receive owned", "receive bfd", "start"]);
});

test("name and priority of its process are those of the configuration, at the start and at each reload", async () => {
  const { child, took } = lab();
  child.take({ ...START, options: { ...START.options, calledAs: "keepalived" } });
  await settle();
  expect(took).toEqual(["name keepalived", expect.stringMatching(/^priority 0 \{"max":0/), "grown after start"]);
  took.length = 0;
  give(
    child,
    bindText("global_defs {\n checker_process_name other\n checker_rt_priority 7\n max_auto_priority 20\n}\n").config,
  );
  child.take({ kind: "reload", id: 2 });
  await settle();
  expect(took).toEqual(["name other", expect.stringMatching(/^priority 7 \{.*"max":20/), "grown after reload"]);
});

test("a role starts once, and enters a namespace only when its process is not in it already", async () => {
  const { child, calls, kinds } = lab();
  child.take(START);
  child.take(START);
  await settle();
  expect([calls.filter((call) => call === "start").length, kinds()]).toEqual([1, ["started"]]);
  const inside = lab({}, undefined, undefined, { namespace: "blue" });
  inside.child.take({ ...START, options: { ...START.options, namespace: "blue" } });
  await settle();
  expect(inside.calls).toEqual(["receive owned", "start"]);
});

test("a start that is over when the role stops already is not told", async () => {
  let started = () => {};
  const { child, kinds, exits, took } = lab({
    start: () =>
      new Promise<void>((resolve) => {
        started = resolve;
      }),
  });
  child.take(START);
  await settle();
  child.take({ kind: "stop", limitMs: 1000 });
  started();
  await settle();
  expect([kinds(), exits]).toEqual([["stopped"], [0]]);
  expect(took.filter((what) => what.startsWith("grown"))).toEqual([]);
});

test("its last words leave before it does, and are not waited for without end", async () => {
  const unread = createOutbox(() => {});
  const { child, told, exits, clock } = lab({}, undefined, undefined, { outbox: unread, log: unread.log });
  child.take(START);
  await settle();
  unread.log({ level: "info", area: "x", message: "last" });
  await settle();
  child.take({ kind: "stop", limitMs: 1000 });
  await settle();
  expect(exits).toEqual([]);
  clock.advance(499);
  await settle();
  expect(exits).toEqual([]);
  clock.advance(1);
  await settle();
  expect([told.at(-1)?.kind, exits]).toEqual(["stopped", [0]]);
});

test("why a stop was not in order is said", async () => {
  const { child, logged, exits } = lab({ stop: () => Promise.reject(new Error("no table")) });
  child.take(START);
  await settle();
  child.take({ kind: "stop", limitMs: 1000 });
  await settle();
  expect([logged(), exits]).toEqual([["stop: no table"], [1]]);
});

test("a role may ask for another process, with its reason", async () => {
  let context: RoleContext | undefined;
  const { child, told, exits } = lab({}, (given) => {
    context = given;
  });
  child.take(START);
  await settle();
  context?.renew?.("only a process with all its rights can do it");
  await settle();
  expect(told.at(-1)).toEqual({ kind: "failed", reason: "only a process with all its rights can do it" });
  expect(exits).toEqual([1]);
});

test("what fails leaves its last lines, and what comes behind it is not looked at", async () => {
  const unread = createOutbox(() => {});
  const { child, told, exits, clock } = lab({}, undefined, undefined, {
    outbox: unread,
    log: unread.log,
    unpack() {
      throw new Error("bad piece");
    },
  });
  unread.log({ level: "info", area: "x", message: "last" });
  await settle();
  for (let i = 0; i < 3; i++) child.takePiece(new Uint8Array(1));
  await settle();
  expect([told, exits]).toEqual([[{ kind: "failed", reason: "start: bad piece" }], []]);
  clock.advance(500);
  await settle();
  expect(exits).toEqual([1]);
});
