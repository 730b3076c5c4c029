// Adapter api: routes of virtual servers and real servers.
import * as v from "valibot";
import { ListedRealServer, shapes } from "../../status/shapes.ts";
import * as answers from "../answers.ts";
import { PAGE_QUERY, page } from "../paging.ts";
import { jsonAnswer } from "../pieces.ts";
import { problem } from "../problem.ts";
import { publicRealServer, publicServer } from "../public.ts";
import type { Asked, Route } from "../route.ts";

const NO_SUCH_SERVER = "no virtual server of that id";
const NO_SUCH_REAL_SERVER = "no real server of that id";

const SERVER_PARAM = {
  slashes: true,
  name: "id",
  description:
    "Its id, URL-encoded (`192.0.2.1%3A80%2Ftcp`), or what only one of them is called: `192.0.2.1:80`, a group's name",
} as const;

const HEALTHY = {
  schema: v.picklist(["true", "false"], "expected true or false"),
  description: "Only those whose checks pass, or only those that fail",
} as const;

export const SERVER_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/virtual-servers",
    guard: "anybody",
    summary: "All virtual servers with their real servers and checks",
    query: {
      healthy: { ...HEALTHY, description: "Only those that are up with all their real servers, or only the others" },
      ...PAGE_QUERY,
    },
    ok: { description: "In the order of the configuration", schema: answers.VirtualServerList },
    revision: ({ store }) => store.revisionOf("virtual-server"),
    answer({ store }, asked) {
      const { healthy } = asked.query;
      const all = store.virtualServers();
      const wanted = healthy === undefined ? all : all.filter((one) => answers.isWhole(one) === (healthy === "true"));
      const found = page(wanted, ({ id }) => id, asked.query);
      if (found instanceof Response) return found;
      const { items, next } = found;
      const objects = items.reduce((sum, server) => sum + 1 + server.realServers.length, 0);
      const virtualServers = shown(asked, items, publicServer);
      return jsonAnswer({ virtualServers, next }, objects);
    },
  },
  {
    method: "GET",
    path: "/v1/virtual-servers/{id}",
    guard: "anybody",
    summary: "One virtual server",
    params: [SERVER_PARAM],
    ok: { description: "The virtual server", schema: shapes.VirtualServer },
    errors: { 400: "Several virtual servers are called that", 404: NO_SUCH_SERVER },
    revision({ store }, { params: [id = ""] }) {
      const found = answers.findVirtualServer(store, id);
      return found.kind === "one" ? store.revisionOf("virtual-server", found.server.id) : undefined;
    },
    answer({ store }, asked) {
      const found = answers.findVirtualServer(store, asked.params[0] ?? "");
      if (found.kind !== "one") return notOne(found);
      const server = asked.via.kind === "tcp" ? publicServer(found.server) : found.server;
      return jsonAnswer(server, server.realServers.length);
    },
  },
  {
    method: "GET",
    path: "/v1/virtual-servers/{id}/real-servers/{server}",
    guard: "anybody",
    summary: "One real server of a virtual server",
    params: [SERVER_PARAM, { name: "server", description: "Id of the real server: `192.0.2.10:80`" }],
    ok: { description: "The real server", schema: ListedRealServer },
    errors: { 400: "Several virtual servers are called that", 404: NO_SUCH_REAL_SERVER },
    revision({ store }, { params: [id = ""] }) {
      const found = answers.findVirtualServer(store, id);
      return found.kind === "one" ? store.revisionOf("virtual-server", found.server.id) : undefined;
    },
    answer({ store }, asked) {
      const [id = "", wanted = ""] = asked.params;
      const found = answers.findVirtualServer(store, id);
      if (found.kind !== "one") return notOne(found);
      const [real] = answers.realServersOf([found.server], (server) => answers.isCalled(server, wanted));
      if (!real) return problem("no-such-real-server", NO_SUCH_REAL_SERVER);
      return asked.via.kind === "tcp" ? publicRealServer(real) : real;
    },
  },
  {
    method: "GET",
    path: "/v1/real-servers",
    guard: "anybody",
    summary: "Real servers of all virtual servers",
    query: { healthy: HEALTHY, ...PAGE_QUERY },
    ok: { description: "Real servers", schema: answers.RealServerList },
    revision: ({ store }) => store.revisionOf("virtual-server"),
    answer({ store }, asked) {
      const { healthy } = asked.query;
      const wanted = healthy === undefined ? undefined : healthy === "true";
      const all = answers.realServersOf(
        store.virtualServers(),
        (real) => wanted === undefined || real.healthy === wanted,
      );
      return realServerList(all, asked);
    },
  },
  {
    method: "GET",
    path: "/v1/real-servers/{server}",
    guard: "anybody",
    summary: "One real server in all virtual servers that have it",
    params: [{ name: "server", description: "Its id, or its address: `192.0.2.10:80`, `192.0.2.10`" }],
    query: { healthy: HEALTHY, ...PAGE_QUERY },
    ok: { description: "It, once for each virtual server", schema: answers.RealServerList },
    errors: { 404: NO_SUCH_REAL_SERVER },
    revision: ({ store }) => store.revisionOf("virtual-server"),
    answer({ store }, asked) {
      const [wanted = ""] = asked.params;
      const known = () => answers.realServersOf(store.virtualServers(), (server) => answers.isCalled(server, wanted));
      if (known().next().done) return problem("no-such-real-server", NO_SUCH_REAL_SERVER);
      const { healthy } = asked.query;
      const all = known().filter((server) => healthy === undefined || server.healthy === (healthy === "true"));
      return realServerList(all, asked);
    },
  },
];

function realServerList(all: Iterable<answers.Listed>, asked: Asked) {
  const found = page(all, ({ virtualServer, id }) => `${virtualServer} ${id}`, asked.query);
  if (found instanceof Response) return found;
  const { items, next } = found;
  return jsonAnswer({ realServers: shown(asked, items, publicRealServer), next }, items.length);
}

function notOne(found: Exclude<answers.Found, { kind: "one" }>): Response {
  if (found.kind === "none") return problem("no-such-virtual-server", NO_SUCH_SERVER);
  return problem("ambiguous", "several virtual servers are called that: ask by id", { reasons: found.ids });
}

/** Items as they may be seen by who asks, each made when it is its turn. */
function* shown<T>({ via }: Asked, items: readonly T[], made: (item: T) => T): Generator<T> {
  for (const item of items) yield via.kind === "tcp" ? made(item) : item;
}
