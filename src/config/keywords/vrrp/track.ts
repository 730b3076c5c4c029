// Config core: keywords of the tracker definitions: vrrp_script, vrrp_track_process, track_file and its old name.

import type { Table } from "../../bind/keyword.ts";
import { account, program } from "../../bind/values/commands.ts";
import { text } from "../../bind/values/names.ts";
import { INT32_MAX, integer, seconds, weight } from "../../bind/values/numbers.ts";
import { flag } from "../../bind/values/switches.ts";
import { optionalChoice } from "../global-values.ts";
import { scriptSeconds } from "../odd-times.ts";
import { initFile, trackedProcess } from "./track-values.ts";
// biome-ignore format: a table reads by rows
export const VRRP_SCRIPT = {
  script: { value: program, default: "(required)", repeat: "last", tier: "seed", since: "1.1.13",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Command to run; words after the first unquoted one are dropped without notice." },
  interval: { value: scriptSeconds(4294), initial: 1_000, unit: "s", repeat: "last", tier: "seed", since: "1.1.13",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Period between runs; 0 is reported and becomes 1." },
  timeout: { value: scriptSeconds(4294), default: "(interval)", unit: "s", repeat: "last", tier: "core", since: "1.2.6",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Time after which a run counts as failed; 0 is reported and becomes 1." },
  weight: { value: weight(253, ["reverse"], "kept"), default: "0 (2 in the 1.1 line)", repeat: "last", tier: "seed", since: "1.1.13",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Priority change: positive is added while OK, negative subtracted while failed, 0 means FAULT on failure; reverse swaps the sense." },
  rise: { value: integer(1, INT32_MAX), initial: 1, unit: "runs", repeat: "last", tier: "core", since: "1.1.18",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Consecutive successes needed to count as OK." },
  fall: { value: integer(1, INT32_MAX), initial: 1, unit: "runs", repeat: "last", tier: "core", since: "1.1.18",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Consecutive failures needed to count as failed." },
  user: { value: account, default: "(script_user)", repeat: "last", tier: "core", since: "1.3.0", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Identity for this command; an unknown user removes the script." },
  init_fail: { value: flag, initial: false, repeat: "flag", tier: "core", since: "1.3.2",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Start in the failed state instead of waiting for the first result." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const VRRP_TRACK_PROCESS = {
  process: { value: trackedProcess, default: "(required)", repeat: "first", tier: "core", since: "2.0.11", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Process name, or command with parameters (which switches to full command-line matching)." },
  param_match: { value: optionalChoice("initial", "partial"), default: "none (exact when parameters are given)", repeat: "last", tier: "full",
    since: "2.0.16", build: "track_process", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "How parameters are compared; bare means exactly, initial lets the last one be longer, partial compares only the leading ones." },
  weight: { value: weight(254), default: "0", repeat: "first non-zero", tier: "core", since: "2.0.11", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Default weight of this tracker." },
  quorum: { value: integer(1, 65535), initial: 1, unit: "processes", repeat: "last", tier: "core", since: "2.0.11", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Fewest processes for success." },
  quorum_max: { value: integer(0, 65535), default: "unlimited", unit: "processes", repeat: "last", tier: "full", since: "2.0.16",
    build: "track_process", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Most processes for success; 0 means none may run." },
  delay: { value: seconds(0.000001, 3600), initial: 0, unit: "s", repeat: "last", tier: "core", since: "2.0.11", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Sets both delays below." },
  terminate_delay: { value: seconds(0.000001, 3600), initial: 0, unit: "s", repeat: "last", tier: "full", since: "2.0.16", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Grace after the quorum is lost." },
  fork_delay: { value: seconds(0.000001, 3600), initial: 0, unit: "s", repeat: "last", tier: "full", since: "2.0.16", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Grace after the quorum is gained." },
  full_command: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.11", build: "track_process",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Compare the whole command line rather than the short process name." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const TRACK_FILE = {
  file: { value: text("PATH"), default: "(required)", repeat: "first", tier: "core", since: "2.1.0",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "File to watch; its directory must exist, be writable and support inotify." },
  weight: { value: weight(254), default: "1", repeat: "first that differs from 1", tier: "core", since: "2.1.0",
    aliases: "the manual promises the full 32-bit range", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Default multiplier; 0 makes any non-zero value a failure." },
  init_file: { value: initFile, default: "0", repeat: "last", tier: "core", since: "2.1.0", reload: "start-only", effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "Create the file with this value at start; overwrite also replaces an existing one." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const VRRP_TRACK_FILE = {
  file: { value: text("PATH"), default: "(required)", repeat: "first", tier: "core", since: "2.0.0", status: "deprecated", quiet: true,
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "As track_file/file." },
  weight: { value: weight(254), default: "1", repeat: "first that differs from 1", tier: "core", since: "2.0.0", status: "deprecated", quiet: true,
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "As track_file/weight." },
  init_file: { value: initFile, default: "0", repeat: "last", tier: "core", since: "2.0.0", status: "deprecated", quiet: true, reload: "start-only",
    effective: { test: "test/unit/words/tracking.test.ts" },
    doc: "As track_file/init_file." },
} as const satisfies Table;
