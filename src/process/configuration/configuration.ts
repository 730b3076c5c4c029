// Process layer: what one reading of the configuration gives the parent. How it is read is config-files.ts and config/load.ts.
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
  /** Why it may be half of what is meant; absent: the files stood still. */
  readonly unsettled?: Unsettled;
  /** Asked for when nothing waits: it takes a walk over everything that was read. */
  details(): Details;
  /** Effective values with their origins, secrets masked: for jsonPieces(), which makes what is large while it is sent. */
  effective(): unknown;
}

export interface Unsettled {
  /** One line, beginning with the file. */
  readonly reason: string;
  /** When it is worth to look again. */
  readonly waitMs: number;
  /** It was seen to change, and not only written a moment before. */
  readonly changed: boolean;
}

export interface Details {
  /** SHA-256 over all files in hexadecimal digits; null when one could not be read again. */
  readonly sha256: string | null;
  /** Further warnings: what is configured and has no effect yet. */
  readonly notes: readonly string[];
}

/** Reads and binds everything anew. Never throws: what goes wrong is in `errors`. */
export type ReadConfiguration = () => Reading;
