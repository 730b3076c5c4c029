// Adapter api: the route that Prometheus asks.
import { METRICS_CONTENT_TYPE, metricsPieces } from "../../status/metrics.ts";
import { pieces } from "../pieces.ts";
import type { Route } from "../route.ts";

export const METRICS_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/metrics",
    guard: "anybody",
    summary: "For Prometheus",
    ok: { description: "Text format 0.0.4", contentType: METRICS_CONTENT_TYPE },
    answer({ store, build, vrrpLabel }) {
      const servers = store.virtualServers().reduce((sum, server) => sum + 1 + server.realServers.length, 0);
      const objects = servers + 2 * store.vrrp().length + store.metrics().size / 10;
      return pieces({ contentType: METRICS_CONTENT_TYPE, objects, parts: metricsPieces(store, build, vrrpLabel) });
    },
  },
];
