// Check core: BFD_CHECK: what a session says of the way to a real server (checkers.md). Pure.
import { bad, good, type Outcome } from "./outcome.ts";

export interface SessionState {
  readonly up: boolean;
  /** Why, in words. */
  readonly detail: string;
}

/** A session of which nothing is known is down, as it is before its neighbour has spoken. */
export function judgeSession(session: SessionState | undefined): Outcome {
  if (!session) return bad("bfd", "the BFD session has not begun");
  return session.up
    ? good(`BFD session is up: ${session.detail}`)
    : bad("bfd", `BFD session is down: ${session.detail}`);
}
