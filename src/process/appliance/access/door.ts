// Process layer, appliance: what the gate (gate.ts) asks on behalf of clients. The gate holds the key of TLS and speaks with strangers; who a
// client is and what it may is judged here, by the token of each single request, so a gate that was taken over can do no more than the
// tokens that come by. Behind the door lie the machine's own routes, and the director's API, which is asked by its UNIX socket.
import type { IncomingMessage, ServerResponse } from "node:http";
import { bearerOf, type Caller, mayDo, ownerOf, ROLES } from "../../../appliance/access/permits.ts";
import { createTries } from "../../../appliance/access/tries.ts";
import type { ApiRole, ApiToken } from "../../../appliance/settings.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import { type ApplianceRoute, answerRoute, pathOf, sendProblem } from "../api.ts";
import { askDirector, directorRole, targetOf } from "./director.ts";
import { CERTIFICATE_HEADER, FROM_HEADER, JUDGE_HEADER } from "./gate-protocol.ts";
import type { Trail } from "./trail.ts";

export interface DoorPorts {
  readonly routes: readonly ApplianceRoute[];
  readonly clock: Clock;
  readonly log: Log;
  readonly trail: Trail;
  /** As appliance.yaml has them at this moment. */
  tokens(): readonly ApiToken[];
  /** The gate judges client certificates; false: what it says of one counts nothing. */
  takesCertificates(): boolean;
  /** Of the director's API. */
  readonly directorSocket: string;
}

export type Door = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createDoor(ports: DoorPorts): Door {
  const { routes, clock, log, trail } = ports;
  const tries = createTries();

  return async (request, response) => {
    const from = headerOf(request, FROM_HEADER) ?? "unknown";
    const caller = callerOf(request, from);
    if (!caller) return refuseStranger(request, response, from);
    const target = targetOf(request);
    const own = routes.filter((route) => route.path === target?.pathname);
    const route = own.find(({ method }) => method === request.method);
    const needed = route?.role ?? (own.length > 0 ? "read" : directorRole(target?.pathname ?? ""));
    if (!target || needed === undefined) return sendProblem(response, 404, "not-found", "nothing is here");
    if (!mayDo(caller.role, needed)) {
      const outcome = `the role ${needed} is needed`;
      if (!isRead(request)) record(caller, request, 403, outcome);
      return sendProblem(response, 403, "role-too-small", `${caller.name} has the role ${caller.role}: ${outcome}`);
    }
    if (headerOf(request, JUDGE_HEADER) !== undefined) {
      response.writeHead(204).end();
      return;
    }
    if (own.length === 0)
      return askDirector(ports.directorSocket, `${target.pathname}${target.search}`, request, response);
    if (!isRead(request)) response.once("close", () => record(caller, request, statusOf(response), ""));
    return answerRoute(routes, log, request, response);
  };

  function callerOf(request: IncomingMessage, from: string): Caller | undefined {
    const token = bearerOf(headerOf(request, "authorization"));
    if (token !== undefined) {
      const owner = ownerOf(ports.tokens(), token);
      return owner && { name: owner.name, role: owner.role, from };
    }
    const certificate = ports.takesCertificates() ? readCertificate(headerOf(request, CERTIFICATE_HEADER)) : undefined;
    return certificate && { ...certificate, from };
  }

  function refuseStranger(request: IncomingMessage, response: ServerResponse, from: string): void {
    const now = clock.now();
    const waitMs = tries.waitMs(from, now);
    // A body that nobody reads would be waited for.
    response.setHeader("connection", "close");
    if (waitMs > 0) {
      response.setHeader("retry-after", `${Math.ceil(waitMs / 1000)}`);
      sendProblem(response, 429, "too-many-tries", "too many wrong tokens from this address");
      return;
    }
    const isToken = request.headers.authorization !== undefined;
    if (isToken) {
      tries.failed(from, now);
      record({ name: null, role: null, from }, request, 401, "no token of this machine");
    }
    response.setHeader("www-authenticate", "Bearer");
    const what = isToken ? "this token is none of this machine's" : "a token or a client certificate is needed";
    sendProblem(response, 401, "unknown-caller", what);
  }

  function record(
    { name, role, from }: Caller | { name: null; role: null; from: string },
    request: IncomingMessage,
    status: number,
    outcome: string,
  ) {
    trail.record({ who: name, role, from, call: `${request.method} ${pathOf(request)}`, status, outcome });
  }
}

/** The same for whoever asks by the socket that is root's: the console of the machine. */
export function createLocalDoor({ routes, log, trail }: Pick<DoorPorts, "routes" | "log" | "trail">): Door {
  return (request, response) => {
    if (!isRead(request))
      response.once("close", () => {
        const call = `${request.method} ${pathOf(request)}`;
        trail.record({ who: "root", role: "admin", from: "console", call, status: statusOf(response), outcome: "" });
      });
    return answerRoute(routes, log, request, response);
  };
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** 499, as proxies count it: the client went before its answer. */
function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent ? statusCode : 499;
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readCertificate(header: string | undefined): { name: string; role: ApiRole } | undefined {
  const [, word = "", name = ""] = /^(\w+) (.+)$/.exec(header ?? "") ?? [];
  const role = ROLES.find((one) => one === word);
  try {
    return role && { name: decodeURIComponent(name), role };
  } catch {
    return undefined;
  }
}
