// A process that is confined to some places, and says what it can do then. Arguments: its places as JSON, a list of paths
// to open for writing (with a / behind them: to make, with an @: to make a link of), a process to ask for, a list of paths to read.
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { openConfinement } from "../../ffi/landlock.ts";

const [places = "{}", paths = "[]", pid = "0", reads = "[]"] = process.argv.slice(2);
const confinement = openConfinement(JSON.parse(places));
confinement?.restrict();

function outcome(act: () => void): string {
  try {
    act();
    return "done";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

const written = JSON.parse(paths).map((path: string) =>
  outcome(() => {
    if (path.endsWith("/")) mkdirSync(path);
    else if (path.endsWith("@")) symlinkSync("/etc/shadow", path.slice(0, -1));
    else closeSync(openSync(path, "a"));
  }),
);
const read = JSON.parse(reads).map((path: string) =>
  outcome(() => void (path.endsWith("/") ? readdirSync(path) : readFileSync(path))),
);
const signal = outcome(() => process.kill(Number(pid), 0));
console.log(
  JSON.stringify({
    confined: confinement !== undefined,
    written,
    read,
    signal,
    own: outcome(() => process.kill(process.pid, 0)),
  }),
);
