// Config core: a virtual server and its real servers as they were bound, and what the one hands down to the others.
import type { Family } from "../../../base/ip.ts";
import type { BlockEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import type { REAL_SERVER } from "../../keywords/lvs/real-server.ts";
import type { RealServerName, ServiceName } from "../../keywords/lvs/server-names.ts";
import type { VIRTUAL_SERVER } from "../../keywords/lvs/virtual-server.ts";
import type { CheckTiming } from "../../model/check.ts";
import type { Forwarding } from "../../model/lvs.ts";
import type { FileWeight, ServiceDefaults } from "../defaults.ts";

export type BoundVirtualServer = BlockEntry<ServiceName, typeof VIRTUAL_SERVER>;
export type BoundRealServer = BlockEntry<RealServerName, typeof REAL_SERVER>;

/** What a virtual server hands down to its real servers. */
export interface Inherited {
  readonly block: BoundVirtualServer["block"];
  readonly forwarding: Forwarding;
  readonly port: number;
  readonly family: Family;
  readonly defaults: ServiceDefaults;
  readonly trackFiles: ReadonlyMap<string, FileWeight>;
  /** Sessions of BFD that checkers may follow. */
  readonly sessions: ReadonlySet<string>;
  readonly findings: Findings;
  /** Timing of checks where neither they nor their real servers say anything of it, by their defaults: one object for all. */
  readonly timings: Map<object, CheckTiming>;
}
