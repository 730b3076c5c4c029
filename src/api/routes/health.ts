// Adapter api: routes for probes and service managers.
import * as answers from "../answers.ts";
import { problem } from "../problem.ts";
import type { Route } from "../route.ts";

export const HEALTH_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/livez",
    guard: "anybody",
    summary: "The process answers",
    ok: { description: "It does", schema: answers.Live },
    answer: () => ({ status: "live" }),
  },
  {
    method: "GET",
    path: "/readyz",
    guard: "anybody",
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
];
