// Process layer: a director in the background. This runtime can't fork: the program starts itself again in a session of its own, and the
// first process waits until that one stands, passes on the errors of its start, and leaves with the status that says how it went.
import { spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { asFd, replaceFd } from "../../ffi/fd.ts";
import { BACKGROUND_VARIABLE } from "./background-mark.ts";
import { EXIT } from "./options.ts";
import { ownArguments } from "./runtime.ts";

const STDERR = 2;
/** Behind the last byte that is text. */
const STANDS = "\0";

/** Starts this program again in the background. Gives the status for this process: 0 when the other one stands. */
export async function runInBackground(argv: readonly string[], says: (text: string) => void): Promise<number> {
  const child = spawn("/proc/self/exe", [...ownArguments(), ...argv], {
    argv0: process.argv0,
    detached: true,
    env: { ...process.env, [BACKGROUND_VARIABLE]: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("exit", (status) => resolve(status ?? EXIT.failed));
    child.on("error", reject);
  });
  child.stderr.setEncoding("utf8");
  for await (const text of child.stderr) {
    const end = `${text}`.indexOf(STANDS);
    says(end < 0 ? `${text}` : `${text}`.slice(0, end));
    if (end >= 0) return EXIT.ok;
  }
  return ended;
}

/** Of the second process: the first one may go. From now on its standard error leads nowhere. @throws Error EMFILE; EPIPE when it is gone already */
export function leaveLauncher(): void {
  writeSync(STDERR, STANDS);
  const nowhere = openSync("/dev/null", "r+");
  replaceFd(asFd(STDERR), asFd(nowhere));
  closeSync(nowhere);
}
