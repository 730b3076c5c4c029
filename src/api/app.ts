// Adapter api: the application: guard, methods, routes, and errors as problem details. Tests ask it by fetch(), without a port.
import { Hono } from "hono";
import * as v from "valibot";
import type { Log } from "../base/log.ts";
import { GUARDS, guard, type OurNames, type RouteGuard, type Via } from "./guard.ts";
import { isPieces, type Pieces, streamOf, takesGzip } from "./pieces.ts";
import { busy, problem } from "./problem.ts";
import type { ApiState, Asked, Route } from "./route.ts";
import { withOwnRoutes } from "./routes/index-and-document.ts";
import { createSlots } from "./slots.ts";

export interface AppOptions {
  readonly routes: readonly Route[];
  readonly state: ApiState;
  readonly log: Log;
  readonly names: OurNames;
  /** Differs between processes, so that an ETag of one before is none of this one. */
  readonly nonce: string;
}

/** Answers one request that came `via` a connection. The body is read to its end or cancelled, or a place stays taken. */
export type App = (request: Request, via: Via) => Promise<Response>;

const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** An answer that shows more objects than these is streamed, and takes one of the few places of large ones: a quarter megabyte. */
const FEW_OBJECTS = 200;

export function createApp(options: AppOptions): App {
  const { state, log, names, nonce } = options;
  const slots = createSlots();
  const router = new Hono<{ Bindings: { readonly via: Via } }>({ strict: true });
  const paths = Map.groupBy(withOwnRoutes(options.routes, state.build.version), ({ path }) => path);
  for (const [path, rows] of [...paths].toSorted(longerFirst))
    router.all(honoPath(path, rows), (c) => {
      const route = rows.find(({ method }) => method === c.req.method);
      return route
        ? answerRoute(route, c.req.raw, paramsOf(route, c.req.param(PARAM)), c.env.via)
        : methodNotAllowed(rows);
    });
  router.notFound(() => problem("not-found", "nothing is here, / lists what is"));
  router.onError((error) => {
    log({ level: "error", area: "api", message: `request failed: ${error.message}` });
    return problem("internal", "a mistake of lbd; its log says more");
  });

  return async (request, via) => {
    const response = await answer(request, via);
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.headers.set(name, value);
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    return response;
  };

  async function answer(request: Request, via: Via): Promise<Response> {
    const refused = guard(request, via, names);
    if (refused) return refused;
    if (request.method !== "HEAD") return router.fetch(request, { via });
    const response = await router.fetch(new Request(request.url, { headers: request.headers }), { via });
    // A stream that nobody reads must not stay open.
    await response.body?.cancel();
    return new Response(null, { status: response.status, headers: response.headers });
  }

  async function answerRoute(route: Route, request: Request, params: readonly string[], via: Via): Promise<Response> {
    const { check }: RouteGuard = GUARDS[route.guard];
    const refused = check(via);
    if (refused) return refused;
    const query = readQuery(route, new URL(request.url).searchParams);
    if (query instanceof Response) return query;
    const { headers } = request;
    const asked: Asked = { params, query, headers, via };
    const tag = tagOf(route.revision?.(state, asked));
    if (tag !== undefined && isAmong(tag, headers.get("if-none-match")))
      return new Response(null, { status: 304, headers: tagged(tag) });
    const giveBack = route.slot ? slots.take(via, route.slot) : () => {};
    if (!giveBack) return busy("as many large answers as are served at one time are on their way");
    let streams = false;
    try {
      const given = await route.answer(state, asked);
      const response = isPieces(given) ? toPieces(given, asked, route.slot ? giveBack : undefined) : toResponse(given);
      streams = isPieces(given) && response.headers.has(STREAMED);
      if (tag !== undefined && response.status === 200)
        for (const [name, value] of Object.entries(tagged(tag))) response.headers.set(name, value);
      return response;
    } finally {
      // One that streams gives it back when it has gone.
      if (!streams) giveBack();
    }
  }

  function toPieces(given: Pieces, { headers, via }: Asked, taken: (() => void) | undefined): Response {
    const { contentType, objects, parts } = given;
    if (objects <= FEW_OBJECTS && Symbol.iterator in parts)
      return new Response([...parts].join(""), { headers: { "content-type": contentType } });
    const done = taken ?? slots.take(via, "large");
    if (!done) return busy("as many large answers as are served at one time are on their way");
    const gzip = takesGzip(headers.get("accept-encoding"));
    return new Response(streamOf(parts, { gzip, done }), {
      headers: {
        "content-type": contentType,
        vary: "accept-encoding",
        [STREAMED]: "chunked",
        ...(gzip ? { "content-encoding": "gzip" } : {}),
      },
    });
  }

  function tagOf(revision: number | undefined): string | undefined {
    return revision === undefined ? undefined : `W/"${nonce}-${revision}"`;
  }
}

/** In the headers of an answer that is sent as it is made. */
export const STREAMED = "transfer-encoding";

function tagged(tag: string): Readonly<Record<string, string>> {
  return { etag: tag, "cache-control": "private, no-cache" };
}

/** RFC 9110 §13.1.2: weak comparison. */
function isAmong(tag: string, list: string | null): boolean {
  if (list === null) return false;
  const bare = (one: string) => one.trim().replace(/^W\//, "");
  return list.trim() === "*" || list.split(",").some((one) => bare(one) === bare(tag));
}

const PARAM = "param";

/** `/v1/virtual-servers/{id}/real-servers/{server}` as the router writes it: all parameters as one word. */
function honoPath(path: string, [{ params = [] } = {}]: readonly Partial<Route>[]): string {
  if (params.length === 0) return path;
  const begin = path.indexOf("{");
  const last = path.lastIndexOf("}") + 1;
  const word = path.slice(begin, last).replace(/\{\w+\}/g, () => "[^/]+");
  const pattern = params[0]?.slashes ? word.replace("[^/]+", ".+") : word;
  return `${path.slice(0, begin)}:${PARAM}{${pattern}}${path.slice(last)}`;
}

/** What the router found, in as many words as the path has parameters; only the first may have slashes. */
function paramsOf({ path, params = [] }: Route, found: string | undefined): readonly string[] {
  if (found === undefined) return [];
  if (params.length < 2) return [found];
  const between = path.slice(path.indexOf("}") + 1, path.lastIndexOf("{"));
  const at = found.lastIndexOf(between);
  return [found.slice(0, at), found.slice(at + between.length)];
}

/** A path that goes on behind a parameter with slashes is looked at before the one that takes everything. */
function longerFirst([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return b.split("/").length - a.split("/").length;
}

/** RFC 9110 §15.5.6: with what the path does take. */
function methodNotAllowed(rows: readonly Route[]): Response {
  const methods = rows.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return problem("method-not-allowed", `served here: ${methods.join(", ")}`, {
    headers: { allow: methods.join(", ") },
  });
}

function readQuery(route: Route, params: URLSearchParams): Record<string, string> | Response {
  const known = route.query ?? {};
  const values: Record<string, string> = {};
  for (const [name, value] of params) {
    const expected = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!expected) {
      const accepted = Object.keys(known).join(", ") || "none";
      return problem("bad-query", `unknown query parameter; accepted here: ${accepted}`);
    }
    const read = v.safeParse(expected.schema, value);
    if (!read.success || name in values)
      return problem("bad-query", `query parameter ${name}: ${read.issues?.[0].message ?? "given twice"}`);
    values[name] = read.output;
  }
  return values;
}

function toResponse(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  return new Response(`${JSON.stringify(answer)}\n`, { headers: { "content-type": "application/json" } });
}
