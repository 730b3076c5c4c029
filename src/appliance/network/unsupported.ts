// Appliance core: the keys of netplan («YAML configuration», 1.1) that this machine does nothing for, by the place where they stand, each with
// the reason and what stands for it. What is not here and not read is no key of netplan.

const NOT_FOR_SERVERS = "it is for desktops and wireless cards";
const OPEN_VSWITCH = "there is no Open vSwitch here";
const NETWORK_MANAGER = "there is no NetworkManager here";

/** Below `network`. */
export const UNSUPPORTED_TOP = {
  wifis: NOT_FOR_SERVERS,
  modems: NOT_FOR_SERVERS,
  tunnels: "tunnels to real servers are made from keepalived.conf (lvs_method TUN)",
  vrfs: "routing tables are chosen by routing-policy",
  "virtual-ethernets": "write one bridge instead of two that are joined",
  "nm-devices": NETWORK_MANAGER,
  openvswitch: OPEN_VSWITCH,
} as const;

const GIVEN_UP = "netplan has given it up: write routes with to: default";
const OFFLOAD = "cards keep what their driver sets";
const PORTS = "ports of a bridge have the kernel's settings";
const ROUTERS = "write accept-ra, and routes, addresses or nameservers for what is to be another";

/** Below every link. */
export const UNSUPPORTED_LINK = {
  gateway4: GIVEN_UP,
  gateway6: GIVEN_UP,
  openvswitch: OPEN_VSWITCH,
  networkmanager: NETWORK_MANAGER,
  auth: "802.1X is not spoken here",
  wakeonlan: "a director is not put to sleep",
  "emit-lldp": "LLDP is not spoken here",
  "receive-checksum-offload": OFFLOAD,
  "transmit-checksum-offload": OFFLOAD,
  "tcp-segmentation-offload": OFFLOAD,
  "tcp6-segmentation-offload": OFFLOAD,
  "generic-segmentation-offload": OFFLOAD,
  "generic-receive-offload": OFFLOAD,
  "large-receive-offload": OFFLOAD,
  "ipv6-mtu": "both families have the link's mtu",
  "ipv6-privacy": "a director is to be found by its addresses: write them",
  "link-local": "links have an IPv6 address of their own as the kernel makes it, and none of IPv4",
  "ignore-carrier": "addresses and routes are there with or without a carrier",
  critical: "addresses stay when lbd ends or is started again, always",
  "dhcp-identifier": "DHCP servers are told the link's hardware address",
  "dhcp4-overrides": "what a DHCP server says is taken whole: write addresses and routes instead",
  "dhcp6-overrides": "DHCPv6 is not spoken here: write accept-ra: true, or addresses",
  "ra-overrides": ROUTERS,
  "ipv6-address-generation": "addresses from router advertisements are made from the hardware address",
  "ipv6-address-token": "write the whole address",
  "optional-addresses": "no start waits for an address: write optional: true for a card that may be missing",
  "activation-mode": "every link that is described is up: leave one out that is to stay down",
  "neigh-suppress": PORTS,
  hairpin: PORTS,
  "port-mac-learning": PORTS,
} as const;

const SR_IOV = "virtual functions are made by the machine's firmware or its host";

/** Below a network card, beside those of every link. */
export const UNSUPPORTED_CARD = {
  ...UNSUPPORTED_LINK,
  link: SR_IOV,
  "virtual-function-count": SR_IOV,
  "embedded-switch-mode": SR_IOV,
  "delay-virtual-functions-rebind": SR_IOV,
  "infiniband-mode": "there are no drivers for InfiniBand here",
} as const;

/** Below an address that is written as a key. */
export const UNSUPPORTED_ADDRESS = {
  lifetime: "addresses of the file are there for ever, and preferred",
  label: "addresses have no labels here",
} as const;

/** Below a route. */
export const UNSUPPORTED_ROUTE = {
  "congestion-window": "the kernel finds it",
  "advertised-receive-window": "the kernel finds it",
  "advertised-mss": "the kernel finds it",
} as const;

/** Below the parameters of a bridge. */
export const UNSUPPORTED_BRIDGE = { "path-cost": PORTS, "port-priority": PORTS } as const;
