// Config core: VRRP instances, groups and what they track in the model.
import type { Family, IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";
import type { Command } from "./command.ts";
import type { Address, Route, Rule } from "./net.ts";

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
  readonly linkbeat: readonly Linkbeat[];
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
  /** What instances take that say nothing, for who shows it: they hold it themselves. */
  readonly said?: VrrpDefaults;
}

export interface VrrpDefaults {
  readonly multicastGroup4: IpText;
  readonly multicastGroup6: IpText;
  readonly garpDelayMs: number;
  readonly garpRepeat: number;
  readonly garpRefreshMs: number;
  readonly garpRefreshRepeat: number;
  readonly lowerPrioDelayMs?: number;
  readonly lowerPrioRepeat?: number;
  readonly downTimerAdverts: number;
  readonly extraIf?: { readonly all: boolean; readonly everyMs: number };
  readonly lowerPrioNoAdvert: boolean;
  readonly higherPrioSendAdvert: boolean;
  readonly version: 2 | 3;
  readonly checkUnicastSource: boolean;
  readonly skipCheckAdvertAddresses: boolean;
  readonly strict: boolean;
  readonly vmacPrefix?: string;
  readonly vmacAddrPrefix?: string;
}

export interface Linkbeat {
  readonly interface: string;
  readonly method?: "MII" | "ETHTOOL" | "IOCTL";
  readonly origin?: Origin;
}

export interface GarpGroup {
  readonly origin?: Origin;
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
  /** Where the keywords stand that two routers have to agree on, or that this machine has to have. */
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
  /** False: nobody said so, and it is the interval. */
  readonly timeoutGiven?: boolean;
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
