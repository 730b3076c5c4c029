// BFD core: why a session is down, in words (RFC 5880 §4.1).

/** Those that this side gives itself; the numbers are the wire's. */
export const DIAGNOSTIC = {
  none: 0,
  /** Nothing was heard for the detection time. */
  expired: 1,
  /** The neighbour said that it is down. */
  signalled: 3,
  /** Taken away by an operator: the end of the director, or of the session in its configuration. */
  administrative: 7,
} as const;

const WORDS: readonly string[] = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbour signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
];

/** In words; a number that the RFC keeps for later as one. */
export function diagnosticText(code: number): string {
  return WORDS[code] ?? `diagnostic ${code}`;
}
