// CLI: asks the director that holds a run directory, over its UNIX socket.
import { type Decoded, err, ok } from "../base/result.ts";
import { socketPath } from "../process/host/places.ts";
import { ASK_EXIT } from "./ask-exit.ts";

/** More than the largest director's whole state. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const LIMIT_MS = 10_000;

export interface AskError {
  readonly exit: number;
  readonly message: string;
}

/** How often one that is told to come back does so, and after how long. */
const TRIES = 5;
const AGAIN_MS = 1000;

export type Answer = Decoded<{ readonly status: number; readonly body: unknown }, AskError>;

/** GET `path`; the value of its JSON body, whatever the status. Where too many large answers are on their way, it waits a little. */
export async function ask(runDir: string, path: string): Promise<Answer> {
  for (let left = TRIES; ; left--) {
    const answer = await askOnce(runDir, path);
    if (!answer.ok || left === 0 || !isBusy(answer.value)) return answer;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function isBusy({ status, body }: { readonly status: number; readonly body: unknown }): boolean {
  return status === 503 && typeof body === "object" && body !== null && "code" in body && body.code === "busy";
}

async function askOnce(runDir: string, path: string): Promise<Answer> {
  const socket = socketPath(runDir);
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve) => {
    const failed = (exit: number, message: string) => resolve(err({ exit, message }));
    const asked = request({ socketPath: socket, path, headers: { host: "localhost" }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > MAX_ANSWER_BYTES) asked.destroy(new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      answer.on("end", () => {
        try {
          resolve(ok({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) }));
        } catch {
          failed(ASK_EXIT.failed, `${path}: the answer is no JSON (status ${answer.statusCode})`);
        }
      });
      answer.on("error", (error) => failed(ASK_EXIT.failed, `${path}: ${error.message}`));
    });
    asked.setTimeout(LIMIT_MS, () => asked.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)));
    asked.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "FailedToOpenSocket")
        return failed(ASK_EXIT.none, `no director runs with the run directory ${runDir} (${socket} does not answer)`);
      if (code === "EACCES" || code === "EPERM") return failed(ASK_EXIT.none, `${socket}: no permission, ask as root`);
      return failed(ASK_EXIT.failed, `${socket}: ${error.message}`);
    });
    asked.end();
  });
}
