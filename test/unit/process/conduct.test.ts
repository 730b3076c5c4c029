import { expect, test } from "bun:test";
import {
  clip,
  clipLine,
  createConduct,
  createLineBudget,
  MAX_NAMES,
  MAX_TEXT_CHARS,
  MAX_UNANSWERED,
  MAX_WISHES,
} from "../../../src/process/conduct.ts";
import type { Batch, FromChild, Topics } from "../../../src/process/messages.ts";
import type { RoleName, RoleOptions } from "../../../src/roles/role.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";

const ROLES: readonly RoleName[] = ["vrrp", "checker", "bfd", "api", "starter"];

function batch(updates: readonly StatusUpdate[] = [], topics: Topics = {}, logLines = 0): Batch {
  const line = { level: "info", area: "x", message: "y" } as const;
  return { kind: "batch", logs: Array.from({ length: logLines }, () => line), updates, topics };
}

const OPTIONS: RoleOptions = {
  ...{ runDir: "/run/lbd", ipvsTransport: "auto", releaseIpvs: true, releaseVrrp: true },
  ...{ api: { tcp: null }, debug: false },
};
const EVENT = { at: "", kind: "vrrp", subject: "a", to: "MASTER", reason: "" };
const VRRP_GONE: StatusUpdate = { kind: "vrrp-gone", name: "a" };
const SERVER_GONE: StatusUpdate = { kind: "virtual-server-gone", id: "a" };

test.each([
  ["an event", { kind: "event", value: EVENT }, ["vrrp", "checker", "bfd"]],
  ["an event that it numbered", { kind: "event", value: EVENT, id: 7 }, []],
  ["an instance", VRRP_GONE, ["vrrp"]],
  ["a sync group", { kind: "sync-group-gone", name: "g" }, ["vrrp"]],
  ["a virtual server", SERVER_GONE, ["checker"]],
  ["facts of the checker", { kind: "facts", role: "checker", values: {} }, ["checker"]],
  ["metrics of the api", { kind: "metrics", role: "api", values: {} }, ["api"]],
  ["metrics of the parent", { kind: "metrics", role: "parent", values: {} }, []],
  [
    "a process, which would write a pid file",
    { kind: "process", value: { role: "vrrp", state: "running", pid: 1, since: "", restarts: 0, reason: "" } },
    [],
  ],
  ["that a process is gone", { kind: "process-gone", role: "vrrp" }, []],
  ["that a role has ended", { kind: "role-gone", role: "vrrp" }, []],
  ["that a role has told everything", { kind: "role-current", role: "vrrp" }, []],
] as const)("%s is taken from its owner alone", (_what, update, owners) => {
  const takers = ROLES.filter((role) => createConduct(role).judge(batch([update])) === undefined);
  expect(takers).toEqual([...owners]);
});

const HANDED_OVER = { masters: ["a"], spokeAtMs: 5 };
const SESSION = { up: true, detail: "" };

test.each([
  ["bfd", { s: SESSION }, ["bfd"]],
  ["handover", HANDED_OVER, ["vrrp"]],
  ["anything", true, []],
  ["constructor", true, []],
] as const)("topic %s is published by its owner alone", (topic, value, owners) => {
  const takers = ROLES.filter((role) => createConduct(role).judge(batch([], { [topic]: value })) === undefined);
  expect(takers).toEqual([...owners]);
});

test.each([
  ["hello", "hello", undefined],
  ["started", { kind: "started" }, { kind: "start", options: OPTIONS, topics: {} }],
  ["the answer to a reload", { kind: "answer", id: 1 }, { kind: "reload", id: 1 }],
  ["the answer to a snapshot", { kind: "answer", id: 2 }, { kind: "snapshot", id: 2 }],
  ["a sign of life", { kind: "answer", id: 3 }, { kind: "ping", id: 3 }],
  ["ack", { kind: "ack" }, { kind: "status", updates: [] }],
  ["batch", batch(), { kind: "ack" }],
] as const)("%s comes as often as it was asked for", (_kind, said, asked) => {
  const message: FromChild = said === "hello" ? { kind: "hello" } : said;
  const conduct = createConduct("api");
  const first = conduct.judge(message) === undefined ? 1 : 0;
  expect(conduct.judge(message)).toBe(`«${message.kind}» that nothing asked for`);
  if (asked === undefined) return;
  conduct.sent(asked);
  expect(conduct.judge(message)).toBeUndefined();
  expect(conduct.judge(message)).toBeDefined();
  // What a process may say of itself, and the first batch, need no word of the parent.
  expect(first).toBe(message.kind === "batch" ? 1 : 0);
});

test.each<[RoleName, string, string, unknown]>([
  ["vrrp", "handover", "null", null],
  ["vrrp", "handover", "a text", "x"],
  ["vrrp", "handover", "masters that are no names", { ...HANDED_OVER, masters: [["a"]] }],
  ["vrrp", "handover", "masters in an object", { ...HANDED_OVER, masters: { 0: "a" } }],
  ["vrrp", "handover", "no time", { masters: [] }],
  ["bfd", "bfd", "null", null],
  ["bfd", "bfd", "an array", []],
  ["bfd", "bfd", "a session that is none", { s: true }],
  ["bfd", "bfd", "a session in an array", { s: [SESSION] }],
  ["bfd", "bfd", "a reason that is no text", { s: { ...SESSION, detail: [[]] } }],
])("of %s topic %s with %s is not kept", (role, topic, _what, value) => {
  expect(createConduct(role).judge(batch([], { [topic]: value }))).toBe(
    `topic ${topic} with something else than its facts`,
  );
});

test.each<[RoleName, string, number, (filler: string) => unknown]>([
  ["vrrp", "handover", 1 << 20, (name) => ({ ...HANDED_OVER, masters: [name] })],
  ["vrrp", "handover", 1 << 20, (more) => ({ ...HANDED_OVER, more })],
  ["bfd", "bfd", 4 << 20, (detail) => ({ s: { ...SESSION, detail } })],
])("of %s topic %s is kept up to %i bytes", (role, topic, most, around) => {
  const room = most - JSON.stringify(around("")).length;
  const judge = (filler: string) => createConduct(role).judge(batch([], { [topic]: around(filler) }));
  expect(judge("x".repeat(room))).toBeUndefined();
  expect(judge(`${"x".repeat(room - 1)}é`)).toBe(`topic ${topic} of ${most + 1} bytes, at most ${most} are taken`);
});

test("a question has one answer, with its own number; one that leaves too many without is told", () => {
  const conduct = createConduct("vrrp");
  for (const id of [1, 2]) conduct.sent({ kind: "ping", id });
  expect(conduct.judge({ kind: "answer", id: 3 })).toBe("«answer» that nothing asked for");
  expect(conduct.judge({ kind: "answer", id: 2 })).toBeUndefined();
  expect(conduct.judge({ kind: "answer", id: 1 })).toBeUndefined();
  for (let id = 0; id < MAX_UNANSWERED; id++) conduct.sent({ kind: "ping", id });
  expect(conduct.judge({ kind: "hello" })).toBeUndefined();
  conduct.sent({ kind: "ping", id: MAX_UNANSWERED });
  expect(conduct.judge(batch())).toBe("«batch» while 101 questions have no answer");
});

test("only the api asks for the effective configuration, a few pieces ahead of the answers", () => {
  const ask: FromChild = { kind: "want-effective", serial: 1 };
  const askers = ROLES.filter((role) => createConduct(role).judge(ask) === undefined);
  expect(askers).toEqual(["api"]);
  const conduct = createConduct("api");
  for (let at = 0; at < MAX_WISHES; at++) expect(conduct.judge(ask)).toBeUndefined();
  expect(conduct.judge(ask)).toBeDefined();
  conduct.sent({ kind: "effective", serial: 1, piece: "", end: false });
  expect(conduct.judge(ask)).toBeUndefined();
  expect(conduct.judge(ask)).toBeDefined();
});

test.each([
  ["log lines", batch([], {}, 1003), "1003 log lines at once"],
  ["reports", batch(Array.from({ length: 1201 }, () => SERVER_GONE)), "1201 reports at once"],
])("too many %s in one batch", (_what, message, reason) => {
  expect(createConduct("checker").judge(message)).toBe(reason);
});

test.each(["api", "starter"] as const)("the %s process can't make up names without end", (role) => {
  const named = (at: number): StatusUpdate => ({ kind: "metrics", role, values: { [`lbd_x_${at}`]: 1 } });
  const conduct = createConduct(role);
  const say = (update: StatusUpdate) => {
    conduct.sent({ kind: "ack" });
    return conduct.judge(batch([update]));
  };
  for (let at = 0; at < MAX_NAMES; at++) expect(say(named(at))).toBeUndefined();
  for (let at = 0; at < MAX_NAMES; at++) expect(say(named(at))).toBeUndefined();
  expect(say({ kind: "facts", role, values: { more: "" } })).toBe(`more than ${MAX_NAMES} names of metrics and facts`);
  const long = "facts with a name or text that is too long";
  expect(createConduct(role).judge(batch([{ kind: "facts", role, values: { ["x".repeat(300)]: 1 } }]))).toBe(long);
  expect(createConduct(role).judge(batch([{ kind: "facts", role, values: { x: "x".repeat(5000) } }]))).toBe(long);
});

test("a batch as large as an outbox makes it is taken", () => {
  const events = Array.from({ length: 1000 }, (): StatusUpdate => ({ kind: "event", value: EVENT }));
  const objects = Array.from({ length: 200 }, () => SERVER_GONE);
  expect(createConduct("checker").judge(batch([...objects, ...events], {}, 1002))).toBeUndefined();
});

test("bytes are paid for with time, after a burst", () => {
  const conduct = createConduct("api");
  expect(conduct.delayMs(2_000_000, 0)).toBe(0);
  expect(conduct.delayMs(200_000, 0)).toBe(1000);
  // A second later it is paid.
  expect(conduct.delayMs(0, 1000)).toBe(0);
  expect(conduct.delayMs(8_000_000, 1000)).toBe(40_000);
});

test("a snapshot of ten thousand services costs the checker no wait", () => {
  const conduct = createConduct("checker");
  for (let at = 0; at < 50; at++) expect(conduct.delayMs(1_000_000, 0)).toBe(0);
});

test("log lines have a budget, and what is over it is counted with the next line that fits", () => {
  const budget = createLineBudget("api", 0);
  expect(budget.take(150, 0)).toEqual({ take: 150, dropped: 0 });
  expect(budget.take(150, 0)).toEqual({ take: 50, dropped: 0 });
  expect(budget.take(1, 100)).toEqual({ take: 0, dropped: 0 });
  expect(budget.take(1, 1000)).toEqual({ take: 1, dropped: 101 });
  expect(budget.take(1, 1000)).toEqual({ take: 1, dropped: 0 });
});

test("that lines were left out is said every ten seconds, however many there are", () => {
  const budget = createLineBudget("bfd", 0);
  let said = 0;
  let dropped = 0;
  for (let now = 0; now < 60_000; now += 10) {
    const taken = budget.take(100, now);
    if (taken.dropped > 0) said++;
    dropped += taken.dropped;
  }
  expect(said).toBeLessThanOrEqual(7);
  expect(dropped).toBeGreaterThan(400_000);
});

test("long texts are cut", () => {
  expect(clip("short")).toBe("short");
  expect(clip("x".repeat(MAX_TEXT_CHARS + 1))).toHaveLength(MAX_TEXT_CHARS);
});

test("facts of a child's log lines are few and short", () => {
  const line = { level: "info", area: "a", message: "m" } as const;
  expect(clipLine({ ...line, fields: { instance: "x", up: true } })).toEqual({
    ...line,
    fields: { instance: "x", up: true },
  });
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`f${at}`, at]));
  expect(Object.keys(clipLine({ ...line, fields: many }).fields ?? {}).length).toBeLessThan(30);
  const long = { big: "x".repeat(100_000), ["y".repeat(100_000)]: 1, small: "z" };
  expect(clipLine({ ...line, fields: long })).toEqual({ ...line, fields: { small: "z" } });
});

test("what answers something comes as often as that was said, and no more", () => {
  const child = createConduct("api");
  const may = (message: FromChild) => child.judge(message) === undefined;
  for (let i = 0; i < 3; i++) child.sent({ kind: "status", updates: [] });
  expect([0, 1, 2, 3].map(() => may({ kind: "ack" }))).toEqual([true, true, true, false]);
  expect(may(batch())).toBe(true);
  // Two acknowledgements of the parent's are one place for a batch.
  for (let i = 0; i < 2; i++) child.sent({ kind: "ack" });
  expect([0, 1].map(() => may(batch()))).toEqual([true, false]);
  expect(may({ kind: "idle" })).toBe(false);
  child.sent({ kind: "complete", lingerMs: 1 });
  expect([0, 1].map(() => may({ kind: "idle" }))).toEqual([true, false]);
  expect(may({ kind: "stopped" })).toBe(false);
  child.sent({ kind: "stop", limitMs: 1 });
  expect([0, 1].map(() => may({ kind: "stopped" }))).toEqual([true, false]);
});

test("a long quiet time saves up no more than a burst, of bytes and of lines", () => {
  const day = 24 * 3600 * 1000;
  const child = createConduct("api");
  expect(child.delayMs(0, 0)).toBe(0);
  expect(child.delayMs(2_000_000, day)).toBe(0);
  expect(child.delayMs(200_000, day)).toBe(1000);
  const lines = createLineBudget("api", 0);
  expect(lines.take(1000, day)).toEqual({ take: 200, dropped: 0 });
});
