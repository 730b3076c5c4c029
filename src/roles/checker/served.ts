// Role checker: a virtual server with its real servers and checks, as the role keeps it. One record each; services.ts makes them.
import type { RunningCheck } from "../../check/runner-state.ts";
import type { ServerStanding, ServiceStanding } from "../../check/standing.ts";
import type { RealServer, VirtualServer } from "../../config/model/lvs.ts";

/** A virtual server that is served. */
export interface CheckedService {
  virtualServer: VirtualServer;
  /** Keys of its kernel services. */
  readonly keys: readonly string[];
  standing: ServiceStanding;
  /** The same map as in `standing`: a run of a check touches its own server only. */
  readonly realServers: Map<string, ServerStanding>;
  /** In the order of the file. */
  readonly servers: readonly CheckedServer[];
  suspended: boolean;
}

/** A real server of it. */
export interface CheckedServer {
  readonly service: CheckedService;
  realServer: RealServer;
  /** In the order of the file. */
  checks: readonly ServerCheck[];
}

export type ServerCheck = RunningCheck<CheckedServer>;
