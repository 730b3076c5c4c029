import { expect, test } from "bun:test";
import { bytesOf, createQueue } from "../../../src/process/bounded-queue.ts";
import {
  createOutbox,
  MAX_BATCH_BYTES,
  MAX_BATCH_UPDATES,
  MAX_QUEUE_BYTES,
  MAX_TOPICS,
  MAX_WAITING_EVENTS,
  MAX_WAITING_LOG_LINES,
} from "../../../src/process/channel.ts";
import { MAX_FROM_CHILD_BYTES } from "../../../src/process/conduct.ts";
import type { Batch } from "../../../src/process/messages.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { AT, deadServer, virtualServer } from "../../support/status-samples.ts";

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
const worded = (id: string, reason: string): StatusUpdate => ({
  kind: "virtual-server",
  value: virtualServer(id, { reason }),
});
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

test("traffic of instances and facts come in parts too, and only what is newer replaces", async () => {
  const { sent, box } = outbox();
  const traffic = (name: string, sent: number): StatusUpdate => ({
    kind: "vrrp-traffic",
    values: { [name]: { lastAdvertAt: AT, counters: { sent } } },
  });
  for (const update of [traffic("A", 1), traffic("B", 2), traffic("A", 3)]) box.update(update);
  box.update({ kind: "facts", role: "checker", values: { a: 1, b: "x" } });
  box.update({ kind: "facts", role: "checker", values: { b: "y" } });
  await settle();
  expect(sent[0]?.updates).toEqual([
    {
      kind: "vrrp-traffic",
      values: { A: { lastAdvertAt: AT, counters: { sent: 3 } }, B: { lastAdvertAt: AT, counters: { sent: 2 } } },
    },
    { kind: "facts", role: "checker", values: { a: 1, b: "y" } },
  ]);
});

test("topics are counted by batch: many batches have as many as they like, one has its bound", async () => {
  const { sent, box } = outbox();
  for (let batch = 0; batch < 3; batch++) {
    for (let i = 0; i < MAX_TOPICS; i++) box.topic(`${i}`, batch);
    box.topic("0", "again");
    await settle();
    box.acknowledged();
  }
  expect(sent.map(({ topics }) => [Object.keys(topics).length, topics["0"]])).toEqual([
    [MAX_TOPICS, "again"],
    [MAX_TOPICS, "again"],
    [MAX_TOPICS, "again"],
  ]);
  for (let i = 0; i < MAX_TOPICS; i++) box.topic(`${i}`, 0);
  expect(() => box.topic("one more", 0)).toThrow(RangeError);
});

test("an acknowledgement when nothing waits sends nothing", async () => {
  const { sent, box } = outbox();
  box.log(line("one"));
  await settle();
  box.acknowledged();
  await settle();
  expect(sent).toHaveLength(1);
});

test("the newest of what waits is kept, whatever size it has", () => {
  const queue = createQueue<string>(10, 100);
  for (const item of ["small", "x".repeat(200)]) queue.push(item);
  expect(queue.take()).toEqual({ items: ["x".repeat(200)], dropped: 1 });
});

test("what has the same key takes its share of the places and no more, and others stay", () => {
  const queue = createQueue<string>(10, 10_000, { keyOf: ([first = ""]) => first, maxItems: 3 });
  queue.push("b1");
  for (let i = 0; i < 100; i++) queue.push(`a${i}`);
  queue.push("b2");
  expect(queue.items()).toEqual(["b1", "a97", "a98", "a99", "b2"]);
  expect(queue.take().dropped).toBe(97);
  for (const item of ["a1", "a2", "a3"]) queue.push(item);
  expect(queue.items()).toEqual(["a1", "a2", "a3"]);
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

test("what waits is bounded in bytes, whatever number it has: the oldest go", async () => {
  const sent: Batch[] = [];
  let lost = 0;
  const big = (id: string) => worded(id, "ü".repeat(100_000));
  const size = bytesOf(big("0"));
  const box = createOutbox((batch) => sent.push(batch), { maxWaitingBytes: 4 * size, lost: () => lost++ });
  box.log(line("on its way"));
  await settle();
  for (const id of ["0", "1", "2", "3"]) box.update(big(id));
  // Replaced, and so counted once.
  for (let i = 0; i < 20; i++) box.update(big("3"));
  expect([box.waitingBytes(), lost]).toEqual([4 * size, 0]);
  box.update(big("4"));
  expect([box.waitingBytes(), lost]).toEqual([4 * size, 1]);
  box.acknowledged();
  await settle();
  expect(sent[1]?.updates.map((update) => update.kind === "virtual-server" && update.value.id)).toEqual([
    "1",
    "2",
    "3",
    "4",
  ]);
  expect(box.waitingBytes()).toBe(0);
});

test("a batch of large objects, events and lines is no larger than the parent takes", async () => {
  const { sent, box } = outbox();
  box.log(line("on its way"));
  await settle();
  const text = "x".repeat(4000);
  for (let i = 0; i < 200; i++) box.update(worded(`${i}`, text.repeat(10)));
  for (let i = 0; i < 1000; i++) {
    box.log(line(text));
    box.update({ kind: "event", value: { at: AT, kind: text, subject: text, to: text, reason: text } });
  }
  const largest = 200 * bytesOf(worded("199", text.repeat(10)));
  expect(largest).toBeGreaterThan(MAX_FROM_CHILD_BYTES.api * 0.9);
  let objects = 0;
  while (objects < 200) {
    box.acknowledged();
    await settle();
    const batch = sent.at(-1);
    if (!batch) throw new Error("nothing was sent");
    expect(bytesOf(batch)).toBeLessThan(MAX_BATCH_BYTES + 2 * MAX_QUEUE_BYTES + 10_000);
    objects += batch.updates.filter(({ kind }) => kind === "virtual-server").length;
  }
  expect(MAX_BATCH_BYTES + 2 * MAX_QUEUE_BYTES + 10_000).toBeLessThan(Math.min(...Object.values(MAX_FROM_CHILD_BYTES)));
  // Both kinds of loss are told.
  expect(sent.flatMap(({ logs }) => logs).filter(({ message }) => message.endsWith("they came too fast"))).toHaveLength(
    2,
  );
});

test("a service of a hundred thousand real servers is one message that the parent takes, alone in its batch", async () => {
  const { sent, box } = outbox();
  const realServers = Array.from({ length: 100_000 }, (_, at) =>
    deadServer(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}:80`),
  );
  box.update(vs("small"));
  box.update({ kind: "virtual-server", value: virtualServer("large", { realServers }) });
  await settle();
  box.acknowledged();
  await settle();
  expect(sent.map(({ updates }) => updates.length)).toEqual([1, 1]);
  expect(bytesOf(sent[1])).toBeLessThan(MAX_FROM_CHILD_BYTES.checker);
});
