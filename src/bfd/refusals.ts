// BFD core: why a datagram is refused, the counter of each reason, and a bounded word about it.
import type { MonoMs } from "../base/clock.ts";
import type { PacketFault } from "./packet.ts";

/** Stable, used as a metric label. */
export type RefusalReason =
  | PacketFault
  | "truncated"
  /** Nobody here has the discriminator, or the address, that it is for. */
  | "no-session"
  /** It names a session whose neighbour is somebody else. */
  | "stranger"
  /** It came to another port than its session's: single hop and multihop are two things. */
  | "hop-mode"
  | "ttl"
  | "authentication";

const WORDS: Readonly<Record<RefusalReason, string>> = {
  "too-short": "too short for a control packet",
  length: "its length field does not fit",
  version: "another version of BFD than 1",
  multiplier: "its detection multiplier is 0",
  multipoint: "it is of a multipoint session",
  "my-discriminator": "its own discriminator is 0",
  "your-discriminator": "it claims to hear us and does not say whom",
  "poll-and-final": "it asks and answers at once",
  truncated: "longer than any control packet",
  "no-session": "no bfd_instance is for this neighbour",
  stranger: "it names a session with another neighbour",
  "hop-mode": "it came to the port of the other hop mode (multihop)",
  ttl: "its TTL or hop limit says that it came from farther away than max_hops allows",
  authentication: "it is authenticated, and there is no keyword for a key: switch authentication off at the neighbour",
};

export function refusalText(reason: RefusalReason): string {
  return WORDS[reason];
}

/** A line of one reason at most this often. */
const SPACING_MS = 10_000;

export interface RefusalLimit {
  /** Undefined: not now; else how many were not told since the last line. */
  allow(reason: RefusalReason, now: MonoMs): number | undefined;
}

export function refusalLimit(): RefusalLimit {
  const told = new Map<RefusalReason, { at: MonoMs; held: number }>();
  return {
    allow(reason, now) {
      const last = told.get(reason);
      if (last && now - last.at < SPACING_MS) {
        last.held++;
        return undefined;
      }
      told.set(reason, { at: now, held: 0 });
      return last?.held ?? 0;
    },
  };
}
