// Process layer, appliance: the machine's own API on a UNIX socket that only root may ask: what the director's API can't know or must not
// do. Whoever lets others in over the network (access/door.ts) stands before it and asks the role that a route names.
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { dirname } from "node:path";
import type { ApiRole } from "../../appliance/settings.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

export const APPLIANCE_SOCKET = "/run/lbd-appliance/api.sock";

/** A caller that sends nothing for so long is gone: a write to a slow disk takes no more than a second. */
const SILENCE_MS = 120_000;

export interface ApplianceRoute {
  readonly method: "GET" | "PUT" | "POST";
  readonly path: string;
  /** Who may: a caller over the network needs this role or a higher one. */
  readonly role: ApiRole;
  readonly summary: string;
  /** Parameters of its query, with what they are for. */
  readonly query?: Readonly<Record<string, string>>;
  /** What it takes; absent: nothing. */
  readonly body?: { readonly contentType: string; readonly description: string };
  /** Its answer when all is well; absent: 200 and JSON. */
  readonly ok?: { readonly status?: number; readonly description?: string; readonly contentType?: string };
  /** Answers as a whole. What it throws becomes a problem with status 500. */
  answer(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
}

export interface ApplianceApi {
  close(): void;
}

export interface SocketPlace {
  readonly path: string;
  /** Id of the group that may ask too, which the folder is given to; absent: root alone. */
  readonly group?: number;
  /** At one time; one more is closed at once. */
  readonly maxConnections?: number;
}

/** Root's own tools ask one thing after the other. */
const MAX_CONNECTIONS = 64;

/** HTTP on a UNIX socket, one request a connection, from when it resolves. `answer` never rejects. @throws Error when the socket can't be made */
export async function serveOn(
  { path, group, maxConnections = MAX_CONNECTIONS }: SocketPlace,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<ApplianceApi> {
  const server = createServer((request, response) => {
    // What follows on a connection could be a body that its caller took for one, and another did not.
    response.setHeader("connection", "close");
    void answer(request, response);
  });
  server.maxConnections = maxConnections;
  server.requestTimeout = 0;
  server.setTimeout(SILENCE_MS);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (group !== undefined) {
    chownSync(dirname(path), 0, group);
    chmodSync(dirname(path), 0o710);
  }
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, group === undefined ? 0o600 : 0o660);
  if (group !== undefined) chownSync(path, 0, group);
  return {
    close() {
      server.close();
      server.closeAllConnections();
      rmSync(path, { force: true });
    },
  };
}

/** What the path of a request names, without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?")[0] ?? url;
}

/** The answer of the route that a request names, or why there is none. Never rejects. */
export async function answerRoute(
  routes: readonly ApplianceRoute[],
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = pathOf(request);
  const here = routes.filter((route) => route.path === path);
  const route = here.find(({ method }) => method === request.method);
  if (here.length === 0) return sendProblem(response, 404, "not-found", `nothing is at ${path}`);
  if (!route) {
    response.setHeader("allow", here.map(({ method }) => method).join(", "));
    return sendProblem(
      response,
      405,
      "method-not-allowed",
      `${path} takes ${here.map((one) => one.method).join(", ")}`,
    );
  }
  try {
    await route.answer(request, response);
  } catch (error) {
    log({ level: "error", area: "appliance", message: `${route.method} ${route.path}: ${messageOf(error)}` });
    if (response.headersSent) response.destroy();
    else sendProblem(response, 500, "internal", messageOf(error));
  }
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(value)}\n`);
}

/** RFC 9457, with the `code` that the director's API has too. */
export function sendProblem(response: ServerResponse, status: number, code: string, detail: string): void {
  response.writeHead(status, { "content-type": "application/problem+json", "cache-control": "no-store" });
  response.end(
    `${JSON.stringify({ type: `urn:lbd:problem:${code}`, code, title: STATUS_CODES[status] ?? code, status, detail })}\n`,
  );
}
