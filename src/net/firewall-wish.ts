// Core: what the packet filter around VRRP is to keep out and let through, and how its table is set up.
import type { Family, IpText } from "../base/ip.ts";
import type { Protocol, VirtualServer } from "../config/model/lvs.ts";
import type { VrrpGlobal } from "../config/model/vrrp.ts";

export interface FirewallSettings {
  readonly table: string;
  /** Of the base chains: -1 is just before «filter». */
  readonly priority: number;
  readonly counters: boolean;
  /** `nftables_ifindex`: key the parents' link-local addresses by index instead of name. */
  readonly ifindex: boolean;
}

/** keepalived: table name and priority when the configuration says nothing. */
export const DEFAULT_FIREWALL: FirewallSettings = {
  table: "keepalived",
  priority: -1,
  counters: false,
  ifindex: false,
};

/** What the configuration says of the tables. */
export function firewallSettings({ nftables }: Pick<VrrpGlobal, "nftables">): FirewallSettings {
  const { table, priority, counters, ifindex } = nftables;
  return { table: table ?? DEFAULT_FIREWALL.table, priority, counters, ifindex };
}

export interface BlockedAddress {
  readonly ip: IpText;
  /** Interface that has it; matters for link-local addresses only. */
  readonly index: number;
}

export interface VirtualMac {
  readonly index: number;
  readonly name: string;
  readonly parentIndex: number;
  readonly family: 4 | 6;
  /** IPv6: the parent's link-local address, which is copied to the virtual interface. */
  readonly parentLinkLocal?: IpText;
}

/** What IPVS serves: let through on a no_accept address. Port 0 is every port. */
export type VirtualService =
  | { readonly kind: "address"; readonly ip: IpText; readonly protocol: Protocol; readonly port: number }
  | { readonly kind: "fwmark"; readonly mark: number; readonly family: 4 | 6 };

export interface FirewallWish {
  /** Families whose addresses may come to be blocked: a table that stands before takes an element in a tenth of its own time. */
  readonly ready: readonly Family[];
  readonly blocked: readonly BlockedAddress[];
  readonly services: readonly VirtualService[];
  readonly vmacs: readonly VirtualMac[];
}

export const NO_FIREWALL: FirewallWish = { ready: [], blocked: [], services: [], vmacs: [] };

/** The services of all virtual servers of a configuration. */
export function virtualServices(servers: readonly VirtualServer[]): readonly VirtualService[] {
  return servers.flatMap((server) =>
    server.services.map(
      (service): VirtualService => (service.kind === "fwmark" ? service : { ...service, protocol: server.protocol }),
    ),
  );
}
