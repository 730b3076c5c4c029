// Process layer, parent: hands the effective configuration to the api process, which asks for one piece after the other. A reader makes it
// (effective-source.ts), from what is in force and only when somebody asks; only one piece is text at a time.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { EffectivePiece } from "../roles/role.ts";
import type { EffectiveSource } from "./effective-source.ts";

/** One who asks no more for so long has gone. */
export const FORGET_MS = 30_000;

export interface EffectiveAnswers {
  /**
   * A piece is asked for: the first one for a number that is new, the next one for the same; one transfer at a time, the last who began.
   * The caller bounds how many are asked for at one time.
   */
  wish(serial: number): void;
  /** What was asked for is not wanted any more: the reader is a new one, whose numbers begin anew. */
  reset(): void;
}

/**
 * One answer at a time, and a rest behind each as long as its making took: whoever asks without end gets half of a processor at the most.
 * @param open undefined while no configuration is in force
 */
export function createEffectiveAnswers(
  clock: Clock,
  open: () => EffectiveSource | undefined,
  send: (piece: EffectivePiece) => void,
): EffectiveAnswers {
  let wishes: number[] = [];
  let state: "idle" | "due" | "answering" = "idle";
  let restsUntil: MonoMs = clock.now();
  let transfer: { readonly serial: number; readonly source: EffectiveSource } | undefined;
  let cancelForget: Cancel = () => {};

  function answerLater(): void {
    if (state !== "idle" || wishes.length === 0) return;
    state = "due";
    clock.at(Math.max(clock.now(), restsUntil), () => void answer());
  }

  async function answer(): Promise<void> {
    const serial = wishes.shift();
    state = "answering";
    if (serial !== undefined) {
      const began = clock.now();
      await makePiece(serial);
      restsUntil = clock.now() + (clock.now() - began);
    }
    state = "idle";
    answerLater();
  }

  async function makePiece(serial: number): Promise<void> {
    cancelForget();
    const mine = transfer?.serial === serial ? transfer : begin(serial);
    const none: EffectivePiece = { kind: "effective", serial, piece: null, end: true };
    if (!mine) return send(none);
    const piece = await mine.source.next().catch(() => undefined);
    // Another reader of the pieces took its place meanwhile.
    if (transfer !== mine) return;
    if (!piece || piece.end) end();
    else cancelForget = clock.at(clock.now() + FORGET_MS, end);
    send(piece ? { kind: "effective", serial, piece: piece.piece, end: piece.end } : none);
  }

  function begin(serial: number) {
    end();
    const source = open();
    transfer = source && { serial, source };
    return transfer;
  }

  function end(): void {
    cancelForget();
    transfer?.source.close();
    transfer = undefined;
  }

  return {
    wish(serial) {
      wishes.push(serial);
      answerLater();
    },
    reset() {
      wishes = [];
      end();
    },
  };
}
