// CLI: `lbd reload`: has the running director read its configuration again, and says what came of it.

import { defineCommand } from "citty";
import * as v from "valibot";
import { Status } from "../api/answers.ts";
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import { giveWord } from "../process/configuration/words-given.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { ask } from "./client.ts";
import { print } from "./output.ts";
import { directorPeer, type Peer, REMOTE_ARGS } from "./peer.ts";
import { askFor } from "./status-query.ts";
import { complain, complainLines } from "./terminal.ts";
import { holder, RUN_DIR_HELP, runDirOfPid, withRunDir } from "./which-director.ts";
import { withAppliance } from "./with-peer.ts";

/** How long the outcome is waited for; the reload goes on all the same. */
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;

export const reloadCommand = defineCommand({
  meta: {
    name: "lbd reload",
    description:
      "Read the configuration again; exit 0 when it was taken, 1 when it was refused, 3 when no director runs",
  },
  args: {
    "run-dir": {
      type: "string",
      valueHint: "DIR",
      description: RUN_DIR_HELP,
    },
    pid: {
      type: "string",
      valueHint: "PID",
      description: "The director with this pid, instead of --run-dir",
    },
    "allow-empty": {
      type: "boolean",
      description: "Take also a configuration that has no VRRP instance or no virtual server any more",
    },
    ...REMOTE_ARGS,
  },
  run: ({ args }) => {
    if (args.host !== undefined) return withAppliance(args, (peer) => reloadRemote(peer, args["allow-empty"] === true));
    const given = args.pid === undefined ? args["run-dir"] : runDirOfPid(Number(args.pid));
    if (args.pid !== undefined && given === undefined)
      return complain(`pid ${args.pid} is no director that can be found`, ASK_EXIT.none);
    return withRunDir(given, (runDir) => reload(runDir, args["allow-empty"] === true));
  },
});

async function reload(runDir: string, mayEmpty: boolean): Promise<void> {
  const pid = holder(runDir);
  if (typeof pid === "string") return complain(pid, ASK_EXIT.none);
  const peer = directorPeer(runDir);
  const before = await reloads(peer);
  if (typeof before === "string") return complain(before, ASK_EXIT.none);
  const askedAt = Date.now();
  try {
    if (mayEmpty) giveWord(runDir, "allow-empty");
    process.kill(pid, "SIGHUP");
  } catch (error) {
    return complain(`pid ${pid}: ${messageOf(error)}`, ASK_EXIT.failed);
  }
  return outcome(peer, (now) => now.count > before.count && now.beganAt >= askedAt);
}

/** The machine's own clock may be any: the count alone tells. */
async function reloadRemote(peer: Peer, mayEmpty: boolean): Promise<void> {
  const before = await reloads(peer);
  if (typeof before === "string") return complain(before, ASK_EXIT.none);
  const asker = (path: string) => ask(peer, path, "POST");
  const asked = await askFor(
    asker,
    `/v1/reload${mayEmpty ? "?allow-empty=true" : ""}`,
    v.object({ reload: v.string() }),
  );
  if (!asked.ok) return complain(asked.error.message, asked.error.exit);
  return outcome(peer, (now) => now.count > before.count);
}

async function outcome(peer: Peer, isOurs: (now: Reloads) => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (performance.now() < deadline) {
    const now = await reloads(peer);
    if (typeof now !== "string" && isOurs(now))
      return now.errors.length === 0
        ? print(taken(now))
        : complainLines("refused, the old configuration stays in force:", now.errors, ASK_EXIT.failed);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  complain(`no outcome after ${LIMIT_MS / 1000} s; lbd status shows it when it comes`, ASK_EXIT.failed);
}

/** In a line what came of it, below it what changed by name. */
function taken({ durationMs, tolerated, changes: [summary, ...names] }: Reloads): string {
  const what = summary === undefined ? "" : `: ${summary}`;
  const lines = [
    `reloaded in ${Math.round(durationMs)} ms${what}${withErrors(tolerated)}`,
    ...names.map((name) => `  ${name}`),
  ];
  return lines.map(escapeControls).join("\n");
}

function withErrors(count: number): string {
  return count === 0 ? "" : `, with ${count} error${count === 1 ? "" : "s"} that it had before: see lbd status`;
}

interface Reloads {
  readonly count: number;
  readonly errors: readonly string[];
  /** Errors of the configuration that was taken all the same. */
  readonly tolerated: number;
  readonly durationMs: number;
  readonly changes: readonly string[];
  /** When the last one began to read, on the wall clock: one that began before we asked is somebody else's. */
  readonly beganAt: number;
}

async function reloads(peer: Peer): Promise<Reloads | string> {
  const answer = await askFor((path) => ask(peer, path), "/v1/status", Status);
  if (!answer.ok) return answer.error.message;
  if (!answer.value.director) return "the director has not reported yet";
  const { config } = answer.value.director;
  const durationMs = config.lastReload?.durationMs ?? 0;
  return {
    count: config.reloads,
    errors: config.stale ? config.errors : [],
    tolerated: config.errorCount,
    durationMs,
    changes: config.lastReload?.changes ?? [],
    beganAt: Date.parse(config.lastReload?.at ?? "") - durationMs + 1,
  };
}
