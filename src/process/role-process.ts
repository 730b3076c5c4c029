// Process layer: a process that is a role of a running director, from its first line on. The signal handlers come first, before any other
// module is read.
import "./host/signals.ts";
import { EXIT, ROLE_WORD } from "./options.ts";
import { RIGHTS_VARIABLE } from "./role-variables.ts";
import { loadRole, roleName } from "./roles.ts";

/** @param words what follows ROLE_WORD on the command line */
export async function runRole(words: readonly string[]): Promise<void> {
  const role = roleName(words[0]);
  if (!role || words.length > 1) process.exit(EXIT.failed);
  if (process.env[RIGHTS_VARIABLE] !== undefined) {
    const { takeRightsStep } = await import("./rights-step.ts");
    if (role === "api") (await import("../kernel/oom-score.ts")).goFirst();
    takeRightsStep(role, [...ownArguments(), ROLE_WORD, role]);
  }
  const [{ runChild }, factory] = await Promise.all([import("./run-child.ts"), loadRole(role)]);
  runChild(role, factory);
}

/** Compiled, the program's own path lies in the embedded file system. */
function ownArguments(): string[] {
  return process.argv.slice(1, 2).filter((path) => !path.startsWith("/$bunfs/"));
}
