// What is taken for an answer is given back, once, however the answer ends.
import { expect, test } from "bun:test";
import type { IncomingMessage } from "node:http";
import { createEventStream, MAX_WAITING_EVENTS } from "../../../src/api/events.ts";
import { streamOf, takesGzip } from "../../../src/api/pieces.ts";
import { titleOf } from "../../../src/api/problem.ts";
import { toRequest } from "../../../src/api/request.ts";
import { createSlots } from "../../../src/api/slots.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { manualClock } from "../../support/manual-clock.ts";

interface Reader {
  read(): Promise<{ readonly done: boolean }>;
  cancel(): Promise<void>;
}

const UNIX = { kind: "unix" } as const;
const TCP = { kind: "tcp" } as const;

test("a place is given back once; those of the UNIX socket and of TCP are apart, and one may be for the configuration", () => {
  const slots = createSlots();
  const taken = [];
  for (let back = slots.take(TCP, "large"); back; back = slots.take(TCP, "large")) taken.push(back);
  expect(taken.length).toBeGreaterThan(1);
  expect(slots.take(UNIX, "large")).toBeDefined();
  for (let i = 0; i < 5; i++) taken[0]?.();
  expect([slots.take(TCP, "large") !== undefined, slots.take(TCP, "large")]).toEqual([true, undefined]);
  const config = slots.take(UNIX, "config");
  expect([config !== undefined, slots.take(UNIX, "config")]).toEqual([true, undefined]);
  for (let i = 0; i < 5; i++) config?.();
  expect(slots.take(UNIX, "config")).toBeDefined();
  expect(slots.take(UNIX, "config")).toBeUndefined();
});

test.each([
  [
    "it was read to its end",
    ["a", "b"],
    async (reader: Reader) => {
      while (!(await reader.read()).done);
    },
  ],
  [
    "its reader left",
    ["a", "b"],
    async (reader: Reader) => {
      await reader.read();
      await reader.cancel();
    },
  ],
  [
    "what it is made of broke",
    undefined,
    async (reader: Reader) => {
      expect(await reader.read().catch((error: Error) => error.message)).toBe("no more");
    },
  ],
] as const)("a stream says once that it is over: %s", async (_how, parts, read) => {
  for (const gzip of [false, true]) {
    let done = 0;
    const broken = async function* (): AsyncGenerator<string> {
      yield* [];
      throw new Error("no more");
    };
    const reader = streamOf(parts ?? broken(), { gzip, done: () => void done++ }).getReader();
    await read(reader);
    expect(done).toBe(1);
  }
});

test.each([
  [null, false],
  ["", false],
  ["gzip", true],
  ["br, GZIP;q=0.5", true],
  ["gzip;q=0, *", false],
  ["*", true],
  ["*;q=0", false],
  ["br", false],
])("Accept-Encoding %p: gzip %p", (header, takes) => {
  expect(takesGzip(header)).toBe(takes);
});

test("a reader of events that is dropped and leaves is counted once", async () => {
  const store = createStatusStore();
  const events = createEventStream(store, manualClock());
  const other = events.open(undefined, UNIX);
  const slow = events.open(undefined, UNIX);
  expect(events.subscribers()).toBe(2);
  for (let i = 0; i < MAX_WAITING_EVENTS + 20; i++)
    store.apply({ kind: "event", value: { at: "", kind: "k", subject: `${i}`, to: "t", reason: "" } });
  const left = events.subscribers();
  await slow.body?.cancel();
  expect(events.subscribers()).toBe(left);
  await other.body?.cancel();
  expect(events.subscribers()).toBe(0);
});

test("before a director is known events have numbers of no boot", async () => {
  const events = createEventStream(createStatusStore(), manualClock());
  const reader = events.open(undefined, UNIX).body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("retry: 2000\nid: 0-0\n\n");
  await reader?.cancel();
});

test("a path of 2048 characters is served, a longer one is not", () => {
  const asked = (url: string) =>
    toRequest({ url, method: "GET", rawHeaders: [], headers: {} } as unknown as IncomingMessage);
  const path = (length: number) => `/${"a".repeat(length - 1)}`;
  expect(asked(path(2048))).toBeInstanceOf(Request);
  expect((asked(path(2049)) as Response).status).toBe(414);
});

test("each status has the words of its number", () => {
  expect([200, 404, 500, 503].map(titleOf)).toEqual([
    "OK",
    "Not Found",
    "Internal Server Error",
    "Service Unavailable",
  ]);
});
