// Adapter api: the OpenAPI 3.1 document, made from the table of routes and their schemas.
import { toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import { shapes } from "../status/shapes.ts";
import { PROBLEM_CONTENT_TYPE, Problem } from "./problem.ts";
import type { Route } from "./routes.ts";

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
  405: "Only GET and HEAD are served",
  413: "The request has a body",
  500: "A mistake of lbd; its log says more",
  503: "Too busy",
};

export function openapiDocument(routes: readonly Route[], version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "lbd status API",
      version,
      description: "What a director knows: read-only, on the UNIX socket and on loopback.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths: Object.fromEntries(routes.map((route) => [route.path, { get: operation(route) }])),
    components: { schemas: componentSchemas() },
  };
}

function componentSchemas() {
  return toJsonSchemaDefs(DEFINITIONS, OPTIONS);
}

function operation(route: Route) {
  const { ok, errors, param, query } = route;
  const contentType = ok.contentType ?? "application/json";
  const schema = ok.schema ? bare(toJsonSchema(ok.schema, OPTIONS)) : { type: "string" };
  const failures = Object.entries({ ...COMMON_ERRORS, ...errors }).map(([status, description]) => [
    status,
    { description, content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } } },
  ]);
  const parameters = [
    ...(param
      ? [{ name: param.name, in: "path", required: true, description: param.description, schema: { type: "string" } }]
      : []),
    ...Object.entries(query ?? {}).map(([name, { schema: values, description }]) => ({
      name,
      in: "query",
      required: false,
      description,
      schema: bare(toJsonSchema(values, OPTIONS)),
    })),
  ];
  return {
    operationId: operationId(route.path),
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      200: { description: ok.description, content: { [contentType]: { schema } } },
      ...Object.fromEntries(failures),
    },
  };
}

/** Without what belongs to a whole document: the dialect, and definitions that stand in the components. */
function bare(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema" && key !== "$defs"));
}

/** `/v1/vrrp/{name}/active` → `getV1VrrpNameActive`. */
function operationId(path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return `get${words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1)).join("") || "Index"}`;
}
