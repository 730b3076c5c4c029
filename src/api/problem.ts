// Adapter api: errors as RFC 9457 problem details. No stack, no path of this machine, nothing of the inside.
import * as v from "valibot";

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

export const Problem = v.object({
  type: v.pipe(v.string(), v.description("`about:blank`: the status says it all")),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.exactOptional(v.string()),
  /** More than one reason, each in words. */
  reasons: v.exactOptional(v.array(v.string())),
});
export type Problem = v.InferOutput<typeof Problem>;

const TITLES: Readonly<Record<number, string>> = {
  200: "OK",
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

export function problem(status: number, detail: string, extras: ProblemExtras = {}): Response {
  const body: Problem = { type: "about:blank", title: titleOf(status), status, detail };
  if (extras.reasons) body.reasons = [...extras.reasons];
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { ...extras.headers, "content-type": PROBLEM_CONTENT_TYPE },
  });
}
