// Process layer, appliance: routes about the machine as a whole that somebody at a laptop or the console needs: its log, the audit, and what
// may be done to it.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Audit } from "../../../appliance/access/audit.ts";
import type { KeptLine, LogBook } from "../../../appliance/log-book.ts";
import { type ApplianceRoute, sendJson, sendProblem } from "../api.ts";

/** Lines of one answer, and those that a follower gets first. */
const MAX_LINES = 4000;
const DEFAULT_LINES = 200;
const MAX_FOLLOWERS = 16;
/** What may wait for a follower that does not read; then it is dropped, and may come back with its last id. */
const MAX_WAITING_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 2000;

export interface MachinePorts {
  readonly book: LogBook;
  readonly audit: Audit;
  /** The director reads its configuration again; `mayEmpty`: also one that takes everything away. */
  reload(mayEmpty: boolean): void;
  /** Ends the machine in order, once this turn is over. */
  finish(how: "restart" | "power-off"): void;
}

export function machineRoutes({ book, audit, reload, finish }: MachinePorts): readonly ApplianceRoute[] {
  const ending = (how: "restart" | "power-off") => (_request: IncomingMessage, response: ServerResponse) => {
    // The answer is on its way before the network goes.
    response.once("close", () => finish(how));
    response.setHeader("connection", "close");
    sendJson(response, { ending: how }, 202);
  };
  return [
    {
      method: "GET",
      path: "/v1/logs",
      role: "read",
      summary: "The newest lines of the log",
      query: {
        after: "Those behind the line with this number",
        limit: "At most so many",
        follow: "true: and those that come, as server-sent events",
      },
      answer: logs(book),
    },
    {
      method: "GET",
      path: "/v1/audit",
      role: "operate",
      summary: "Calls that changed something or were refused",
      query: { after: "Those behind the entry with this number" },
      answer(request, response) {
        const query = readQuery(request, ["after"]);
        if (typeof query === "string") return sendProblem(response, 400, "bad-query", query);
        sendJson(response, { entries: audit.after(query.after ?? 0) });
      },
    },
    {
      method: "POST",
      path: "/v1/reload",
      role: "operate",
      summary: "The director reads its configuration again; `/v1/status` shows what came of it",
      query: { "allow-empty": "1: also one that takes everything away" },
      ok: { status: 202 },
      answer(request, response) {
        const query = readQuery(request, ["allow-empty"]);
        if (typeof query === "string") return sendProblem(response, 400, "bad-query", query);
        reload(query["allow-empty"] === 1);
        sendJson(response, { reload: "asked for" }, 202);
      },
    },
    {
      method: "POST",
      path: "/v1/appliance/reboot",
      role: "operate",
      summary: "Ends the director in order and starts the machine again",
      ok: { status: 202 },
      answer: ending("restart"),
    },
    {
      method: "POST",
      path: "/v1/appliance/poweroff",
      role: "admin",
      summary: "Ends the director in order and switches the machine off",
      ok: { status: 202 },
      answer: ending("power-off"),
    },
  ];
}

function logs(book: LogBook): ApplianceRoute["answer"] {
  let followers = 0;
  return (request, response) => {
    const query = readQuery(request, ["after", "limit", "follow"]);
    if (typeof query === "string") return sendProblem(response, 400, "bad-query", query);
    const { after = 0, limit = DEFAULT_LINES, follow } = query;
    const lines = book.after(after, Math.min(limit, MAX_LINES));
    if (follow !== 1) return sendJson(response, { lines });
    if (followers >= MAX_FOLLOWERS) {
      response.setHeader("retry-after", "2");
      return sendProblem(response, 503, "busy", `${MAX_FOLLOWERS} follow the log already`);
    }
    followers++;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    const send = (line: KeptLine) => {
      if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
      else response.write(`id: ${line.id}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`);
    };
    // The head of the answer goes with the first bytes of its body.
    response.write(`retry: ${RETRY_MS}\n\n`);
    for (const line of lines) send(line);
    const leave = book.follow(send);
    const timer = setInterval(() => response.write(": keep-alive\n\n"), KEEP_ALIVE_MS);
    return new Promise((resolve) =>
      response.once("close", () => {
        followers--;
        leave();
        clearInterval(timer);
        resolve();
      }),
    );
  };
}

/** Numbers by name, `true` as 1; else what is wrong with the query. */
function readQuery<const T extends string>(
  { url = "" }: IncomingMessage,
  known: readonly T[],
): { [K in T]?: number } | string {
  const read: { [K in T]?: number } = {};
  for (const [name, text] of new URLSearchParams(url.split("?")[1] ?? "")) {
    const key = known.find((one) => one === name);
    if (key === undefined) return `unknown query parameter; accepted here: ${known.join(", ")}`;
    const value = text === "true" ? 1 : text === "false" ? 0 : /^\d{1,12}$/.test(text) ? Number(text) : undefined;
    if (value === undefined) return `query parameter ${key}: expected a number, or true or false`;
    read[key] = value;
  }
  return read;
}
