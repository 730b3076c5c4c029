// Role starter: the starter. Programs of a configuration run with rights that the roles have given up, so this process, which reads
// nothing from a network, holds them and starts programs for the others: those that the configuration names, as the user that it names,
// and no others. A role that ends takes its programs with it; those that a killed starter left are ended by the next one.
import type { Command } from "../../config/model/command.ts";
import type { Config } from "../../config/model/config.ts";
import { listenMessages, type MessageListener, type MessageSocket } from "../../kernel/message-socket.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import { createScriptPlaces, NOTIFY_PLACES } from "../../kernel/script-places.ts";
import { createScriptRunner, type ScriptOutcome, type ScriptRunner } from "../../kernel/script-runner.ts";
import {
  type FromStarter,
  type ProgramPool,
  readToStarter,
  starterPath,
  type ToStarter,
} from "../programs/messages.ts";
import { hasPrograms, programKey } from "../programs/named.ts";
import type { Role, RoleContext } from "../role.ts";
import { spawnProgram } from "./spawn-program.ts";
import { endLeftovers, recordedSpawn } from "./started-programs.ts";

/** Roles that are still there at the end may have last words to say: `notify_stop`. */
const PEERS_MS = 4000;

/** Two roles have programs, and each has one connection; the one of a process that was killed may still be read. */
const MAX_PEERS = 8;

interface Peer {
  readonly runners: Readonly<Record<ProgramPool, ScriptRunner>>;
  readonly socket: MessageSocket;
}

export function createStarterRole(context: RoleContext): Role {
  const { clock, log, options } = context;
  const readiness = openReadiness();
  const spawn = recordedSpawn(spawnProgram, options.runDir);
  /** What may be started now, and what could under the configuration before: its last notifications come during a reload. */
  let allowed = new Map<string, Command>();
  let before = new Map<string, Command>();
  let security: Config["global"]["scripts"] | undefined;
  let listener: MessageListener | undefined;
  const peers = new Set<Peer>();
  let allGone = () => {};

  function take(config: Config): void {
    security = config.global.scripts;
    for (const { runners } of peers) for (const runner of Object.values(runners)) runner.setSecurity(security);
    before = allowed;
    const named = hasPrograms(config) ? config.programs : [];
    // The same object for the same program: how it ended the last time is known by it.
    allowed = new Map(named.map((command) => [programKey(command), before.get(programKey(command)) ?? command]));
  }

  function welcome(open: (events: { message(text: string): void; closed(): void }) => MessageSocket): void {
    if (!security || peers.size >= MAX_PEERS) {
      open({ message() {}, closed() {} }).close();
      log({ level: "warning", area: "starter", message: `refused: ${MAX_PEERS} connections are there already` });
      return;
    }
    const ends = new Map<number, AbortController>();
    const runners = {
      checks: createScriptRunner(clock, security, spawn),
      notifications: createScriptRunner(clock, security, spawn, createScriptPlaces(NOTIFY_PLACES)),
    };
    const say = (message: FromStarter) => void socket.send(JSON.stringify(message));

    async function run(request: ToStarter & { kind: "run" }): Promise<void> {
      const { id, pool, args, limitMs } = request;
      const outcome = await start(request);
      ends.delete(id);
      say({ kind: "ended", id, outcome });

      function start(wanted: typeof request): Promise<ScriptOutcome> | ScriptOutcome {
        const command = allowed.get(programKey(asCommand(wanted))) ?? before.get(programKey(asCommand(wanted)));
        if (!command) {
          log({ level: "error", area: "starter", message: `refused: no configuration names ${wanted.argv.join(" ")}` });
          return { kind: "cannot-start", reason: "the configuration names no such program" };
        }
        const end = new AbortController();
        ends.set(id, end);
        const limit = limitMs ?? Number.POSITIVE_INFINITY;
        return runners[pool].run(command, args, limit, () => say({ kind: "overdue", id }), end.signal);
      }
    }

    const socket = open({
      message(text) {
        const message = readToStarter(text);
        if (message?.kind === "run") void run(message);
        else if (message?.kind === "end") ends.get(message.id)?.abort();
        else if (message?.kind === "stop") void runners[message.pool].stop();
      },
      closed() {
        // Its programs go with it.
        void Promise.all(Object.values(runners).map((runner) => runner.stop()));
        peers.delete(peer);
        if (peers.size === 0) allGone();
      },
    });
    const peer: Peer = { runners, socket };
    peers.add(peer);
  }

  return {
    start(config) {
      endLeftovers(options.runDir);
      take(config);
      listener = listenMessages(readiness, starterPath(options.runDir), welcome);
    },
    reload: take,
    async stop() {
      if (peers.size > 0)
        await new Promise<void>((resolve) => {
          allGone = resolve;
          clock.at(clock.now() + PEERS_MS, resolve);
        });
      listener?.close();
      await Promise.all([...peers].flatMap(({ runners }) => Object.values(runners).map((runner) => runner.stop())));
      for (const { socket } of peers) socket.close();
    },
    snapshot() {},
  };
}

function asCommand({ argv, user, group }: ToStarter & { kind: "run" }) {
  return { argv, ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) };
}
