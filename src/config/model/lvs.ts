// Config core: virtual servers and their real servers in the model.
import type { Family, IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";
import type { Check } from "./check.ts";
import type { Command } from "./command.ts";

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
  /** As written, where real servers and checks hold what it resolves to: for who shows it. Absent: nothing. */
  readonly said?: CheckDefaults;
  /** Of real servers that say nothing. */
  readonly forwarding?: Forwarding;
}

/** What checks may take from a virtual or real server, as far as it is written there. */
export interface CheckDefaults {
  readonly connectTimeoutMs?: number;
  readonly delayLoopMs?: number;
  readonly retry?: number;
  readonly delayBeforeRetryMs?: number;
  readonly warmupMs?: number;
  readonly alpha?: boolean;
  readonly inhibitOnFailure?: boolean;
  readonly virtualHost?: string;
}

/** `virtual_server_group`, for who shows it: services hold its addresses. */
export interface ServiceGroup {
  readonly name: string;
  readonly entries: readonly (
    | { readonly kind: "address"; readonly first: IpText; readonly last: IpText; readonly port: number }
    | { readonly kind: "fwmark"; readonly mark: number; readonly family?: Family }
  )[];
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
  /** As of a virtual server. */
  readonly said?: CheckDefaults;
  readonly origin: Origin;
}
