// Adapter: sd_notify(3): words to the service manager over the datagram socket that NOTIFY_SOCKET names, a path or (with @) an abstract
// name. The variables are taken away, so that no child and no program of the operator speaks in the director's place.
import { close } from "../../ffi/fd.ts";
import { AF_UNIX, type SocketAddress } from "../../ffi/sockaddr.ts";
import { MSG_DONTWAIT, SOCK_DGRAM, sendTo, socket } from "../../ffi/socket.ts";

const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

export interface ServiceManager {
  /** Assignments, one a line. Never blocks; false when nobody takes it. */
  send(lines: readonly string[]): boolean;
  /** How often the manager wants a sign of life; undefined: never. */
  readonly watchdogMs?: number;
}

/** The manager that started this process; undefined when there is none. @throws RangeError for a name that is no socket's */
export function takeServiceManager(environment: NodeJS.ProcessEnv, pid: number): ServiceManager | undefined {
  const { NOTIFY_SOCKET: name, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = environment;
  for (const variable of VARIABLES) delete environment[variable];
  if (name === undefined || name === "") return undefined;
  if (!/^[/@]./.test(name)) throw new RangeError(`NOTIFY_SOCKET: expected a path or @name (got ${name})`);
  const to: SocketAddress = { family: "unix", path: name.startsWith("@") ? `\0${name.slice(1)}` : name };
  const watchdogMs = Number(microseconds) / 1000;
  const isWatched = watchdogMs > 0 && Number.isFinite(watchdogMs) && (watched === undefined || Number(watched) === pid);
  return { send: (lines) => send(to, lines), ...(isWatched ? { watchdogMs } : {}) };
}

function send(to: SocketAddress, lines: readonly string[]): boolean {
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  try {
    return sendTo(fd, new TextEncoder().encode(lines.join("\n")), to, MSG_DONTWAIT) !== undefined;
  } catch {
    // Nobody listens there any more.
    return false;
  } finally {
    close(fd);
  }
}
