// Role api: reads the effective configuration from the parent, piece by piece, as fast as a client takes it.
import type { Clock } from "../../base/clock.ts";
import type { EffectivePiece } from "../role.ts";

/** The parent reads a file or starts a process in this time. */
export const ANSWER_LIMIT_MS = 20_000;

export interface EffectiveReader {
  /**
   * JSON text in pieces; undefined when there is none, or the parent does not answer. One reader at a time: another one ends the one
   * before. A piece that does not come is an error of the iteration.
   */
  open(): Promise<AsyncIterable<string> | undefined>;
  /** The parent's answer. */
  take(piece: EffectivePiece): void;
}

export function createEffectiveReader(clock: Clock, ask: (serial: number) => void): EffectiveReader {
  let serial = 0;
  let take: (piece: EffectivePiece | undefined) => void = () => {};

  function next(of: number): Promise<EffectivePiece | undefined> {
    return new Promise((resolve) => {
      const cancel = clock.at(clock.now() + ANSWER_LIMIT_MS, () => resolve(undefined));
      take = (piece) => {
        if (piece !== undefined && piece.serial !== of) return;
        cancel();
        resolve(piece);
      };
      ask(of);
    });
  }

  async function* pieces(of: number, first: EffectivePiece): AsyncGenerator<string> {
    let piece = first;
    while (!piece.end) {
      yield piece.piece ?? "";
      if (of !== serial) throw new Error("another reader began");
      const following = await next(of);
      if (following === undefined) throw new Error("the parent does not answer");
      if (following.piece === null) throw new Error("the configuration could not be read to its end");
      piece = following;
    }
  }

  return {
    async open() {
      // Who waits for a piece of the transfer before gets none.
      take(undefined);
      const mine = ++serial;
      const first = await next(mine);
      return first === undefined || first.piece === null ? undefined : pieces(mine, first);
    },
    take: (piece) => take(piece),
  };
}
