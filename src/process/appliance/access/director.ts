// Process layer, appliance: requests that go on to the director's API, with the role that each needs.
import { type IncomingMessage, request as requestHttp, type ServerResponse } from "node:http";
import { ROUTES } from "../../../api/routes/table.ts";
import type { ApiRole } from "../../../appliance/settings.ts";
import { sendProblem } from "../api.ts";

/** What the director may see of a request; everything else says nothing to it. */
const PASSED_ON = ["accept", "accept-encoding", "if-none-match", "last-event-id"] as const;
/** What holds for one connection and not for the answer (RFC 9110 §7.6.1). */
const NOT_PASSED_BACK = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);
const ANSWER_LIMIT_MS = 30_000;

/** Made from the table itself, so not in it. */
const OWN_PATHS = ["/", "/openapi.json"];

/**
 * The role for a path of the director's API; undefined: it has no such path. What its table shows to root alone needs more than reading.
 * @param pathname as targetOf() gives it: the director must not come to another path than was judged
 */
export function directorRole(pathname: string): ApiRole | undefined {
  if (OWN_PATHS.includes(pathname)) return "read";
  const decoded = decode(pathname);
  const rows = ROUTES.filter((route) => patternOf(route.path).test(decoded));
  if (rows.length === 0) return undefined;
  return rows.every(({ guard }) => guard === "anybody") ? "read" : "operate";
}

/** The path and query of a request as every reader of URLs resolves them: no `..` is left; undefined when they are none. */
export function targetOf({ url = "" }: IncomingMessage): { pathname: string; search: string } | undefined {
  if (!url.startsWith("/")) return undefined;
  try {
    const { pathname, search, host } = new URL(url, "http://lbd");
    return host === "lbd" ? { pathname, search } : undefined;
  } catch {
    return undefined;
  }
}

function decode(pathname: string): string {
  try {
    return decodeURI(pathname);
  } catch {
    return pathname;
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.*+?^$|()[\]\\]/g, "\\$&").replace(/\{\w+\}/g, ".+")}$`);
}

/** Has the director answer, piece by piece. @param path with its query. Never rejects. */
export function askDirector(
  socketPath: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    sendProblem(response, 405, "method-not-allowed", "only GET and HEAD are served here");
    return Promise.resolve();
  }
  const headers: Record<string, string> = { host: "localhost" };
  for (const name of PASSED_ON) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  const { method } = request;
  return new Promise((resolve) => {
    const asked = requestHttp({ socketPath, method, path, headers, agent: false }, (answer) => {
      asked.setTimeout(0);
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !NOT_PASSED_BACK.has(name)) response.setHeader(name, value);
      response.writeHead(answer.statusCode ?? 502);
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    asked.setTimeout(ANSWER_LIMIT_MS, () => asked.destroy(new Error("no answer in time")));
    asked.on("error", (error) => {
      if (response.headersSent) response.destroy();
      else sendProblem(response, 503, "no-director", `the director does not answer: ${error.message}`);
    });
    response.once("close", () => {
      asked.destroy();
      resolve();
    });
    asked.end();
  });
}
