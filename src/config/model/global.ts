// Config core: global_defs in the model: rights, names, programs, mail, FIFOs.
import type { Command } from "./command.ts";
import type { LvsGlobal } from "./lvs.ts";

export interface ScriptSecurity {
  /** `script_user`. */
  readonly user?: string;
  readonly group?: string;
  /** `enable_script_security`: refuse to run as root what others can change. */
  readonly enabled: boolean;
  readonly useSymlinkPaths: boolean;
  readonly supplementaryGroups: boolean;
}

export interface GlobalConfig {
  readonly routerId?: string;
  readonly instanceName?: string;
  readonly netNamespace?: string;
  /** Empty text: the default namespace. */
  readonly netNamespaceIpvs?: string;
  readonly usePidDir: boolean;
  readonly childWaitMs: number;
  readonly scripts: ScriptSecurity;
  readonly startupScript?: Command;
  readonly startupScriptTimeoutMs: number;
  readonly shutdownScript?: Command;
  readonly shutdownScriptTimeoutMs: number;
  readonly smtp: SmtpConfig;
  readonly fifo: { readonly all?: Fifo; readonly vrrp?: Fifo; readonly lvs?: Fifo };
  readonly fifoWriteVrrpStatesOnReload: boolean;
  /** `notify_serial`: programs of one object run one after the other. */
  readonly notifySerial: boolean;
  readonly lvs: LvsGlobal;
  readonly process: {
    readonly vrrp: ProcessRights;
    readonly checker: ProcessRights;
    readonly bfd: ProcessRights;
  };
  readonly reload: {
    readonly checkConfig: boolean;
    /** Where the output of that check goes; absent: dropped. */
    readonly checkLog?: string;
    readonly timeFile?: string;
    readonly repeat: boolean;
    /** `reload_file`; empty text: in the run directory. */
    readonly file?: string;
  };
  readonly umask?: number;
  readonly namespaceWithIpsets?: boolean;
  readonly processNames?: {
    readonly conventional: boolean;
    readonly parent?: string;
    readonly vrrp?: string;
    readonly checker?: string;
    readonly bfd?: string;
  };
  /** `max_auto_priority` (0 never, -1 silent) and the lateness that triggers a step. */
  readonly autoPriority?: { readonly max: number; readonly minDelayUs: number };
  readonly files?: {
    readonly configSaveDir?: string;
    readonly tmpConfigDir?: string;
    readonly dataUseInstance: boolean;
    readonly iprouteUsrDir?: string;
    readonly iprouteEtcDir: string;
    readonly stateDump?: string;
    readonly statsDump?: string;
    readonly jsonDump?: string;
  };
  readonly randomSeed?: number;
  /** Default of `log_all_failures`; the checks hold what it resolves to. */
  readonly checkerLogAllFailures?: boolean;
  readonly jsonVersion?: 1 | 2;
  readonly snmp?: {
    readonly socket: string;
    /** As written. */
    readonly socketSaid?: string;
    readonly traps: boolean;
    readonly vrrp: boolean;
    readonly rfcV2: boolean;
    readonly rfcV3: boolean;
    readonly checker: boolean;
    readonly virtualServerIntervalMs: number;
    readonly realServerIntervalMs: number;
  };
  /** As written, where instances, services and mails hold what it resolves to: for who shows it. */
  readonly said?: {
    readonly smtpAlert?: boolean;
    readonly smtpAlertVrrp?: boolean;
    readonly smtpAlertChecker?: boolean;
    readonly heloName?: boolean;
    readonly smtpTimeout?: boolean;
    readonly notifyPriorityChanges?: boolean;
  };
  readonly dbus?: {
    readonly enabled: boolean;
    readonly serviceName: string;
    readonly serviceNameSaid?: string;
    readonly noInterfaceName: string;
  };
}

export interface Fifo {
  readonly path: string;
  readonly user?: string;
  readonly group?: string;
  readonly script?: Command;
}

export interface SmtpConfig {
  readonly recipients: readonly string[];
  readonly from?: string;
  /** Name or address of the relay; absent: no mail. */
  readonly server?: string;
  readonly port: number;
  readonly heloName?: string;
  readonly timeoutMs: number;
  readonly noEmailFaults: boolean;
  readonly noCheckerEmails: boolean;
}

export interface ProcessRights {
  readonly priority?: number;
  readonly realtimePriority?: number;
  readonly noSwap: boolean;
  readonly rlimitRttimeUs?: number;
  readonly cpuAffinity?: readonly number[];
}
