// Check core: PING_CHECK: echo request and reply of ICMP and ICMPv6 (RFC 792, RFC 4443 §4; checkers.md §3.6). Pure.
import { internetChecksum } from "../base/bytes.ts";
import type { Family } from "../base/ip.ts";

const HEADER_BYTES = 8;
/** As much as ping(8) sends. */
const PAYLOAD_BYTES = 56;
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** Random bytes at the beginning of the payload: who has not seen the request can't answer it. */
export const NONCE_BYTES = 8;

/** An echo request with `nonce` (NONCE_BYTES of it) in its payload. The checksum is filled in for IPv4; for IPv6 the kernel does that, who knows the addresses. */
export function echoRequest(family: Family, id: number, sequence: number, nonce: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + PAYLOAD_BYTES);
  const view = new DataView(message.buffer);
  view.setUint8(0, ECHO[family].request);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  message.set(nonce.subarray(0, NONCE_BYTES), HEADER_BYTES);
  if (family === 4) view.setUint16(2, internetChecksum(message));
  return message;
}

/** Whether a message is the reply to that request: its payload comes back as it was (RFC 792, RFC 4443 §4.2). */
export function isEchoReply(
  family: Family,
  message: Uint8Array,
  id: number,
  sequence: number,
  nonce: Uint8Array,
): boolean {
  if (message.byteLength < HEADER_BYTES + NONCE_BYTES) return false;
  for (let i = 0; i < NONCE_BYTES; i++) if (message[HEADER_BYTES + i] !== nonce[i]) return false;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return view.getUint8(0) === ECHO[family].reply && view.getUint16(4) === id && view.getUint16(6) === sequence;
}
