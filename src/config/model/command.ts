// Config core: a program to run, in the model.
import type { Origin } from "../text/span.ts";

/** A program to run: `misc_path`, `notify_up`, `script` … (language.md §4). */
export interface Command {
  /** Program and arguments, split; never empty. */
  readonly argv: readonly string[];
  /** Account to run as; absent: the default of script security. */
  readonly user?: string;
  readonly group?: string;
  readonly origin: Origin;
}
