// Check core: UDP_CHECK: what is sent, and whether a datagram is the answer that is wanted (checkers.md §3.5). Pure.
import { fromHex } from "../base/bytes.ts";
import type { UdpCheck } from "../config/model/check.ts";
import { bad, good, type Outcome } from "./outcome.ts";

const DEFAULT_PAYLOAD_BYTES = 32;

/** The configured bytes, or keepalived's own 32. */
export function udpPayload(check: UdpCheck): Uint8Array {
  const configured = check.payload === undefined ? undefined : fromHex(check.payload);
  return configured ?? new TextEncoder().encode("keepalived check - ".repeat(2)).subarray(0, DEFAULT_PAYLOAD_BYTES);
}

/**
 * Judges an answer. The pattern must be matched as far as it goes; an answer that ends before it is a failure (keepalived lets it
 * pass, trap C7). Length limits count only beside a pattern, as with keepalived.
 */
export function judgeUdpAnswer(bytes: Uint8Array, check: UdpCheck): Outcome {
  const length = bytes.byteLength;
  if (!check.requireReply || check.replyPattern === undefined) return good(`answer of ${length} bytes`);
  if (length < check.minReplyLength || length > check.maxReplyLength)
    return bad("reply", `answer of ${length} bytes, wanted ${check.minReplyLength} to ${check.maxReplyLength}`);
  const pattern = check.replyPattern.replace(/\s+/g, "").toLowerCase();
  if (length * 2 < pattern.length)
    return bad("reply", `answer of ${length} bytes, the pattern has ${pattern.length / 2}`);
  for (let i = 0; i < pattern.length; i++) {
    const byte = bytes[i >> 1] ?? 0;
    const nibble = i % 2 === 0 ? byte >> 4 : byte & 0x0f;
    if (pattern[i] !== "x" && pattern[i] !== nibble.toString(16))
      return bad("reply", `answer differs from the pattern in byte ${(i >> 1) + 1}`);
  }
  return good(`answer of ${length} bytes as wanted`);
}
