// Core: netlink framing (linux/netlink.h): messages into a buffer, and what the kernel answers into values. Decoding never throws.
import { type AttributeWriter, visitAttributes } from "./attributes.ts";
import { NLM_F_DUMP_INTR } from "./request.ts";

export const MESSAGE_HEADER_BYTES = 16;
/** Numbers below this are netlink's own; families start here. */
const NLMSG_MIN_TYPE = 0x10;
const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_OVERRUN = 4;
/** Flags of an error: only the header of the request follows it; attributes with an explanation follow that. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export type NetlinkMessage =
  | {
      readonly kind: "data";
      readonly type: number;
      readonly flags: number;
      readonly sequence: number;
      /** Port of whoever asked for the change that a multicast message tells of; 0 when it was nobody's request. */
      readonly port: number;
      /** What follows nlmsghdr; a view into the decoded bytes. */
      readonly payload: Uint8Array;
    }
  /** Answer to one request: errno 0 is an acknowledgement. `text` is the kernel's explanation (NETLINK_EXT_ACK). */
  | { readonly kind: "answer"; readonly sequence: number; readonly errno: number; readonly text?: string }
  /** End of a dump; errno 0 unless it broke off. */
  | { readonly kind: "done"; readonly sequence: number; readonly errno: number }
  /** The kernel lost messages for us. */
  | { readonly kind: "overrun" };

export interface DecodedMessages {
  readonly messages: readonly NetlinkMessage[];
  /** A dump changed while it was read (NLM_F_DUMP_INTR): read it again. */
  readonly interrupted: boolean;
  /** Bytes at the end that were no message. */
  readonly leftBytes: number;
}

/** Splits one datagram from the kernel. */
export function decodeMessages(bytes: Uint8Array): DecodedMessages {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  let interrupted = false;
  let at = 0;
  while (at + MESSAGE_HEADER_BYTES <= bytes.byteLength) {
    const length = view.getUint32(at, true);
    if (length < MESSAGE_HEADER_BYTES || at + length > bytes.byteLength) break;
    const type = view.getUint16(at + 4, true);
    const flags = view.getUint16(at + 6, true);
    const sequence = view.getUint32(at + 8, true);
    if (flags & NLM_F_DUMP_INTR && type !== NLMSG_ERROR) interrupted = true;
    const port = view.getUint32(at + 12, true);
    const start = at + MESSAGE_HEADER_BYTES;
    const end = at + length;
    if (type >= NLMSG_MIN_TYPE)
      messages.push({ kind: "data", type, flags, sequence, port, payload: bytes.subarray(start, end) });
    else if (type === NLMSG_ERROR) messages.push(decodeAnswer(view, start, end, flags, sequence));
    else if (type === NLMSG_DONE) messages.push({ kind: "done", sequence, errno: errnoAt(view, start, end) });
    else if (type === NLMSG_OVERRUN) messages.push({ kind: "overrun" });
    else if (type !== NLMSG_NOOP) break;
    at += (length + 3) & ~3;
  }
  return { messages, interrupted, leftBytes: Math.max(0, bytes.byteLength - at) };
}

function decodeAnswer(view: DataView, start: number, end: number, flags: number, sequence: number): NetlinkMessage {
  const errno = errnoAt(view, start, end);
  const text = flags & NLM_F_ACK_TLVS ? explanation(view, start, end, (flags & NLM_F_CAPPED) !== 0) : undefined;
  return { kind: "answer", sequence, errno, ...(text === undefined ? {} : { text }) };
}

/** The kernel sends errors negated. */
function errnoAt(view: DataView, start: number, end: number): number {
  return end - start >= 4 ? -view.getInt32(start, true) || 0 : 0;
}

function explanation(view: DataView, start: number, end: number, capped: boolean): string | undefined {
  const request = start + 4;
  if (request + MESSAGE_HEADER_BYTES > end) return undefined;
  const requestBytes = capped ? MESSAGE_HEADER_BYTES : (view.getUint32(request, true) + 3) & ~3;
  let text: string | undefined;
  visitAttributes(view, request + requestBytes, end, (type, at, sizeBytes) => {
    if (type !== NLMSGERR_ATTR_MSG) return;
    const raw = new Uint8Array(view.buffer, view.byteOffset + at, sizeBytes);
    const nul = raw.indexOf(0);
    text = new TextDecoder().decode(raw.slice(0, nul < 0 ? sizeBytes : nul));
  });
  return text;
}

/** Writes nlmsghdr; endMessage() takes what this gave. The port is left 0: the kernel knows the sender. */
export function beginMessage(writer: AttributeWriter, type: number, flags: number, sequence: number): number {
  const mark = writer.length();
  writer.rawU32(0);
  writer.rawU16(type);
  writer.rawU16(flags);
  writer.rawU32(sequence);
  writer.rawU32(0);
  return mark;
}

/** Writes the length, and pads to where the next message starts. */
export function endMessage(writer: AttributeWriter, mark: number): void {
  writer.patchU32(mark, writer.length() - mark);
  while (writer.length() % 4 !== 0) writer.rawU8(0);
}

/** Changes the flags of a message that is written already. */
export function setMessageFlags(writer: AttributeWriter, mark: number, flags: number): void {
  writer.patchU16(mark + 6, flags);
}
