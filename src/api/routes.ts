// Adapter api: the table of what is served. The router and the OpenAPI document are both made from it, so they can't differ.
import * as v from "valibot";
import { type BuildInfo, METRICS_CONTENT_TYPE, renderMetrics } from "../status/metrics.ts";
import { shapes } from "../status/shapes.ts";
import type { StatusStore } from "../status/store.ts";
import * as answers from "./answers.ts";
import type { EventStream } from "./events.ts";
import { problem } from "./problem.ts";

export interface ApiState {
  readonly store: StatusStore;
  readonly events: EventStream;
  readonly build: BuildInfo;
  /** The effective configuration as JSON text; undefined while there is none. */
  effective(): Promise<string | undefined>;
}

export interface Asked {
  /** Of the path, decoded. */
  readonly param: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Headers;
}

export interface Route {
  /** As OpenAPI writes it: at most one `{parameter}`. */
  readonly path: string;
  readonly summary: string;
  /** `slashes`: the value may hold a slash that was not escaped; only where nothing follows it. */
  readonly param?: { readonly name: string; readonly description: string; readonly slashes?: true };
  readonly query?: Readonly<
    Record<string, { readonly schema: v.GenericSchema<string, string>; readonly description: string }>
  >;
  readonly ok: {
    readonly description: string;
    readonly contentType?: string;
    /** Absent: text. */
    readonly schema?: v.GenericSchema;
  };
  /** Statuses above 399 that the route itself gives, with the reason. All are problem details. */
  readonly errors?: Readonly<Record<number, string>>;
  answer(state: ApiState, asked: Asked): unknown;
}

const NO_SUCH_SERVER = "no virtual server of that id";
const NO_SUCH_INSTANCE = "no VRRP instance of that name";

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
      if (reasons.length > 0) return problem(503, "not ready", { reasons });
      const details = answers.detailsOf(store);
      return { status: "ready", ...(details.length > 0 && { details }) };
    },
  },
  {
    path: "/v1/status",
    summary: "The director as a whole",
    ok: { description: "Configuration, processes, counts", schema: answers.Status },
    answer: ({ store }) => answers.statusAnswer(store),
  },
  {
    path: "/v1/virtual-servers",
    summary: "All virtual servers with their real servers and checks",
    ok: { description: "In the order of the configuration", schema: answers.VirtualServerList },
    answer: ({ store }) => ({ virtualServers: store.virtualServers() }),
  },
  {
    path: "/v1/virtual-servers/{id}",
    summary: "One virtual server",
    param: {
      slashes: true,
      name: "id",
      description:
        "Its id, URL-encoded (`192.0.2.1%3A80%2Ftcp`), or what only one of them is called: `192.0.2.1:80`, a group's name",
    },
    ok: { description: "The virtual server", schema: shapes.VirtualServer },
    errors: { 400: "Several virtual servers are called that", 404: NO_SUCH_SERVER },
    answer({ store }, { param }) {
      const found = answers.findVirtualServer(store, param);
      if (found.kind === "one") return found.server;
      if (found.kind === "none") return problem(404, NO_SUCH_SERVER);
      return problem(400, "several virtual servers are called that: ask by id", { reasons: found.ids });
    },
  },
  {
    path: "/v1/real-servers",
    summary: "Real servers of all virtual servers",
    query: {
      healthy: {
        schema: v.picklist(["true", "false"], "expected true or false"),
        description: "Only those whose checks pass, or only those that fail",
      },
    },
    ok: { description: "Real servers", schema: answers.RealServerList },
    answer: ({ store }, { query }) =>
      answers.realServersAnswer(
        store.virtualServers(),
        query.healthy === undefined ? undefined : query.healthy === "true",
      ),
  },
  {
    path: "/v1/config",
    summary: "The configuration in force: effective values with their origin",
    ok: { description: "Secrets are masked", schema: answers.EffectiveConfig },
    errors: { 503: "No configuration is in force yet" },
    async answer({ store, effective }) {
      const config = store.director()?.config;
      const tree = await effective();
      if (!config || tree === undefined) return problem(503, "no configuration is in force yet");
      // Text, never values again: it may be a hundred megabytes.
      const body = `${JSON.stringify(config).slice(0, -1)},"effective":${tree}}\n`;
      return new Response(body, { headers: { "content-type": "application/json" } });
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
      description: "`data` of each is an Event; `missed` says that some are no longer kept",
      contentType: "text/event-stream",
    },
    errors: { 503: "Too many readers" },
    answer: ({ events }, { query, headers }) => events.open(headers.get("last-event-id") ?? query.lastEventId),
  },
  {
    path: "/v1/vrrp",
    summary: "All VRRP instances and sync groups",
    ok: { description: "Instances and groups", schema: answers.VrrpList },
    answer: ({ store }) => ({ instances: store.vrrp(), groups: store.syncGroups() }),
  },
  {
    path: "/v1/vrrp/{name}",
    summary: "One VRRP instance",
    param: { name: "name", description: "Name of the instance" },
    ok: { description: "The instance", schema: shapes.Vrrp },
    errors: { 404: NO_SUCH_INSTANCE },
    answer: ({ store }, { param }) => store.vrrpInstance(param) ?? problem(404, NO_SUCH_INSTANCE),
  },
  {
    path: "/v1/vrrp/{name}/active",
    summary: "Whether this director is master, for load balancers and scripts",
    param: { name: "name", description: "Name of the instance" },
    ok: { description: "It is", schema: answers.Active },
    errors: { 404: NO_SUCH_INSTANCE, 503: "It is not" },
    answer({ store }, { param }) {
      const instance = store.vrrpInstance(param);
      if (!instance) return problem(404, NO_SUCH_INSTANCE);
      const { name, state, since } = instance;
      return state === "MASTER" ? { name, state, since } : problem(503, `${name} is ${state}`);
    },
  },
  {
    path: "/metrics",
    summary: "For Prometheus",
    ok: { description: "Text format 0.0.4", contentType: METRICS_CONTENT_TYPE },
    answer: ({ store, build }) =>
      new Response(renderMetrics(store, build), { headers: { "content-type": METRICS_CONTENT_TYPE } }),
  },
];
