// Adapter api: what is left out over TCP, where every user of the machine may ask: words of the configuration that may hold secrets.
// On the UNIX socket, which has a file mode, everything is shown.
import type { DirectorStatus, RealServerStatus, StatusEvent, VirtualServerStatus } from "../status/schema.ts";

const MASK = "********";
const ON_THE_SOCKET = "the text is on the UNIX socket: lbd status";

/** Queries of URLs may hold tokens. */
function publicTarget(target: string): string {
  return target.replace(/\?\S*/g, `?${MASK}`);
}

export function publicRealServer<T extends RealServerStatus>(server: T): T {
  if (!server.checks.some(({ target }) => target.includes("?"))) return server;
  return { ...server, checks: server.checks.map((check) => ({ ...check, target: publicTarget(check.target) })) };
}

export function publicServer(server: VirtualServerStatus): VirtualServerStatus {
  return { ...server, realServers: server.realServers.map(publicRealServer) };
}

/** Errors of the configuration quote its words: what is left is where they are. */
function publicError(error: string): string {
  const place = /^\S*:\d+(?::\d+)?(?=: )/.exec(error)?.[0];
  return place === undefined ? ON_THE_SOCKET : `${place}: ${ON_THE_SOCKET}`;
}

export function publicDirector(director: DirectorStatus): DirectorStatus {
  const { errors, tolerated } = director.config;
  const shown = { errors: errors.map(publicError), tolerated: tolerated.map(publicError) };
  return { ...director, config: { ...director.config, ...shown } };
}

export function publicEvent(event: StatusEvent): StatusEvent {
  // Who may do what with this machine, and from where.
  if (event.kind === "audit") return { ...event, reason: ON_THE_SOCKET };
  return event.kind === "config" && event.to === "stale" ? { ...event, reason: publicError(event.reason) } : event;
}
