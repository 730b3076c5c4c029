// Role starter: how a program of the operator is started with this runtime: its own session, no input, no output.
import type { SpawnProgram } from "../../kernel/script-runner.ts";

/** node:child_process reports a program that a real-time signal ended like one that succeeded; Bun.spawn has the number. */
export const spawnProgram: SpawnProgram = ({ file, args, ids, environment }, ended) => {
  const child = Bun.spawn([file, ...args], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore"],
    cwd: "/",
    env: environment,
    ...ids,
    onExit: (_child, status, signal) => ended({ status, signal }),
  });
  return child.pid;
};
