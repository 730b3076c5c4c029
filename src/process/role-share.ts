// Process layer, parent: what a role is configured with, as it goes to each of its processes.
import type { RoleRights } from "./role-rights.ts";

export interface RoleShare {
  /** Packed: a whole and what has changed since, in the order in which it is taken (configuration/shares.ts). */
  readonly pieces: readonly Uint8Array[];
  /** Number of the whole that they begin with: with another one they begin anew. */
  readonly whole: number;
  readonly rights: RoleRights | undefined;
}
