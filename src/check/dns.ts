// Check core: DNS_CHECK: one query, and whether a datagram answers it (RFC 1035 §4.1; checkers.md §3.4). Pure.
import { concatBytes } from "../base/bytes.ts";
import type { DnsCheck } from "../config/model/check.ts";
import { bad, good, type Outcome } from "./outcome.ts";

const HEADER_BYTES = 12;
const ID_AND_FLAGS_BYTES = 4;
const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, RRSIG: 46, DNSKEY: 48 } as const;
const CLASS_IN = 1;
const MAX_LABEL_BYTES = 63;
const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** The query with recursion desired; undefined when the name can't be one (a label above 63 bytes, 255 in all). */
export function dnsQuery(check: DnsCheck, id: number): Uint8Array | undefined {
  const name = encodeName(check.name);
  if (!name) return undefined;
  const head = new Uint8Array([id >> 8, id & 0xff, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  return concatBytes(head, name, new Uint8Array([0, TYPES[check.type], 0, CLASS_IN]));
}

/**
 * Judges a datagram; undefined when it is not an answer to us and waiting goes on. The id comes first: what is too short to have it is
 * nobody's answer. keepalived looks at no more than the header, and so do we (verdicts.json: the question of another name is taken).
 */
export function judgeDnsAnswer(bytes: Uint8Array, id: number): Outcome | undefined {
  const answers = (bytes[2] ?? 0) >> 7 === 1;
  if (bytes.byteLength < ID_AND_FLAGS_BYTES || (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) !== id || !answers)
    return undefined;
  if (bytes.byteLength < HEADER_BYTES)
    return bad("protocol", `answer of ${bytes.byteLength} bytes, a header has ${HEADER_BYTES}`);
  const rcode = (bytes[3] ?? 0) & 0x0f;
  return rcode === 0 ? good("NOERROR") : bad("rcode", `answer ${RCODES[rcode] ?? `rcode ${rcode}`}`);
}

function encodeName(text: string): Uint8Array | undefined {
  const labels = text.replace(/\.$/, "").split(".");
  if (labels.length === 1 && labels[0] === "") return new Uint8Array([0]);
  const parts: Uint8Array[] = [];
  for (const label of labels) {
    const bytes = new TextEncoder().encode(label);
    if (bytes.byteLength === 0 || bytes.byteLength > MAX_LABEL_BYTES) return undefined;
    parts.push(new Uint8Array([bytes.byteLength]), bytes);
  }
  const name = concatBytes(...parts, new Uint8Array([0]));
  return name.byteLength <= 255 ? name : undefined;
}
