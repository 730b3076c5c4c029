// Roles: what a role is to the process that hosts it. roles/*.ts implement it; child.ts drives it.
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/model/config.ts";
import type { StatusUpdate } from "../status/schema.ts";

/** `starter` runs the operator's programs for the others, which have no rights to hand on. */
export type RoleName = "vrrp" | "checker" | "bfd" | "api" | "starter";

/** What keepalived's signals ask for: the data dump, statistics, statistics that begin at zero behind it, JSON. */
export type DumpKind = "data" | "stats" | "stats-clear" | "json";

/** Of the parent, for vrrp: whether instances are held in INIT. */
export const HOLD_TOPIC = "hold-vrrp";
/** Of the parent, for vrrp: whether instances are to leave the election until they are told otherwise. */
export const DRAIN_TOPIC = "drain-vrrp";

export interface RoleOptions {
  readonly runDir: string;
  readonly ipvsTransport: "auto" | "sockopt" | "netlink";
  /** `keepalived`, when lbd was started under that name: ps shows it. */
  readonly calledAs?: string;
  /** `-I`/`--dont-release-ipvs`, `-V`/`--dont-release-vrrp`. */
  readonly releaseIpvs: boolean;
  readonly releaseVrrp: boolean;
  /** `--keep-health`: how checks stood at the end counts at the next start. */
  readonly keepHealth?: boolean;
  /** `-s`: beats `net_namespace` of the configuration. */
  readonly namespace?: string;
  /** `--umask`: beats `umask` of the configuration. */
  readonly umask?: number;
  readonly api: {
    readonly tcp: { readonly address: string; readonly port: number } | null;
    /** Host names in lower case. */
    readonly hosts?: readonly string[];
    readonly socketGroup?: string;
    readonly instanceLabel?: boolean;
  };
  readonly debug: boolean;
  /** `-a`: every address that comes or goes is logged. */
  readonly logsAddresses?: boolean;
}

/** A piece of the effective configuration's JSON text; `end`: there is no more; null: there is no configuration. */
export interface EffectivePiece {
  readonly kind: "effective";
  readonly serial: number;
  readonly piece: string | null;
  readonly end: boolean;
}

export interface RoleContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly options: RoleOptions;
  /** Descriptor by which the parent connects roles and starter (kernel/introductions.ts); absent: nobody is introduced. */
  readonly introductions?: number;
  /** Hands status to the parent; never blocks, oldest deltas are dropped first and made good by the next snapshot. */
  report(update: StatusUpdate): void;
  /**
   * Whether somebody looks at the status: the api process runs only while it is asked. What is reported while nobody does is dropped, events
   * apart, so that nothing needs to be made and no timer to run for it; snapshot() says that somebody looks from now on, unwatched() that
   * nobody does any more. Absent: somebody does.
   */
  isWatched?(): boolean;
  /**
   * A fact another role waits for: states of BFD sessions. Relayed by the parent.
   * The value is the whole truth of its topic: only the last one is kept for a reader that is slow or comes later.
   */
  publish(topic: string, value: unknown): void;
  /** api only: asks the parent for a piece of the effective configuration; it comes by Role.effective(). */
  wantEffective?(serial: number): void;
  /** api only: nobody calls any more, and nobody is taken: the parent stops this process. */
  idle?(): void;
  /** Ends this process with a reason; another one takes its place at once. For what only a process with all its rights can do. */
  renew?(reason: string): void;
}

export interface Role {
  /** Takes the first configuration. A throw ends the process; the parent restarts it with backoff. */
  start(config: Config): void | Promise<void>;
  /** Takes another one in place. Must not throw for anything a user can write. */
  reload(config: Config): void | Promise<void>;
  /**
   * stop() is to come, but may have to wait: what others wait for is done at once. What a reload has still to do is left, and its promise is
   * resolved soon.
   */
  leave?(): void;
  /** Another process is to go on in place of this one, which is killed next: says what that must know, and changes nothing any more. */
  handOver?(): void;
  /** Removes what is ours, in order, within `child_wait_time`. */
  stop(): void | Promise<void>;
  /** Reports everything again, for a new reader; from now on somebody looks. With a promise: in several turns of the loop. */
  snapshot(): void | Promise<void>;
  /** Nobody looks any more: what is reported from now on is dropped, events apart. */
  unwatched?(): void;
  /** The text that a signal of keepalived asks for, made as it is read; undefined: this role has none of that kind. */
  dump?(kind: DumpKind): Iterable<string> | undefined;
  /** A relayed publish() of another role; the last value of each topic, again after a restart of either side. */
  receive?(topic: string, value: unknown): void;
  /** starter only: runs `startup_script` or `shutdown_script`, if the configuration has it. Resolves when it has ended; never rejects. */
  runScript?(which: "startup" | "shutdown"): Promise<void>;
  /** api only: what all roles report, in order. */
  update?(updates: readonly StatusUpdate[]): void;
  /** api only: all was told that there is to tell: callers may be answered. It goes `lingerMs` after the last of them, by idle(). */
  complete?(lingerMs: number): void;
  /** api only: the answer to wantEffective(): secrets are masked. */
  effective?(piece: EffectivePiece): void;
}

export type RoleFactory = (context: RoleContext) => Role;
