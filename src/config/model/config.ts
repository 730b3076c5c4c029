// Config core: the typed configuration. Everything outside config/ imports only these types.
// Plain JSON data (it crosses processes): addresses are canonical text, times are milliseconds, absent means "not configured".
// Inheritance and defaults are already resolved: a worker never looks further up for a value.
import type { Family, IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";

export interface Config {
  readonly global: GlobalConfig;
  readonly virtualServers: readonly VirtualServer[];
  /** Defaults of the certificate for SSL_GET (top-level `SSL`). */
  readonly ssl?: SslClient;
  readonly vrrp: VrrpConfig;
  readonly bfd: readonly BfdInstance[];
}

// --- shared by several blocks

/** A program to run: `misc_path`, `notify_up`, `script` … (language.md §4). */
export interface Command {
  /** Program and arguments, split; never empty. */
  readonly argv: readonly string[];
  /** Account to run as; absent: the default of script security. */
  readonly user?: string;
  readonly group?: string;
  readonly origin: Origin;
}

export interface ScriptSecurity {
  /** `script_user`. */
  readonly user?: string;
  readonly group?: string;
  /** `enable_script_security`: refuse to run as root what others can change. */
  readonly enabled: boolean;
  readonly useSymlinkPaths: boolean;
  readonly supplementaryGroups: boolean;
}

// --- global_defs and top-level specials

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
    readonly traps: boolean;
    readonly vrrp: boolean;
    readonly rfcV2: boolean;
    readonly rfcV3: boolean;
    readonly checker: boolean;
    readonly virtualServerIntervalMs: number;
    readonly realServerIntervalMs: number;
  };
  readonly dbus?: { readonly enabled: boolean; readonly serviceName: string; readonly noInterfaceName: string };
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

export interface LvsGlobal {
  /** Seconds; absent: the kernel's value stays. */
  readonly timeouts: { readonly tcp?: number; readonly tcpFin?: number; readonly udp?: number };
  readonly flush: boolean;
  readonly flushOnStop: "no" | "all" | "virtual-servers";
  readonly syncDaemon?: SyncDaemon;
  readonly rsInitNotifies: boolean;
  readonly nftablesIpvsTable?: string;
  readonly nftablesIpvsPriority?: number;
  readonly nftablesIpvsStartFwmark: number;
  readonly cmdRcvBufBytes?: number;
  readonly cmdRcvBufForce: boolean;
  readonly monitorRcvBufBytes?: number;
  readonly monitorRcvBufForce: boolean;
}

/** `lvs_sync_daemon`. */
export interface SyncDaemon {
  readonly interface: string;
  /** VRRP instance whose role it follows; absent: master and backup both run. */
  readonly instance?: string;
  /** 0..255; absent: the VRID of the instance, else 0. */
  readonly syncId?: number;
  readonly maxLen?: number;
  readonly port?: number;
  readonly ttl?: number;
  readonly group?: IpText;
  readonly origin: Origin;
}

// --- virtual servers

export type Protocol = "TCP" | "UDP" | "SCTP";

export interface Forwarding {
  readonly method: "NAT" | "DR" | "TUN";
  /** Only with TUN. */
  readonly tunnel?: {
    readonly type: "ipip" | "gue" | "gre";
    /** GUE only, 1..65535. */
    readonly port?: number;
    readonly checksum?: "nocsum" | "csum" | "remcsum";
  };
}

/** What clients reach. A group stands for several kernel services that share everything else. */
export type ServiceAddress =
  | { readonly kind: "address"; readonly ip: IpText; readonly port: number }
  | {
      readonly kind: "fwmark";
      readonly mark: number;
      readonly family: Family;
      /** It stands for the addresses of a group (`nftables_ipvs`): one mark for several ports. */
      readonly ofGroup?: boolean;
    };

export interface VirtualServer {
  /** Unique and stable over reloads: `192.0.2.1:80/tcp`, `fwmark:5/inet`, `group:web/tcp`. */
  readonly id: string;
  readonly name: { readonly kind: "address" | "fwmark" | "group"; readonly text: string };
  readonly origin: Origin;
  /** The kernel services; one unless it is a group. Ranges are expanded. */
  readonly services: readonly ServiceAddress[];
  readonly family: Family;
  readonly protocol: Protocol;
  readonly scheduler: string;
  /** IP_VS_SVC_F_* scheduler and one-packet flags, as the kernel takes them (ipvs.md §2), persistence bit excluded. */
  readonly flags: number;
  readonly persistence?: {
    readonly timeoutS: number;
    /** IPv4: mask as dotted quad; IPv6: prefix length as text. Absent: single address. */
    readonly granularity?: string;
  };
  readonly persistenceEngine?: string;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly quorumUp?: Command;
  readonly quorumDown?: Command;
  readonly alpha: boolean;
  readonly omega: boolean;
  readonly haSuspend: boolean;
  readonly smtpAlert: boolean;
  readonly sorryServer?: SorryServer;
  readonly realServers: readonly RealServer[];
  /** `virtualhost` as configured here; the checks hold what it resolves to. */
  readonly virtualHost?: string;
  readonly snmpName?: string;
}

export interface SorryServer {
  readonly ip: IpText;
  readonly port: number;
  readonly weight: number;
  readonly forwarding: Forwarding;
  /** `sorry_server_inhibit`: always in the table, weight 0 when not needed. */
  readonly inhibit: boolean;
  readonly origin: Origin;
}

export interface RealServer {
  /** Unique in its virtual server and stable over reloads: `192.0.2.10:80`. */
  readonly id: string;
  readonly ip: IpText;
  readonly port: number;
  readonly weight: number;
  readonly forwarding: Forwarding;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly inhibitOnFailure: boolean;
  readonly notifyUp?: Command;
  readonly notifyDown?: Command;
  readonly smtpAlert: boolean;
  readonly checks: readonly Check[];
  readonly snmpName?: string;
  readonly origin: Origin;
}

// --- checks

/** Settings that every checker has, inheritance resolved (checkers.md §1). */
export interface CheckTiming {
  readonly delayLoopMs: number;
  readonly retry: number;
  readonly delayBeforeRetryMs: number;
  readonly warmupMs: number;
  readonly alpha: boolean;
  readonly logAllFailures: boolean;
}

/** Where a check connects to and from. */
export interface CheckEndpoint {
  readonly ip: IpText;
  readonly port: number;
  readonly bindIp?: IpText;
  readonly bindPort?: number;
  readonly bindInterface?: string;
  /** 0: unmarked. */
  readonly fwmark: number;
  readonly connectTimeoutMs: number;
}

export type Check =
  | TcpCheck
  | HttpCheck
  | SmtpCheck
  | MiscCheck
  | DnsCheck
  | UdpCheck
  | PingCheck
  | FileCheck
  | BfdCheck;

export type CheckKind = Check["kind"];

interface CheckBase {
  /** Unique in its real server: keyword and position, `TCP_CHECK`, `HTTP_GET#2`. */
  readonly id: string;
  readonly timing: CheckTiming;
  readonly origin: Origin;
}

export interface TcpCheck extends CheckBase {
  readonly kind: "TCP_CHECK";
  readonly endpoint: CheckEndpoint;
}

export interface HttpCheck extends CheckBase {
  readonly kind: "HTTP_GET" | "SSL_GET";
  readonly endpoint: CheckEndpoint;
  readonly httpProtocol: "1.0" | "1.0C" | "1.1";
  readonly enableSni: boolean;
  readonly sniName?: string;
  readonly tlsCompliant: boolean;
  readonly fastRecovery: boolean;
  readonly urls: readonly HttpUrl[];
}

export interface HttpUrl {
  readonly path: string;
  /** Value of the Host header, already resolved from url, checker, real and virtual server, else the address. */
  readonly host: string;
  /** `virtualhost` as configured (url > checker > real > virtual server); absent when the address stands in. */
  readonly virtualHost?: string;
  /** `tls_compliant` of this page; absent: as the check says. */
  readonly tlsCompliant?: boolean;
  /** 32 lower-case hexadecimal digits. */
  readonly digest?: string;
  /** Inclusive ranges; [200, 299] by default. */
  readonly statusCodes: readonly (readonly [number, number])[];
  readonly regex?: {
    readonly pattern: string;
    readonly options: readonly string[];
    readonly noMatch: boolean;
    readonly minOffset: number;
    readonly maxOffset?: number;
    /** `regex_stack`: first and largest size of the match stack in bytes. */
    readonly stackBytes?: readonly [number, number];
  };
}

export interface SmtpCheck extends CheckBase {
  readonly kind: "SMTP_CHECK";
  readonly heloName: string;
  readonly hosts: readonly CheckEndpoint[];
}

export interface MiscCheck extends CheckBase {
  readonly kind: "MISC_CHECK";
  readonly command: Command;
  readonly timeoutMs: number;
  readonly dynamic: boolean;
}

export interface DnsCheck extends CheckBase {
  readonly kind: "DNS_CHECK";
  readonly endpoint: CheckEndpoint;
  readonly type: "A" | "NS" | "CNAME" | "SOA" | "MX" | "TXT" | "AAAA" | "RRSIG" | "DNSKEY";
  /** Empty or ".": the root. */
  readonly name: string;
}

export interface UdpCheck extends CheckBase {
  readonly kind: "UDP_CHECK";
  readonly endpoint: CheckEndpoint;
  /** Hexadecimal digits; absent: the built-in text. */
  readonly payload?: string;
  readonly requireReply: boolean;
  /** Hexadecimal digits, `x` for any nibble. */
  readonly replyPattern?: string;
  readonly minReplyLength: number;
  readonly maxReplyLength: number;
}

export interface PingCheck extends CheckBase {
  readonly kind: "PING_CHECK";
  readonly endpoint: CheckEndpoint;
}

export interface FileCheck extends CheckBase {
  readonly kind: "FILE_CHECK";
  readonly file: string;
  readonly weight: number;
  readonly reverse: boolean;
}

export interface BfdCheck extends CheckBase {
  readonly kind: "BFD_CHECK";
  readonly instance: string;
}

/** Client certificate of SSL_GET. */
export interface SslClient {
  readonly password?: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

// --- VRRP

export interface VrrpConfig {
  readonly instances: readonly VrrpInstance[];
  readonly syncGroups: readonly SyncGroup[];
  readonly scripts: readonly TrackScript[];
  readonly files: readonly TrackFile[];
  readonly processes: readonly TrackProcess[];
  readonly trackGroups: readonly { readonly name: string; readonly instances: readonly string[] }[];
  readonly staticAddresses: readonly Address[];
  readonly staticRoutes: readonly Route[];
  readonly staticRules: readonly Rule[];
  readonly garpGroups: readonly GarpGroup[];
  readonly linkbeat: readonly { readonly interface: string; readonly method?: "MII" | "ETHTOOL" | "IOCTL" }[];
  readonly linkbeatUsePolling: boolean;
  readonly upDownDelays: readonly { readonly interface: string; readonly downMs: number; readonly upMs: number }[];
  readonly global: VrrpGlobal;
}

export interface VrrpGlobal {
  readonly startupDelayMs: number;
  readonly delayAfterBootMs: number;
  readonly dynamicInterfaces: "no" | "yes" | "allow-if-changes";
  readonly defaultInterface?: string;
  readonly disableLocalIgmp: boolean;
  readonly logUnknownVrids: boolean;
  readonly garpIntervalMs: number;
  readonly gnaIntervalMs: number;
  readonly nftables: {
    readonly table?: string;
    readonly priority: number;
    readonly counters: boolean;
    readonly ifindex: boolean;
  };
  /** `vrrp_iptables`: chains for incoming and outgoing packets. */
  readonly iptablesChains?: readonly string[];
  /** `vrrp_ipsets`: names of sets; empty: without sets. */
  readonly ipsets?: readonly string[];
  readonly vmacPrefix: string;
  readonly vmacAddrPrefix: string;
  readonly noEmailFaults: boolean;
  readonly monitorRcvBufBytes?: number;
  readonly monitorRcvBufForce: boolean;
  readonly cmdRcvBufBytes?: number;
  readonly cmdRcvBufForce: boolean;
  readonly processMonitorRcvBufBytes?: number;
  readonly processMonitorRcvBufForce: boolean;
  readonly rxBufsPolicy?: "mtu" | "advert" | number;
  readonly rxBufsMultiplier: number;
}

export interface GarpGroup {
  readonly garpIntervalMs?: number;
  readonly gnaIntervalMs?: number;
  readonly interfaces: readonly string[];
}

export interface NotifyCommands {
  readonly master?: Command;
  readonly backup?: Command;
  readonly fault?: Command;
  readonly stop?: Command;
  /** `true`: reported as DELETED though no program was named. */
  readonly deleted?: Command | true;
  readonly any?: Command;
  readonly masterRxLowerPri?: Command;
}

export interface TrackUse {
  readonly name: string;
  /** Absent or 0: losing it is a fault. */
  readonly weight?: number;
  readonly reverse: boolean;
  readonly origin: Origin;
}

export interface Tracking {
  readonly interfaces: readonly TrackUse[];
  readonly scripts: readonly TrackUse[];
  readonly files: readonly TrackUse[];
  readonly processes: readonly TrackUse[];
  readonly bfd: readonly TrackUse[];
}

export interface VrrpInstance {
  readonly name: string;
  readonly origin: Origin;
  /** Where the keywords stand that two routers have to agree on. */
  readonly origins?: Readonly<Partial<Record<string, Origin>>>;
  readonly family: Family;
  readonly version: 2 | 3;
  readonly vrid: number;
  readonly interface?: string;
  readonly vrf?: string;
  /** What `state` says; absent: not said. */
  readonly initialState?: "MASTER" | "BACKUP";
  /** 1..255, the default filled in. */
  readonly priority: number;
  readonly advertMs: number;
  readonly downTimerAdverts: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly accept: boolean;
  readonly strict: boolean;
  readonly virtualAddresses: readonly Address[];
  readonly excludedAddresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  readonly promoteSecondaries: boolean;
  /** `no_virtual_ipaddress`: having none is meant. */
  readonly noVirtualAddresses?: boolean;
  readonly sourceIp?: IpText;
  readonly trackSourceIp: boolean;
  readonly multicastGroup: IpText;
  readonly unicast?: {
    readonly peers: readonly { readonly ip: IpText; readonly minTtl: number; readonly maxTtl: number }[];
    readonly ttl?: number;
    readonly checkSource: boolean;
    readonly faultWithoutPeer: boolean;
    readonly oldChecksum: "auto" | "always" | "never";
  };
  /** Of the password 8 bytes count. */
  readonly authentication?: { readonly type: "PASS" | "AH"; readonly password: string };
  readonly hmac?: {
    readonly keys: readonly { readonly id: number; readonly keyHex: string }[];
    readonly activeKey: number;
    readonly timeWindowS: number;
    readonly antiReplay: "time" | "monotonic";
    readonly mode: "enforce" | "permissive" | "receive-only";
  };
  readonly v3ChecksumAsV2: boolean;
  readonly skipCheckAdvertAddresses: boolean;
  readonly vmac?: {
    readonly kind: "macvlan" | "ipvlan";
    readonly interface?: string;
    /** Six octets, colon separated; absent: 00:00:5e:00:0f:VRID. */
    readonly mac?: string;
    readonly xmitBase: boolean;
    readonly group?: number;
    /** `netlink_notify_msg`: force a kernel message for the parent when it is made. */
    readonly netlinkNotify?: boolean;
    readonly ipvlanMode?: "bridge" | "private" | "vepa";
    readonly ipvlanAddress?: { readonly ip: IpText; readonly prefix: number };
  };
  /** `use_vmac_addr`: addresses on other interfaces, or of the other family, get a virtual MAC too. */
  readonly vmacForAddresses: boolean;
  readonly dontTrackPrimary: boolean;
  readonly linkbeatUsePolling: boolean;
  readonly tracking: Tracking;
  readonly notify: NotifyCommands;
  readonly notifyPriorityChanges: boolean;
  readonly smtpAlert: boolean;
  readonly announce: AnnounceSettings;
  readonly lowerPrioNoAdvert: boolean;
  readonly higherPrioSendAdvert: boolean;
  readonly ownerIgnoreAdverts: boolean;
  /** `timer_expired_backup`: priority to step down to when timers run late; absent: off. */
  readonly timerExpiredBackup?: number;
  readonly lvsSyncInterface?: string;
  readonly kernelRxBufBytes?: number;
  readonly debug: number;
}

export interface AnnounceSettings {
  readonly delayMs: number;
  readonly repeat: number;
  readonly refreshMs: number;
  readonly refreshRepeat: number;
  readonly lowerPrioDelayMs: number;
  readonly lowerPrioRepeat: number;
  readonly extraIf?: { readonly all: boolean; readonly everyMs: number };
}

export interface SyncGroup {
  readonly name: string;
  readonly origin: Origin;
  readonly instances: readonly string[];
  readonly tracking: Tracking;
  readonly notify: NotifyCommands;
  readonly notifyPriorityChanges: boolean;
  readonly smtpAlert: boolean;
  readonly globalTracking: boolean;
  readonly trackingWeight: boolean;
}

export interface TrackScript {
  readonly name: string;
  readonly origin: Origin;
  readonly command: Command;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly weight: number;
  readonly reverse: boolean;
  readonly rise: number;
  readonly fall: number;
  readonly initFail: boolean;
}

export interface TrackFile {
  readonly name: string;
  readonly origin: Origin;
  readonly path: string;
  readonly weight: number;
  readonly reverse: boolean;
  readonly initFile?: { readonly value: number; readonly overwrite: boolean };
}

export interface TrackProcess {
  readonly name: string;
  readonly origin: Origin;
  readonly process: string;
  readonly params: readonly string[];
  readonly paramMatch: "none" | "exact" | "initial" | "partial";
  readonly weight: number;
  readonly reverse: boolean;
  readonly quorum: number;
  /** Absent: unlimited. */
  readonly quorumMax?: number;
  readonly terminateDelayMs: number;
  readonly forkDelayMs: number;
  readonly fullCommand: boolean;
}

// --- what a role adds to the network tables (language.md §14)

export interface Address {
  readonly ip: IpText;
  readonly family: Family;
  readonly prefix: number;
  /** Absent: the interface of the instance (its VMAC where that applies). */
  readonly device?: string;
  readonly broadcast?: IpText;
  readonly label?: string;
  /** rtnetlink scope number; absent: 0 (global). */
  readonly scope?: number;
  readonly peer?: { readonly ip: IpText; readonly prefix: number };
  /** IFA_F_* bits asked for: home, mngtmpaddr, noprefixroute, mcautojoin; NODAD unless `-nodad` for IPv6. */
  readonly flags: number;
  readonly preferredLifetimeS?: number;
  readonly noTrack: boolean;
  readonly trackGroup?: string;
  readonly useVmac: boolean;
  readonly origin: Origin;
}

export interface NextHop {
  readonly via?: IpText;
  readonly device?: string;
  readonly weight?: number;
  readonly onlink: boolean;
  readonly encap?: Encap;
  readonly realms?: number;
}

export type Encap =
  | { readonly kind: "mpls"; readonly labels: readonly number[] }
  | {
      readonly kind: "ip" | "ip6";
      readonly id?: string;
      readonly dst?: IpText;
      readonly src?: IpText;
      readonly tos?: number;
      readonly ttl?: number;
      readonly flags?: number;
    }
  | { readonly kind: "ila"; readonly locator: string };

export interface Route {
  readonly family: Family;
  /** RTN_* name. */
  readonly type: string;
  readonly destination: { readonly ip: IpText; readonly prefix: number };
  readonly via?: IpText;
  readonly source?: IpText;
  readonly from?: { readonly ip: IpText; readonly prefix: number };
  readonly device?: string;
  readonly table?: number;
  readonly metric?: number;
  readonly scope?: number;
  readonly tos?: number;
  readonly protocol?: number;
  readonly onlink: boolean;
  readonly realms?: number;
  /** RTAX_* name to value; `lock` holds the RTAX_LOCK bit mask, `congctl` is text. */
  readonly metrics: Readonly<Record<string, number | string>>;
  readonly pref?: number;
  readonly expiresS?: number;
  readonly ttlPropagate?: boolean;
  readonly encap?: Encap;
  /** The route goes to the table of this VRF. */
  readonly vrf?: string;
  readonly nextHops: readonly NextHop[];
  readonly addMode?: "add" | "append" | "prepend";
  readonly noTrack: boolean;
  readonly trackGroup?: string;
  readonly origin: Origin;
}

export interface Rule {
  readonly family: Family;
  readonly invert: boolean;
  readonly from?: { readonly ip: IpText; readonly prefix: number };
  readonly to?: { readonly ip: IpText; readonly prefix: number };
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: { readonly mark: number; readonly mask?: number };
  readonly tos?: number;
  readonly realms?: number;
  readonly tunnelId?: string;
  readonly uidRange?: readonly [number, number];
  readonly l3mdev: boolean;
  readonly ipProto?: number;
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
  readonly preference: number;
  readonly protocol?: number;
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: number;
  readonly action:
    | { readonly kind: "table"; readonly table: number }
    | { readonly kind: "goto"; readonly preference: number }
    | { readonly kind: "blackhole" | "unreachable" | "prohibit" | "nop" };
  readonly noTrack: boolean;
  readonly trackGroup?: string;
  readonly origin: Origin;
}

// --- BFD

export interface BfdInstance {
  readonly name: string;
  readonly origin: Origin;
  readonly neighborIp: IpText;
  readonly sourceIp?: IpText;
  readonly minRxUs: number;
  readonly minTxUs: number;
  readonly idleTxUs: number;
  readonly multiplier: number;
  readonly passive: boolean;
  readonly ttl: number;
  readonly maxHops: number;
  readonly multihop: boolean;
  readonly weight: number;
  readonly reverse: boolean;
  readonly forVrrp: boolean;
  readonly forChecker: boolean;
}
