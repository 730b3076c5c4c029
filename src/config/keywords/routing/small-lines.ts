// Config core: lines of trackers, unicast peers and virtual server groups, and the words of lvs_sync_daemon, lvs_method and
// use_vmac (language.md §14.2, §14.5, §14.6).

import type { Table } from "../../bind/keyword.ts";
import { multicastSchema } from "../../bind/values/addresses.ts";
import { ifname, nonEmptySchema } from "../../bind/values/names.ts";
import { strictInteger } from "../../bind/values/numbers.ts";
import { choice, one } from "../../bind/values/shapes.ts";
import { flag } from "../../bind/values/switches.ts";
import { interfaceGroup } from "./line-values.ts";
import { positional } from "./positional.ts";

// biome-ignore format: a table reads by rows
export const TRACKER = {
  weight: { value: positional("INT(-253..253; files and processes -254..254)"), default: "tracker's own, 0 for interfaces", repeat: "once",
    tier: "seed", since: "1.1.13", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Weight of this use of the tracker; +-254 becomes +-253 with an error for interfaces and scripts. In a sync group without sync_group_tracking_weight, and for address owners, weights are refused with an error; what then happens to the tracker depends on its kind." },
  reverse: { value: positional("FLAG after weight N"), default: "tracker's own", repeat: "once", tier: "full", since: "2.0.18",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Swap the sense." },
  noreverse: { value: positional("FLAG after weight N"), default: "tracker's own", repeat: "once", tier: "full", since: "2.0.18",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Undo a reverse of the definition." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const UNICAST_PEER = {
  "<ip>": { value: positional("IP"), default: "(required)", repeat: "once each", tier: "core", since: "1.2.8",
    effective: { test: "test/unit/words/vrrp-packets.test.ts" },
    doc: "A peer; duplicates and the other family are errors." },
  min_ttl: { value: strictInteger(0, 255), initial: 0, repeat: "last", tier: "full", since: "2.1.0", effective: { test: "test/unit/words/vrrp-packets.test.ts" },
    doc: "Least TTL of its adverts; also switches check_unicast_src on." },
  max_ttl: { value: strictInteger(0, 255), initial: 255, repeat: "last", tier: "full", since: "2.1.0",
    effective: { test: "test/unit/words/vrrp-packets.test.ts" },
    doc: "Greatest TTL of its adverts; also switches check_unicast_src on." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const GROUP_ENTRY = {
  "<ip>": { value: positional("IP [PORT(0..65535)]"), default: "port 0", repeat: "append", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "One address." },
  "<range>": { value: positional("IP4-INT(0..255) | IP6-HEX(0..ffff) | IP-IP | IP/LEN (host bits zero) [PORT]"), repeat: "append", tier: "seed",
    since: "<=1.0.3", effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "A range of addresses: last octet (IPv6: last group) only, full end address, or a block. lbd also takes IPv4 ranges and blocks that cross a last-octet boundary; keepalived differs. IPv6 covers the last 16 bits only." },
  fwmark: { value: positional("INT(0..4294967295) [ENUM(inet|inet6)]"), repeat: "append", tier: "seed", since: "1.0.3",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "A firewall mark; the family is for all-tunnelled groups." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SYNC_DAEMON = {
  inst: { value: one("VRRP-INSTANCE", nonEmptySchema, "the name of a vrrp_instance"), default: "(none)", repeat: "once", tier: "core",
    since: "2.1.0", effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "Instance whose role the daemon follows; an unknown one clears the setting." },
  id: { value: strictInteger(0, 255), default: "VRID, else 0", repeat: "last", tier: "core", since: "1.2.24",
    effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "Sync id." },
  maxlen: { value: strictInteger(1, 65507), default: "(kernel)", unit: "bytes", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "Largest sync packet." },
  port: { value: strictInteger(1, 65535), initial: 8848, repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "UDP port." },
  ttl: { value: strictInteger(1, 255), initial: 1, repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "Multicast TTL." },
  group: { value: one("MCAST-IP", multicastSchema(), "a multicast address"), default: "224.0.0.81", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/unit/roles/vrrp/sync-daemon.test.ts" },
    doc: "Multicast group." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const TUNNEL = {
  type: { value: choice("ipip", "gue", "gre"), initial: "ipip", repeat: "last", tier: "full", since: "2.0.18", build: "ipvs_tun_type",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "Tunnel kind." },
  port: { value: strictInteger(1, 65535), default: "(required for gue, forbidden else)", repeat: "last", tier: "full", since: "2.0.18",
    build: "ipvs_tun_type", effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "UDP port of a gue tunnel." },
  nocsum: { value: flag, initial: true, repeat: "last", tier: "full", since: "2.0.18", build: "ipvs_tun_csum",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "No checksum." },
  csum: { value: flag, initial: false, repeat: "last", tier: "full", since: "2.0.18", build: "ipvs_tun_csum",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "Checksum (gue, gre)." },
  remcsum: { value: flag, initial: false, repeat: "last", tier: "full", since: "2.0.18", build: "ipvs_tun_csum",
    effective: { test: "test/unit/words/virtual-server.test.ts" },
    doc: "Remote checksum offload (gue only)." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const VMAC = {
  name: { value: ifname, default: "vrrp.VRID", repeat: "once", tier: "full", since: "2.3.0", build: "vmac",
    effective: { test: "test/unit/words/vrrp-links.test.ts" },
    doc: "Protects an interface name that would be read as an option." },
  netlink_notify_msg: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.3.0", build: "vmac", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Force a kernel message for the parent when the VMAC is made." },
  group: { value: interfaceGroup, default: "(parent's)", repeat: "last", tier: "full", since: "", build: "vmac",
    effective: { test: "test/unit/words/vrrp-links.test.ts" },
    doc: "Interface group of the new link." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const LINKBEAT = {
  "<ifname>": { value: positional("[ENUM(MII|ETHTOOL|IOCTL)]"), default: "MII, else ETHTOOL, else IOCTL", repeat: "append", tier: "full", since: "",
    build: "linkbeat", effective: { test: "test/unit/roles/vrrp/trackers.test.ts", unsaid: "the name of any interface" },
    doc: "One polled interface with its preferred method." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const UP_DOWN_DELAY = {
  "<ifname>": { value: positional("SECS(0..255,res=1us) [SECS(0..255,res=1us)]"), default: "up delay 0 (the manual claims: same as down)", unit: "s",
    repeat: "last", tier: "full", since: "", effective: { test: "test/unit/roles/vrrp/trackers.test.ts", unsaid: "the name of any interface" },
    doc: "Delay before acting on loss and on return of this interface; must stay below (down_timer_adverts-1) x advert_int." },
} as const satisfies Table;
