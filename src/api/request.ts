// Adapter api: what came in as the application takes it, and the answers where there is no request to answer.
import type { IncomingMessage } from "node:http";
import { isRead } from "./guard.ts";
import { PROBLEM_CONTENT_TYPE, type ProblemCode, problem, problemBody } from "./problem.ts";

const MAX_URL_CHARS = 2048;

/** The request as the application takes it, or why not. The URL's own name is never used: the guard looks at the Host header. */
export function toRequest(incoming: IncomingMessage): Request | Response {
  const url = incoming.url ?? "";
  if (!url.startsWith("/")) return problem("bad-request", "the request target must be a path");
  if (url.length > MAX_URL_CHARS)
    return problem("path-too-long", `the path is longer than ${MAX_URL_CHARS} characters`);
  // With another method it is the method that is wrong.
  if (hasBody(incoming) && isRead(incoming.method))
    return problem("body-not-served", "requests with a body are not served");
  const headers = new Headers();
  let hosts = 0;
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    const name = (incoming.rawHeaders[i] ?? "").toLowerCase();
    if (name === "host" && ++hosts > 1) return problem("bad-request", "more than one Host header");
    try {
      headers.append(name, incoming.rawHeaders[i + 1] ?? "");
    } catch {
      return problem("bad-request", "a header can't be understood");
    }
  }
  try {
    // HTTP/1.0 on the UNIX socket may come without a Host.
    return new Request(new URL(url, "http://lbd").href, { method: incoming.method ?? "", headers });
  } catch {
    return problem("bad-request", "the request can't be understood");
  }
}

export function hasBody(incoming: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

/** For connections on which there is no request to answer. */
export function rawProblem(code: ProblemCode, detail: string, headers: readonly string[] = []): string {
  const problemOf = problemBody(code, detail);
  const body = JSON.stringify(problemOf);
  const head = [
    `HTTP/1.1 ${problemOf.status} ${problemOf.title}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    ...headers,
    `content-length: ${body.length}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
