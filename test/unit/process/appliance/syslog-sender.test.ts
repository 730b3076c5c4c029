// The log on its way to syslog targets, over sockets of this machine: what arrives, what waits, what is said of one that does not answer.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { createLogBook } from "../../../../src/appliance/log-book.ts";
import type { LogLine } from "../../../../src/base/log.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { createSyslogSender, type SyslogSender } from "../../../../src/process/host/syslog-sender.ts";
import { until } from "../../../support/until.ts";

const book = () => {
  const kept = createLogBook();
  return {
    kept,
    log: (message: string) => kept.add({ level: "info", area: "test", message }, "2026-12-01T05:00:00.000Z"),
  };
};
let sender: SyslogSender | undefined;
let said: LogLine[] = [];
beforeEach(() => {
  said = [];
});
afterEach(() => sender?.stop());

function start(kept: ReturnType<typeof createLogBook>): SyslogSender {
  sender = createSyslogSender({
    clock: systemClock(),
    book: kept,
    hostname: () => "director1",
    log: (line) => said.push(line),
  });
  return sender;
}
const messages = (text: string) => [...text.matchAll(/ - test - (\S+)/g)].map(([, message]) => message);

test("UDP: lines from before there was a target, and those after", async () => {
  const heard: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (bytes) => heard.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { kept, log } = book();
  log("early");
  start(kept).apply([{ host: "localhost", port: socket.address().port, protocol: "udp" }]);
  log("late");
  await until("both came", () => heard.length === 2);
  expect(heard).toEqual([
    "<30>1 2026-12-01T05:00:00.000Z director1 lbd - test - early",
    "<30>1 2026-12-01T05:00:00.000Z director1 lbd - test - late",
  ]);
  // The same target again is the same; without it nothing is sent.
  sender?.apply([{ host: "localhost", port: socket.address().port, protocol: "udp" }]);
  sender?.apply([]);
  log("never");
  start(kept).apply([{ host: "127.0.0.1", port: socket.address().port, protocol: "udp" }]);
  await until("all came", () => messages(heard.join("\n")).length === 5);
  expect(messages(heard.join("\n"))).toEqual(["early", "late", "early", "late", "never"]);
  socket.close();
});

test("TCP: a target that comes late, goes and comes again gets its lines, and each change is said once", async () => {
  let text = "";
  const open = new Set<Socket>();
  const listen = (port: number) =>
    new Promise<Server>((resolve) => {
      const server = createServer((socket) => {
        open.add(socket);
        socket.on("data", (bytes) => {
          text += bytes.toString();
        });
        socket.on("error", () => {});
      });
      server.listen(port, "127.0.0.1", () => resolve(server));
    });
  const first = await listen(0);
  const address = first.address();
  const port = typeof address === "object" && address ? address.port : 0;
  await new Promise((resolve) => first.close(resolve));

  const { kept, log } = book();
  log("one");
  start(kept).apply([{ host: "127.0.0.1", port, protocol: "tcp" }]);
  await until("it is said", () => said.length > 0);
  log("two");
  const second = await listen(port);
  await until("both came", () => messages(text).length === 2);
  expect(text).toBe(
    ["one", "two"].map((word) => `57 <30>1 2026-12-01T05:00:00.000Z director1 lbd - test - ${word}`).join(""),
  );
  expect(
    said.map(({ level, message }) => `${level} ${message.replace(/:\d+:/, ":PORT:").replace(/: .*;/, ": …;")}`),
  ).toEqual([
    "warning tcp 127.0.0.1:PORT: …; lines wait, and are tried again",
    "info tcp 127.0.0.1:PORT: it takes lines again",
  ]);

  for (const socket of open) socket.destroy();
  await until("its end is said", () => said.length === 3);
  log("three");
  await until("it came", () => messages(text).includes("three"));
  for (const socket of open) socket.destroy();
  second.close();
});

test("TCP: a target that reads nothing costs a bounded queue, and what was lost is told", async () => {
  const sockets: Socket[] = [];
  let reading = false;
  let text = "";
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      text += bytes.toString();
    });
    if (!reading) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const { kept, log } = book();
  start(kept).apply([
    { host: "127.0.0.1", port: typeof address === "object" && address ? address.port : 0, protocol: "tcp" },
  ]);
  await until("it is open", () => sockets.length === 1);
  // More than the buffers of two sockets and the queue hold together.
  for (let n = 0; n < 20_000; n++) {
    log("x".repeat(1900));
    if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  log("last");
  reading = true;
  sockets[0]?.resume();
  await until("the last one came", () => messages(text).includes("last"));
  expect(text).toMatch(/syslog - [1-9]\d* lines were lost: this target did not take them/);
  sockets[0]?.destroy();
  server.close();
});
