// Run as a program: has the health of servers taken away from a run directory (its argument) where a FIFO lies in the journal's place. A process
// of its own: one that opens it without care waits for ever. Says what is said of it.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { takeHealthAway } from "../../src/process/appliance/health-store.ts";

const [runDir = ""] = process.argv.slice(2);
mkdirSync(join(runDir, "checker.d"), { recursive: true });
execFileSync("mkfifo", [join(runDir, "checker.d/health.journal")]);
takeHealthAway({
  withFolder: () => {
    throw new Error("nothing is to be kept");
  },
  runDir,
  say: (_level, message) => console.log(message),
});
