// Config core: what may stand at the top level: the specials and all blocks.

import type { Table } from "../bind/keyword.ts";
import { blockName, text } from "../bind/values/names.ts";
import { strictSeconds, UINT32_MAX } from "../bind/values/numbers.ts";
import { alone, bare } from "../bind/values/shapes.ts";
import { flag } from "../bind/values/switches.ts";
import { BFD_INSTANCE } from "./bfd.ts";
import { GLOBAL_DEFS } from "./global.ts";
import { namespaceOrDefault } from "./global-values.ts";
import { SSL } from "./lvs/checkers.ts";
import { serviceName } from "./lvs/server-names.ts";
import { VIRTUAL_SERVER } from "./lvs/virtual-server.ts";
import { addresses, delays, groupEntries, linkbeats, routes, rules } from "./routing/lists.ts";
import { GARP_GROUP, TRACK_GROUP, VRRP_SYNC_GROUP } from "./vrrp/groups.ts";
import { VRRP_INSTANCE } from "./vrrp/instance.ts";
import { TRACK_FILE, VRRP_SCRIPT, VRRP_TRACK_FILE, VRRP_TRACK_PROCESS } from "./vrrp/track.ts";
// biome-ignore format: a table reads by rows
export const TOP_LEVEL = {
  net_namespace: { value: text(), default: "(host namespace)", repeat: "first", tier: "core", since: "1.2.24", reload: "restart",
    effective: { test: "test/netns/lifecycle.test.ts" },
    doc: "Run the whole daemon inside the named network namespace; also switches pid files to the per-daemon run directory." },
  net_namespace_ipvs: { value: namespaceOrDefault, default: "(same namespace as the daemon)", repeat: "first", tier: "full", since: "2.1.0",
    reload: "restart", effective: { test: "test/vm/guest/lifecycle.test.ts" },
    doc: "Program the IPVS tables in another namespace; no name means the default one." },
  namespace_with_ipsets: { value: flag, initial: false, repeat: "flag", tier: "optional", since: "1.3.0", build: "ipset", reload: "start-only",
    effective: { unsupported: "lbd filters with nftables sets, which namespaces of every supported kernel have" },
    doc: "Permit ipsets inside a namespace on kernels before 3.13." },
  use_pid_dir: { value: flag, initial: false, repeat: "flag", tier: "core", since: "1.2.24", reload: "start-only", effective: { test: "test/unit/process/host/places.test.ts" },
    doc: "Put pid files in the daemon's own run directory instead of the run root." },
  instance: { value: text(), default: "(none)", repeat: "first", tier: "core", since: "1.2.24", reload: "restart", effective: { test: "test/unit/process/host/places.test.ts" },
    doc: "Name of this daemon instance; becomes part of pid, reload and (optionally) dump file names and of the syslog ident." },
  linkbeat_use_polling: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.1.18", build: "linkbeat", effective: { test: "test/unit/roles/vrrp/trackers.test.ts" },
    doc: "Detect carrier loss on all VRRP interfaces by polling (MII, ethtool or ioctl) rather than by netlink." },
  child_wait_time: { value: strictSeconds(0, UINT32_MAX), initial: 5_000, unit: "s", repeat: "last", tier: "full", since: "2.0.0",
    effective: { test: "test/unit/process/parent.test.ts" },
    doc: "How long the parent waits for its children when stopping." },
  global_defs: { value: bare(), block: GLOBAL_DEFS, repeat: "merge", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/vrrp-settings.test.ts" },
    doc: "Settings of the daemon as a whole; may occur several times and anywhere, keepalived forgets some of them at a reload when they come behind what uses them." },
  track_group: { value: alone(blockName()), block: TRACK_GROUP, repeat: "dup name: error, block skipped", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Names VRRP instances that depend on static addresses, routes and rules referring to this group." },
  static_ipaddress: { value: bare("BLOCK of ADDRESS lines (no name)"), lines: addresses, repeat: "append", tier: "seed", since: "1.1.0",
    effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Addresses set at start and kept regardless of VRRP state." },
  static_routes: { value: bare("BLOCK of ROUTE lines"), lines: routes, repeat: "append", tier: "seed", since: "<=1.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Routes set at start and kept regardless of VRRP state." },
  static_rules: { value: bare("BLOCK of RULE lines"), lines: rules, repeat: "append", tier: "core", since: "1.2.20", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Policy rules set at start and kept regardless of VRRP state." },
  linkbeat_interfaces: { value: bare("BLOCK of IFNAME [ENUM(MII|ETHTOOL|IOCTL)]"), lines: linkbeats, default: "(netlink)", repeat: "append",
    tier: "full", since: "2.0.13", build: "linkbeat", effective: { test: "test/unit/roles/vrrp/trackers.test.ts" },
    doc: "Interfaces whose carrier is polled, and how; an unknown interface is fatal." },
  interface_up_down_delays: { value: bare("BLOCK of IFNAME SECS [SECS]"), lines: delays, default: "0 0", unit: "s", repeat: "append", tier: "full",
    since: "2.2.3", effective: { test: "test/unit/roles/vrrp/trackers.test.ts" },
    doc: "Debounce of interface state: down delay, then up delay." },
  garp_group: { value: bare(), block: GARP_GROUP, repeat: "append", tier: "full", since: "1.2.21",
    effective: { test: "test/unit/words/vrrp-announce.test.ts" },
    doc: "Shared spacing of gratuitous ARP/NA over interfaces behind one switch." },
  vrrp_script: { value: blockName(), block: VRRP_SCRIPT, repeat: "duplicates not noticed, first wins", tier: "seed", since: "1.1.13",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "A command run periodically whose exit code instances can track; must stand before the instances that use it." },
  vrrp_track_process: { value: blockName(), block: VRRP_TRACK_PROCESS, repeat: "duplicates not noticed", tier: "core", since: "2.0.11",
    build: "track_process", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Watch for running processes through kernel process events; must stand before its users." },
  track_file: { value: blockName(), block: TRACK_FILE, repeat: "duplicates not noticed, first wins", tier: "core", since: "2.1.0",
    aliases: "vrrp_track_file", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "A file whose number instances, groups or real servers follow; must stand before its users." },
  vrrp_track_file: { value: blockName(), block: VRRP_TRACK_FILE, repeat: "duplicates not noticed", tier: "core", since: "2.0.0",
    sameAs: "track_file", status: "deprecated", quiet: true, successor: "track_file", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Name used up to 2.0.20; only logged." },
  vrrp_sync_group: { value: alone(blockName()), block: VRRP_SYNC_GROUP, repeat: "dup name: error, block skipped", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/vrrp-states.test.ts" },
    doc: "Instances that change state together." },
  vrrp_instance: { value: alone(blockName()), block: VRRP_INSTANCE, repeat: "dup name: error, block skipped", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/vrrp-states.test.ts" },
    doc: "One virtual router. The name is one word (quotes may hold spaces); a second word is an error." },
  bfd_instance: { value: blockName("NAME(1..31) BLOCK", 31), block: BFD_INSTANCE, repeat: "dup name: error, block skipped", tier: "core",
    since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "One BFD session; trackers must follow it in the file." },
  SSL: { value: bare(), block: SSL, default: "(context made automatically)", repeat: "last, with error", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/probes.test.ts" },
    doc: "Client material for SSL_GET." },
  virtual_server_group: { value: blockName("NAME BLOCK of ENTRY lines"), lines: groupEntries, repeat: "duplicates not noticed", tier: "seed",
    since: "<=1.0.3", effective: { test: "test/vm/guest/lifecycle.test.ts" },
    doc: "Named set of addresses, ranges and marks served alike." },
  virtual_server: { value: serviceName, block: VIRTUAL_SERVER, default: "(port 0 needs persistence)", repeat: "duplicates not noticed", tier: "seed",
    since: "<=1.0.3", effective: { test: "test/vm/guest/lifecycle.test.ts" },
    doc: "One IPVS service; without real servers it is dropped with an error, with an undefined group without any message." },
} as const satisfies Table;
