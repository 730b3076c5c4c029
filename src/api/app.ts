// Adapter api: the application: guard, methods, routes, and errors as problem details. Tests ask it by fetch(), without a port.
import { Hono } from "hono";
import * as v from "valibot";
import type { Log } from "../base/log.ts";
import * as answers from "./answers.ts";
import { guard, isRead, ONLY_READ, type Via } from "./guard.ts";
import { openapiDocument } from "./openapi.ts";
import { problem } from "./problem.ts";
import { type ApiState, ROUTES, type Route } from "./routes.ts";

export interface AppOptions {
  readonly state: ApiState;
  readonly log: Log;
  /** What `--api` names; undefined when only the UNIX socket is served. */
  readonly listenAddress?: string;
}

/** Answers one request that came `via` a connection. */
export type App = (request: Request, via: Via) => Promise<Response>;

const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

export function createApp(options: AppOptions): App {
  const { state, log, listenAddress } = options;
  const routes = [indexRoute(), ...ROUTES, documentRoute()];
  const router = new Hono({ strict: true });
  for (const route of routes)
    router.get(honoPath(route), async (c) => {
      const raw = route.param ? c.req.param(PARAM) : "";
      const query = readQuery(route, new URL(c.req.url).searchParams);
      if (query instanceof Response) return query;
      const asked = { param: raw ?? "", query, headers: c.req.raw.headers };
      return toResponse(await route.answer(state, asked));
    });
  router.notFound(() => problem(404, "nothing is here, / lists what is"));
  router.onError((error) => {
    log({ level: "error", area: "api", message: `request failed: ${error.message}` });
    return problem(500, "a mistake of lbd; its log says more");
  });

  return async (request, via) => {
    const response = await answer(request, via);
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.headers.set(name, value);
    return response;
  };

  async function answer(request: Request, via: Via): Promise<Response> {
    const refused = guard(request, via, listenAddress);
    if (refused) return refused;
    if (!isRead(request.method)) return problem(405, ONLY_READ, { headers: { allow: "GET, HEAD" } });
    if (request.method === "GET") return router.fetch(request);
    const response = await router.fetch(new Request(request.url, { headers: request.headers }));
    // An event stream that nobody reads must not stay open.
    await response.body?.cancel();
    return new Response(null, { status: response.status, headers: response.headers });
  }
}

const PARAM = "param";

/** `/v1/virtual-servers/{id}` as the router writes it. */
function honoPath({ path, param }: Route): string {
  return path.replace(/\{\w+\}/, param?.slashes ? `:${PARAM}{.+}` : `:${PARAM}`);
}

function readQuery(route: Route, params: URLSearchParams): Record<string, string> | Response {
  const known = route.query ?? {};
  const values: Record<string, string> = {};
  for (const [name, value] of params) {
    const expected = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!expected) {
      const accepted = Object.keys(known).join(", ") || "none";
      return problem(400, `unknown query parameter; accepted here: ${accepted}`);
    }
    const read = v.safeParse(expected.schema, value);
    if (!read.success || name in values)
      return problem(400, `query parameter ${name}: ${read.issues?.[0].message ?? "given twice"}`);
    values[name] = read.output;
  }
  return values;
}

function toResponse(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  return new Response(`${JSON.stringify(answer)}\n`, { headers: { "content-type": "application/json" } });
}

function indexRoute(): Route {
  return {
    path: "/",
    summary: "What is here",
    ok: { description: "Paths and what they give", schema: answers.Index },
    answer: ({ build }) => ({
      name: "lbd",
      version: build.version,
      links: Object.fromEntries([...ROUTES, documentRoute()].map(({ path, summary }) => [path, summary])),
    }),
  };
}

/** Made once, at the first question: it takes some milliseconds. */
let document: object | undefined;

function documentRoute(): Route {
  return {
    path: "/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    ok: { description: "OpenAPI 3.1", schema: v.record(v.string(), v.unknown()) },
    answer({ build }) {
      document ??= openapiDocument([indexRoute(), ...ROUTES, documentRoute()], build.version);
      return document;
    },
  };
}
