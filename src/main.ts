// Entry: a hidden first argument makes this process a role of a running director, its reader, or an appliance's gate; anything else is a command line. What the process does
// not need is not loaded: with `--splitting` each import() below is a file of its own in the binary (docs/decisions/005-lazy-roles.md).
import { writeSync } from "node:fs";
import { messageOf } from "./base/errors.ts";
import { EXIT, GATE_STEP_VARIABLE, GATE_WORD, READER_WORD, ROLE_WORD } from "./process/options.ts";
import { VERSION_LINE } from "./version.ts";

async function main(): Promise<void> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === ROLE_WORD) {
    const { runRole } = await import("./process/role-process.ts");
    return runRole(rest);
  }
  if (first === READER_WORD) {
    const { runReader } = await import("./process/reader-process.ts");
    return runReader();
  }
  if (first === GATE_WORD) {
    if (process.env[GATE_STEP_VARIABLE] !== undefined) {
      const { takeGateStep } = await import("./process/appliance/access/gate-step.ts");
      takeGateStep([...process.argv.slice(1, 2).filter((path) => !path.startsWith("/$bunfs/")), GATE_WORD]);
    }
    const { runGate } = await import("./process/appliance/access/gate.ts");
    return runGate();
  }
  // What packages and scripts ask again and again needs nothing else.
  if (first === "--version" && rest.length === 0 && !process.argv0.endsWith("keepalived")) {
    const { print } = await import("./cli/output.ts");
    print(VERSION_LINE);
    process.exit();
  }
  const { runCli } = await import("./cli/main.ts");
  // Everything is written by then; the runtime's own way out takes some milliseconds.
  if (!(await runCli(process.argv.slice(2)))) process.exit();
}

main().catch((error: unknown) => {
  writeSync(2, `lbd: ${messageOf(error)}\n`);
  process.exit(EXIT.failed);
});
