// The server on real sockets of loopback and the file system: what a client can do to it, and what it does then.
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDLE_MS, MAX_CONNECTIONS } from "../../../src/api/connections.ts";
import { ANSWER_MS } from "../../../src/api/delivery.ts";
import { type HttpServer, listen, MAX_PIPELINED } from "../../../src/api/server.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/until.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(answer: (request: Request) => Response | Promise<Response>, ready = () => true) {
  const directory = mkdtempSync(join(tmpdir(), "lbd-server-"));
  const path = join(directory, "api.sock");
  const clock: ManualClock = manualClock();
  const server: HttpServer = await listen(
    { kind: "unix", path },
    { app: async (request) => answer(request), clock, ready },
  );
  cleanups.push(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { path, clock, server };
}

function open(path: string) {
  const socket: Socket = connect(path);
  const got = { text: "", closed: false };
  socket.on("data", (data) => {
    got.text += data.toString();
  });
  socket.on("close", () => {
    got.closed = true;
  });
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  return { socket, got };
}

async function exchange(path: string, text: string): Promise<string> {
  const { socket, got } = open(path);
  socket.write(text);
  await until("an answer", () => got.text.includes("\r\n\r\n") || got.closed);
  return got.text;
}

const OK = () => new Response("fine");

test("answers and keeps the connection for the next request", async () => {
  const { path } = await serve((request) => new Response(new URL(request.url).pathname));
  const { socket, got } = open(path);
  socket.write("GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("both answers", () => got.text.includes("/one") && got.text.includes("/two"));
  expect(got.text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

test.each([
  ["a body", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "413"],
  ["a body in chunks", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "413"],
  ["a giant header", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`, "431"],
  ["a giant path", `GET /${"a".repeat(4000)} HTTP/1.1\r\nHost: x\r\n\r\n`, "414"],
  ["two Host headers", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"],
  ["an absolute URL", "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"],
  ["a target that is no path", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400"],
  ["a method that is none", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "400"],
  ["a wish for a tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "405"],
  ["no HTTP at all", "\x00\x01\x02\x03 hello\r\n\r\n", "400"],
])("%s gets a problem and no answer of the application", async (_what, text, status) => {
  let asked = 0;
  const { path } = await serve(() => {
    asked++;
    return OK();
  });
  const answer = await exchange(path, text);
  expect(answer.split(" ")[1]).toBe(status);
  expect(answer.toLowerCase()).toContain("content-type: application/problem+json");
  expect(asked).toBe(0);
});

test.each([
  ["a body with another method", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n"],
  ["an upgrade", "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
])("%s is for the application to judge", async (_what, text) => {
  const { path } = await serve(() => new Response("judged"));
  expect(await exchange(path, text)).toEndWith("judged");
});

test("a connection on which nothing is asked is closed, also with half a head", async () => {
  const { path, clock, server } = await serve(OK);
  const quiet = open(path);
  const half = open(path);
  half.socket.write("GET / HTTP/1.1\r\nX: ");
  await until("both connections", () => server.connections() === 2);
  clock.advance(IDLE_MS + 2000);
  await until("both are closed", () => quiet.got.closed && half.got.closed);
  expect(server.connections()).toBe(0);
});

test("one connection too many takes the place of the one that was idle longest", async () => {
  const { path, server, clock } = await serve(OK);
  const first = open(path);
  await until("the first connection", () => server.connections() === 1);
  clock.advance(1000);
  for (let i = 1; i < MAX_CONNECTIONS; i++) open(path);
  await until("all connections", () => server.connections() === MAX_CONNECTIONS);
  expect(await exchange(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).toContain("fine");
  await until("the first one is closed", () => first.got.closed);
  expect(server.connections()).toBeLessThanOrEqual(MAX_CONNECTIONS);
});

test("an answer that nobody fetches is given up", async () => {
  const { path, clock, server } = await serve(() => new Response("x".repeat(64 * 1024 * 1024)));
  const { socket } = open(path);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  let busy = false;
  // The request is on its way while idle connections would be closed: this one is busy.
  await until("the request is being answered", () => {
    clock.advance(1000);
    busy ||= clock.now() > IDLE_MS + 2000 && server.connections() === 1;
    return busy;
  });
  clock.advance(ANSWER_MS + 1000);
  await until("it is given up", () => server.connections() === 0);
});

const STREAM = { headers: { "transfer-encoding": "chunked" } };

/** A body of `pieces` pieces that counts how many were made and how often it was given back. */
function counted(pieces: number, bytes = 64 * 1024) {
  const count = { made: 0, ended: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (count.made === pieces) {
          count.ended++;
          return controller.close();
        }
        count.made++;
        controller.enqueue(new Uint8Array(bytes).fill(120));
      },
      cancel() {
        count.ended++;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, count };
}

test.each([
  ["a small answer", () => new Response("x".repeat(1024 * 1024))],
  ["a large answer", undefined],
])("twelve clients that hang up before their answer is there cost nothing: %s", async (_what, small) => {
  const waiting: (() => void)[] = [];
  const given: { ended: number; made: number }[] = [];
  const { path, server } = await serve(async (request) => {
    if (request.url.endsWith("/now")) return OK();
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (small) return small();
    const { body, count } = counted(1000);
    given.push(count);
    return new Response(body, STREAM);
  });
  // More than the server keeps waiting in all, so that one that is not given back is noticed.
  for (let round = 0; round < 3; round++) {
    const clients = Array.from({ length: 12 }, () => open(path));
    for (const { socket } of clients) socket.write("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("all are asked for", () => waiting.length === 12);
    for (const { socket } of clients) socket.destroy();
    await until("all have gone", () => server.connections() === 0);
    for (const answer of waiting.splice(0)) answer();
  }
  await until("all is given back", () => small !== undefined || given.every(({ ended }) => ended === 1));
  for (const { made } of given) expect(made).toBe(0);
  expect(await exchange(path, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n")).toEndWith("fine");
});

test("a large answer is made as far as its client takes it, and given back when that leaves", async () => {
  const { body, count } = counted(4000);
  const { path } = await serve(() => new Response(body, STREAM));
  const { socket, got } = open(path);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("it begins", () => got.text !== "");
  socket.pause();
  let before = -1;
  // The buffers between fill, and then no more is made: 4,000 pieces would be 250 MB.
  await until("it stands", () => {
    const stands = before === count.made;
    before = count.made;
    return stands;
  });
  expect(count.made).toBeLessThan(400);
  socket.destroy();
  await until("it is given back", () => count.ended === 1);
});

test("a client that takes nothing of a large answer is given up, and a broken source is no whole answer", async () => {
  const { body, count } = counted(4000);
  const { path, clock, server } = await serve((request) => {
    if (!request.url.endsWith("/broken")) return new Response(body, STREAM);
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("broken")) });
    return new Response(broken, STREAM);
  });
  const { socket } = open(path);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("it begins", () => count.made > 0);
  clock.advance(ANSWER_MS + 1000);
  await until("it is given up", () => count.ended === 1 && server.connections() === 0);
  const other = open(path);
  other.socket.write("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the connection ends", () => other.got.closed);
  expect(other.got.text).not.toContain("\r\n0\r\n");
});

test("HTTP/1.0 and HEAD get no chunks", async () => {
  const { path } = await serve(() => new Response(counted(2, 3).body, STREAM));
  const old = open(path);
  old.socket.write("GET / HTTP/1.0\r\n\r\n");
  await until("its end", () => old.got.closed);
  expect(old.got.text).toEndWith("\r\n\r\nxxxxxx");
  expect((await exchange(path, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")).toLowerCase()).not.toContain("chunked");
});

test("requests in a row without an end are no way to memory", async () => {
  let asked = 0;
  const { path } = await serve(() => {
    asked++;
    return new Promise<Response>(() => {});
  });
  const { socket, got } = open(path);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500));
  await until("it is ended", () => got.closed);
  expect(asked).toBeLessThanOrEqual(MAX_PIPELINED);
});

test("a stream goes on until its reader leaves, and its source hears of that", async () => {
  let cancelled = false;
  let send = (_text: string) => {};
  const { path } = await serve(() => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (text) => controller.enqueue(new TextEncoder().encode(text));
      },
      cancel() {
        cancelled = true;
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const { socket, got } = open(path);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the head", () => got.text.includes("200"));
  send("data: 1\n\n");
  await until("the first event", () => got.text.includes("data: 1"));
  socket.destroy();
  await until("the source hears of it", () => cancelled);
});

test("a process that has still its rights answers nobody", async () => {
  let confined = false;
  const { path } = await serve(OK, () => confined);
  const early = open(path);
  early.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the early one is turned away", () => early.got.closed);
  expect(early.got.text).toBe("");
  confined = true;
  expect(await exchange(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).toContain("fine");
});

test("an address that is taken is an error to wait on", async () => {
  const { path, clock } = await serve(OK);
  const second = listen({ kind: "unix", path }, { app: async () => OK(), clock, ready: () => true });
  expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a connection that was answered is idle from then on, and may go on for as many requests as come one by one", async () => {
  const { path, clock, server } = await serve(OK);
  const { socket, got } = open(path);
  const answers = () => got.text.match(/HTTP\/1\.1 200/g)?.length ?? 0;
  for (let i = 1; i <= MAX_PIPELINED + 4; i++) {
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("the answer", () => answers() === i);
    // It has been busy in between: no time counts that lies before its last answer.
    clock.advance(IDLE_MS - 1000);
  }
  expect([server.connections(), got.closed]).toEqual([1, false]);
  clock.advance(3000);
  await until("it is closed", () => got.closed);
});

test("who comes by a socket that stands for TCP is taken for one from the network", async () => {
  const directory = mkdtempSync(join(tmpdir(), "lbd-server-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const kinds: string[] = [];
  for (const where of [
    { kind: "unix", path: join(directory, "a") },
    { kind: "unix", path: join(directory, "b"), as: "tcp" },
  ] as const) {
    const server = await listen(where, {
      app: async (_request, { kind }) => {
        kinds.push(kind);
        return OK();
      },
      clock: manualClock(),
      ready: () => true,
    });
    cleanups.push(() => server.close());
    await exchange(where.path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  expect(kinds).toEqual(["unix", "tcp"]);
});

test("while too many answers wait for their readers others are told to come again", async () => {
  const { path } = await serve(
    ({ url }) => new Response(url.endsWith("/large") ? "x".repeat(17 * 1024 * 1024) : "small"),
  );
  const { socket, got } = open(path);
  socket.pause();
  socket.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("it is refused", async () =>
    (await exchange(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).includes(" 503 "),
  );
  socket.resume();
  await until("it has been fetched", () => got.text.length > 17 * 1024 * 1024);
  await until("it is served", async () =>
    (await exchange(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).includes(" 200 "),
  );
});
