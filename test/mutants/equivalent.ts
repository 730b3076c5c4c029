// Faults that are none: after the change the program does the same, and why. A row is found by the text of its line, so it holds when lines move;
// one whose line is gone is an error.

export interface Equivalent {
  readonly file: string;
  /** A piece of the line that is changed. */
  readonly at: string;
  /** As the report says it. */
  readonly change: string;
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: "src/net/nft-ipvs.ts",
    at: "nft.PAYLOAD_TRANSPORT, PORT_OFFSET, PORT_BYTES",
    change: "nft.PAYLOAD_TRANSPORT, PORT_OFFSET → PORT_OFFSET, nft.PAYLOAD_TRANSPORT",
    why: "both are 2",
  },
  {
    file: "src/vrrp/sightings.ts",
    at: "silenceTold: false,",
    change: "false → true",
    why: "of a new record; the sighting for which it is made sets it at once",
  },
  {
    file: "src/vrrp/sightings.ts",
    at: "refusalTold: false,",
    change: "false → true",
    why: "of a new record; the sighting for which it is made sets it at once",
  },
  {
    file: "src/vrrp/track.ts",
    at: "use.weight > 0 ? up : !up",
    change: "use.weight > 0 → (use.weight >= 0)",
    why: "a weight of 0 has been dealt with before",
  },
  {
    file: "src/vrrp/auth.ts",
    at: "sameSecret(fields.spi, ",
    change: "fields.spi, IPV4_HEADER.fields.s … et(ipHeader, 0) → IPV4_HEADER.fields.source.get(ip …  0), fields.spi",
    why: "a comparison for equality has no order",
  },
  {
    file: "src/vrrp/router/state.ts",
    at: "started: false",
    change: "false → true",
    why: "it saves work before the start: a machine that has not started does nothing with what is tracked",
  },
  {
    file: "src/lvs/codec-sockopt.ts",
    at: "SERVICE_USER.bytes + DEST_USER.address",
    change: "SERVICE_USER.bytes + DEST_USER.address → (SERVICE_USER.bytes - DEST_USER.address)",
    why: "the address is the structure's first field: its offset is 0",
  },
  {
    file: "src/roles/checker/seen-table.ts",
    at: "!sameCounters(old.statistics, destination.statistics)",
    change: "old.statistics, destination.statistics → destination.statistics, old.statistics",
    why: "a comparison for equality has no order",
  },
  {
    file: "src/roles/checker/failures.ts",
    at: "if (next === undefined || retryAt < next) next = retryAt;",
    change: "retryAt < next → (retryAt <= next)",
    why: "of two that are equal either is the earliest",
  },
];
