// A process that is confined to write below some places, and says what it can do then. Arguments: a JSON list of places, one of paths
// to open for writing (with a / behind them: to make), a process to ask for.
import { closeSync, mkdirSync, openSync } from "node:fs";
import { openConfinement } from "../../ffi/landlock.ts";

const [places = "[]", paths = "[]", pid = "0"] = process.argv.slice(2);
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
  outcome(() => (path.endsWith("/") ? mkdirSync(path) : closeSync(openSync(path, "a")))),
);
const signal = outcome(() => process.kill(Number(pid), 0));
console.log(
  JSON.stringify({
    confined: confinement !== undefined,
    written,
    signal,
    own: outcome(() => process.kill(process.pid, 0)),
  }),
);
