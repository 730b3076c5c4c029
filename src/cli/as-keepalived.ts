// CLI: what a program that is called `keepalived` does as that one (cli-signals.md §1, §2; measured, see docs/compat-notes.md).
import { accessSync, constants } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { VERSION_LINE } from "../version.ts";
import type { ReadFlags } from "./flags.ts";

/** The release whose language and habits lbd has. */
const SPOKEN = "2.4.3";

/** By the name of the program, or `--as-keepalived`. */
export function isKeepalived(argv0: string, argv: readonly string[]): boolean {
  return argv0.slice(argv0.lastIndexOf("/") + 1) === "keepalived" || argv.includes("--as-keepalived");
}

/** keepalived: these stay where they were started. */
export function staysInForeground({ given }: ReadFlags): boolean {
  return given.has("dont-fork") || given.has("config-test");
}

/** Its first line is what scripts look at: `Keepalived v2.4.3 (…)`. */
export function keepalivedVersion(): string {
  return `Keepalived v${SPOKEN} (${VERSION_LINE})\n`;
}

/** keepalived: there is nothing to run. */
export const NO_FILE_EXIT = 6;

/** Why a configuration file that is no pattern can't be read; undefined: it can, or is one. */
export function missingFile(path: string): string | undefined {
  if (/[*?[{]/.test(path)) return undefined;
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return `${path} can't be read: ${messageOf(error)}`;
  }
}
