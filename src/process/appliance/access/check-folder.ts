// Process layer, appliance: `lbd check --appliance` about the folder that the machine has, for who asks from a laptop. A process of its own
// reads it: neither what a file holds nor how long it takes is this process's.
import { spawn } from "node:child_process";
import { keptEnvironment } from "../../../base/environment.ts";
import { ownArguments } from "../../runtime.ts";
import { type ApplianceRoute, sendJson, sendProblem } from "../api.ts";

const LIMIT_MS = 60_000;
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
const FORMATS = ["text", "json", "sarif"] as const;

/** @param program this one; another in tests */
export function checkRoute(
  folder: string,
  program: readonly string[] = ["/proc/self/exe", ...ownArguments()],
): ApplianceRoute {
  let busy = false;
  return {
    method: "GET",
    path: "/v1/appliance/check",
    role: "operate",
    summary: "What lbd check --appliance says of the machine's folder, with its exit status",
    query: { format: "text, json or sarif" },
    async answer({ url = "" }, response) {
      const asked = new URLSearchParams(url.split("?")[1] ?? "").get("format") ?? "text";
      const format = FORMATS.find((one) => one === asked);
      if (format === undefined)
        return sendProblem(response, 400, "bad-query", `format: expected ${FORMATS.join(", ")}`);
      if (busy) {
        response.setHeader("retry-after", "2");
        return sendProblem(response, 503, "busy", "the folder is being checked for somebody else");
      }
      busy = true;
      try {
        sendJson(response, await run(program, ["check", "--appliance", folder, "--format", format]));
      } finally {
        busy = false;
      }
    },
  };
}

function run([program = "", ...first]: readonly string[], words: readonly string[]) {
  return new Promise<{ status: number; output: string; beside: string }>((resolve, reject) => {
    const child = spawn(program, [...first, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
      env: keptEnvironment(process.env),
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    const said = { output: "", beside: "" };
    const take = (name: "output" | "beside") => (chunk: Buffer) => {
      said[name] += chunk.toString("utf8");
      if (said[name].length > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
    };
    child.stdout.on("data", take("output"));
    child.stderr.on("data", take("beside"));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (status === null) reject(new Error(`the check was ended (${signal}): it took too long, or said too much`));
      else resolve({ status, ...said });
    });
  });
}
