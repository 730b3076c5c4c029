// Test machine: a client that asks again and again until it is answered, and says when that was: one line of JSON for each (ProbeLine), wall clock in
// ms. Arguments: the host of an API, or nothing; its token.
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { API_PORT, VIRTUAL_ADDRESS, WEB_PORT } from "./pair-folders.ts";

export interface ProbeLine {
  readonly what: "api" | "service";
  readonly at: number;
}

/** One that is not answered by then was asked too early. */
const PATIENCE_MS = 1000;
const PAUSE_MS = 20;

if (import.meta.main) {
  const [, , api = "", token = ""] = process.argv;
  await Promise.all([
    probe("service", () => asks(request, { host: VIRTUAL_ADDRESS, port: WEB_PORT })),
    ...(api === ""
      ? []
      : [
          probe("api", () =>
            asks(requestTls, {
              ...{ host: api, port: API_PORT, path: "/v1/appliance", rejectUnauthorized: false },
              headers: { authorization: `Bearer ${token}` },
            }),
          ),
        ]),
  ]);
  process.exit(0);
}

async function probe(what: ProbeLine["what"], isAnswered: () => Promise<boolean>): Promise<void> {
  while (!(await isAnswered())) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const line: ProbeLine = { what, at: Date.now() };
  console.log(JSON.stringify(line));
}

function asks(how: typeof request | typeof requestTls, where: object): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = how({ ...where, agent: false, timeout: PATIENCE_MS }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode === 200));
      answer.on("error", () => resolve(false));
    });
    // A handshake that is never answered has no other end.
    const limit = setTimeout(() => asked.destroy(new Error("no answer")), PATIENCE_MS);
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", () => resolve(false));
    asked.on("close", () => {
      clearTimeout(limit);
      resolve(false);
    });
    asked.end();
  });
}
