// Process layer: what one reading of the configuration gives the parent. How it is read is config-files.ts and config/load.ts.
import type { Config } from "../config/model.ts";

export interface Reading {
  /** Absent when the configuration can't be used; then `errors` say why. */
  readonly config?: Config;
  /** One line each, beginning with file and line: for the log, the status and the API. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** SHA-256 of the first file in hexadecimal digits; null when it could not be read. */
  readonly sha256: string | null;
  /** Effective values with their origins, secrets masked. Made when asked for: it is large. */
  effective(): unknown;
}

/** Reads and binds everything anew. Never throws: what goes wrong is in `errors`. */
export type ReadConfiguration = () => Reading;
