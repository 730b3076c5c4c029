// Roles: what the bfd role tells vrrp and the checker of its sessions. It goes through the parent, whole, so all three check what they read.

/** Of the bfd role. */
export const SESSIONS_TOPIC = "bfd";

export interface SessionFact {
  readonly up: boolean;
  /** Why, in words: `nothing heard for 900 ms (3 × 300 ms)`. */
  readonly detail: string;
}

/** By name of the `bfd_instance`. */
export type SessionFacts = Readonly<Record<string, SessionFact>>;

/** Undefined for anything else. */
export function readSessionFacts(value: unknown): SessionFacts | undefined {
  return isRecord(value) && Object.values(value).every(isFact) ? (value as SessionFacts) : undefined;
}

function isFact(value: unknown): value is SessionFact {
  return isRecord(value) && typeof value.up === "boolean" && typeof value.detail === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
