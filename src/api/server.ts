// Adapter api: HTTP/1.1 on a UNIX socket or TCP, with bounds on everything a client can do: connections, header size, bodies (none),
// time, and answers that nobody fetches. node:http, because Bun.serve has no bound of descriptors, never closes a connection on
// which nothing was asked, and tells nobody of connections (docs/decisions/004-api-process.md).
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { App } from "./app.ts";
import { createConnections } from "./connections.ts";
import { createDelivery } from "./delivery.ts";
import type { Via } from "./guard.ts";
import { busy } from "./problem.ts";
import { rawProblem, toRequest } from "./request.ts";

const MAX_HEADER_BYTES = 8192;
/** Requests of one connection that wait for their answers. */
export const MAX_PIPELINED = 16;

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
  const connections = createConnections(clock, options.ready, options.changed);
  const delivery = createDelivery(clock, via.kind);

  // Without a Host is for the guard to refuse, which says why.
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true, requireHostHeader: false };
  const server: Server = createServer(limits, (incoming, outgoing) => {
    void serve(incoming, outgoing);
  });
  server.on("connection", connections.admit);
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
    if (!socket.writable) return socket.destroy();
    if (error.code === "HPE_HEADER_OVERFLOW")
      return void socket.end(rawProblem("header-too-large", "the header is too large"));
    socket.end(rawProblem("bad-request", "this is no HTTP, or no method that is known"));
  });
  // Never a request as others are; without a listener it would get no answer. An upgrade is one, and is not taken up.
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.end(rawProblem("method-not-allowed", "this is no proxy", ["allow: GET, HEAD"]));
  });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const connection = connections.of(incoming.socket);
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
      if (response && !client.gone) await delivery.send(response, incoming, outgoing, client);
    } catch {
      // The source of the answer broke: the client sees that it is not whole.
      outgoing.destroy();
    } finally {
      await response?.body?.cancel().catch(() => {});
    }
  }

  async function respond(incoming: IncomingMessage): Promise<Response> {
    const request = toRequest(incoming);
    if (request instanceof Response) return request;
    if (delivery.full()) return busy("too many answers wait for their readers");
    return app(request, via);
  }

  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      server.on("error", () => {});
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null && where.kind === "tcp" ? bound.port : undefined;
      resolve({ close, retire: () => void server.close(), connections: connections.count, port });
    });
    if (where.kind === "unix") server.listen(where.path);
    else server.listen(where.port, where.address);
  });

  function close(): void {
    server.close();
    connections.closeAll();
  }
}
