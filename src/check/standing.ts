// Check core: what the states of checks mean for a real server, and those of real servers for a virtual server. Pure: each is
// computed anew from what it depends on; `before` only carries what has a history (since when, hysteresis).
import type { RealServer, VirtualServer } from "../config/model/lvs.ts";
import type { WeightShare } from "./outcome.ts";
import { effectiveWeight, quorumAfter, quorumLimits } from "./quorum.ts";

/** One check of a real server, as far as its server depends on it. */
export interface CheckView {
  readonly id: string;
  readonly up: boolean;
  /** What the last run said; absent before the first. */
  readonly reason?: string;
  readonly weight?: WeightShare;
}

export interface ServerStanding {
  /** All checks are up (checkers.md §1). */
  readonly healthy: boolean;
  readonly weight: number;
  readonly sinceWallMs: number;
  /** Why, in words. */
  readonly reason: string;
}

export interface ServiceStanding {
  readonly quorumUp: boolean;
  readonly liveWeight: number;
  readonly sinceWallMs: number;
  readonly reason: string;
  readonly realServers: ReadonlyMap<string, ServerStanding>;
}

/** The standing of a real server. */
export function standServer(
  before: ServerStanding | undefined,
  realServer: RealServer,
  checks: readonly CheckView[],
  wallMs: number,
): ServerStanding {
  const failed = checks.find((check) => !check.up);
  const healthy = failed === undefined;
  const shares = checks.flatMap((check) => check.weight ?? []);
  return {
    healthy,
    weight: effectiveWeight(realServer.weight, shares),
    sinceWallMs: before?.healthy === healthy ? before.sinceWallMs : wallMs,
    reason: failed ? `${failed.id}: ${failed.reason ?? "no success yet"}` : healthyReason(checks),
  };
}

function healthyReason(checks: readonly CheckView[]): string {
  if (checks.length === 0) return "no checks configured";
  const waiting = checks.filter((check) => check.reason === undefined).length;
  if (waiting > 0) return `${waiting} of ${checks.length} checks not run yet, taken as up`;
  const [only] = checks;
  return checks.length === 1 && only ? `${only.id}: ${only.reason}` : `all ${checks.length} checks are up`;
}

/** The standing of a virtual server. Without a history it was down (checkers.md §1: quorum_up runs when the quorum is there). */
export function standService(
  before: Pick<ServiceStanding, "quorumUp" | "sinceWallMs"> | undefined,
  virtualServer: VirtualServer,
  realServers: ReadonlyMap<string, ServerStanding>,
  wallMs: number,
): ServiceStanding {
  let liveWeight = 0;
  for (const { healthy, weight } of realServers.values()) if (healthy) liveWeight += weight;
  const limits = quorumLimits(virtualServer);
  const quorumUp = quorumAfter(before?.quorumUp ?? false, liveWeight, limits);
  const limit = quorumUp ? `at least ${limits.loseBelow}` : `wanted ${limits.gainAt}`;
  return {
    quorumUp,
    liveWeight,
    sinceWallMs: before?.quorumUp === quorumUp ? before.sinceWallMs : wallMs,
    reason: `live weight ${liveWeight}, ${limit}`,
    realServers,
  };
}
