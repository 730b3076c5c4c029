// Messages that keepalived sent, from the recorded vectors.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../../../src/base/bytes.ts";

export interface RecordedMessage {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly hex: string;
}

interface Vector {
  readonly netlink_messages: readonly { readonly hex?: string; readonly netfilter_batch_hex?: string }[];
  readonly result: { readonly nft_ruleset: readonly string[] };
}

export function loadVector(name: string): Vector {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../../golden/vectors/rtnl", `${name}.json`), "utf8"));
}

/** The rtnetlink messages of a case, in order. */
export function recordedMessages(name: string): RecordedMessage[] {
  return loadVector(name).netlink_messages.flatMap((message) => (message.hex ? splitMessages(message.hex) : []));
}

/** The messages of every nf_tables transaction of a case, in order, framing apart. */
export function recordedTransactions(name: string): RecordedMessage[][] {
  return loadVector(name).netlink_messages.flatMap((message) =>
    message.netfilter_batch_hex ? [splitMessages(message.netfilter_batch_hex)] : [],
  );
}

export function splitMessages(hex: string): RecordedMessage[] {
  const bytes = fromHex(hex);
  if (!bytes) throw new Error(`not hexadecimal: ${hex}`);
  const view = new DataView(bytes.buffer);
  const messages: RecordedMessage[] = [];
  for (let at = 0; at + 16 <= bytes.byteLength; ) {
    const length = view.getUint32(at, true);
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      payload: bytes.slice(at + 16, at + length),
      hex: hex.slice(2 * at, 2 * (at + length)),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}
