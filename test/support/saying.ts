// What a director said, in the failure of the test that it belongs to: a failure that comes once beside load has to be understood from its text.

/** Runs `check`; what it throws ends with the facts and the last lines that the director wrote. */
export async function saying<T>(
  daemon: { readonly output: string },
  check: () => T | Promise<T>,
  facts: () => string = () => "",
): Promise<T> {
  try {
    return await check();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`${text}\n${facts()}\nlbd said:\n${daemon.output.slice(-MAX_CHARS)}`, { cause: error });
  }
}

const MAX_CHARS = 8000;
