// CLI: asks a director or an appliance, over a UNIX socket (peer.ts).
import { type Decoded, err, ok } from "../base/result.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import type { Peer } from "./peer.ts";

/** More than the largest director's whole state. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const LIMIT_MS = 10_000;
const BODY_LIMIT_MS = 120_000;

export interface AskError {
  readonly exit: number;
  readonly message: string;
}

/** How often one that is told to come back does so, and after how long. */
const TRIES = 5;
const AGAIN_MS = 1000;

/** What is sent along; its answer may take as long as a folder takes to be judged and put into force. */
export interface AskBody {
  readonly json: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export type Answer = Decoded<{ readonly status: number; readonly body: unknown }, AskError>;

/** The value of the JSON body, whatever the status. Where too many large answers are on their way, it waits a little. */
export async function ask(
  peer: Peer,
  path: string,
  method: "GET" | "POST" | "PUT" = "GET",
  body?: AskBody,
): Promise<Answer> {
  for (let left = TRIES; ; left--) {
    const answer = await askOnce(peer, path, method, body);
    if (!answer.ok || left === 0 || !isBusy(answer.value)) return answer;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function isBusy({ status, body }: { readonly status: number; readonly body: unknown }): boolean {
  return status === 503 && typeof body === "object" && body !== null && "code" in body && body.code === "busy";
}

async function askOnce(peer: Peer, path: string, method: string, body: AskBody | undefined): Promise<Answer> {
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve) => {
    const failed = (exit: number, message: string) => resolve(err({ exit, message }));
    const { socket: socketPath } = peer;
    const bytesOut = body && Buffer.from(JSON.stringify(body.json));
    const about = bytesOut && { "content-type": "application/json", "content-length": `${bytesOut.byteLength}` };
    const headers = { ...peer.headers, ...body?.headers, ...about };
    const limitMs = body ? BODY_LIMIT_MS : LIMIT_MS;
    const asked = request({ socketPath, path, method, headers, agent: false }, (answer) => {
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
    asked.setTimeout(limitMs, () => asked.destroy(new Error(`no answer within ${limitMs / 1000} s`)));
    asked.on("error", (error) => {
      const { message, isNone } = peer.silent(error);
      failed(isNone ? ASK_EXIT.none : ASK_EXIT.failed, message);
    });
    asked.end(bytesOut);
  });
}

/** One event of a stream of them (HTML standard, §9.2). */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A reader that sends more without an end of an event is none of ours. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/**
 * Hands each event of a stream to `take` until that says "enough", or the stream ends.
 * @returns undefined when it ended so; else why there is none
 */
export function follow(
  peer: Peer,
  path: string,
  take: (event: ServerEvent) => "more" | "enough",
): Promise<AskError | undefined> {
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve) => {
    const { socket: socketPath, headers } = peer;
    const asked = request({ socketPath, path, headers, agent: false }, (answer) => {
      let text = "";
      if (answer.statusCode !== 200) {
        answer.on("data", (chunk: Buffer) => {
          text += chunk.toString("utf8");
          if (text.length > MAX_EVENT_CHARS) asked.destroy(new Error("the answer has no end"));
        });
        answer.on("end", () => resolve({ exit: ASK_EXIT.failed, message: detailOf(text, path, answer.statusCode) }));
        return;
      }
      const decoder = new TextDecoder();
      answer.on("data", (chunk: Buffer) => {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MAX_EVENT_CHARS) asked.destroy(new Error("an event has no end"));
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = readEvent(text.slice(0, end));
          text = text.slice(end + 2);
          if (take(event) === "more") continue;
          asked.destroy();
          resolve(undefined);
          return;
        }
      });
      answer.on("end", () => resolve(undefined));
      answer.on("error", (error) => resolve({ exit: ASK_EXIT.failed, message: `${path}: ${error.message}` }));
    });
    asked.on("error", (error) => {
      const { message, isNone } = peer.silent(error);
      resolve({ exit: isNone ? ASK_EXIT.none : ASK_EXIT.failed, message });
    });
    asked.end();
  });
}

function readEvent(text: string): ServerEvent {
  const field = (name: string) =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ""))
      .join("\n");
  return { id: field("id"), event: field("event"), data: field("data") };
}

/** What a problem says, or the status alone. */
function detailOf(body: string, path: string, status: number | undefined): string {
  try {
    const { detail } = JSON.parse(body);
    if (typeof detail === "string") return detail;
  } catch {
    // No problem of ours.
  }
  return `${path}: status ${status}`;
}
