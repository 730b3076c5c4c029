// Adapter api: who may ask: anything at all (`guard`), and for one row of the table of routes (`GUARDS`). Over TCP a page in an operator's browser can reach loopback and can make a name of its own point there
// (DNS rebinding), so the Host must be a loopback name or the address we listen on, and a foreign Origin is turned away.
// The UNIX socket is guarded by its file mode instead.
import { canonicalIp, parseIp } from "../base/ip.ts";
import { problem } from "./problem.ts";

export function isRead(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD";
}

/** What the server knows about a connection. */
export interface Via {
  readonly kind: "unix" | "tcp";
}

/** What a Host header may name besides loopback. */
export interface OurNames {
  /** What `--api` names; undefined when only the UNIX socket is served. */
  readonly address?: string | undefined;
  /** Host names in lower case, without a dot at the end: of `--api-host`, and the machine's own where it listens beyond loopback. */
  readonly hosts?: readonly string[];
}

export interface RouteGuard {
  /** Why it refuses, as the OpenAPI document says it; undefined: it refuses nobody. */
  readonly refuses?: string;
  /** A refusal, or undefined when the route may answer. */
  check(via: Via): Response | undefined;
}

/** Each row of the table of routes names one of these. */
export const GUARDS = {
  anybody: { check: () => undefined },
  /** What it shows may hold secrets. */
  socket: {
    refuses: "Asked over TCP",
    check: ({ kind }) => (kind === "unix" ? undefined : problem("socket-only", ON_THE_SOCKET)),
  },
} as const satisfies Readonly<Record<string, RouteGuard>>;
export type GuardName = keyof typeof GUARDS;

const ON_THE_SOCKET = "it may hold secrets: ask on the UNIX socket, api.sock in the run directory (curl --unix-socket)";

/** What every request passes before its route is looked for: a refusal, or undefined when it may go on. */
export function guard(request: Request, via: Via, ours: OurNames): Response | undefined {
  if (via.kind === "unix") return undefined;
  const host = request.headers.get("host");
  if (host === null || host === "") return problem("bad-request", "the Host header is missing");
  const name = hostName(host);
  if (!isOurs(name, ours.address) && !isNamed(name, ours.hosts ?? []))
    return problem(
      "foreign-host",
      "the Host header names no loopback address, not the address that lbd listens on and no --api-host",
    );
  const origin = request.headers.get("origin");
  if (origin !== null && origin !== `http://${host}`)
    return problem("foreign-origin", "requests from other origins are refused");
  // Browsers that send it say so even where there is no Origin: a picture or script of a foreign page.
  if (request.headers.get("sec-fetch-site") === "cross-site")
    return problem("foreign-origin", "requests from other sites are refused");
  return undefined;
}

/** The name in a Host header: no port, no brackets, lower case; undefined for what is none. */
export function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@?#\s]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function isOurs(name: string | undefined, listenAddress: string | undefined): boolean {
  if (name === undefined) return false;
  if (name === "localhost" || name === "localhost.") return true;
  const ip = canonicalIp(name);
  if (ip === undefined) return false;
  const bytes = parseIp(ip);
  if (ip === "::1" || bytes?.[0] === 127) return bytes?.byteLength === 4 || ip === "::1";
  if (listenAddress === undefined) return false;
  // Listening on all addresses: any literal is one of ours or does not lead here; only names can be rebound.
  if (listenAddress === "0.0.0.0" || listenAddress === "::") return true;
  return ip === canonicalIp(listenAddress);
}

function isNamed(name: string | undefined, hosts: readonly string[]): boolean {
  return name !== undefined && hosts.includes(name.replace(/\.$/, ""));
}
