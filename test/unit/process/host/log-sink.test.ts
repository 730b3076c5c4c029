import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { createLogSink, MAX_WAITING_BYTES, type TextStream } from "../../../../src/process/host/log-sink.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** A reader that takes nothing until it is told to. */
function stuckStream() {
  const written: string[] = [];
  const callbacks: (() => void)[] = [];
  const stream: TextStream = {
    write(text, done) {
      written.push(text);
      callbacks.push(() => done());
      return false;
    },
    on: () => undefined,
  };
  return {
    stream,
    written,
    read() {
      for (const done of callbacks.splice(0)) done();
    },
  };
}

const line = (message: string) => ({ level: "info", area: "test", message }) as const;

test("text is one line with time, level and area, control characters made harmless", () => {
  const { stream, written } = stuckStream();
  const { log } = createLogSink(stream, manualClock(), { format: "text", debug: false });
  log(line("a\nb\u001b[31m"));
  expect(written).toEqual(["2026-01-01T00:00:00.000Z info test: a\\x0ab\\x1b[31m\n"]);
});

test("json carries the fields", () => {
  const { stream, written } = stuckStream();
  const { log } = createLogSink(stream, manualClock(), { format: "json", debug: false });
  log({ ...line("hello"), fields: { vrid: 51 } });
  expect(JSON.parse(written[0] ?? "")).toEqual({ time: "2026-01-01T00:00:00.000Z", ...line("hello"), vrid: 51 });
});

test("debug lines are for those who ask", () => {
  const { stream, written } = stuckStream();
  createLogSink(stream, manualClock(), { format: "text", debug: false }).log({ ...line("x"), level: "debug" });
  expect(written).toEqual([]);
  createLogSink(stream, manualClock(), { format: "text", debug: true }).log({ ...line("x"), level: "debug" });
  expect(written).toHaveLength(1);
});

test("a stuck reader costs lines, counted, and bounded memory", async () => {
  const { stream, written, read } = stuckStream();
  const { log, drained } = createLogSink(stream, manualClock(), { format: "text", debug: false });
  for (let i = 0; i < 10_000; i++) log(line("x".repeat(100)));
  const bytes = written.reduce((sum, text) => sum + text.length, 0);
  expect(bytes).toBeLessThan(MAX_WAITING_BYTES + 200);
  const lost = 10_000 - written.length;
  read();
  log(line("after"));
  expect(written.at(-2)).toContain(`${lost} log lines dropped`);
  expect(written.at(-1)).toContain("after");
  read();
  await drained();
});

test("a reader that went away is no error of ours, and who waits for all to be written hears of it once", async () => {
  const events = new EventEmitter();
  const callbacks: (() => void)[] = [];
  const stream = Object.assign(events, {
    write(_text: string, done: () => void) {
      callbacks.push(done);
      return false;
    },
  });
  const sink = createLogSink(stream, manualClock(), { format: "text", debug: false });
  expect(() => events.emit("error", new Error("EPIPE"))).not.toThrow();
  for (const message of ["one", "two"]) sink.log(line(message));
  let drained = 0;
  for (let i = 0; i < 2; i++) void sink.drained().then(() => drained++);
  callbacks.shift()?.();
  await Promise.resolve();
  expect(drained).toBe(0);
  callbacks.shift()?.();
  await Promise.resolve();
  await Promise.resolve();
  expect(drained).toBe(2);
});

test("lines that were dropped are counted once", () => {
  const { stream, written, read } = stuckStream();
  const { log } = createLogSink(stream, manualClock(), { format: "text", debug: false });
  log(line("x".repeat(MAX_WAITING_BYTES)));
  for (let i = 0; i < 3; i++) log(line("lost"));
  read();
  for (const message of ["a", "b"]) log(line(message));
  expect(written.filter((text) => text.includes("log lines dropped"))).toEqual([
    expect.stringContaining("3 log lines dropped"),
  ]);
});
