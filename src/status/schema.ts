// Status core: the public shape of what lbd knows, as the API, `lbd status` and the metrics show it.
// Times on the wire are ISO 8601 text; durations end in Ms. Written by hand: inner types never leave their process.

export interface CheckStatus {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
  readonly healthy: boolean | null;
  readonly since: string;
  readonly lastResult?: {
    readonly at: string;
    readonly ok: boolean;
    /** In words: `connection refused`, `status 503, wanted 200-299`, `no answer within 3000 ms`. */
    readonly reason: string;
    /** Short and stable, for labels: `ok`, `refused`, `timeout`, `status`, `digest`, `regex`, `unreachable`, `protocol`, `exit`, `tls` … */
    readonly code: string;
    readonly durationMs: number;
  };
  readonly runs: number;
  readonly failures: number;
  readonly nextAt?: string;
}

export interface RealServerStatus {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly healthy: boolean;
  readonly since: string;
  readonly reason: string;
  readonly weight: { readonly configured: number; readonly effective: number; readonly kernel: number | null };
  readonly forwarding: string;
  readonly inTable: boolean;
  readonly connections: { readonly active: number; readonly inactive: number; readonly persistent: number } | null;
  readonly statistics: TrafficStatus | null;
  readonly checks: readonly CheckStatus[];
}

export interface TrafficStatus {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface VirtualServerStatus {
  readonly id: string;
  readonly name: string;
  readonly protocol: string;
  readonly scheduler: string;
  readonly up: boolean;
  readonly since: string;
  readonly reason: string;
  readonly quorum: { readonly wanted: number; readonly hysteresis: number; readonly live: number };
  readonly sorryServer: { readonly address: string; readonly port: number; readonly active: boolean } | null;
  readonly suspended: boolean;
  readonly statistics: TrafficStatus | null;
  readonly realServers: readonly RealServerStatus[];
}

export interface TrackerShare {
  readonly kind: "interface" | "script" | "file" | "process" | "bfd";
  readonly name: string;
  readonly up: boolean;
  /** What it adds to the priority now; null when it counts as a fault instead. */
  readonly share: number | null;
  readonly since: string;
  readonly detail: string;
}

export interface VrrpAddressStatus {
  readonly address: string;
  readonly prefixLength: number;
  readonly interface: string;
  /** From `virtual_ipaddress_excluded`: not in the adverts. */
  readonly excluded: boolean;
  readonly present: boolean;
}

export interface VrrpStatus {
  readonly name: string;
  readonly interface: string;
  readonly vrid: number;
  readonly version: number;
  readonly family: 4 | 6;
  readonly state: "INIT" | "BACKUP" | "MASTER" | "FAULT" | "STOP";
  readonly since: string;
  readonly lastTransition: {
    readonly at: string;
    readonly from: string;
    readonly to: string;
    readonly cause: string;
  } | null;
  readonly master: { readonly address: string; readonly priority: number; readonly lastAdvertAt: string } | null;
  readonly priority: { readonly base: number; readonly effective: number; readonly trackers: readonly TrackerShare[] };
  readonly advertMs: { readonly own: number; readonly learned: number | null };
  readonly faults: readonly string[];
  readonly addresses: readonly VrrpAddressStatus[];
  /** Of the second round of announcements after becoming master (`garp_master_delay`). */
  readonly announceDelayMs: number;
  readonly group: string | null;
  readonly counters: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly lastRefused: {
    readonly at: string;
    readonly from: string;
    readonly reason: string;
    readonly packet: string;
  } | null;
  /** Another master seen while we are master, with the likely cause in words. */
  readonly foreignMaster: {
    readonly address: string;
    readonly priority: number;
    readonly at: string;
    readonly likelyCause: string;
  } | null;
  /** Live routers with our VRID whose advertisements we refuse: an error, in whatever state we are. */
  readonly refusedMasters: readonly RefusedMasterStatus[];
  /** Unicast: who advertises to us. */
  readonly senders: readonly {
    readonly address: string;
    /** `unicast_peer` names it. */
    readonly listed: boolean;
    /** TTL or hop limit that its last advertisement came with. */
    readonly hops: number;
  }[];
  /** Advertisements that the kernel refused to send with the last reason, and packets of its socket that were dropped unread. */
  readonly transmission: {
    readonly sendErrors: number;
    readonly lastSendError: string | null;
    readonly receiveDrops: number;
  };
  /** What an operator may want to change, in whole sentences. */
  readonly advice: readonly string[];
}

export interface RefusedMasterStatus {
  readonly address: string;
  /** Our own address that it does not agree with; null: none. */
  readonly own: string | null;
  readonly priority: number;
  /** As in `refused`. */
  readonly reason: string;
  readonly since: string;
  readonly lastAt: string;
  readonly likelyCause: string;
  /** What to change, with file and line where the file has it. */
  readonly remedy: string;
}

/** What changes with every advertisement, told by itself: the rest of a VrrpStatus is told when it changes. */
export interface VrrpTraffic {
  readonly lastAdvertAt: string | null;
  readonly counters: Readonly<Record<string, number>>;
}

export interface SyncGroupStatus {
  readonly name: string;
  readonly state: string;
  readonly since: string;
  readonly instances: readonly string[];
}

/** A session of `bfd_instance` (RFC 5880 §6.8.1). */
export interface BfdStatus {
  readonly name: string;
  readonly neighbor: string;
  readonly source: string | null;
  readonly multihop: boolean;
  readonly passive: boolean;
  readonly state: "AdminDown" | "Down" | "Init" | "Up";
  readonly since: string;
  /** Ours, in words: why the session last went down; `no diagnostic` otherwise. */
  readonly diagnostic: string;
  /** What trackers and checks are told: an AdminDown of the neighbour is no failure, and changes nothing. */
  readonly up: boolean;
  readonly localDiscriminator: number;
  readonly sourcePort: number | null;
  /** Before jitter; null: no periodic packets now. */
  readonly sendIntervalMs: number | null;
  /** Silence of the neighbour that is taken for its end; null before it has said anything. */
  readonly detectionMs: number | null;
  /** Other intervals are told to the neighbour, which has not acknowledged them yet. */
  readonly polling: boolean;
  /** What the neighbour last said; null while it is not known. */
  readonly remote: {
    readonly state: "AdminDown" | "Down" | "Init" | "Up";
    readonly diagnostic: string;
    readonly discriminator: number;
    readonly multiplier: number;
    readonly desiredMinTxMs: number;
    readonly requiredMinRxMs: number;
    readonly demand: boolean;
  } | null;
  readonly lastHeardAt: string | null;
  readonly lastChange: {
    readonly at: string;
    readonly from: string;
    readonly to: string;
    readonly reason: string;
  } | null;
  readonly counters: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  /** Why it can't hear or send now. */
  readonly problem: string | null;
  /** What an operator may want to change, in whole sentences. */
  readonly advice: readonly string[];
}

/** One thing that happened, for /v1/events, journals and the page. */
export interface StatusEvent {
  readonly at: string;
  /** `real-server`, `virtual-server`, `sorry-server`, `vrrp`, `vrrp-peer`, `priority`, `tracker`, `sync-group`, `bfd`, `config`, `process`, `drift`, `audit`. */
  readonly kind: string;
  readonly subject: string;
  readonly from?: string;
  readonly to: string;
  /** Why, in words. */
  readonly reason: string;
}

/** The director as a whole: what the parent knows. */
export interface DirectorStatus {
  readonly version: string;
  readonly pid: number;
  readonly since: string;
  /** Changes with every start; the first part of event ids. */
  readonly boot: string;
  readonly hostname: string;
  readonly runDir: string;
  readonly config: ConfigStatus;
}

export interface ConfigStatus {
  readonly file: string;
  readonly state: "reading" | "loaded" | "failed";
  readonly loadedAt: string | null;
  /** SHA-256 of the first file, in hexadecimal digits. */
  readonly sha256: string | null;
  readonly warnings: number;
  /** Errors in the configuration in force: what each names is left out of it, or has the value that it says. */
  readonly errorCount: number;
  /** Their first ones, one line each, with file and line. */
  readonly tolerated: readonly string[];
  /** The file was read again and refused: what runs is older than what is written. */
  readonly stale: boolean;
  /** Why it is stale or failed: one line for each error, with file and line. */
  readonly errors: readonly string[];
  readonly reloads: number;
  readonly lastReload: {
    readonly at: string;
    readonly ok: boolean;
    readonly durationMs: number;
    /** What it changed: `+1 real server, ~2 virtual servers`, then the first of them by name. */
    readonly changes?: readonly string[];
  } | null;
}

export type ProcessState = "starting" | "running" | "stopping" | "stopped" | "waiting";

/** One role's process; `waiting` is the pause before a restart. */
export interface ProcessStatus {
  readonly role: string;
  readonly state: ProcessState;
  readonly pid: number | null;
  readonly since: string;
  readonly restarts: number;
  /** Why it last ended, or why it is not ready; empty when there is nothing to say. */
  readonly reason: string;
}

/** What a role sends to the parent, and the parent relays to the api role. Later ones replace earlier ones with the same key. */
export type StatusUpdate =
  | { readonly kind: "virtual-server"; readonly value: VirtualServerStatus }
  | { readonly kind: "virtual-server-gone"; readonly id: string }
  | { readonly kind: "vrrp"; readonly value: VrrpStatus }
  | { readonly kind: "vrrp-gone"; readonly name: string }
  /** By name of the instance. */
  | { readonly kind: "vrrp-traffic"; readonly values: Readonly<Record<string, VrrpTraffic>> }
  | { readonly kind: "sync-group"; readonly value: SyncGroupStatus }
  | { readonly kind: "sync-group-gone"; readonly name: string }
  | { readonly kind: "bfd"; readonly value: BfdStatus }
  | { readonly kind: "bfd-gone"; readonly name: string }
  /** `id` is given by the parent: a running number that goes with `DirectorStatus.boot`. */
  | { readonly kind: "event"; readonly value: StatusEvent; readonly id?: number }
  | { readonly kind: "director"; readonly value: DirectorStatus }
  | { readonly kind: "process"; readonly value: ProcessStatus }
  | { readonly kind: "process-gone"; readonly role: string }
  /** The role has ended: what it reported is from before. Sent by the parent. */
  | { readonly kind: "role-gone"; readonly role: string }
  /** The role has reported everything anew: what it did not mention again no longer exists. Sent by the parent. */
  | { readonly kind: "role-current"; readonly role: string }
  /** Counters and gauges of the role itself, by metric name with rendered labels: `lbd_kernel_ops_total{kind="…"}`. */
  | { readonly kind: "metrics"; readonly role: string; readonly values: Readonly<Record<string, number>> }
  | {
      readonly kind: "facts";
      readonly role: string;
      readonly values: Readonly<Record<string, string | number | boolean>>;
    };
