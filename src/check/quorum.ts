// Check core: when a virtual server as a whole is up (checkers.md §2), and what a real server weighs. Pure.
import { clampWeight } from "../base/weight.ts";
import type { VirtualServer } from "../config/model/lvs.ts";
import type { WeightShare } from "./outcome.ts";

export interface QuorumLimits {
  /** Live weight that brings it up. */
  readonly gainAt: number;
  /** Live weight below this, or none at all, takes it down. */
  readonly loseBelow: number;
}

/** A quorum above the total weight could never be reached and is lowered to it; the hysteresis stays below the quorum. */
export function quorumLimits(virtualServer: VirtualServer): QuorumLimits {
  const total = virtualServer.realServers.reduce((sum, realServer) => sum + realServer.weight, 0);
  const quorum = total > 0 ? Math.min(virtualServer.quorum, total) : virtualServer.quorum;
  const hysteresis = Math.max(0, Math.min(virtualServer.hysteresis, quorum - 1));
  return { gainAt: quorum + hysteresis, loseBelow: quorum - hysteresis };
}

/** Whether the quorum is there, given whether it was. */
export function quorumAfter(up: boolean, liveWeight: number, limits: QuorumLimits): boolean {
  if (liveWeight === 0) return false;
  return up ? liveWeight >= limits.loseBelow : liveWeight >= limits.gainAt;
}

/**
 * Weight of a real server from its configuration and the shares of its checks. Computed anew each time, never added up over time;
 * several sources add up, and a negative sum is 0.
 */
export function effectiveWeight(configured: number, shares: readonly WeightShare[]): number {
  let weight = configured;
  for (const share of shares) weight += "set" in share ? share.set - configured : share.add;
  return clampWeight(weight);
}
