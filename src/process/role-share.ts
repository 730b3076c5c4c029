// Process layer, parent: what a role is configured with, as it goes to each of its processes.
import type { Config } from "../config/model/config.ts";
import type { RoleName } from "../roles/role.ts";
import { differencePieces, shareOf, wholePieces } from "./configuration/shares.ts";
import { type RoleRights, rightsOf } from "./role-rights.ts";

export interface RoleShare {
  /** Packed: a whole and what has changed since, in the order in which it is taken. */
  readonly pieces: readonly Uint8Array[];
  /** Number of the whole that they begin with: with another one they begin anew. */
  readonly whole: number;
  readonly rights: RoleRights | undefined;
}

export interface RoleShares {
  /** The share of a role under a configuration: what it had before, and what differs. */
  next(role: RoleName, config: Config): RoleShare;
}

interface Last {
  readonly config: Config;
  readonly share: RoleShare;
  readonly wholeBytes: number;
}

export function createRoleShares(namespace: string | undefined, pack: (text: string) => Uint8Array): RoleShares {
  const last = new Map<RoleName, Last>();

  function take(role: RoleName, own: Config, rights: RoleRights | undefined): Last {
    const before = last.get(role);
    if (before) {
      const { pieces, whole } = before.share;
      const all = [...pieces, ...Array.from(differencePieces(before.config, own), pack)];
      // When changes came to half of a whole, a process that starts would read many of them for nothing.
      if (bytesOf(all) <= 1.5 * before.wholeBytes)
        return { config: own, share: { pieces: all, whole, rights }, wholeBytes: before.wholeBytes };
    }
    const pieces = Array.from(wholePieces(own), pack);
    const share = { pieces, whole: (before?.share.whole ?? 0) + 1, rights };
    return { config: own, share, wholeBytes: bytesOf(pieces) };
  }

  return {
    next(role, config) {
      const taken = take(role, shareOf(role, config), rightsOf(role, config, namespace));
      last.set(role, taken);
      return taken.share;
    },
  };
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
