// CLI: how commands that ask a director end.

/** Exit status beside 0. */
export const ASK_EXIT = {
  /** The director answered with an error, or with something that is no answer. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No director answers there. */
  none: 3,
} as const;
