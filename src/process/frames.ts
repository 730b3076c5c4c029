// Process layer: how a message lies on the socket between parent and child: four bytes of length (little-endian), then that many
// bytes of JSON in UTF-8, or a zero and bytes that are handed on as they are. The length is looked at before anything is kept, and what the
// text holds before it is parsed, so a writer costs its reader at most one message.
import { beyondBounds, type JsonBounds } from "./json-measure.ts";

const HEADER_BYTES = 4;
/** No JSON text begins with it. */
const BYTES_FOLLOW = 0;

/** One message as it is sent. @throws TypeError for what JSON can't carry (a cycle) */
export function encodeFrame(message: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(message), "utf8");
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength);
  frame.writeUInt32LE(body.byteLength, 0);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Bytes as they are sent. */
export function encodeBytesFrame(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 1 + bytes.byteLength);
  frame.writeUInt32LE(1 + bytes.byteLength, 0);
  frame[HEADER_BYTES] = BYTES_FOLLOW;
  frame.set(bytes, HEADER_BYTES + 1);
  return frame;
}

export interface FrameReader {
  /**
   * Takes what arrived and hands out each message that is whole, with the bytes it took. The text says what is wrong with the
   * stream, after which nothing of it can be read any more; undefined: all is well.
   */
  push(chunk: Uint8Array): string | undefined;
}

export interface FrameLimits {
  readonly maxBytes: number;
  /** What the JSON of a message may have; absent: its writer is trusted. */
  readonly json?: JsonBounds;
}

/** @param takeBytes what is no JSON; absent: nobody may send that */
export function createFrameReader(
  { maxBytes, json }: FrameLimits,
  take: (message: unknown, bytes: number) => void,
  takeBytes?: (bytes: Uint8Array) => void,
): FrameReader {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerFilled = 0;
  let body: Buffer | undefined;
  let bodyFilled = 0;
  let broken: string | undefined;

  function read(chunk: Uint8Array): string | undefined {
    for (let at = 0; at < chunk.byteLength; ) {
      if (!body) {
        while (headerFilled < HEADER_BYTES && at < chunk.byteLength) header[headerFilled++] = chunk[at++] ?? 0;
        if (headerFilled < HEADER_BYTES) return;
        const bytes = header.readUInt32LE(0);
        if (bytes > maxBytes) return `a message of ${bytes} bytes, at most ${maxBytes} are taken`;
        if (bytes === 0) return "an empty message";
        // A length alone must not cost memory: the pages come with the bytes.
        body = Buffer.allocUnsafeSlow(bytes);
        bodyFilled = 0;
        headerFilled = 0;
      }
      const part = chunk.subarray(at, at + body.byteLength - bodyFilled);
      body.set(part, bodyFilled);
      bodyFilled += part.byteLength;
      at += part.byteLength;
      if (bodyFilled < body.byteLength) return;
      const whole = body;
      body = undefined;
      if (takeBytes && whole[0] === BYTES_FOLLOW) {
        takeBytes(whole.subarray(1));
        continue;
      }
      const beyond = json && beyondBounds(whole, json);
      if (beyond !== undefined) return beyond;
      let message: unknown;
      try {
        message = JSON.parse(whole.toString("utf8"));
      } catch {
        return `${whole.byteLength} bytes that are no JSON`;
      }
      take(message, whole.byteLength);
    }
    return;
  }

  return {
    push(chunk) {
      broken ??= read(chunk);
      return broken;
    },
  };
}
