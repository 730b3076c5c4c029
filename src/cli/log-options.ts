// CLI: the options about the log, as typed, to where lines go, or what is wrong with them.
import { readLevels, withWords } from "../base/log-levels.ts";
import { DAEMON, readFacility } from "../process/host/log-forms.ts";
import type { LogHost, LogOptions } from "../process/options.ts";
import type { FlagName, ReadFlags } from "./flags.ts";

/** keepalived's, in its directory for such files. */
const DEFAULT_FILE = "/tmp/keepalived.log";
/** RFC 5426 and, for TCP, RFC 6587, which has none of its own. */
const SYSLOG_PORT = 514;

/** How the director is to run, as far as its log is concerned. */
export interface LogHabits {
  /** It was started under the name keepalived: syslog unless told otherwise, standard error only if asked for. */
  readonly asKeepalived: boolean;
  readonly isBackground: boolean;
}

export const OWN_HABITS: LogHabits = { asKeepalived: false, isBackground: false };

/** Text: what is wrong. @param absolute makes a path absolute */
export function logOptions(
  { given }: ReadFlags,
  absolute: (path: string) => string,
  { asKeepalived, isBackground }: LogHabits,
): LogOptions | string {
  const last = (name: FlagName) => given.get(name)?.at(-1);
  const level = last("log-level");
  const words = level === undefined ? { areas: {} } : readLevels(level);
  if (!words) return `--log-level ${level}: expected error, warning, info or debug, and perhaps ,AREA=LEVEL`;
  const facility = last("log-facility");
  const known = facility === undefined ? undefined : readFacility(facility);
  // keepalived: then it is daemon, and on it goes.
  if (facility !== undefined && known === undefined && !asKeepalived)
    return `--log-facility ${facility}: expected 0 to 7, local0 to local7, user or daemon`;
  const syslog = known ?? (asKeepalived ? DAEMON : undefined);
  const file = last("log-file");
  const remote = (given.get("log-to") ?? []).map(readHost);
  const odd = remote.indexOf(undefined);
  if (odd >= 0) return `--log-to ${given.get("log-to")?.[odd]}: expected udp://HOST, tcp://HOST or with :PORT`;
  return {
    console: !asKeepalived || (given.has("log-console") && !isBackground),
    ...(syslog === undefined || given.has("no-syslog") ? {} : { syslog }),
    ...(file === undefined ? {} : { file: absolute(file === "" ? DEFAULT_FILE : file) }),
    remote: remote.filter((one) => one !== undefined),
    levels: withWords({ all: given.has("log-detail") ? "debug" : "info", areas: {} }, words),
    isBackground,
    ...(asKeepalived && { showsStartErrors: true }),
  };
}

/** `udp://192.0.2.1`, `tcp://[2001:db8::1]:601`, `udp://loghost:514`. */
function readHost(text: string): LogHost | undefined {
  const [, protocol, bracketed, plain, port = `${SYSLOG_PORT}`] =
    /^(udp|tcp):\/\/(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9_.-]+))(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65535) return undefined;
  return { protocol: protocol === "tcp" ? "tcp" : "udp", host, port: Number(port) };
}
