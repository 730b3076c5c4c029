// Adapter api: routes of BFD sessions.
import { shapes } from "../../status/shapes.ts";
import * as answers from "../answers.ts";
import { jsonAnswer } from "../pieces.ts";
import { problem } from "../problem.ts";
import type { Route } from "../route.ts";

const NO_SUCH_SESSION = "no BFD session of that name";

export const BFD_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/bfd",
    guard: "anybody",
    summary: "All BFD sessions",
    ok: { description: "Sessions", schema: answers.BfdList },
    revision: ({ store }) => store.revisionOf("bfd"),
    answer: ({ store }) => jsonAnswer({ sessions: store.bfd() }, store.bfd().length),
  },
  {
    method: "GET",
    path: "/v1/bfd/{name}",
    guard: "anybody",
    summary: "One BFD session",
    params: [{ name: "name", description: "Name of the bfd_instance" }],
    ok: { description: "The session", schema: shapes.Bfd },
    errors: { 404: NO_SUCH_SESSION },
    revision: ({ store }, { params: [name = ""] }) =>
      store.bfdSession(name) ? store.revisionOf("bfd", name) : undefined,
    answer: ({ store }, { params: [name = ""] }) =>
      store.bfdSession(name) ?? problem("no-such-session", NO_SUCH_SESSION),
  },
];
