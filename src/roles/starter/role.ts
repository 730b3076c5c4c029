// Role starter: the starter. Programs of a configuration run with rights that the roles have given up, so this process, which reads
// nothing from a network, holds them and starts programs for the others: those that the configuration names, as the user and for the role
// that it names, with the words that they are told by, and no others. Likewise it reads files for them (files.ts). A role that ends takes its programs with it; those that a killed
// starter left are ended by the next one.
import type { Config } from "../../config/model/config.ts";
import { type Introduced, takeIntroductions } from "../../kernel/introductions.ts";
import type { MessageSocket } from "../../kernel/message-socket.ts";
import { programOutputs } from "../../kernel/program-output.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import { createScriptPlaces, NOTIFY_PLACES } from "../../kernel/script-places.ts";
import { createScriptRunner, type ScriptOutcome, type ScriptRunner } from "../../kernel/script-runner.ts";
import { type FromStarter, type ProgramPool, readToStarter, type ToStarter } from "../programs/messages.ts";
import {
  hasPrograms,
  mayFollow,
  type NamedProgram,
  PROGRAM_ROLES,
  type ProgramRole,
  programKey,
} from "../programs/named.ts";
import type { Role, RoleContext } from "../role.ts";
import { createFileServer, type PeerFiles } from "./files.ts";
import { createOwnScripts } from "./own-scripts.ts";
import { programSpawner, readOn } from "./spawn-program.ts";
import { endLeftovers, recordedSpawn } from "./started-programs.ts";

/** Roles that are still there at the end may have last words to say: `notify_stop`. */
const PEERS_MS = 4000;

interface Peer {
  readonly role: ProgramRole;
  readonly runners: Readonly<Record<ProgramPool, ScriptRunner>>;
  readonly socket: MessageSocket;
  readonly files: PeerFiles;
}

export function createStarterRole(context: RoleContext): Role {
  const { clock, log, options, introductions } = context;
  const readiness = openReadiness();
  const outputs = programOutputs(readiness, readOn);
  const spawn = recordedSpawn(programSpawner(outputs.open), options.runDir);
  /** What may be started now, and what could under the configuration before: its last notifications come during a reload. */
  let allowed = new Map<string, NamedProgram>();
  let before = new Map<string, NamedProgram>();
  const files = createFileServer(readiness, clock, log);
  const ownScripts = createOwnScripts(clock, log, spawn);
  let security: Config["global"]["scripts"] | undefined;
  const peers = new Set<Peer>();
  let allGone = () => {};

  function take(config: Config): void {
    security = config.global.scripts;
    ownScripts.configure(config.global);
    for (const { runners } of peers) for (const runner of Object.values(runners)) runner.setSecurity(security);
    before = allowed;
    files.configure(hasPrograms(config) ? config.files : []);
    const named = hasPrograms(config) ? config.programs : [];
    allowed = new Map(
      named.map((program) => {
        const key = keyOf(program.role, program.command);
        // The same object for the same program: how it ended the last time is known by it.
        return [key, { ...program, command: before.get(key)?.command ?? program.command }];
      }),
    );
  }

  function find(role: ProgramRole, { argv, user, group, args }: ToStarter & { kind: "run" }): NamedProgram | undefined {
    const key = keyOf(role, {
      argv,
      ...(user === undefined ? {} : { user }),
      ...(group === undefined ? {} : { group }),
    });
    return [allowed.get(key), before.get(key)].find((program) => program && mayFollow(program, args));
  }

  /** The parent says who is at the other end. */
  function welcome(open: Parameters<Introduced>[0], word: string): void {
    const named = PROGRAM_ROLES.find((one) => one === word);
    if (!security || named === undefined) {
      open({ message() {}, closed() {} }).close();
      return;
    }
    const role: ProgramRole = named;
    // What a process that has ended left to others is nobody's.
    for (const peer of peers) if (peer.role === role) dismiss(peer);
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
        const program = find(role, wanted);
        if (!program) {
          const words = [...wanted.argv, ...args].join(" ");
          log({ level: "error", area: "starter", message: `refused: no configuration names ${words} for ${role}` });
          return { kind: "cannot-start", reason: "the configuration names no such program" };
        }
        const end = new AbortController();
        ends.set(id, end);
        const limit = limitMs ?? Number.POSITIVE_INFINITY;
        return runners[pool].run(program.command, args, limit, () => say({ kind: "overdue", id }), end.signal);
      }
    }

    const socket = open({
      message(text) {
        const message = readToStarter(text);
        if (message?.kind === "run") void run(message);
        else if (message?.kind === "end") ends.get(message.id)?.abort();
        else if (message?.kind === "stop") void runners[message.pool].stop();
        else if (message) own.take(message);
      },
      closed() {
        dismiss(peer);
      },
    });
    const own = files.open(role, { say, waiting: () => socket.waiting() });
    const peer: Peer = { role, runners, socket, files: own };
    peers.add(peer);
  }

  /** Its programs go with it. */
  function dismiss(peer: Peer): void {
    if (!peers.delete(peer)) return;
    peer.socket.close();
    peer.files.close();
    for (const runner of Object.values(peer.runners)) void runner.stop();
    if (peers.size === 0) allGone();
  }

  return {
    start(config) {
      endLeftovers(options.runDir);
      take(config);
      if (introductions !== undefined) takeIntroductions(readiness, introductions, welcome);
    },
    reload: take,
    runScript: ownScripts.run,
    async stop() {
      const ownEnded = ownScripts.stop();
      if (peers.size > 0)
        await new Promise<void>((resolve) => {
          allGone = resolve;
          clock.at(clock.now() + PEERS_MS, resolve);
        });
      await Promise.all([...peers].flatMap(({ runners }) => Object.values(runners).map((runner) => runner.stop())));
      await ownEnded;
      for (const { socket } of peers) socket.close();
      outputs.stop();
    },
    snapshot() {},
  };
}

function keyOf(role: ProgramRole, command: Parameters<typeof programKey>[0]): string {
  return `${role} ${programKey(command)}`;
}
