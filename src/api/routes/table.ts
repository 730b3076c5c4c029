// Adapter api: the table of what is served, a file for each resource. The router and the OpenAPI document are both made from it, so
// they can't differ; each row says its method and whom it answers.
import type { Route } from "../route.ts";
import { BFD_ROUTES } from "./bfd.ts";
import { DIRECTOR_ROUTES } from "./director.ts";
import { HEALTH_ROUTES } from "./health.ts";
import { METRICS_ROUTES } from "./metrics.ts";
import { SERVER_ROUTES } from "./servers.ts";
import { VRRP_ROUTES } from "./vrrp.ts";

/** In the order in which the index and the document list them. */
export const ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES,
  ...DIRECTOR_ROUTES,
  ...SERVER_ROUTES,
  ...VRRP_ROUTES,
  ...BFD_ROUTES,
  ...METRICS_ROUTES,
];
