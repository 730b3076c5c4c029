// Process layer: what one reading of the configuration gives. How it is read is read-config.ts and config/load.ts.
import type { Config } from "../../config/model/config.ts";
import type { Content } from "./reload-guard.ts";

export interface Reading {
  /** Absent when the configuration can't be used; then `errors` say why. Beside it they name what is left out of it. */
  readonly config?: Config;
  /** One line each, beginning with file and line: for the log, the status and the API. */
  readonly errors: readonly string[];
  /** One text for each of `errors`: the same for the same mistake of another reading, whatever its line. */
  errorKeys(): readonly string[];
  readonly warnings: readonly string[];
  /** What stands in the files. */
  readonly content: Content;
  /** All files that were read, in the order of reading. */
  readonly files: readonly string[];
  /** Further warnings: what is configured and has no effect yet. It takes a walk over everything that was read. */
  notes(): readonly string[];
  /** Effective values with their origins, secrets masked: for jsonPieces(), which makes what is large while it is sent. */
  effective(): unknown;
}
