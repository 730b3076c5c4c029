// Dump core: what a dump of the health checks is made of.
import type { Check } from "../config/model/check.ts";
import type { Config } from "../config/model/config.ts";
import type { RealServer, VirtualServer } from "../config/model/lvs.ts";
import type { AccountOf } from "./words.ts";

export interface ServicesSource {
  /** The checker's share; its virtual servers are those of `services`. */
  readonly config: Config;
  readonly accountOf: AccountOf;
  readonly services: readonly ServiceShown[];
}

export interface ServiceShown {
  readonly virtualServer: VirtualServer;
  readonly isUp: boolean;
  readonly isSuspended: boolean;
  readonly servers: readonly ServerShown[];
}

export interface ServerShown {
  readonly realServer: RealServer;
  readonly isHealthy: boolean;
  /** With the shares of its checks. */
  readonly weight: number;
  /** It is in the table, with whatever weight. */
  readonly isSet: boolean;
  readonly checks: readonly CheckShown[];
}

export interface CheckShown {
  readonly check: Check;
  readonly isUp: boolean;
  readonly hasRun: boolean;
  readonly failures: number;
  /** Its share in the weight. */
  readonly weight: number;
  /** Wall clock of the end of the last run; 0: none. */
  readonly ranAtMs: number;
  /** Exit status of its program the last time. */
  readonly lastStatus: number;
  /** The number in its file the last time. */
  readonly fileValue: number;
}
