// Role checker: the checker role's knowledge in the public shape of status/schema.ts. Pure.
import { formatEndpoint } from "../../base/ip.ts";
import { unreachable } from "../../base/never.ts";
import { quorumLimits } from "../../check/quorum.ts";
import type { CheckState } from "../../check/runner-state.ts";
import type { ServerStanding, ServiceStanding } from "../../check/standing.ts";
import type { Check } from "../../config/model/check.ts";
import type { Forwarding, RealServer, VirtualServer } from "../../config/model/lvs.ts";
import { desiredDestinations, serverDestinationKey } from "../../lvs/desired.ts";
import { destinationKey } from "../../lvs/keys.ts";
import type { SeenDestination, SeenService, Statistics } from "../../lvs/model.ts";
import type { CheckStatus, RealServerStatus, TrafficStatus, VirtualServerStatus } from "../../status/schema.ts";

export interface StatusSource {
  readonly virtualServer: VirtualServer;
  readonly standing: ServiceStanding;
  readonly suspended: boolean;
  /** The kernel's services of this virtual server, in the order of its addresses; undefined where one is missing. */
  readonly seen: readonly (SeenService | undefined)[];
  /** Of each real server, in the order of the file. */
  readonly checks: readonly (readonly CheckState[])[];
  /** The monotonic clock's now and the wall clock's. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** Failed kernel calls that concern it, in words. */
  readonly failures: readonly string[];
}

export function virtualServerStatus(source: StatusSource): VirtualServerStatus {
  const { virtualServer, standing, seen } = source;
  const sorry = virtualServer.sorryServer;
  const traffic = seen.flatMap((service) => service?.statistics ?? []);
  return {
    id: virtualServer.id,
    name: virtualServer.name.text,
    protocol: virtualServer.protocol,
    scheduler: virtualServer.scheduler,
    up: standing.quorumUp,
    since: iso(standing.sinceWallMs),
    reason: [standing.reason, ...source.failures.slice(0, 3)].join("; "),
    quorum: {
      wanted: virtualServer.quorum,
      hysteresis: virtualServer.hysteresis,
      live: standing.liveWeight,
    },
    sorryServer: sorry ? { address: sorry.ip, port: sorry.port, active: !standing.quorumUp } : null,
    suspended: source.suspended,
    statistics: sumTraffic(traffic),
    realServers: realServerStatuses(source),
  };
}

/** Maps first: a service may have a thousand servers. */
function realServerStatuses(source: StatusSource): RealServerStatus[] {
  const { virtualServer, standing } = source;
  const weights = new Map(desiredDestinations(virtualServer, standing).map((d) => [destinationKey(d), d.weight]));
  const tables = source.seen.map((service) => new Map(service?.destinations.map((d) => [destinationKey(d), d])));
  return virtualServer.realServers.map((realServer, i) => {
    const found = virtualServer.services.flatMap(
      (address, n) => tables[n]?.get(serverDestinationKey(address, realServer)) ?? [],
    );
    const checks = source.checks[i] ?? [];
    return realServerStatus(source, realServer, checks, weights.get(destinationKey(realServer)) ?? 0, found);
  });
}

function realServerStatus(
  source: StatusSource,
  realServer: RealServer,
  checks: readonly CheckState[],
  effective: number,
  found: readonly SeenDestination[],
): RealServerStatus {
  const own: ServerStanding | undefined = source.standing.realServers.get(realServer.id);
  return {
    id: realServer.id,
    address: realServer.ip,
    port: realServer.port,
    healthy: own?.healthy ?? true,
    since: iso(own?.sinceWallMs ?? source.wallMs),
    reason: own?.reason ?? "",
    weight: {
      configured: realServer.weight,
      effective,
      kernel: found[0]?.weight ?? null,
    },
    forwarding: forwardingText(realServer.forwarding),
    inTable: found.length > 0,
    connections:
      found.length === 0
        ? null
        : {
            active: total(found, (d) => d.activeConnections),
            inactive: total(found, (d) => d.inactiveConnections),
            persistent: total(found, (d) => d.persistentConnections),
          },
    statistics: sumTraffic(found.map((d) => d.statistics)),
    checks: checks.map((state) => checkStatus(state, source)),
  };
}

function checkStatus(state: CheckState, at: { readonly nowMs: number; readonly wallMs: number }): CheckStatus {
  const { check, outcome } = state;
  return {
    id: check.id,
    kind: check.kind,
    target: targetOf(check),
    healthy: state.runs === 0 ? null : state.health.up,
    since: iso(state.sinceWallMs),
    ...(outcome
      ? {
          lastResult: {
            at: iso(state.endedWallMs),
            ok: outcome.ok,
            reason: outcome.reason,
            code: outcome.code,
            durationMs: Math.round(state.durationMs * 1000) / 1000,
          },
        }
      : {}),
    runs: state.runs,
    failures: state.failures,
    ...(state.nextAt === undefined ? {} : { nextAt: iso(at.wallMs + (state.nextAt - at.nowMs)) }),
  };
}

/** What a check asks, for people. */
function targetOf(check: Check): string {
  switch (check.kind) {
    case "HTTP_GET":
    case "SSL_GET": {
      const scheme = check.kind === "SSL_GET" ? "https" : "http";
      const more = check.urls.length > 1 ? ` and ${check.urls.length - 1} more` : "";
      return `${scheme}://${formatEndpoint(check.endpoint.ip, check.endpoint.port)}${check.urls[0]?.path ?? "/"}${more}`;
    }
    case "TCP_CHECK":
    case "DNS_CHECK":
    case "UDP_CHECK":
      return formatEndpoint(check.endpoint.ip, check.endpoint.port);
    case "PING_CHECK":
      return check.endpoint.ip;
    case "SMTP_CHECK":
      return check.hosts.map((host) => formatEndpoint(host.ip, host.port)).join(" ");
    case "MISC_CHECK":
      // Arguments may hold secrets.
      return check.command.argv[0] ?? "";
    case "FILE_CHECK":
      return check.file;
    case "BFD_CHECK":
      return check.instance;
    default:
      return unreachable(check);
  }
}

/** The quorum in words: for mails (cli-signals.md §7). */
export function quorumText(virtualServer: VirtualServer, liveWeight: number): string {
  const { gainAt, loseBelow } = quorumLimits(virtualServer);
  return `live weight ${liveWeight}; quorum ${virtualServer.quorum} with hysteresis ${virtualServer.hysteresis}: gained at ${gainAt}, lost below ${loseBelow}`;
}

function forwardingText({ method, tunnel }: Forwarding): string {
  if (method !== "TUN" || !tunnel) return method;
  const port = tunnel.port === undefined ? "" : ` port ${tunnel.port}`;
  return `TUN ${tunnel.type}${port}`;
}

function sumTraffic(parts: readonly Statistics[]): TrafficStatus | null {
  if (parts.length === 0) return null;
  return {
    connections: total(parts, (s) => s.connections),
    inPackets: total(parts, (s) => s.inPackets),
    outPackets: total(parts, (s) => s.outPackets),
    inBytes: total(parts, (s) => s.inBytes),
    outBytes: total(parts, (s) => s.outBytes),
  };
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

export function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
