// Layer 0: lines out of pieces of text, in bounded memory: who writes without ever ending a line fills nothing here.

export interface LineCutter {
  /** Pieces end anywhere. */
  push(text: string): void;
  /** The last line may have no end of its own. */
  end(): void;
}

/**
 * @param maxChars of one line (UTF-16 units)
 * @param take each line without its end; `cut`: it is longer, which is told at once, and the rest of it is dropped
 */
export function createLineCutter(maxChars: number, take: (line: string, cut: boolean) => void): LineCutter {
  let begun = "";
  let dropping = false;

  function add(text: string): void {
    if (dropping) return;
    begun += text.slice(0, maxChars + 1 - begun.length);
    if (begun.length <= maxChars) return;
    dropping = true;
    const line = begun.slice(0, maxChars);
    begun = "";
    take(line, true);
  }

  function finish(): void {
    const line = begun.endsWith("\r") ? begun.slice(0, -1) : begun;
    const isTaken = dropping;
    begun = "";
    dropping = false;
    if (!isTaken) take(line, false);
  }

  return {
    push(text) {
      let from = 0;
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
        add(text.slice(from, at));
        finish();
        from = at + 1;
      }
      add(text.slice(from));
    },
    end() {
      if (begun !== "" || dropping) finish();
    },
  };
}
