// Role starter: how a program of the operator is started with this runtime: its own session, no input, and nobody who hears it but for
// its last words when it fails.
import type { OpenProgramOutput } from "../../kernel/program-output.ts";
import type { SpawnProgram } from "../../kernel/script-runner.ts";

/** Reads a pipe to its end, for what a program left running, and outlives this process. */
export function readOn(fd: number): void {
  Bun.spawn(["/bin/cat"], { detached: true, stdio: [fd, "ignore", "ignore"], cwd: "/", env: {} }).unref();
}

/**
 * node:child_process reports a program that a real-time signal ended like one that succeeded; Bun.spawn has the number.
 * @param openOutput for what a program writes; undefined: nobody hears it
 */
export function programSpawner(openOutput: OpenProgramOutput): SpawnProgram {
  return ({ file, args, ids, environment }, ended) => {
    const output = openOutput();
    const to = output?.fd ?? "ignore";
    try {
      const child = Bun.spawn([file, ...args], {
        detached: true,
        stdio: ["ignore", to, to],
        cwd: "/",
        env: environment,
        ...ids,
        onExit: (_child, status, signal) => ended({ status, signal, output: output?.ended() ?? "" }),
      });
      return child.pid;
    } catch (error) {
      output?.discard();
      throw error;
    }
  };
}
