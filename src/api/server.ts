// Adapter api: HTTP/1.1 on a UNIX socket or TCP, with bounds on everything a client can do: connections, header size, bodies (none),
// time, and answers that nobody fetches. node:http, because Bun.serve has no bound of descriptors, never closes a connection on
// which nothing was asked, and tells nobody of connections (docs/decisions/004-api-process.md).
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";
import { type App, STREAMED } from "./app.ts";
import { isRead, ONLY_READ, type Via } from "./guard.ts";
import { busy, PROBLEM_CONTENT_TYPE, type ProblemCode, problem, problemBody, titleOf } from "./problem.ts";

/** At one time and socket; one more takes the place of the one that has been idle longest. */
export const MAX_CONNECTIONS = 128;
export const MAX_HEADER_BYTES = 8192;
export const MAX_URL_CHARS = 2048;
/** A connection on which nothing is being answered. */
export const IDLE_MS = 15_000;
/** From the head of a request to the last byte of a small answer. */
export const ANSWER_MS = 30_000;
/** The same of a large one: over TCP a stranger holds a place no longer; the UNIX socket is for those who may wait. */
export const LARGE_MS = { tcp: 60_000, unix: 600_000 } as const;
/** A large answer whose reader takes nothing. */
const LARGE_STALL_MS = 10_000;
/** An event stream whose reader takes nothing. */
export const STALL_MS = 60_000;
/** Small answers that wait for their readers, all together; large ones are made as they are read. */
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Requests of one connection that wait for their answers. */
export const MAX_PIPELINED = 16;
const SWEEP_MS = 1000;

export type Where =
  /** `as`: who asks is taken for one who came that way. */
  | { readonly kind: "unix"; readonly path: string; readonly as?: "tcp" }
  | { readonly kind: "tcp"; readonly address: string; readonly port: number };

export interface HttpServer {
  /** Ends the listener and every connection. */
  close(): void;
  /** Takes nobody any more; who is there is served. */
  retire(): void;
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
  /** A connection came or went. */
  readonly changed?: () => void;
}

/** Listens. @throws Error (by rejection) EADDRINUSE, EACCES, EADDRNOTAVAIL */
export function listen(where: Where, options: ServerOptions): Promise<HttpServer> {
  const { app, clock } = options;
  // Not imported above: only the api process needs it, and it takes longer to load than all of lbd.
  const { createServer } = process.getBuiltinModule("node:http");
  const via: Via = { kind: where.kind === "unix" ? (where.as ?? "unix") : "tcp" };
  const connections = new Map<Socket, Connection>();
  let waitingBytes = 0;
  let sweep: Cancel | undefined;

  // Without a Host is for the guard to refuse, which says why.
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true, requireHostHeader: false };
  const server: Server = createServer(limits, (incoming, outgoing) => {
    void serve(incoming, outgoing);
  });
  server.on("connection", admit);
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
    if (!socket.writable) return socket.destroy();
    if (error.code === "HPE_HEADER_OVERFLOW")
      return void socket.end(rawProblem("header-too-large", "the header is too large"));
    socket.end(rawProblem("bad-request", "this is no HTTP, or no method that is known"));
  });
  // Never a request as others are; without a listener it would get no answer. An upgrade is one, and is not taken up.
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.end(rawProblem("method-not-allowed", ONLY_READ, ["allow: GET, HEAD"]));
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
    sweep ??= clock.at(clock.now() + SWEEP_MS, closeIdle);
    options.changed?.();
    socket.on("close", () => {
      connections.delete(socket);
      options.changed?.();
    });
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
    sweep = connections.size > 0 ? clock.at(now + SWEEP_MS, closeIdle) : undefined;
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const connection = connections.get(incoming.socket);
    if (connection && ++connection.busy > MAX_PIPELINED) {
      incoming.socket.destroy();
      return;
    }
    // A client may be gone before its answer is there: what was taken for it is given back all the same.
    const client = { gone: outgoing.destroyed };
    outgoing.on("close", () => {
      client.gone = true;
      if (!connection) return;
      connection.busy--;
      connection.lastAt = clock.now();
    });
    outgoing.on("error", () => {});
    let response: Response | undefined;
    try {
      if (!client.gone) response = await respond(incoming);
      if (response && !client.gone) await send(response, incoming, outgoing, client);
    } catch {
      // The source of the answer broke: the client sees that it is not whole.
      outgoing.destroy();
    } finally {
      await response?.body?.cancel().catch(() => {});
    }
  }

  async function send(
    response: Response,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    client: { readonly gone: boolean },
  ): Promise<void> {
    outgoing.statusCode = response.status;
    outgoing.statusMessage = titleOf(response.status);
    const { body } = response;
    const isEmpty = body === null || incoming.method === "HEAD";
    const isOld = incoming.httpVersion === "1.0";
    for (const [name, value] of response.headers)
      if (name !== STREAMED || !(isEmpty || isOld)) outgoing.setHeader(name, value);
    if (hasBody(incoming) || isOld) outgoing.setHeader("connection", "close");
    if (isEmpty) outgoing.end();
    else if (response.headers.get("content-type")?.startsWith("text/event-stream"))
      await pipe(body, outgoing, client, STALL_MS);
    else if (response.headers.has(STREAMED))
      await within(LARGE_MS[via.kind], outgoing, () => pipe(body, outgoing, client, LARGE_STALL_MS));
    else await sendWhole(new Uint8Array(await response.arrayBuffer()), outgoing, client);
  }

  async function respond(incoming: IncomingMessage): Promise<Response> {
    const request = toRequest(incoming);
    if (request instanceof Response) return request;
    if (waitingBytes > MAX_WAITING_BYTES) return busy("too many answers wait for their readers");
    return app(request, via);
  }

  async function sendWhole(body: Uint8Array, outgoing: ServerResponse, client: { readonly gone: boolean }) {
    if (client.gone) return;
    waitingBytes += body.byteLength;
    try {
      await within(ANSWER_MS, outgoing, () => {
        outgoing.setHeader("content-length", body.byteLength);
        outgoing.end(body);
        return new Promise<void>((resolve) => outgoing.once("close", resolve));
      });
    } finally {
      waitingBytes -= body.byteLength;
    }
  }

  async function within(limitMs: number, outgoing: ServerResponse, run: () => Promise<void>): Promise<void> {
    const cancel = clock.at(clock.now() + limitMs, () => outgoing.destroy());
    try {
      await run();
    } finally {
      cancel();
    }
  }

  async function pipe(
    body: ReadableStream<Uint8Array>,
    outgoing: ServerResponse,
    client: { readonly gone: boolean },
    stallMs: number,
  ): Promise<void> {
    const reader = body.getReader();
    const leave = () => void reader.cancel().catch(() => {});
    outgoing.once("close", leave);
    try {
      outgoing.flushHeaders();
      while (!client.gone) {
        const { done, value } = await reader.read();
        if (done || client.gone) break;
        if (!outgoing.write(value) && !client.gone) await drained(outgoing, stallMs);
      }
      if (client.gone) return;
      outgoing.end();
      await new Promise<void>((resolve) => outgoing.once("close", resolve));
    } finally {
      outgoing.off("close", leave);
      leave();
      reader.releaseLock();
    }
  }

  function drained(outgoing: ServerResponse, stallMs: number): Promise<void> {
    const cancel = clock.at(clock.now() + stallMs, () => outgoing.destroy());
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        outgoing.off("drain", done);
        outgoing.off("close", done);
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
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null && where.kind === "tcp" ? bound.port : undefined;
      resolve({ close, retire: () => void server.close(), connections: () => connections.size, port });
    });
    if (where.kind === "unix") server.listen(where.path);
    else server.listen(where.port, where.address);
  });

  function close(): void {
    sweep?.();
    server.close();
    for (const socket of connections.keys()) socket.destroy();
  }
}

/** The request as the application takes it, or why not. The URL's own name is never used: the guard looks at the Host header. */
function toRequest(incoming: IncomingMessage): Request | Response {
  const url = incoming.url ?? "";
  if (!url.startsWith("/")) return problem("bad-request", "the request target must be a path");
  if (url.length > MAX_URL_CHARS)
    return problem("path-too-long", `the path is longer than ${MAX_URL_CHARS} characters`);
  // With another method it is the method that is wrong.
  if (hasBody(incoming) && isRead(incoming.method))
    return problem("body-not-served", "requests with a body are not served");
  const headers = new Headers();
  let hosts = 0;
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    const name = (incoming.rawHeaders[i] ?? "").toLowerCase();
    if (name === "host" && ++hosts > 1) return problem("bad-request", "more than one Host header");
    try {
      headers.append(name, incoming.rawHeaders[i + 1] ?? "");
    } catch {
      return problem("bad-request", "a header can't be understood");
    }
  }
  try {
    // HTTP/1.0 on the UNIX socket may come without a Host.
    return new Request(new URL(url, "http://lbd").href, { method: incoming.method ?? "", headers });
  } catch {
    return problem("bad-request", "the request can't be understood");
  }
}

function hasBody(incoming: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

/** For connections on which there is no request to answer. */
function rawProblem(code: ProblemCode, detail: string, headers: readonly string[] = []): string {
  const problemOf = problemBody(code, detail);
  const body = JSON.stringify(problemOf);
  const head = [
    `HTTP/1.1 ${problemOf.status} ${problemOf.title}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    ...headers,
    `content-length: ${body.length}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
