// CLI: `lbd restart`: has the running director go on as the program that is installed now, for an upgrade: under the same process id, with its
// addresses and its table left in place.
import { spawnSync } from "node:child_process";
import { defineCommand } from "citty";
import { Status } from "../api/answers.ts";
import { messageOf } from "../base/errors.ts";
import { giveWord } from "../process/configuration/words-given.ts";
import { installedProgram } from "../process/runtime-again.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { ask } from "./client.ts";
import { print } from "./output.ts";
import { directorPeer, type Peer } from "./peer.ts";
import { askFor } from "./status-query.ts";
import { complain, complainLines } from "./terminal.ts";
import { holder, RUN_DIR_HELP, withRunDir } from "./which-director.ts";

/** How long the other program is waited for; it goes on all the same. */
const LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 50;
const TRIAL_MS = 10_000;

export const restartCommand = defineCommand({
  meta: {
    name: "lbd restart",
    description:
      "Go on as the program that is installed now, without giving up addresses or table; exit 0 when it runs, 1 when not, 3 when no director runs",
  },
  args: { "run-dir": { type: "string", valueHint: "DIR", description: RUN_DIR_HELP } },
  run: ({ args }) => withRunDir(args["run-dir"], restart),
});

async function restart(runDir: string): Promise<void> {
  const pid = holder(runDir);
  if (typeof pid === "string") return complain(pid, ASK_EXIT.none);
  const unfit = unfitness(pid);
  if (unfit !== undefined) return complain(unfit, ASK_EXIT.failed);
  const peer = directorPeer(runDir);
  const before = await life(peer);
  if (typeof before === "string") return complain(before, ASK_EXIT.none);
  try {
    giveWord(runDir, "restart");
    process.kill(pid, "SIGHUP");
  } catch (error) {
    return complain(`pid ${pid}: ${messageOf(error)}`, ASK_EXIT.failed);
  }
  return outcome(peer, before);
}

/** Of the program that would go on; undefined: nothing is against it. */
function unfitness(pid: number): string | undefined {
  try {
    const program = installedProgram(pid);
    const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: TRIAL_MS });
    return stdout?.startsWith("lbd ") ? undefined : `${program} is not lbd, or can't be run`;
  } catch (error) {
    return `pid ${pid}: ${messageOf(error)}`;
  }
}

interface Life {
  /** Another one is another program. */
  readonly boot: string;
  readonly version: string;
  readonly reloads: number;
  /** Why the last reload was refused. */
  readonly errors: readonly string[];
}

async function life(peer: Peer): Promise<Life | string> {
  const answer = await askFor((path) => ask(peer, path), "/v1/status", Status);
  if (!answer.ok) return answer.error.message;
  if (!answer.value.director) return "the director has not reported yet";
  const { boot, version, config } = answer.value.director;
  return { boot, version, reloads: config.reloads, errors: config.stale ? config.errors : [] };
}

async function outcome(peer: Peer, before: Life): Promise<void> {
  const began = performance.now();
  while (performance.now() < began + LIMIT_MS) {
    const now = await life(peer);
    if (typeof now !== "string" && now.boot !== before.boot) return print(`goes on as lbd ${now.version}`);
    if (typeof now !== "string" && now.reloads > before.reloads && now.errors.length > 0)
      return complainLines("refused, for the other program would read the same:", now.errors, ASK_EXIT.failed);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  complain(`no sign of the other program after ${LIMIT_MS / 1000} s: see the log`, ASK_EXIT.failed);
}
