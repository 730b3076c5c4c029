// Process layer, parent: what the parent of a director keeps, and its end.
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { DRAIN_TOPIC, type RoleName } from "../roles/role.ts";
import type { ConfigStatus, DirectorStatus } from "../status/schema.ts";
import type { ApiCallers } from "./api-callers.ts";
import type { ApiPicture } from "./api-picture.ts";
import type { ReloadWords } from "./configuration/reload-words.ts";
import type { DumpFile, Dumps } from "./dumps.ts";
import type { EffectiveAnswers } from "./effective-answers.ts";
import type { ServiceNotices } from "./host/service-notices.ts";
import type { UsersFifo } from "./host/users-fifos.ts";
import type { RunOptions } from "./options.ts";
import type { Readings } from "./readings.ts";
import type { Relay } from "./relay.ts";
import type { SpawnChild } from "./runtime.ts";
import { stopLimitMs, type Workers } from "./workers.ts";

const DEFAULT_CHILD_WAIT_MS = 5000;

export interface ParentPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  readonly readings: Readings;
  /** Roles that this program has. */
  readonly roles: ReadonlySet<RoleName>;
  readonly identity: Pick<DirectorStatus, "version" | "pid" | "boot" | "hostname">;
  /** Roles that the configuration seems to need, before it is read; absent: the checker. */
  likely?(): ReadonlySet<RoleName>;
  /** A role that ended without stopping left things of ours in the kernel: it is started to take them away. */
  leftBehind?(role: RoleName): boolean;
  /** A service manager that wants to know how it goes. */
  readonly notices?: ServiceNotices;
  /** The first configuration is taken: from now on this director runs, whatever it does. */
  stands?(): void;
  /** A reload is over: what was needed for it is garbage. */
  reloaded?(): void;
  /** Whether the next reload may take everything away (`lbd reload --allow-empty`); asking uses it up. */
  mayEmpty?(): boolean;
  /** Whether the director is to go on as the program installed now behind the next reload (`lbd restart`); asking uses it up. */
  mayReplace?(): boolean;
  /** Why that program can't go on with this director's words and configuration; undefined when it can. Absent: nobody asks. */
  tryNext?(): Promise<string | undefined>;
  /** Becomes that program; `handover` is for it. Called once, when every role is gone. */
  replace?(handover: unknown): void;
  /** What the program before left that this one goes on for; absent: it is a start. */
  readonly handover?: unknown;
  /** Every VRRP instance is to be in FAULT (`--drain-vrrp`); asked at the start and at each reload. Absent: none is. */
  isVrrpDrained?(): boolean;
  /** VRRP instances are to stay out of the election (`--hold-vrrp`); asked until it says no. Absent: they are not. */
  isVrrpHeld?(): boolean;
  /** Loads the kernel modules that a configuration needs, in this order. */
  loadModules?(names: readonly string[]): void;
  /** Notify FIFOs of users are there before the roles that write them; those of the configuration before go. */
  keepFifos?(fifos: readonly UsersFifo[]): void;
  /** Who asks the API: the process that answers runs while somebody does. Absent: always. */
  readonly callers?: ApiCallers;
  /** What global_defs says of reloads. */
  readonly reloads?: ReloadWords;
  /** A role's process has another pid now; undefined when it has none. */
  rolePid?(role: RoleName, pid: number | undefined): void;
  /** Where dumps are written; absent: nowhere. */
  readonly dumps?: DumpPlace;
  /** Counters of this process itself, by metric name and labels. */
  self?(): Readonly<Record<string, number>>;
  /** `process_name`, for ps and top. */
  rename?(name: string): void;
  /** The director is over; the status is the program's. Called once. */
  ended(status: number): void;
}

/** A machine's files for the dumps that keepalived's signals ask for. */
export interface DumpPlace {
  /** Absolute. */
  readonly directory: string;
  /** @throws Error */
  open(path: string, mode: number): DumpFile;
  /** Text of a piece of a role's share. */
  unpack(piece: Uint8Array): string;
}

/** What the parent is about. `again`: a reload was asked for meanwhile, of files that may have changed behind the reading. */
export type Phase =
  | { readonly kind: "new" }
  | { readonly kind: "starting" | "reloading"; again: boolean }
  | { readonly kind: "running" }
  | { readonly kind: "stopping" };

/** Roles that start behind the checker. */
export type Later = "vrrp" | "api" | "description";

export interface ParentState {
  readonly options: RunOptions;
  readonly ports: ParentPorts;
  readonly notices: ServiceNotices;
  /** Roles that this program has and the command line allows. */
  readonly allowed: readonly RoleName[];
  readonly workers: Workers;
  /** To the api process: what is known. */
  readonly relay: Relay;
  /** What an api process that has just come is shown. */
  readonly picture: ApiPicture;
  readonly effective: EffectiveAnswers;
  /** Undefined: there is no place for them. */
  readonly dumps: Dumps | undefined;
  /** ISO 8601. */
  readonly startedAt: string;
  phase: Phase;
  config: ConfigStatus;
  /** The program's status when the director ends. */
  exitStatus: number;
  /** What has its turn yet to come. */
  readonly later: Set<Later>;
  /** Somebody has asked for the api process, or it runs always. */
  isApiCalled: boolean;
}

export function isStopping({ phase }: ParentState): boolean {
  return phase.kind === "stopping";
}

/** Once for each, and not when the director stops. */
export function hasTurn(parent: ParentState, what: Later): boolean {
  return !isStopping(parent) && parent.later.delete(what);
}

/** Roles that have something to do, or run all the same (`--all`). */
export function needsOf({ options, allowed }: ParentState, needs: readonly RoleName[]): readonly RoleName[] {
  return options.allRoles ? [...new Set([...needs, ...allowed.filter((role) => role !== "starter")])] : needs;
}

/** ISO 8601. */
export function wallTime(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString();
}

/** Whatever comes of the configuration: who wants a director empty need not have a good one. */
export function lookForDrain({ ports, workers }: ParentState): void {
  if (ports.isVrrpDrained) workers.publish(DRAIN_TOPIC, ports.isVrrpDrained());
}

/** Stops in order and ends; a second call changes nothing. */
export function stop(parent: ParentState, reason: string): void {
  if (isStopping(parent)) return;
  parent.phase = { kind: "stopping" };
  const { callers, readings, reloads, log } = parent.ports;
  const { childWaitMs: limitMs = DEFAULT_CHILD_WAIT_MS, shutdownScriptMs } = readings.inForce()?.outline ?? {};
  // First of all: others take over when vrrp has said good-bye.
  const ended = parent.workers.stopAll(limitMs, { shutdownScript: shutdownScriptMs !== undefined });
  callers?.stop();
  reloads?.stop();
  readings.stop();
  parent.notices.stopping(stopLimitMs(limitMs) + (shutdownScriptMs ?? 0));
  log({ level: "info", area: "process", message: `stopping: ${reason}` });
  void ended.then(() => parent.ports.ended(parent.exitStatus));
}
