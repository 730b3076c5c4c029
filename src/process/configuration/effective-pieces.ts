// Process layer, parent: hands the effective configuration to the api process, which asks for one piece after the other. Only one piece
// is text at a time: a large configuration is a hundred megabytes of it.
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import { jsonPieces, ofLength } from "../../base/json-pieces.ts";
import type { EffectivePiece } from "../../roles/role.ts";

/** UTF-16 units of a piece: at most four times as many bytes, however it is written. */
export const PIECE_CHARS = 64 * 1024;
/** One who asks no more for so long has gone. */
export const FORGET_MS = 30_000;

export interface EffectiveSender {
  /** The first piece for a number that is new, the next one for the same; one transfer at a time, the last who began. */
  next(serial: number): EffectivePiece;
  /** The reader is a new one, whose numbers begin anew. */
  forget(): void;
}

/** @param tree what to send; undefined while no configuration is in force */
export function createEffectiveSender(clock: Clock, tree: () => unknown): EffectiveSender {
  let sending: { readonly serial: number; readonly pieces: Iterator<string, void> } | undefined;
  let cancelForget: Cancel = () => {};

  function begin(serial: number): Iterator<string, void> | undefined {
    const value = tree();
    if (value === undefined) return undefined;
    const pieces = ofLength(jsonPieces(value), PIECE_CHARS);
    sending = { serial, pieces };
    return pieces;
  }

  return {
    next(serial) {
      cancelForget();
      const pieces = sending?.serial === serial ? sending.pieces : begin(serial);
      if (!pieces) return { kind: "effective", serial, piece: null, end: true };
      const { done, value } = pieces.next();
      if (done) sending = undefined;
      else
        cancelForget = clock.at(clock.now() + FORGET_MS, () => {
          sending = undefined;
        });
      return { kind: "effective", serial, piece: value ?? "", end: done === true };
    },
    forget() {
      cancelForget();
      sending = undefined;
    },
  };
}

export interface EffectiveAnswers {
  /** A piece is asked for: it is sent in a later turn of the loop. The caller bounds how many are asked for at one time. */
  wish(serial: number): void;
  /** What was asked for is not wanted any more: the reader is a new one. */
  reset(): void;
}

/**
 * One answer in a turn of the loop, and a rest behind each as long as its making took: whoever asks without end gets half of this
 * process at the most, and signals, heartbeats and the watchdog have their turn.
 */
export function createEffectiveAnswers(
  clock: Clock,
  sender: EffectiveSender,
  send: (piece: EffectivePiece) => void,
): EffectiveAnswers {
  let wishes: number[] = [];
  let isDue = false;
  let restsUntil: MonoMs = clock.now();

  function answerLater(): void {
    if (isDue || wishes.length === 0) return;
    isDue = true;
    clock.at(Math.max(clock.now(), restsUntil), () => {
      answer();
      isDue = false;
      answerLater();
    });
  }

  function answer(): void {
    const serial = wishes.shift();
    if (serial === undefined) return;
    const began = clock.now();
    send(sender.next(serial));
    restsUntil = clock.now() + (clock.now() - began);
  }

  return {
    wish(serial) {
      wishes.push(serial);
      answerLater();
    },
    reset() {
      wishes = [];
      sender.forget();
    },
  };
}
