// Role vrrp: all that the role holds between its start and its end, as one record. The functions that work on it are in actions.ts (what
// the router gives), upkeep.ts (the kernel's objects), world.ts (what comes from outside), configuration.ts (start, reload, stop) and
// shown.ts (status and metrics).
import type { Cancel } from "../../base/clock.ts";
import type { LimitedLog } from "../../base/log-limit.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import type { VrrpSockets } from "../../kernel/raw-socket.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import type { TablesPart } from "../../net/parts.ts";
import type { NetEvent } from "../../net/seen.ts";
import type { VrrpRouter } from "../../vrrp/router/router.ts";
import type { Instant } from "../../vrrp/view.ts";
import type { ReadFailures } from "../read-failures.ts";
import type { RoleContext } from "../role.ts";
import type { Announcer } from "./announcer.ts";
import type { Losses } from "./losses.ts";
import type { VrrpMetrics } from "./metrics.ts";
import type { PacketFilter } from "./packet-filter.ts";
import type { VrrpPorts } from "./ports.ts";
import type { Warmth } from "./rehearsal.ts";
import type { VrrpReports } from "./reports.ts";
import type { Station } from "./station-record.ts";
import type { SyncDaemons } from "./sync-daemon.ts";
import type { Tables } from "./tables.ts";
import type { NamedFact } from "./tracked.ts";
import type { Trackers } from "./trackers.ts";
import type { Turns } from "./turns.ts";

/** The area of its log lines. */
export const AREA = "vrrp";

/**
 * - `running`: what the kernel tells is worked in at once, or behind what is being carried out.
 * - `reloading`: a piece of a reload is being taken, its stations are those of the next configuration, the router's instances not yet: what
 *   the kernel tells is held.
 * - `stopped`: nothing from outside counts any more.
 */
export type Phase = "running" | "reloading" | "stopped";

/** Commands bring events, which may ask for another round while one runs. */
export type Applying = "no" | "once" | "again";

export interface VrrpState {
  readonly context: RoleContext;
  readonly ports: VrrpPorts;
  /** For lines about instances: whoever may be master of one may be so ten times a second. */
  readonly told: LimitedLog;
  /** The time as the core takes it. */
  readonly now: () => Instant;

  phase: Phase;
  config: Config;
  readonly router: VrrpRouter;
  /** One for each instance, by its name, in the order of the file. */
  readonly stations: Map<string, Station>;
  /** Instances whose addresses, routes and rules are wanted, with the configuration by which they are. */
  readonly owning: Map<string, VrrpInstance>;
  /** Key of the kernel's sockets → key of the router's. */
  readonly socketKeys: Map<string, string>;

  readonly sockets: VrrpSockets;
  readonly reflector: Reflector;
  readonly tables: Tables;
  readonly syncDaemons: SyncDaemons;
  readonly filter: PacketFilter;
  applying: Applying;

  readonly turns: Turns;
  readonly announcer: Announcer;
  readonly trackers: Trackers;
  /** What the router has been told of them, by kind and name. */
  readonly facts: Map<string, NamedFact>;
  /** Instances that `track_group` holds in FAULT, and why. */
  lostStatics: ReadonlyMap<string, string>;
  readonly losses: Losses;
  readonly reads: ReadFailures;
  readonly reports: VrrpReports;
  readonly metrics: VrrpMetrics;
  readonly warmth: Warmth;

  /** What the kernel told while actions were carried out or a reload was under way: worked in behind that. */
  readonly held: NetEvent[];
  cancelAudit: Cancel;
  /** Static things of the configuration before, while a reload is under way: wanted until its end. */
  formerStatics: TablesPart | undefined;
  /** A stop is to come, or came: what a reload has still to do is left. */
  isLeaving: boolean;
  /** The tables are read anew in the next turn. */
  isLookDue: boolean;
}
