// Adapter api: the way of an answer to its reader, bounded in time by the kind of the answer, and in memory for those that wait.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../base/clock.ts";
import { STREAMED } from "./app.ts";
import type { Via } from "./guard.ts";
import { titleOf } from "./problem.ts";
import { hasBody } from "./request.ts";

/** From the head of a request to the last byte of a small answer. */
export const ANSWER_MS = 30_000;
/** The same of a large one: over TCP a stranger holds a place no longer; the UNIX socket is for those who may wait. */
const LARGE_MS = { tcp: 60_000, unix: 600_000 } as const;
/** A large answer whose reader takes nothing. */
const LARGE_STALL_MS = 10_000;
/** An event stream whose reader takes nothing. */
const STALL_MS = 60_000;
/** Small answers that wait for their readers, all together; large ones are made as they are read. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** A client may be gone before its answer is there. */
export interface Client {
  readonly gone: boolean;
}

export interface Delivery {
  /** Too many answers wait for their readers. */
  full(): boolean;
  /** Done when the answer is delivered, or its reader gone. */
  send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse, client: Client): Promise<void>;
}

/** `kind`: how the readers came. */
export function createDelivery(clock: Clock, kind: Via["kind"]): Delivery {
  let waitingBytes = 0;

  async function send(
    response: Response,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    client: Client,
  ): Promise<void> {
    outgoing.statusCode = response.status;
    outgoing.statusMessage = titleOf(response.status);
    const { body } = response;
    const isEmpty = body === null || incoming.method === "HEAD";
    const isOld = incoming.httpVersion === "1.0";
    for (const [name, value] of response.headers)
      if (name !== STREAMED || !(isEmpty || isOld)) outgoing.setHeader(name, value);
    if (hasBody(incoming) || isOld) outgoing.setHeader("connection", "close");
    if (isEmpty) outgoing.end();
    else if (response.headers.get("content-type")?.startsWith("text/event-stream"))
      await pipe(body, outgoing, client, STALL_MS);
    else if (response.headers.has(STREAMED))
      await within(LARGE_MS[kind], outgoing, () => pipe(body, outgoing, client, LARGE_STALL_MS));
    else await sendWhole(new Uint8Array(await response.arrayBuffer()), outgoing, client);
  }

  async function sendWhole(body: Uint8Array, outgoing: ServerResponse, client: Client) {
    if (client.gone) return;
    waitingBytes += body.byteLength;
    try {
      await within(ANSWER_MS, outgoing, () => {
        outgoing.setHeader("content-length", body.byteLength);
        outgoing.end(body);
        return new Promise<void>((resolve) => outgoing.once("close", resolve));
      });
    } finally {
      waitingBytes -= body.byteLength;
    }
  }

  async function within(limitMs: number, outgoing: ServerResponse, run: () => Promise<void>): Promise<void> {
    const cancel = clock.at(clock.now() + limitMs, () => outgoing.destroy());
    try {
      await run();
    } finally {
      cancel();
    }
  }

  async function pipe(
    body: ReadableStream<Uint8Array>,
    outgoing: ServerResponse,
    client: Client,
    stallMs: number,
  ): Promise<void> {
    const reader = body.getReader();
    const leave = () => void reader.cancel().catch(() => {});
    outgoing.once("close", leave);
    try {
      outgoing.flushHeaders();
      while (!client.gone) {
        const { done, value } = await reader.read();
        if (done || client.gone) break;
        if (!outgoing.write(value) && !client.gone) await drained(outgoing, stallMs);
      }
      if (client.gone) return;
      outgoing.end();
      await new Promise<void>((resolve) => outgoing.once("close", resolve));
    } finally {
      outgoing.off("close", leave);
      leave();
      reader.releaseLock();
    }
  }

  function drained(outgoing: ServerResponse, stallMs: number): Promise<void> {
    const cancel = clock.at(clock.now() + stallMs, () => outgoing.destroy());
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        outgoing.off("drain", done);
        outgoing.off("close", done);
        resolve();
      };
      outgoing.once("drain", done);
      outgoing.once("close", done);
    });
  }

  return { full: () => waitingBytes > MAX_WAITING_BYTES, send };
}
