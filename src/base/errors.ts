// Layer 0: what is thrown, in words.

/** The message of an Error, or the thing itself as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
