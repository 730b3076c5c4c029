// Entry: a hidden first argument makes this process a role of a running director; anything else is a command line.
// The signal handlers come first, before any other module is read.
import "./process/signals.ts";
import { runCli } from "./cli/main.ts";
import { runChild } from "./process/child.ts";
import { EXIT, ROLE_WORD } from "./process/options.ts";
import { ROLES } from "./process/roles.ts";

const [first, second, ...rest] = process.argv.slice(2);
if (first === ROLE_WORD) {
  const role = ROLES.get(second ?? "");
  if (role && rest.length === 0) runChild(role.name, role.factory);
  else process.exit(EXIT.failed);
} else {
  void runCli(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`lbd: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(EXIT.failed);
  });
}
