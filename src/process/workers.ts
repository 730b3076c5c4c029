// Process layer, parent: the roles' processes, each with a supervisor: what they are configured with, how they are stopped, and what is
// cleared away behind one that did not stop in order.
import type { Clock } from "../base/clock.ts";
import { firstOf } from "../base/first-of.ts";
import type { Log } from "../base/log.ts";
import { introduce } from "../kernel/introductions.ts";
import { HANDOVER_TOPIC } from "../roles/handover.ts";
import { PROGRAM_ROLES } from "../roles/programs/named.ts";
import type { RoleName } from "../roles/role.ts";
import type { StatusUpdate } from "../status/schema.ts";
import type { DumpPiece, ToChild, Topics } from "./messages.ts";
import { type RunOptions, roleOptions } from "./options.ts";
import { rightsOf } from "./role-rights.ts";
import type { RoleShare } from "./role-share.ts";
import type { SpawnChild } from "./runtime.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";

/** What each role still gets when the ones before it used up the time. */
const LEAST_STOP_MS = 1000;
/** What a process may take to start whose only work is to take away what a killed one left. */
const SWEEP_START_MS = 3000;

/** vrrp first: priority 0 goes out and the peer takes over while the table here still works. */
const STOP_ORDER: readonly RoleName[] = ["vrrp", "checker", "bfd", "api", "starter"];

export interface WorkerPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  /** What the configuration in force has for a role. */
  share(role: RoleName): RoleShare;
  /** A role that ended without stopping left things of ours in the kernel. */
  leftBehind?(role: RoleName): boolean;
  report(update: StatusUpdate): void;
  event(subject: string, from: string, to: string, reason: string): void;
  /** A process is up that was not before. */
  running(role: RoleName): void;
  /** The api process took the last `status` message. */
  acknowledged(): void;
  /** Runs `then` once there is room for what roles report. */
  whenRoom(role: RoleName, then: () => void): void;
  wantsEffective(serial: number): void;
  /** A piece of a dump that was asked for. */
  dumped(role: RoleName, piece: DumpPiece): void;
  /** The api process has nobody to serve. */
  idle?(): void;
  /** It comes and goes with those who need it: only its failures are news. */
  onDemand?(role: RoleName): boolean;
  /** A role that nothing needs has gone. */
  dismissed(role: RoleName): void;
  /** `--dont-respawn`, and a process ended. */
  gaveUp(role: RoleName, reason: string): void;
}

export interface Workers {
  has(role: RoleName): boolean;
  isUp(role: RoleName): boolean;
  isRunning(role: RoleName): boolean;
  running(): readonly RoleName[];
  isLeaving(role: RoleName): boolean;
  /** Starts a process that waits for its configuration. */
  spawn(role: RoleName): void;
  /** Gives a role its share of what is in force. Resolves when it has taken it; at once when it only starts. */
  configure(role: RoleName): Promise<void>;
  /** Stops a role that nothing needs; resolves when it has gone. What it is configured with meanwhile is for the process after. */
  dismiss(role: RoleName): Promise<void>;
  /** False when there is no process to tell. */
  send(role: RoleName, message: ToChild): boolean;
  /** Kills its process, which does what it may not; another one is started. */
  expel(role: RoleName, why: string): void;
  /** A fact of the parent's own for every role, also for those that start later; newer replaces older. */
  publish(topic: string, value: unknown): void;
  /** Somebody looks at what this role tells, or all of them do, from now on. */
  snapshot(role?: RoleName): void;
  /** To each process there is, but that of `but`. */
  sendAll(message: ToChild, but?: RoleName): void;
  /** Connects a process that was just started with those that it works with: the starter with the others. */
  introduce(role: RoleName): void;
  /** Resolves when a process of the role runs. */
  whenRunning(role: RoleName): Promise<void>;
  /** Has the starter run `startup_script`. Resolves when that has ended; at once without a starter. */
  runStartupScript(): Promise<void>;
  /**
   * Stops all in order, within `limitMs` and a second for each that has none left of it. `shutdownScript`: it runs when all but the
   * starter have ended, however long it may take.
   */
  stopAll(limitMs: number, how: { readonly shutdownScript: boolean }): Promise<void>;
  /**
   * All are gone, and what they have in the kernel stays: another program goes on with it. BFD says good-bye, which no successor can take
   * back; vrrp speaks once more. Resolves with what it has to say to its successor.
   */
  handOver(): Promise<unknown>;
  stuck(): readonly RoleName[];
}

/** As long as Workers.stopAll() may take: each role its time, and each that had to be killed a process that clears up after it. */
export function stopLimitMs(limitMs: number): number {
  return limitMs + STOP_ORDER.length * (LEAST_STOP_MS + SWEEP_START_MS + LEAST_STOP_MS);
}

export function createWorkers(options: RunOptions, roles: readonly RoleName[], ports: WorkerPorts): Workers {
  const { clock, log } = ports;
  const topics = new Map<string, unknown>();
  const supervisors = new Map(roles.map((role) => [role, supervise(role)] as const));
  const leaving = new Map<RoleName, Promise<void>>();
  let isStopping = false;
  const whenRunning = new Map<RoleName, (() => void)[]>();

  function runs(role: RoleName): void {
    const then = whenRunning.get(role) ?? [];
    whenRunning.delete(role);
    for (const one of then) one();
    ports.running(role);
  }

  function supervise(role: RoleName, running: (role: RoleName) => void = runs): Supervisor {
    return createSupervisor(role, {
      clock,
      log,
      spawn: ports.spawn,
      options: roleOptions(options),
      earlyRights: rightsOf(role, undefined, options),
      respawn: options.respawn,
      topics: () => Object.fromEntries(topics),
      report: ports.report,
      event: ports.event,
      batch(from, batch) {
        for (const update of batch.updates) ports.report(update);
        publish(from, batch.topics);
      },
      acknowledged: ports.acknowledged,
      whenRoom: ports.whenRoom,
      wantsEffective: ports.wantsEffective,
      dumped: ports.dumped,
      ...(ports.idle && { idle: ports.idle }),
      onDemand: ports.onDemand?.(role) === true,
      running,
      gaveUp: ports.gaveUp,
    });
  }

  function publish(from: RoleName | "parent", values: Topics): void {
    for (const [topic, value] of Object.entries(values)) {
      topics.set(topic, value);
      for (const [role, supervisor] of supervisors)
        if (role !== from) supervisor.send({ kind: "topic", topic, value } satisfies ToChild);
    }
  }

  function configure(role: RoleName): Promise<void> {
    const gone = leaving.get(role);
    if (gone) return gone.then(() => (isStopping ? undefined : configure(role)));
    return supervisors.get(role)?.configure(ports.share(role)) ?? Promise.resolve();
  }

  /** A role that had to be killed left its addresses or services: a new process recognises them, and takes them away as it stops. */
  async function sweep(role: RoleName): Promise<void> {
    const share = ports.share(role);
    if (share.pieces.length === 0) return;
    log({ level: "warning", area: "process", message: `${role}: a new process takes away what the killed one left` });
    let isUp = () => {};
    const up = new Promise<void>((resolve) => {
      isUp = resolve;
    });
    const sweeper = supervise(role, isUp);
    supervisors.set(role, sweeper);
    void sweeper.configure(share);
    await firstOf(up, clock, SWEEP_START_MS);
    await sweeper.stop(LEAST_STOP_MS);
  }

  return {
    has: (role) => supervisors.has(role),
    isUp: (role) => supervisors.get(role)?.state() !== "stopped",
    isRunning: (role) => supervisors.get(role)?.state() === "running",
    running: () => [...supervisors.values()].filter((one) => one.state() === "running").map(({ role }) => role),
    isLeaving: (role) => leaving.has(role),
    spawn: (role) => supervisors.get(role)?.spawn(),
    configure,
    dismiss(role) {
      const supervisor = supervisors.get(role);
      if (!supervisor) return Promise.resolve();
      const gone = supervisor.stop(LEAST_STOP_MS).then(() => {
        leaving.delete(role);
        if (!isStopping) supervisors.set(role, supervise(role));
        ports.dismissed(role);
      });
      leaving.set(role, gone);
      return gone;
    },
    send: (role, message) => supervisors.get(role)?.send(message) ?? false,
    expel: (role, why) => supervisors.get(role)?.expel(why),
    publish: (topic, value) => publish("parent", { [topic]: value }),
    snapshot(only) {
      for (const [role, supervisor] of supervisors) if (only === undefined || role === only) supervisor.snapshot();
    },
    sendAll(message, but) {
      for (const [role, supervisor] of supervisors) if (role !== but) supervisor.send(message);
    },
    introduce(role) {
      const others: readonly RoleName[] = role === "starter" ? PROGRAM_ROLES : ["starter"];
      const own = supervisors.get(role)?.introductions();
      for (const other of others) {
        const through = supervisors.get(other)?.introductions();
        if (own !== undefined && through !== undefined)
          introduce({ name: role, through: own }, { name: other, through });
      }
    },
    whenRunning(role) {
      if (supervisors.get(role)?.state() === "running") return Promise.resolve();
      return new Promise((resolve) => whenRunning.set(role, [...(whenRunning.get(role) ?? []), resolve]));
    },
    runStartupScript: () => supervisors.get("starter")?.runScript("startup") ?? Promise.resolve(),
    async stopAll(limitMs, { shutdownScript }) {
      isStopping = true;
      const deadline = clock.now() + limitMs;
      for (const role of STOP_ORDER) {
        if (role === "starter" && shutdownScript) await supervisors.get(role)?.runScript("shutdown");
        const left = Math.max(LEAST_STOP_MS, deadline - clock.now());
        const inOrder = await supervisors.get(role)?.stop(role === "api" ? LEAST_STOP_MS : left);
        if (inOrder === false && ports.leftBehind?.(role)) await sweep(role);
      }
    },
    async handOver() {
      isStopping = true;
      await supervisors.get("bfd")?.stop(LEAST_STOP_MS);
      await firstOf(supervisors.get("vrrp")?.handOver() ?? Promise.resolve(), clock, LEAST_STOP_MS);
      await Promise.all(Array.from(supervisors.values(), (supervisor) => supervisor.abandon()));
      return topics.get(HANDOVER_TOPIC) ?? null;
    },
    stuck: () => [...supervisors.values()].filter((one) => one.isStuck()).map(({ role }) => role),
  };
}
