// Process layer, parent: what a reader hands over of a configuration, and what is kept of it: only what is small. Pure.
import type { RoleName } from "../roles/role.ts";
import type { Answer, FromReader, Taken } from "./reader-messages.ts";

export type InForceKept = Pick<Taken, "outline" | "findings">;

export interface Kept extends InForceKept {
  readonly taken: Taken;
  readonly record: Uint8Array;
  readonly shares: ReadonlyMap<RoleName, KeptShare>;
}

export interface KeptShare {
  readonly whole: number;
  /** How many pieces the whole has; the others changed it. */
  readonly wholePieces: number;
  readonly pieces: readonly Uint8Array[];
}

export const NO_SHARE: KeptShare = { whole: 0, wholePieces: 0, pieces: [] };

/** What a reader hands over, until it is whole. */
export function createTransfer(before: ReadonlyMap<RoleName, KeptShare>) {
  const shares = new Map(before);
  let taken: Taken | undefined;
  let record: Uint8Array | undefined;
  let isOver = false;
  let takeBytes: (bytes: Uint8Array) => void = () => {};

  return {
    /** The answer, once everything that belongs to it has come. */
    take(message: FromReader): Answer | undefined {
      switch (message.kind) {
        case "same":
        case "refused":
          return message;
        case "taken":
          taken = message;
          return;
        case "share": {
          const { role, whole } = message;
          const old = shares.get(role) ?? NO_SHARE;
          shares.set(role, whole ? { whole: old.whole + 1, wholePieces: 0, pieces: [] } : old);
          takeBytes = (piece) => shares.set(role, withPiece(shares.get(role) ?? NO_SHARE, piece, whole));
          return;
        }
        case "record":
          takeBytes = (bytes) => {
            record = bytes;
          };
          return;
        case "done":
          isOver = true;
          return taken;
        case "details":
        case "piece":
          return;
      }
    },
    takeBytes: (bytes: Uint8Array) => takeBytes(bytes),
    /** What is in force from now on; undefined unless it was taken. */
    whole(): Kept | undefined {
      if (!isOver || !taken || !record) return undefined;
      return { taken, outline: taken.outline, findings: taken.findings, record, shares };
    },
  };
}

function withPiece({ whole, wholePieces, pieces }: KeptShare, piece: Uint8Array, isOfWhole: boolean): KeptShare {
  return { whole, wholePieces: wholePieces + (isOfWhole ? 1 : 0), pieces: [...pieces, piece] };
}

export function sizeOf({ wholePieces, pieces }: KeptShare = NO_SHARE): { wholeBytes: number; changedBytes: number } {
  return { wholeBytes: bytesOf(pieces.slice(0, wholePieces)), changedBytes: bytesOf(pieces.slice(wholePieces)) };
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
