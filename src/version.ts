// What this program is. The revision comes from the build (`--define LBD_REVISION='"…"'`); from source there is none.

declare const LBD_REVISION: string | undefined;

/** As in package.json; a test compares them. */
export const VERSION = "0.1.0";
export const REVISION: string = typeof LBD_REVISION === "string" ? LBD_REVISION : "source";
/** What `lbd --version` prints. */
export const VERSION_LINE = `lbd ${VERSION} (${REVISION}), speaks keepalived.conf`;
