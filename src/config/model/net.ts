// Config core: addresses, routes and rules in the model.
import type { Family, IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";

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
