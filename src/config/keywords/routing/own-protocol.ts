// Config core: the protocol by which keepalived knows its own routes and rules.
import type { Reader } from "../../bind/reader.ts";
import type { Option } from "./line-reader.ts";

const RTPROT_KEEPALIVED = 18;

interface ProtocolOptions {
  readonly protocol?: Option<number>;
  readonly no_track?: Option<unknown>;
}

/** Undefined: its own. keepalived: a route or rule of another protocol needs `no_track`, or it would not be known again. */
export function protocolOf(words: Reader, { protocol, no_track }: ProtocolOptions): number | undefined {
  if (!protocol || protocol.value === RTPROT_KEEPALIVED) return undefined;
  if (no_track) return protocol.value;
  words.error(
    protocol.word,
    "protocol-reset",
    `protocol ${protocol.value} needs no_track: ${RTPROT_KEEPALIVED} is taken`,
    "add no_track, or leave protocol out",
  );
  return undefined;
}
