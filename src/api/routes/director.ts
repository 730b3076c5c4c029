// Adapter api: routes of the director as a whole: its status, its configuration, what happens.
import * as v from "valibot";
import { shapes } from "../../status/shapes.ts";
import * as answers from "../answers.ts";
import { pieces } from "../pieces.ts";
import { problem } from "../problem.ts";
import { publicDirector } from "../public.ts";
import type { Route } from "../route.ts";

/** Always in pieces: how large it is shows only when it has been read. */
const UNKNOWN_SIZE = Number.POSITIVE_INFINITY;

export const DIRECTOR_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    guard: "anybody",
    summary: "The director as a whole",
    ok: { description: "Configuration, processes, counts", schema: answers.Status },
    revision: ({ store }) => store.revision(),
    answer({ store }, { via }) {
      const status = answers.statusAnswer(store);
      if (via.kind === "unix" || !status.director) return status;
      return { ...status, director: publicDirector(status.director) };
    },
  },
  {
    method: "GET",
    path: "/v1/config",
    guard: "socket",
    summary: "The configuration in force: effective values with their origin; on the UNIX socket only",
    ok: { description: "Secrets are masked", schema: answers.EffectiveConfig },
    errors: { 503: "No configuration is in force yet" },
    slot: "config",
    async answer({ store, effective }) {
      const config = store.director()?.config;
      const tree = config && (await effective());
      if (tree === undefined) return problem("no-configuration", "no configuration is in force yet");
      const begin = `${JSON.stringify(config).slice(0, -1)},"effective":`;
      return pieces({ contentType: "application/json", objects: UNKNOWN_SIZE, parts: between(begin, tree, "}\n") });
    },
  },
  {
    method: "GET",
    path: "/v1/events",
    guard: "anybody",
    summary: "What happens, as server-sent events",
    query: {
      lastEventId: {
        schema: v.string(),
        description: "As the Last-Event-ID header, for readers that can't set it; 0: all that is kept",
      },
    },
    ok: {
      description: "`data` of each is an Event; `missed`, with empty data, says that some are no longer kept",
      contentType: "text/event-stream",
      eventSchema: shapes.Event,
    },
    errors: { 503: "Too many readers" },
    answer: ({ events }, { query, headers, via }) =>
      events.open(headers.get("last-event-id") ?? query.lastEventId, via),
  },
];

async function* between(begin: string, parts: AsyncIterable<string>, end: string): AsyncGenerator<string> {
  yield begin;
  yield* parts;
  yield end;
}
