// Process layer, parent: what the supervisor of one role keeps, and how a change of its state is told.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { RoleName, RoleOptions } from "../roles/role.ts";
import type { ProcessStatus, StatusUpdate } from "../status/schema.ts";
import type { Conduct, LineBudget } from "./conduct.ts";
import type { Batch, DumpPiece, Topics } from "./messages.ts";
import type { RoleRights } from "./role-rights.ts";
import type { RoleShare } from "./role-share.ts";
import type { ChildHandle, SpawnChild } from "./runtime.ts";
import type { SignsOfLife } from "./signs-of-life.ts";

export interface SupervisorPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  readonly options: RoleOptions;
  /** What a process keeps that boots before its configuration is known; undefined: all. */
  readonly earlyRights?: RoleRights | undefined;
  /** Last published value of each topic, for a child that starts. */
  topics(): Topics;
  report(update: StatusUpdate): void;
  event(subject: string, from: string, to: string, reason: string): void;
  batch(role: RoleName, batch: Batch): void;
  /** The api process asks for a piece of the effective configuration. */
  wantsEffective(serial: number): void;
  /** A piece of a dump that the parent asked for. */
  dumped(role: RoleName, piece: DumpPiece): void;
  /** The api process has nobody to serve. */
  idle?(role: RoleName): void;
  /** It comes and goes with those who need it: only its failures are news. */
  readonly onDemand?: boolean;
  /** A child took the last `status` message. */
  acknowledged(role: RoleName): void;
  /** Runs `then` once there is room for more of what the role reports. */
  whenRoom(role: RoleName, then: () => void): void;
  /** A new process of the role is up and has been started. */
  running(role: RoleName): void;
  /** False: a dead child stays dead, and the caller is told. */
  readonly respawn: boolean;
  gaveUp(role: RoleName, reason: string): void;
}

/** A role under supervision; its process comes and goes. */
export interface Supervised {
  readonly role: RoleName;
  readonly ports: SupervisorPorts;
  /** Its process, while there is one. */
  live: Live | undefined;
  /** What each process of the role is given; undefined until it is configured. */
  share: RoleShare | undefined;
  state: ProcessStatus["state"];
  /** Ends in a row, each soon after its start. */
  failures: number;
  restarts: number;
  cancelRestart: Cancel | undefined;
  stopping: boolean;
  /** Nothing was started, or the last process said that it has stopped. */
  inOrder: boolean;
  /** Those who wait for the process to be gone. */
  whenGone: readonly (() => void)[];
  /** Why it ended the last time, as far as that was told. */
  toldReason: string;
  /** When an end was logged the last time. */
  loggedAt: MonoMs;
}

export interface Live {
  readonly handle: ChildHandle;
  readonly bornAt: MonoMs;
  readonly rights: RoleRights | undefined;
  readonly conduct: Conduct;
  readonly lines: LineBudget;
  readonly signs: SignsOfLife;
  /** What is done when a question has its answer, by its number; `isAnswered` is false when the process is gone instead. */
  readonly asked: Map<number, (isAnswered: boolean) => void>;
  lastQuestion: number;
  hello: boolean;
  startSent: boolean;
  /** Pieces of its share that it has got, of the whole with this number. */
  got: { readonly whole: number; readonly pieces: number };
  lastWords: string;
  partial: string;
  /** Why the parent itself ended it; empty when it did not. */
  killedFor: string;
}

export function createSupervised(role: RoleName, ports: SupervisorPorts): Supervised {
  return {
    role,
    ports,
    live: undefined,
    share: undefined,
    state: "stopped",
    failures: 0,
    restarts: 0,
    cancelRestart: undefined,
    stopping: false,
    inOrder: true,
    whenGone: [],
    toldReason: "",
    loggedAt: 0,
  };
}

/** Goes to a state and tells of it: always in the status, as an event only when it is news. */
export function enter(supervised: Supervised, next: ProcessStatus["state"], reason: string): void {
  const { role, ports, state: from, restarts } = supervised;
  supervised.state = next;
  const since = new Date(ports.clock.wallMs()).toISOString();
  const pid = supervised.live?.handle.pid ?? null;
  ports.report({ kind: "process", value: { role, state: next, pid, since, restarts, reason } });
  const isQuiet = ports.onDemand === true && reason === "" && supervised.toldReason === "";
  if (from !== next && isNews(supervised, next, reason) && !isQuiet) ports.event(role, from, next, reason);
}

/** A process that dies again and again for one reason is one event, not one every few seconds. */
function isNews(supervised: Supervised, next: ProcessStatus["state"], reason: string): boolean {
  if (next === "starting") return supervised.failures === 0;
  if (next === "running") {
    supervised.toldReason = "";
    return true;
  }
  if (next !== "waiting") return true;
  const again = reason === supervised.toldReason;
  supervised.toldReason = reason;
  return !again;
}
