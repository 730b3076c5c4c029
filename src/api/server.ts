// Adapter api: HTTP/1.1 on a UNIX socket or TCP, with bounds on everything a client can do: connections, header size, bodies (none),
// time, and answers that nobody fetches. node:http, because Bun.serve spins when descriptors run out, never closes a connection on
// which nothing was asked, and tells nobody of connections (docs/decisions/004-api-process.md).
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";
import type { App } from "./app.ts";
import { isRead, ONLY_READ, type Via } from "./guard.ts";
import { PROBLEM_CONTENT_TYPE, problem, titleOf } from "./problem.ts";

/** At one time and socket; one more takes the place of the one that has been idle longest. */
export const MAX_CONNECTIONS = 128;
export const MAX_HEADER_BYTES = 8192;
export const MAX_URL_CHARS = 2048;
/** A connection on which nothing is being answered. */
export const IDLE_MS = 15_000;
/** From the head of a request to the last byte of an answer that ends by itself. */
export const ANSWER_MS = 30_000;
/** An event stream whose reader takes nothing. */
export const STALL_MS = 60_000;
/** Answers that wait for their readers, all together. */
export const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const SWEEP_MS = 1000;

export type Where =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly address: string; readonly port: number };

export interface HttpServer {
  /** Ends the listener and every connection. */
  close(): void;
  connections(): number;
  /** Of TCP: the one that was asked for, or the free one that port 0 found; undefined for a UNIX socket. */
  readonly port: number | undefined;
}

interface Connection {
  readonly socket: Socket;
  /** Requests that are being answered. */
  busy: number;
  lastAt: number;
}

export interface ServerOptions {
  readonly app: App;
  readonly clock: Clock;
  /** False turns connections away: the process has still rights that an answer must not be made with. */
  readonly ready: () => boolean;
}

/** Listens. @throws Error (by rejection) EADDRINUSE, EACCES, EADDRNOTAVAIL */
export function listen(where: Where, options: ServerOptions): Promise<HttpServer> {
  const { app, clock } = options;
  // Not imported above: only the api process needs it, and it takes longer to load than all of lbd.
  const { createServer } = process.getBuiltinModule("node:http");
  const via: Via = { kind: where.kind };
  const connections = new Map<Socket, Connection>();
  let waitingBytes = 0;
  let sweep: Cancel = () => {};

  // Without a Host is for the guard to refuse, which says why.
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true, requireHostHeader: false };
  const server: Server = createServer(limits, (incoming, outgoing) => {
    void serve(incoming, outgoing);
  });
  server.on("connection", admit);
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
    if (!socket.writable) return socket.destroy();
    if (error.code === "HPE_HEADER_OVERFLOW") return void socket.end(rawProblem(431, "the header is too large"));
    socket.end(rawProblem(400, "this is no HTTP, or no method that is known"));
  });
  // Never a request as others are; without a listener it would get no answer. An upgrade is one, and is not taken up.
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.end(rawProblem(405, ONLY_READ, ["allow: GET, HEAD"]));
  });

  function admit(socket: Socket) {
    if (!options.ready()) return socket.destroy();
    if (connections.size >= MAX_CONNECTIONS) {
      const victim = longestIdle();
      if (!victim) return socket.destroy();
      victim.socket.destroy();
      connections.delete(victim.socket);
    }
    connections.set(socket, { socket, busy: 0, lastAt: clock.now() });
    socket.on("close", () => connections.delete(socket));
    // A client that resets its connection is no news.
    socket.on("error", () => {});
  }

  function longestIdle(): Connection | undefined {
    let found: Connection | undefined;
    for (const connection of connections.values())
      if (connection.busy === 0 && (!found || connection.lastAt < found.lastAt)) found = connection;
    return found;
  }

  function closeIdle(): void {
    const now = clock.now();
    for (const { socket, busy, lastAt } of connections.values())
      if (busy === 0 && now - lastAt > IDLE_MS) socket.destroy();
    sweep = clock.at(now + SWEEP_MS, closeIdle);
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const connection = connections.get(incoming.socket);
    if (connection) connection.busy++;
    outgoing.on("close", () => {
      if (!connection) return;
      connection.busy--;
      connection.lastAt = clock.now();
    });
    outgoing.on("error", () => {});
    const response = await respond(incoming);
    outgoing.statusCode = response.status;
    outgoing.statusMessage = titleOf(response.status);
    for (const [name, value] of response.headers) outgoing.setHeader(name, value);
    if (hasBody(incoming)) outgoing.setHeader("connection", "close");
    const streams = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
    if (response.body === null || incoming.method === "HEAD") outgoing.end();
    else if (streams) await pipe(response.body, outgoing);
    else await send(new Uint8Array(await response.arrayBuffer()), outgoing);
  }

  async function respond(incoming: IncomingMessage): Promise<Response> {
    const request = toRequest(incoming);
    if (request instanceof Response) return request;
    if (waitingBytes > MAX_WAITING_BYTES) return problem(503, "too many answers wait for their readers");
    return app(request, via);
  }

  function send(body: Uint8Array, outgoing: ServerResponse): Promise<void> {
    waitingBytes += body.byteLength;
    const cancel = clock.at(clock.now() + ANSWER_MS, () => outgoing.destroy());
    return new Promise((resolve) => {
      outgoing.on("close", () => {
        waitingBytes -= body.byteLength;
        cancel();
        resolve();
      });
      outgoing.setHeader("content-length", body.byteLength);
      outgoing.end(body);
    });
  }

  async function pipe(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
    const reader = body.getReader();
    let gone = false;
    outgoing.on("close", () => {
      gone = true;
      void reader.cancel();
    });
    outgoing.flushHeaders();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || gone) break;
      if (!outgoing.write(value) && !gone) await drained(outgoing);
    }
    outgoing.end();
  }

  function drained(outgoing: ServerResponse): Promise<void> {
    const cancel = clock.at(clock.now() + STALL_MS, () => outgoing.destroy());
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        resolve();
      };
      outgoing.once("drain", done);
      outgoing.once("close", done);
    });
  }

  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      server.on("error", () => {});
      closeIdle();
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null && where.kind === "tcp" ? bound.port : undefined;
      resolve({ close, connections: () => connections.size, port });
    });
    if (where.kind === "unix") server.listen(where.path);
    else server.listen(where.port, where.address);
  });

  function close(): void {
    sweep();
    server.close();
    for (const socket of connections.keys()) socket.destroy();
  }
}

/** The request as the application takes it, or why not. The URL's own name is never used: the guard looks at the Host header. */
function toRequest(incoming: IncomingMessage): Request | Response {
  const url = incoming.url ?? "";
  if (!url.startsWith("/")) return problem(400, "the request target must be a path");
  if (url.length > MAX_URL_CHARS) return problem(414, `the path is longer than ${MAX_URL_CHARS} characters`);
  // With another method it is the method that is wrong.
  if (hasBody(incoming) && isRead(incoming.method)) return problem(413, "requests with a body are not served");
  const headers = new Headers();
  let hosts = 0;
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    const name = (incoming.rawHeaders[i] ?? "").toLowerCase();
    if (name === "host" && ++hosts > 1) return problem(400, "more than one Host header");
    try {
      headers.append(name, incoming.rawHeaders[i + 1] ?? "");
    } catch {
      return problem(400, "a header can't be understood");
    }
  }
  try {
    // HTTP/1.0 on the UNIX socket may come without a Host.
    return new Request(new URL(url, "http://lbd").href, { method: incoming.method ?? "", headers });
  } catch {
    return problem(400, "the request can't be understood");
  }
}

function hasBody(incoming: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

/** For connections on which there is no request to answer. */
function rawProblem(status: number, detail: string, headers: readonly string[] = []): string {
  const title = titleOf(status);
  const body = JSON.stringify({ type: "about:blank", title, status, detail });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    ...headers,
    `content-length: ${body.length}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
