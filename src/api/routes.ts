// Adapter api: the table of what is served. The router and the OpenAPI document are both made from it, so they can't differ.
import * as v from "valibot";
import { METRICS_CONTENT_TYPE, metricsPieces } from "../status/metrics.ts";
import { shapes } from "../status/shapes.ts";
import * as answers from "./answers.ts";
import { pieces } from "./pieces.ts";
import { problem } from "./problem.ts";
import { publicDirector } from "./public.ts";
import type { Route } from "./route.ts";
import { LVS_ROUTES } from "./routes-lvs.ts";
import { VRRP_ROUTES } from "./routes-vrrp.ts";

/** Always in pieces: how large it is shows only when it has been read. */
const UNKNOWN_SIZE = Number.POSITIVE_INFINITY;

export const ROUTES: readonly Route[] = [
  {
    path: "/livez",
    summary: "The process answers",
    ok: { description: "It does", schema: answers.Live },
    answer: () => ({ status: "live" }),
  },
  {
    path: "/readyz",
    summary: "The configuration is in force and every role runs",
    ok: { description: "Ready", schema: answers.Ready },
    errors: { 503: "Not ready, with the reasons" },
    answer({ store }) {
      const reasons = answers.unready(store);
      if (reasons.length > 0) return problem("not-ready", "not ready", { reasons });
      const details = answers.detailsOf(store);
      return { status: "ready", ...(details.length > 0 && { details }) };
    },
  },
  {
    path: "/v1/status",
    summary: "The director as a whole",
    ok: { description: "Configuration, processes, counts", schema: answers.Status },
    revision: ({ store }) => store.revision(),
    answer({ store }, { via }) {
      const status = answers.statusAnswer(store);
      if (via.kind === "unix" || !status.director) return status;
      return { ...status, director: publicDirector(status.director) };
    },
  },
  ...LVS_ROUTES,
  {
    path: "/v1/config",
    summary: "The configuration in force: effective values with their origin; on the UNIX socket only",
    ok: { description: "Secrets are masked", schema: answers.EffectiveConfig },
    errors: { 403: "Asked over TCP", 503: "No configuration is in force yet" },
    socketOnly: true,
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
    path: "/v1/events",
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
  ...VRRP_ROUTES,
  {
    path: "/metrics",
    summary: "For Prometheus",
    ok: { description: "Text format 0.0.4", contentType: METRICS_CONTENT_TYPE },
    answer({ store, build, vrrpLabel }) {
      const servers = store.virtualServers().reduce((sum, server) => sum + 1 + server.realServers.length, 0);
      const objects = servers + 2 * store.vrrp().length + store.metrics().size / 10;
      return pieces({ contentType: METRICS_CONTENT_TYPE, objects, parts: metricsPieces(store, build, vrrpLabel) });
    },
  },
];

async function* between(begin: string, parts: AsyncIterable<string>, end: string): AsyncGenerator<string> {
  yield begin;
  yield* parts;
  yield end;
}
