// Appliance core: the network that network.yaml asks for. Words and meanings are netplan's (netplan.readthedocs.io, «YAML reference»), for
// what servers need; names of links are those that the machine will have.
import type { Family, IpText } from "../../base/ip.ts";
import type { Origin } from "../../config/text/span.ts";

export interface Network {
  /** What others lie on comes first. */
  readonly links: readonly NetworkLink[];
}

export interface Prefix {
  readonly ip: IpText;
  readonly family: Family;
  readonly prefix: number;
}

/** What every kind of link has. */
export interface LinkSettings {
  /** As the kernel calls it: `set-name`, else the key. */
  readonly name: string;
  /** The key in the file, by which other links name it. */
  readonly id: string;
  readonly origin: Origin;
  readonly mtu?: number;
  /** `macaddress`: the address that it is given. */
  readonly mac?: string;
  readonly addresses: readonly Prefix[];
  readonly routes: readonly NetworkRoute[];
  readonly rules: readonly NetworkRule[];
  readonly nameservers: readonly IpText[];
  readonly searchDomains: readonly string[];
  readonly dhcp4: boolean;
  /** `accept-ra`; absent: the kernel's default, which for a machine that forwards is no. */
  readonly acceptRa?: boolean;
  /** Its absence at the start is no fault. */
  readonly optional: boolean;
}

/** How a network card is found: never by the order in which the kernel met it. All that is named must fit. */
export interface Match {
  /** The permanent address of the card, in lower case. */
  readonly mac?: string;
  /** Pattern of the kernel's first name, `*` and `?` as in a shell. */
  readonly name?: string;
  /** Patterns of the driver, one of which must fit. */
  readonly drivers?: readonly string[];
  /** Place on the bus: `pci-0000:03:00.0`, as udev's ID_PATH. */
  readonly path?: string;
}

export type NetworkLink = LinkSettings &
  (
    | { readonly kind: "ethernet"; readonly match?: Match }
    | { readonly kind: "bond"; readonly members: readonly string[]; readonly bond: BondParameters }
    | { readonly kind: "vlan"; readonly vlanId: number; readonly lower: string }
    | { readonly kind: "bridge"; readonly members: readonly string[]; readonly bridge: BridgeParameters }
    | { readonly kind: "dummy" }
  );

/** linux/if_link.h: numbers of IFLA_BOND_MODE. */
export const BOND_MODES = [
  "balance-rr",
  "active-backup",
  "balance-xor",
  "broadcast",
  "802.3ad",
  "balance-tlb",
  "balance-alb",
] as const;

/** Absent: the kernel's default. Times are milliseconds. */
export interface BondParameters {
  readonly mode?: (typeof BOND_MODES)[number];
  readonly lacpRate?: "slow" | "fast";
  readonly miiMonitorMs?: number;
  readonly minLinks?: number;
  readonly transmitHashPolicy?: "layer2" | "layer3+4" | "layer2+3" | "encap2+3" | "encap3+4" | "vlan+srcmac";
  readonly adSelect?: "stable" | "bandwidth" | "count";
  readonly allMembersActive?: boolean;
  readonly arpIntervalMs?: number;
  readonly arpTargets?: readonly IpText[];
  readonly arpValidate?: "none" | "active" | "backup" | "all";
  readonly arpAllTargets?: "any" | "all";
  readonly upDelayMs?: number;
  readonly downDelayMs?: number;
  readonly failOverMac?: "none" | "active" | "follow";
  readonly gratuitousArp?: number;
  readonly packetsPerMember?: number;
  readonly primaryReselect?: "always" | "better" | "failure";
  readonly resendIgmp?: number;
  readonly learnPacketS?: number;
  /** Id of a member. */
  readonly primary?: string;
}

/** Absent: the kernel's default; times are seconds. `stp` is on unless it is said otherwise, as with netplan. */
export interface BridgeParameters {
  readonly stp: boolean;
  readonly ageingS?: number;
  readonly forwardDelayS?: number;
  readonly helloS?: number;
  readonly maxAgeS?: number;
  readonly priority?: number;
}

export interface NetworkRoute {
  readonly to: Prefix;
  readonly via?: IpText;
  readonly from?: IpText;
  readonly metric?: number;
  readonly table?: number;
  readonly onLink: boolean;
  readonly mtu?: number;
  readonly type: "unicast" | "blackhole" | "unreachable" | "prohibit";
  readonly scope?: "global" | "link" | "host";
  readonly origin: Origin;
}

export interface NetworkRule {
  readonly family: Family;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly table?: number;
  readonly priority?: number;
  readonly mark?: number;
  readonly tos?: number;
  readonly origin: Origin;
}
