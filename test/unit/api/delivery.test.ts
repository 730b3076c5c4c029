// How answers go out, and what connections cost: with readers and sockets of the test's own, on a clock that it moves.
import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { STREAMED } from "../../../src/api/app.ts";
import { createConnections, IDLE_MS, MAX_CONNECTIONS } from "../../../src/api/connections.ts";
import { ANSWER_MS, createDelivery } from "../../../src/api/delivery.ts";
import { manualClock } from "../../support/manual-clock.ts";

/** A reader that takes what a test lets it take. */
function reader({ method = "GET", version = "1.1", body = false, takes = true } = {}) {
  const outgoing = Object.assign(new EventEmitter(), {
    statusCode: 0,
    statusMessage: "",
    headers: new Map<string, unknown>(),
    wrote: [] as string[],
    ended: false,
    destroyed: false,
    setHeader: (name: string, value: unknown) => void outgoing.headers.set(name, value),
    flushHeaders() {},
    write(chunk: Uint8Array) {
      outgoing.wrote.push(Buffer.from(chunk).toString());
      return takes;
    },
    end(chunk?: Uint8Array) {
      if (chunk) outgoing.wrote.push(Buffer.from(chunk).toString());
      outgoing.ended = true;
    },
    destroy() {
      outgoing.destroyed = true;
      outgoing.emit("close");
    },
  });
  const incoming = { method, httpVersion: version, headers: body ? { "content-length": "5" } : {} };
  return {
    outgoing,
    parts: [incoming as unknown as IncomingMessage, outgoing as unknown as ServerResponse, { gone: false }] as const,
    fetched: () => outgoing.emit("close"),
  };
}

const settle = async () => {
  for (let i = 0; i < 100; i++) await Promise.resolve();
};
const streamed = (parts: readonly string[], type = "application/json", chunked = true) =>
  new Response(
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      },
    }),
    { headers: { "content-type": type, ...(chunked && { [STREAMED]: "chunked" }) } },
  );

describe("small answers", () => {
  test("wait for their readers up to sixteen megabytes, and no more once they are fetched or given up", async () => {
    const clock = manualClock();
    const delivery = createDelivery(clock, "unix");
    const readers = [reader(), reader()];
    for (const one of readers) void delivery.send(new Response("x".repeat(8 * 1024 * 1024)), ...one.parts);
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
    await settle();
    expect([readers.every(({ outgoing }) => outgoing.ended), delivery.full()]).toEqual([true, false]);
    const third = reader();
    void delivery.send(new Response("one more"), ...third.parts);
    await settle();
    expect(delivery.full()).toBe(true);
    readers[0]?.fetched();
    await settle();
    expect([delivery.full(), third.outgoing.destroyed]).toEqual([false, false]);
    // The others are given up, and nothing is left to wait for.
    clock.advance(ANSWER_MS);
    await settle();
    expect([third.outgoing.destroyed, readers[0]?.outgoing.destroyed, delivery.full()]).toEqual([true, false, false]);
    expect(clock.nextAt()).toBeUndefined();
  });

  test.each([
    ["a body came with the request", { body: true }, "close"],
    ["HTTP/1.0", { version: "1.0" }, "close"],
    ["neither", {}, undefined],
  ])("the connection ends behind it: %s", async (_what, how, connection) => {
    const one = reader(how);
    void createDelivery(manualClock(), "unix").send(new Response("a"), ...one.parts);
    await settle();
    expect(one.outgoing.headers.get("connection")).toBe(connection);
  });
});

describe("answers that are made as they are read", () => {
  test.each([
    ["events", "text/event-stream", 60_000],
    ["a large one", "application/json", 10_000],
  ])("a reader that takes nothing is given up: %s", async (_what, type, stallMs) => {
    const clock = manualClock();
    const one = reader({ takes: false });
    const sent = createDelivery(clock, "unix").send(streamed(["a", "b"], type), ...one.parts);
    await settle();
    expect(one.outgoing.wrote).toEqual(["a"]);
    clock.advance(stallMs - 1);
    expect(one.outgoing.destroyed).toBe(false);
    // Each that it takes begins its time anew.
    one.outgoing.emit("drain");
    await settle();
    expect(one.outgoing.wrote).toEqual(["a", "b"]);
    clock.advance(1);
    expect(one.outgoing.destroyed).toBe(false);
    clock.advance(stallMs - 1);
    expect(one.outgoing.destroyed).toBe(true);
    // It is over with its reader, and nothing of it listens any more.
    Object.assign(one.parts[2], { gone: true });
    await sent;
    expect(["close", "drain"].map((event) => one.outgoing.listenerCount(event))).toEqual([0, 0]);
  });

  test("a large one over TCP has a minute, on the UNIX socket ten", async () => {
    const gone: number[] = [];
    for (const kind of ["tcp", "unix"] as const) {
      const clock = manualClock();
      const one = reader();
      void createDelivery(clock, kind).send(streamed(["a"]), ...one.parts);
      await settle();
      while (!one.outgoing.destroyed && clock.now() < 3_600_000) clock.advance(1000);
      gone.push(clock.now());
    }
    expect(gone).toEqual([60_000, 600_000]);
  });

  test("a HEAD has none of it, and HTTP/1.0 no chunks", async () => {
    const head = reader({ method: "HEAD" });
    await createDelivery(manualClock(), "unix").send(streamed(["a"]), ...head.parts);
    expect([head.outgoing.ended, head.outgoing.wrote, head.outgoing.headers.has(STREAMED)]).toEqual([true, [], false]);
    const old = reader({ version: "1.0" });
    void createDelivery(manualClock(), "unix").send(streamed(["a"]), ...old.parts);
    await settle();
    expect([old.outgoing.wrote, old.outgoing.headers.has(STREAMED)]).toEqual([["a"], false]);
  });
});

describe("connections", () => {
  function lab(ready = () => true) {
    const clock = manualClock();
    let changes = 0;
    const connections = createConnections(clock, ready, () => void changes++);
    const open = () => {
      const socket = Object.assign(new EventEmitter(), {
        destroyed: false,
        destroy() {
          if (socket.destroyed) return;
          socket.destroyed = true;
          queueMicrotask(() => socket.emit("close"));
        },
      });
      connections.admit(socket as unknown as Socket);
      return socket;
    };
    const of = (socket: ReturnType<typeof open>) => connections.of(socket as unknown as Socket);
    return { clock, connections, open, of, changes: () => changes };
  }

  test("one that does nothing is closed, one that is being answered is not; then nothing is looked for", async () => {
    const { clock, connections, open, of, changes } = lab();
    const [idle, busy] = [open(), open()];
    const record = of(busy);
    if (record) record.busy = 1;
    expect(changes()).toBe(2);
    clock.advance(IDLE_MS);
    expect(idle.destroyed).toBe(false);
    clock.advance(1000);
    await settle();
    expect([idle.destroyed, busy.destroyed, connections.count(), changes()]).toEqual([true, false, 1, 3]);
    if (record) Object.assign(record, { busy: 0, lastAt: clock.now() });
    clock.advance(IDLE_MS);
    expect(busy.destroyed).toBe(false);
    clock.advance(1000);
    await settle();
    expect([busy.destroyed, connections.count()]).toEqual([true, 0]);
    clock.advance(1000);
    expect(clock.nextAt()).toBeUndefined();
    // The next one is looked after as the first was.
    const next = open();
    clock.advance(IDLE_MS + 1000);
    expect(next.destroyed).toBe(true);
  });

  test("one too many takes the place of the one that was idle longest, at once; where all are busy it goes", async () => {
    const { clock, connections, open, of } = lab();
    const all = Array.from({ length: MAX_CONNECTIONS }, () => {
      clock.skip(1);
      return open();
    });
    const first = all[0] && of(all[0]);
    if (first) first.busy = 1;
    const late = open();
    expect([all.map(({ destroyed }) => destroyed).indexOf(true), late.destroyed]).toEqual([1, false]);
    expect(connections.count()).toBe(MAX_CONNECTIONS);
    await settle();
    expect(connections.count()).toBe(MAX_CONNECTIONS);
    for (const socket of [...all, late]) {
      const record = of(socket);
      if (record) record.busy = 1;
    }
    expect([open().destroyed, connections.count()]).toEqual([true, MAX_CONNECTIONS]);
  });

  test("nobody is let in before the process is ready", () => {
    const { connections, open, changes } = lab(() => false);
    expect([open().destroyed, connections.count(), changes()]).toEqual([true, 0, 0]);
  });
});
