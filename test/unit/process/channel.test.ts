import { expect, test } from "bun:test";
import {
  createOutbox,
  MAX_BATCH_UPDATES,
  MAX_WAITING_EVENTS,
  MAX_WAITING_LOG_LINES,
} from "../../../src/process/channel.ts";
import type { Batch } from "../../../src/process/messages.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { AT, virtualServer } from "../../support/status-samples.ts";

function outbox() {
  const sent: Batch[] = [];
  return { sent, box: createOutbox((batch) => sent.push(batch)) };
}

const settle = () => new Promise<void>((resolve) => queueMicrotask(resolve));
const event = (n: number): StatusUpdate => ({
  kind: "event",
  value: { at: AT, kind: "process", subject: `${n}`, to: "x", reason: "" },
});
const line = (message: string) => ({ level: "info", area: "test", message }) as const;

const vs = (id: string): StatusUpdate => ({ kind: "virtual-server", value: virtualServer(id) });
const gone: StatusUpdate = { kind: "role-gone", role: "checker" };
const current: StatusUpdate = { kind: "role-current", role: "checker" };

test("what one turn says goes in one batch, and nothing more before it is acknowledged", async () => {
  const { sent, box } = outbox();
  box.log(line("one"));
  box.update({ kind: "virtual-server", value: virtualServer("a/tcp") });
  box.topic("owned", ["192.0.2.1"]);
  await settle();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.logs.map((l) => l.message)).toEqual(["one"]);
  expect(sent[0]?.topics).toEqual({ owned: ["192.0.2.1"] });
  box.log(line("two"));
  await settle();
  expect(sent).toHaveLength(1);
  box.acknowledged();
  await settle();
  expect(sent[1]?.logs.map((l) => l.message)).toEqual(["two"]);
});

test("a slow reader gets the newest state of each object once", async () => {
  const { sent, box } = outbox();
  box.log(line("on its way"));
  await settle();
  for (let i = 0; i < 500; i++)
    box.update({ kind: "virtual-server", value: virtualServer("a/tcp", { reason: `${i}` }) });
  box.update({ kind: "virtual-server", value: virtualServer("b/tcp") });
  box.update({ kind: "virtual-server-gone", id: "b/tcp" });
  box.topic("owned", 1);
  box.topic("owned", 2);
  box.acknowledged();
  await settle();
  expect(sent[1]?.updates).toMatchObject([{ value: { reason: "499" } }, { kind: "virtual-server-gone", id: "b/tcp" }]);
  expect(sent[1]?.topics).toEqual({ owned: 2 });
});

test.each([
  ["an object of both lives", [vs("a"), gone, vs("a"), current], ["a"]],
  ["an object that is there no more", [vs("a"), gone, vs("b"), current], ["b"]],
  ["two ends before anything is sent", [gone, vs("a"), current, gone, vs("b"), current], ["b"]],
])("a reader that is slow while a role comes back has the right picture: %s", async (_what, updates, ids) => {
  const { sent, box } = outbox();
  const store = createStatusStore();
  box.log(line("on its way"));
  await settle();
  for (const update of updates) box.update(update);
  box.acknowledged();
  await settle();
  for (const batch of sent) for (const update of batch.updates) store.apply(update);
  expect(store.virtualServers().map(({ id }) => id)).toEqual(ids);
});

test("counters and facts of a role's life before are not added to those of the present one", async () => {
  const { sent, box } = outbox();
  const store = createStatusStore();
  box.log(line("on its way"));
  await settle();
  box.update({ kind: "metrics", role: "checker", values: { old: 1, both: 1 } });
  box.update(gone);
  box.update({ kind: "metrics", role: "checker", values: { both: 5 } });
  box.acknowledged();
  await settle();
  for (const batch of sent) for (const update of batch.updates) store.apply(update);
  expect([...store.metrics()]).toEqual([["both", 5]]);
});

test("counters of one role that come in parts add up", async () => {
  const { sent, box } = outbox();
  box.update({ kind: "metrics", role: "checker", values: { a: 1, b: 1 } });
  box.update({ kind: "metrics", role: "checker", values: { b: 2 } });
  await settle();
  expect(sent[0]?.updates).toEqual([{ kind: "metrics", role: "checker", values: { a: 1, b: 2 } }]);
});

test("events and log lines without a reader are bounded, the oldest go, and the loss is said", async () => {
  const { sent, box } = outbox();
  box.log(line("on its way"));
  await settle();
  for (let i = 0; i < MAX_WAITING_LOG_LINES + 5; i++) box.log(line(`${i}`));
  for (let i = 0; i < MAX_WAITING_EVENTS + 7; i++) box.update(event(i));
  box.acknowledged();
  await settle();
  const messages = sent[1]?.logs.map((l) => l.message) ?? [];
  expect(messages[0]).toBe("5");
  expect(messages.slice(-2)).toEqual([
    "5 log lines dropped: they came too fast",
    "7 events dropped: they came too fast",
  ]);
  expect(sent[1]?.updates).toHaveLength(MAX_WAITING_EVENTS);
  expect(sent[1]?.updates[0]).toMatchObject({ value: { subject: "7" } });
});

test("many objects go in several batches, whenEmpty waits for the last", async () => {
  const { sent, box } = outbox();
  for (let i = 0; i < MAX_BATCH_UPDATES * 2 + 1; i++) box.update({ kind: "virtual-server-gone", id: `${i}` });
  let empty = false;
  box.whenEmpty(() => {
    empty = true;
  });
  for (const expected of [MAX_BATCH_UPDATES, MAX_BATCH_UPDATES, 1]) {
    await settle();
    expect(sent.at(-1)?.updates).toHaveLength(expected);
    expect(empty).toBe(false);
    box.acknowledged();
  }
  expect(empty).toBe(true);
});

test("a new reader gets nothing of what the old one had not taken", async () => {
  const { sent, box } = outbox();
  box.log(line("old"));
  await settle();
  box.log(line("waiting"));
  box.reset();
  box.log(line("new"));
  await settle();
  expect(sent.at(-1)?.logs.map((l) => l.message)).toEqual(["new"]);
});
