// Adapter api: the two routes that are made from the table itself.
import * as v from "valibot";
import * as answers from "../answers.ts";
import { openapiDocument } from "../openapi.ts";
import type { Route } from "../route.ts";

/** The table with the index before it and the OpenAPI document, made at its first question, behind it. */
export function withOwnRoutes(routes: readonly Route[], version: string): readonly Route[] {
  let text: string | undefined;
  const document: Route = {
    method: "GET",
    path: "/openapi.json",
    guard: "anybody",
    summary: "This API as an OpenAPI 3.1 document",
    ok: { description: "OpenAPI 3.1", schema: v.record(v.string(), v.unknown()) },
    answer() {
      text ??= `${JSON.stringify(openapiDocument(all, version))}\n`;
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
  };
  const index: Route = {
    method: "GET",
    path: "/",
    guard: "anybody",
    summary: "What is here",
    ok: { description: "Paths and what they give", schema: answers.Index },
    answer: ({ build }) => ({
      name: "lbd",
      version: build.version,
      links: Object.fromEntries(linked.map(({ path, summary }) => [path, summary])),
    }),
  };
  const linked = [...routes, document].filter(({ method }) => method === "GET");
  const all = [index, ...routes, document];
  return all;
}
