// Process layer, appliance: what is served over the network as one OpenAPI 3.1 document and one index: the director's table and the machine's
// own, each operation with the role that it needs. Both are made from the tables that the door goes by, so they can't differ from it.
import { withOwnRoutes } from "../../../api/routes/index-and-document.ts";
import { ROUTES } from "../../../api/routes/table.ts";
import { ROLES } from "../../../appliance/access/permits.ts";
import type { ApiRole } from "../../../appliance/settings.ts";
import { VERSION } from "../../../version.ts";
import { type ApplianceRoute, sendJson } from "../api.ts";
import { directorRole } from "./director.ts";

const SECURITY_SCHEMES = {
  token: { type: "http", scheme: "bearer", description: "`tokens` of appliance.yaml; lbd token makes one" },
  certificate: { type: "mutualTLS", description: "Signed by `client-ca` of appliance.yaml; its unit is the role" },
} as const;
const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } } as const;

/** `/` and `/openapi.json` of a machine with these routes beside the director's. */
export function documentRoutes(own: readonly ApplianceRoute[]): readonly ApplianceRoute[] {
  const index: ApplianceRoute = {
    method: "GET",
    path: "/",
    role: "read",
    summary: "What is here",
    answer: (_request, response) => sendJson(response, { name: "lbd", version: VERSION, links: linksOf(all) }),
  };
  const document: ApplianceRoute = {
    method: "GET",
    path: "/openapi.json",
    role: "read",
    summary: "This API as an OpenAPI 3.1 document",
    // Made when it is asked for: it takes more memory than all else here.
    answer: async (_request, response) => sendJson(response, await documentOf(all)),
  };
  const all = [index, ...own, document];
  return [index, document];
}

function linksOf(own: readonly ApplianceRoute[]): Readonly<Record<string, string>> {
  const both = [...own, ...ROUTES].filter(({ method, path }) => method === "GET" && path !== "/");
  return Object.fromEntries(both.map(({ path, summary }) => [path, summary]));
}

async function documentOf(own: readonly ApplianceRoute[]) {
  const { openapiDocument } = await import("../../../api/openapi.ts");
  const { info, paths, components, ...rest } = openapiDocument(withOwnRoutes(ROUTES, VERSION), VERSION);
  const directors = Object.entries(paths).map(([path, item]) => [
    path,
    Object.fromEntries(Object.entries(item).map(([method, one]) => [method, guarded(one, directorRole(path))])),
  ]);
  const ours = [...Map.groupBy(own, ({ path }) => path)].map(([path, rows]) => [
    path,
    Object.fromEntries(rows.map((row) => [row.method.toLowerCase(), guarded(operation(row), row.role)])),
  ]);
  return {
    ...rest,
    info: {
      ...info,
      title: "lbd appliance API",
      description:
        "A director and the machine that it runs on. Every operation names the role that it needs (`x-lbd-role`); calls that change something, " +
        "and refused ones, are in the audit.",
    },
    security: [{ token: [] }, { certificate: [] }],
    paths: { ...Object.fromEntries(directors), ...Object.fromEntries(ours) },
    components: { ...components, securitySchemes: SECURITY_SCHEMES },
  };
}

/** With the role that it needs, and what a caller without it is told. */
function guarded<T extends { readonly responses: object }>(of: T, role: ApiRole | undefined) {
  const may = ROLES.slice(role === undefined ? 0 : ROLES.indexOf(role)).join(", ");
  return {
    ...of,
    "x-lbd-role": role,
    responses: {
      ...of.responses,
      401: { description: "Neither a token nor a client certificate of this machine", content: PROBLEM },
      403: { description: `The role is none of ${may}; or the request came from a foreign page`, content: PROBLEM },
      429: { description: "Too many wrong tokens from this address; Retry-After says when", content: PROBLEM },
    },
  };
}

function operation({ method, path, summary, query = {}, body, ok = {} }: ApplianceRoute) {
  const parameters = Object.entries(query).map(([name, description]) => ({
    ...{ name, in: "query", required: false, description },
    schema: { type: "string" },
  }));
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const { status = 200, description = summary, contentType = "application/json" } = ok;
  return {
    operationId: `${method.toLowerCase()}${words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1)).join("") || "Index"}`,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { description: body.description, required: true, content: { [body.contentType]: {} } },
    }),
    responses: { [status]: { description, content: { [contentType]: {} } } },
  };
}
