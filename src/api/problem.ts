// Adapter api: errors as RFC 9457 problem details. No stack, no path of this machine, nothing of the inside.
import * as v from "valibot";

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

/** Every kind of problem with its status. Programs may rely on the codes: they stay as they are. */
const PROBLEMS = {
  "bad-request": 400,
  "bad-query": 400,
  "bad-cursor": 400,
  ambiguous: 400,
  "foreign-host": 403,
  "foreign-origin": 403,
  "socket-only": 403,
  "not-found": 404,
  "no-such-virtual-server": 404,
  "no-such-real-server": 404,
  "no-such-instance": 404,
  "no-such-group": 404,
  "no-such-session": 404,
  "method-not-allowed": 405,
  "body-not-served": 413,
  "path-too-long": 414,
  "header-too-large": 431,
  internal: 500,
  busy: 503,
  "no-configuration": 503,
  "not-master": 503,
  "not-ready": 503,
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

const CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

export const Problem = v.object({
  type: v.pipe(v.string(), v.description("`urn:lbd:problem:` and the code")),
  code: v.pipe(v.picklist(CODES), v.description("Which problem it is, for programs")),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.exactOptional(v.string()),
  /** More than one reason, each in words. */
  reasons: v.exactOptional(v.array(v.string())),
});
export type Problem = v.InferOutput<typeof Problem>;

const TITLES: Readonly<Record<number, string>> = {
  200: "OK",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The words of RFC 9110 for a status. */
export function titleOf(status: number): string {
  return TITLES[status] ?? "Error";
}

export interface ProblemExtras {
  readonly reasons?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export function problem(code: ProblemCode, detail: string, extras: ProblemExtras = {}): Response {
  const body = problemBody(code, detail);
  if (extras.reasons) body.reasons = [...extras.reasons];
  return new Response(`${JSON.stringify(body)}\n`, {
    status: body.status,
    headers: { ...extras.headers, "content-type": PROBLEM_CONTENT_TYPE },
  });
}

export function problemBody(code: ProblemCode, detail: string): Problem {
  const status = PROBLEMS[code];
  return { type: `urn:lbd:problem:${code}`, code, title: titleOf(status), status, detail };
}

/** Too much is on its way at this time; a little later it may be served. */
export function busy(detail: string): Response {
  return problem("busy", detail, { headers: { "retry-after": "2" } });
}
