// Entry: a hidden first argument makes this process a role of a running director; anything else is a command line.
// The signal handlers come first, before any other module is read. What the process does not need is not loaded: with
// `--splitting` each import() below is a file of its own in the binary (docs/decisions/005-lazy-roles.md).
import "./process/host/signals.ts";
import { writeSync } from "node:fs";
import { messageOf } from "./base/errors.ts";
import { EXIT, ROLE_WORD } from "./process/options.ts";
import { loadRole, roleName } from "./process/roles.ts";

async function main(): Promise<void> {
  const [first, second, ...rest] = process.argv.slice(2);
  if (first !== ROLE_WORD) {
    await leaveEngineVariables();
    const { runCli } = await import("./cli/main.ts");
    return runCli(process.argv.slice(2));
  }
  const role = roleName(second);
  if (!role || rest.length > 0) process.exit(EXIT.failed);
  // Compiled, the program's own path lies in the embedded file system.
  const ownArguments = process.argv.slice(1, 2).filter((path) => !path.startsWith("/$bunfs/"));
  if (process.env.LBD_RIGHTS !== undefined)
    (await import("./process/rights-step.ts")).takeRightsStep([...ownArguments, first, role]);
  const [{ runChild }, factory] = await Promise.all([import("./process/child.ts"), loadRole(role)]);
  runChild(role, factory);
}

/** Children have a clean environment from their parent. */
async function leaveEngineVariables(): Promise<void> {
  if (!Object.keys(process.env).some((name) => /^(BUN|NODE|DENO)_/.test(name))) return;
  const { engineVariables, startAgain } = await import("./process/runtime-again.ts");
  const found = engineVariables(process.env);
  if (found.length > 0) startAgain(found);
}

main().catch((error: unknown) => {
  writeSync(2, `lbd: ${messageOf(error)}\n`);
  process.exit(EXIT.failed);
});
