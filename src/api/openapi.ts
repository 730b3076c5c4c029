// Adapter api: the OpenAPI 3.1 document, made from the table of routes and their schemas.
import { toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { shapes } from "../status/shapes.ts";
import { GUARDS, type RouteGuard } from "./guard.ts";
import { PROBLEM_CONTENT_TYPE, Problem } from "./problem.ts";
import type { Route } from "./route.ts";

const DEFINITIONS = { ...shapes, Problem };
const OPTIONS = {
  target: "draft-2020-12",
  // `custom` and the like never occur; what does but has no JSON Schema is a mistake, so it throws in the test that makes the document.
  errorMode: "throw",
  definitions: DEFINITIONS,
  overrideRef: ({ referenceId }: { readonly referenceId: string }) => `#/components/schemas/${referenceId}`,
} as const;

/** Statuses that any request may get, with the reason. */
const COMMON_ERRORS: Readonly<Record<number, string>> = {
  400: "The request can't be understood, or has an unknown query parameter",
  403: "Host or Origin is foreign",
  405: "Another method than those of the path",
  413: "The request has a body",
  500: "A mistake of lbd; its log says more",
  503: "Too busy; Retry-After says when to ask again",
};

export function openapiDocument(routes: readonly Route[], version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "lbd status API",
      version,
      description:
        "What a director knows: read-only. The UNIX socket shows everything and is guarded by its file mode; over TCP nothing is " +
        "asked of who reads, and what may hold secrets is left out.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    // Nobody logs in: said once, for all.
    security: [],
    paths: pathItems(routes),
    components: { schemas: componentSchemas() },
  };
}

function pathItems(routes: readonly Route[]) {
  const items = Map.groupBy(routes, ({ path }) => path);
  const item = (rows: readonly Route[]) =>
    Object.fromEntries(rows.map((row) => [row.method.toLowerCase(), operation(row)]));
  return Object.fromEntries([...items].map(([path, rows]) => [path, item(rows)]));
}

function componentSchemas() {
  return toJsonSchemaDefs(DEFINITIONS, OPTIONS);
}

function operation(route: Route) {
  const { ok, errors, params = [], query } = route;
  const contentType = ok.contentType ?? "application/json";
  const schema = ok.schema ? bare(toJsonSchema(ok.schema, OPTIONS)) : { type: "string", ...eventData(ok.eventSchema) };
  const { refuses }: RouteGuard = GUARDS[route.guard];
  const guarded = refuses === undefined ? {} : { 403: `${COMMON_ERRORS[403]}. ${refuses}` };
  const failures = Object.entries({ ...COMMON_ERRORS, ...guarded, ...errors }).map(([status, description]) => [
    status,
    { description, content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } } },
  ]);
  const parameters = [
    ...params.map(({ name, description }) => ({
      name,
      in: "path",
      required: true,
      description,
      schema: { type: "string" },
    })),
    ...Object.entries(query ?? {}).map(([name, { schema: values, description }]) => ({
      name,
      in: "query",
      required: false,
      description,
      schema: bare(toJsonSchema(values, OPTIONS)),
    })),
  ];
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      200: {
        description: ok.description,
        ...(route.revision ? { headers: ETAG } : {}),
        content: { [contentType]: { schema } },
      },
      ...(route.revision ? { 304: { description: "Nothing of it has changed since the ETag in If-None-Match" } } : {}),
      ...Object.fromEntries(failures),
    },
  };
}

const ETAG = {
  etag: { description: "Changes with what the answer shows; for If-None-Match", schema: { type: "string" } },
} as const;

/** OpenAPI 3.1 has no word for the events of a stream: JSON Schema's for what a text holds says it of their data. */
function eventData(schema: GenericSchema | undefined) {
  return schema ? { contentMediaType: "application/json", contentSchema: bare(toJsonSchema(schema, OPTIONS)) } : {};
}

/** Without what belongs to a whole document: the dialect, and definitions that stand in the components. */
function bare(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema" && key !== "$defs"));
}

/** GET `/v1/vrrp/{name}/active` → `getV1VrrpNameActive`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return `${method.toLowerCase()}${words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1)).join("") || "Index"}`;
}
