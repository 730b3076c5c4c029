// Config core: keywords of vrrp_sync_group, track_group and garp_group.

import type { Table } from "../../bind/keyword.ts";
import { command } from "../../bind/values/commands.ts";
import { iface } from "../../bind/values/names.ts";
import { seconds } from "../../bind/values/numbers.ts";
import { bare } from "../../bind/values/shapes.ts";
import { bool, flag } from "../../bind/values/switches.ts";
import { names } from "../routing/lists.ts";
import { trackBfd, trackFiles, trackInterfaces, trackProcesses, trackScripts } from "./track-values.ts";
// biome-ignore format: a table reads by rows
export const VRRP_SYNC_GROUP = {
  group: { value: bare("LIST{ VRRP-INSTANCE ... }"), lines: names, default: "(required)", repeat: "first", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/vrrp-states.test.ts" },
    doc: "Members; may be declared later in the file, an unknown one is dropped with an error, a single one is reported." },
  track_interface: { value: bare("BLOCK of IFNAME [weight INT(-253..253) [reverse]]"), lines: trackInterfaces, repeat: "append", tier: "core",
    since: "2.0.0", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Interfaces tracked on behalf of every member." },
  track_script: { value: bare("BLOCK of NAME [weight INT(-253..253) [reverse|noreverse]]"), lines: trackScripts, repeat: "append", tier: "core",
    since: "2.0.0", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Scripts tracked on behalf of every member." },
  track_file: { value: bare("BLOCK of NAME [weight INT(-254..254) [reverse|noreverse]]"), lines: trackFiles, repeat: "append", tier: "core",
    since: "2.0.0", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Files tracked on behalf of every member." },
  track_process: { value: bare("BLOCK of NAME [weight INT(-254..254) [reverse|noreverse]]"), lines: trackProcesses, repeat: "append", tier: "core",
    since: "2.0.11", build: "track_process", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Processes tracked on behalf of every member." },
  track_bfd: { value: bare("BLOCK of NAME [weight INT(-253..253) [reverse|noreverse]]"), lines: trackBfd, repeat: "append", tier: "core",
    since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "BFD sessions tracked on behalf of every member." },
  notify_master: { value: command, repeat: "first", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Command on the group's transition to MASTER." },
  notify_backup: { value: command, repeat: "first", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Command on the group's transition to BACKUP." },
  notify_fault: { value: command, repeat: "first", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Command on the group's transition to FAULT." },
  notify_stop: { value: command, repeat: "first", tier: "core", since: "2.0.0", effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Command when VRRP stops." },
  notify: { value: command, repeat: "first", tier: "seed", since: "1.1.2", effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Command on any transition; GROUP, name, state and priority (0) are appended." },
  smtp_alert: { value: bool, default: "(smtp_alert_vrrp, smtp_alert, false)", repeat: "last", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/notify.test.ts" },
    doc: "Mail on the group's transitions." },
  global_tracking: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.2.3", status: "deprecated",
    successor: "group trackers; acts as sync_group_tracking_weight", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Old way to let members keep weighted trackers." },
  sync_group_tracking_weight: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.0",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Let members keep trackers with weights, which a group otherwise neutralises." },
  notify_priority_changes: { value: bool, default: "(vrrp_notify_priority_changes)", repeat: "last", tier: "full", since: "2.2.0",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Members write priority changes to the FIFOs." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const TRACK_GROUP = {
  group: { value: bare("LIST{ VRRP-INSTANCE ... }"), lines: names, repeat: "first", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Member instances; any number per line." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const GARP_GROUP = {
  garp_interval: { value: seconds(0, 4294.967295), default: "(none)", unit: "s", repeat: "last", tier: "full", since: "1.2.21",
    effective: { test: "test/unit/words/vrrp-announce.test.ts" },
    doc: "Spacing of gratuitous ARPs in the group." },
  gna_interval: { value: seconds(0, 4294.967295), default: "(none)", unit: "s", repeat: "last", tier: "full", since: "1.2.21",
    effective: { test: "test/unit/words/vrrp-announce.test.ts" },
    doc: "Spacing of unsolicited neighbour adverts in the group." },
  interface: { value: iface, repeat: "once per interface", tier: "full", since: "1.2.21", effective: { test: "test/unit/words/vrrp-announce.test.ts" },
    doc: "The single interface of the group." },
  interfaces: { value: bare("LIST{ IFNAME ... }"), lines: names, repeat: "once per interface", tier: "full", since: "1.2.21",
    effective: { test: "test/unit/words/vrrp-announce.test.ts" },
    doc: "Several interfaces limited together." },
} as const satisfies Table;
