// Process layer: how a director was asked to run, after the command line was read and before anything was started.
import type { LogLevels } from "../base/log-levels.ts";
import type { RoleOptions } from "../roles/role.ts";

/** First argument of a child; no command has this name, and it is not in the help. */
export const ROLE_WORD = "@role";
/** First argument of the process that reads the configuration. */
export const READER_WORD = "@reader";
/** First argument of the process that lets the network in to an appliance. */
export const GATE_WORD = "@gate";
/** In the environment of a gate that has its first step before it (appliance/access/gate-step.ts). */
export const GATE_STEP_VARIABLE = "LBD_GATE_STEP";

/** No other program's: IANA has the port free, and below 1024 no user of the machine can take it before lbd does. */
export const DEFAULT_API = "127.0.0.1:812";
export const DEFAULT_CONFIG = "/etc/keepalived/keepalived.conf";

/** Exit status of the program; docs/decisions and the help name them. */
export const EXIT = {
  ok: 0,
  /** Anything fatal that has no status of its own; a wrong command line. */
  failed: 1,
  /** The configuration can't be used. */
  configuration: 2,
  /** A director holds the run directory. */
  alreadyRunning: 3,
  /** A right is missing. */
  permission: 4,
} as const;

export interface TcpAddress {
  readonly address: string;
  readonly port: number;
}

/** Where log lines go, and which. */
export interface LogOptions {
  /** Standard error, or the journal when that is at its other end. */
  readonly console: boolean;
  /** To /dev/log with this facility, a number without a shift; absent: not there. */
  readonly syslog?: number;
  readonly file?: string;
  readonly remote: readonly LogHost[];
  readonly levels: LogLevels;
  /** Nobody sees its standard error. */
  readonly isBackground: boolean;
  /** Errors go to standard error, too, until the director stands. */
  readonly showsStartErrors?: boolean;
}

export interface LogHost {
  readonly protocol: "udp" | "tcp";
  readonly host: string;
  readonly port: number;
}

export interface RunOptions {
  readonly configFile: string;
  readonly configId?: string;
  /** `-e`: every include problem is fatal. */
  readonly allConfig: boolean;
  /** `--strict`: a configuration with an error in it is not used at all. */
  readonly strict: boolean;
  readonly runDir: string;
  /** It was asked for; else it follows from what tells this director apart (places.ts). */
  readonly runDirGiven: boolean;
  /** `-p FILE`, or keepalived's place when it was called so: the pid is written there too. */
  readonly pidFile?: string;
  /** `keepalived`, when lbd was started under that name: then ps shows it too. */
  readonly calledAs?: string;
  readonly rolePidFiles: { readonly vrrp?: string; readonly checker?: string; readonly bfd?: string };
  /** `-s NAME`: the network namespace of the roles; beats the configuration's. */
  readonly namespace?: string;
  readonly api: TcpAddress | null;
  /** `--api-host`: names that requests over TCP may call the director by. */
  readonly apiHosts?: readonly string[];
  /** `--api-socket-group`: who may ask on the UNIX socket besides root. */
  readonly apiSocketGroup?: string;
  /** `--metrics-instance-label`: metrics of VRRP name the instance by `instance` and not by `vrrp`. */
  readonly instanceLabel?: boolean;
  readonly ipvsTransport: RoleOptions["ipvsTransport"];
  readonly logFormat: "text" | "json";
  /** Absent: standard error. */
  readonly log?: LogOptions;
  readonly debug: boolean;
  readonly umask?: number;
  /** `--hold-vrrp FILE`: no VRRP instance leaves INIT as long as the file is there. */
  readonly holdVrrp?: string;
  /** `--drain-vrrp FILE`: every VRRP instance is in FAULT when the file is there at the start or a reload. */
  readonly drainVrrp?: string;
  /** `--events-on-stdin`: whoever started it tells events (event-feed.ts). */
  readonly eventsOnStdin?: boolean;
  readonly roles: { readonly vrrp: boolean; readonly checker: boolean; readonly bfd: boolean };
  /** `--all`: these run whatever the configuration has for them. */
  readonly allRoles?: boolean;
  /** `-a`: every address that comes or goes is logged. */
  readonly logsAddresses?: boolean;
  readonly releaseIpvs: boolean;
  readonly releaseVrrp: boolean;
  /** `--keep-health`: how checks stood at the end counts at the next start, for ten minutes. */
  readonly keepHealth?: boolean;
  /** `-R`: a dead child ends the director instead of being restarted. */
  readonly respawn: boolean;
  /** `-d`: what each role has been given goes to the log when it starts. */
  readonly dumpConfig?: boolean;
  readonly ignoreSigint: boolean;
  /** `-m`, `-M`: a crash may leave a core file, with the passwords in it. */
  readonly coreFiles: boolean;
  /** One line each: what the command line asks for that has no effect. */
  readonly notes: readonly string[];
}

export function roleOptions(options: RunOptions): RoleOptions {
  const { runDir, ipvsTransport, releaseIpvs, releaseVrrp, debug, namespace, umask } = options;
  const inside = namespace === undefined ? {} : { namespace };
  const called = options.calledAs === undefined ? {} : { calledAs: options.calledAs };
  const masked = umask === undefined ? {} : { umask };
  const { api: tcp, apiHosts: hosts = [], apiSocketGroup, instanceLabel = false } = options;
  const api = { tcp, hosts, instanceLabel, ...(apiSocketGroup === undefined ? {} : { socketGroup: apiSocketGroup }) };
  const kept = options.keepHealth ? { keepHealth: true } : {};
  const told = options.logsAddresses ? { logsAddresses: true } : {};
  return {
    runDir,
    ipvsTransport,
    releaseIpvs,
    releaseVrrp,
    debug,
    ...kept,
    ...told,
    ...inside,
    ...masked,
    ...called,
    api,
  };
}
