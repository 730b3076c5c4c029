// LVS core: the IPVS table as values. `wanted` is computed, `seen` is read; plan() compares them; transports speak them.
import type { Family, IpText } from "../base/ip.ts";
import type { Forwarding, ServiceAddress } from "../config/model/lvs.ts";

/** Key of a kernel service; fwmark services carry protocol 6 (ipvs.md §1.2). */
export interface ServiceKey {
  readonly family: Family;
  /** 6 TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number;
  readonly address: ServiceAddress;
}

/** The managed fields of a service. */
export interface Service extends ServiceKey {
  readonly scheduler: string;
  /** IP_VS_SVC_F_* without HASHED; PERSISTENT (0x01) included when timeoutS counts. */
  readonly flags: number;
  /** Persistence timeout in seconds; 0 without persistence. */
  readonly timeoutS: number;
  /** IPv4: mask as a number in host order (0xffffffff: single address); IPv6: prefix length (128). */
  readonly netmask: number;
  readonly persistenceEngine?: string;
}

export interface DestinationKey {
  readonly ip: IpText;
  readonly port: number;
}

/** The managed fields of a destination. */
export interface Destination extends DestinationKey {
  readonly forwarding: Forwarding;
  /** 0..2^31-1. */
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

/** One service with its destinations: what is wanted. */
export interface ServiceEntry {
  readonly service: Service;
  readonly destinations: readonly Destination[];
}

export interface Statistics {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
  /** Per second, the kernel's smoothed estimates. */
  readonly connectionRate: number;
  readonly inPacketRate: number;
  readonly outPacketRate: number;
  readonly inByteRate: number;
  readonly outByteRate: number;
}

/** What a kernel that sends no statistics is taken to have counted, and what most have: one value for all of them. */
export const NOTHING_COUNTED: Statistics = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionRate: 0,
  inPacketRate: 0,
  outPacketRate: 0,
  inByteRate: 0,
  outByteRate: 0,
};

export interface SeenDestination extends Destination {
  /** The kernel shows its own method 1 instead of ours: the address is this machine's (ipvs.md §2). Absent: no. */
  readonly localNode?: boolean;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly statistics: Statistics;
}

/** One service as the kernel showed it. */
export interface SeenService {
  readonly service: Service;
  readonly statistics: Statistics;
  readonly destinations: readonly SeenDestination[];
}

/** One kernel call. Order matters: the list is applied from the first to the last. */
export type IpvsCommand =
  | { readonly kind: "addService" | "editService"; readonly service: Service }
  | { readonly kind: "deleteService"; readonly service: ServiceKey }
  | {
      readonly kind: "addDestination" | "editDestination";
      readonly service: ServiceKey;
      readonly destination: Destination;
    }
  | { readonly kind: "deleteDestination"; readonly service: ServiceKey; readonly destination: DestinationKey };

/** A sync daemon as the kernel has it (ipvs.md §3, DAEMON). */
export interface SyncDaemonState {
  readonly role: "master" | "backup";
  readonly interface: string;
  readonly syncId: number;
  readonly maxLen?: number;
  readonly port?: number;
  readonly ttl?: number;
  readonly group?: IpText;
}

export interface IpvsTimeouts {
  /** Seconds; 0 leaves the kernel's value. */
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}
