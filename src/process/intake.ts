// Process layer, child: takes a configuration that comes in pieces, however many of them arrive at once. Pure but for its ports.

export interface Intake {
  piece(run: () => void): void;
  /** Runs when the pieces before it were taken. */
  behind(run: () => void): void;
}

/**
 * One piece in a turn of the loop, so that what is due meanwhile is done; in the order in which all came.
 * @param later runs something in a later turn; @param take does what came
 */
export function createIntake(later: (run: () => void) => void, take: (run: () => void) => void): Intake {
  const waiting: { readonly isPiece: boolean; readonly run: () => void }[] = [];
  let hasTaken = false;

  function drain(): void {
    for (;;) {
      const first = waiting[0];
      if (!first || (first.isPiece && hasTaken)) return;
      waiting.shift();
      if (first.isPiece) {
        hasTaken = true;
        later(() => {
          hasTaken = false;
          drain();
        });
      }
      take(first.run);
    }
  }

  function add(isPiece: boolean, run: () => void): void {
    waiting.push({ isPiece, run });
    drain();
  }

  return { piece: (run) => add(true, run), behind: (run) => add(false, run) };
}
