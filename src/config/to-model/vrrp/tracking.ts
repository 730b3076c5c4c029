// Config core: tracker definitions (vrrp_script, track_file, vrrp_track_process, bfd_instance) and their uses by
// instances and sync groups. A use without a weight takes that of the definition (language.md §14.2).

import type { BlockEntry, LinesEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { nearest } from "../../findings/suggest.ts";
import { type TRACK_FILE, VRRP_SCRIPT, VRRP_TRACK_PROCESS } from "../../keywords/vrrp/track.ts";
import type { TrackerUse } from "../../keywords/vrrp/track-values.ts";
import type { TrackFile, Tracking, TrackProcess, TrackScript, TrackUse } from "../../model/vrrp.ts";
import { valueSpan } from "../../text/tree.ts";
import { laterOf } from "./pairs.ts";

/** Of a process name, as /proc/PID/comm has it (linux/sched.h, TASK_COMM_LEN less the NUL). */
const COMM_BYTES = 15;

export type BoundScript = BlockEntry<string, typeof VRRP_SCRIPT>;
export type BoundFile = BlockEntry<string, typeof TRACK_FILE>;
export type BoundProcess = BlockEntry<string, typeof VRRP_TRACK_PROCESS>;

export function toTrackScript(bound: BoundScript, findings: Findings): TrackScript | undefined {
  const { block } = bound;
  if (!block.script) return missing(bound, "script", findings);
  const intervalMs = positive(block.interval, VRRP_SCRIPT.interval.initial, findings);
  return {
    name: bound.value,
    origin: bound.statement.origin,
    command: { ...block.script.value, ...block.user?.value },
    intervalMs,
    timeoutMs: positive(block.timeout, intervalMs, findings),
    ...(!block.timeout && { timeoutGiven: false }),
    weight: block.weight?.value.weight ?? 0,
    reverse: block.weight?.value.reverse ?? false,
    rise: block.rise?.value ?? VRRP_SCRIPT.rise.initial,
    fall: block.fall?.value ?? VRRP_SCRIPT.fall.initial,
    initFail: block.init_fail?.value ?? false,
  };
}

/** keepalived: 0 is reported and becomes one second. */
function positive(entry: BoundScript["block"]["interval"], absent: number, findings: Findings): number {
  if (!entry) return absent;
  if (entry.value > 0) return entry.value;
  const keyword = entry.statement.words[0].text;
  findings.add("warning", valueSpan(entry.statement), {
    code: "clamped",
    message: `${keyword} 0 is too short: 1 s is taken`,
  });
  return 1000;
}

export function toTrackFile(bound: BoundFile, findings: Findings): TrackFile | undefined {
  const { block } = bound;
  if (!block.file) return missing(bound, "file", findings);
  return {
    name: bound.value,
    origin: bound.statement.origin,
    path: block.file.value,
    weight: block.weight?.value.weight ?? 1,
    reverse: block.weight?.value.reverse ?? false,
    ...(block.init_file && { initFile: block.init_file.value }),
  };
}

export function toTrackProcess(bound: BoundProcess, findings: Findings): TrackProcess | undefined {
  const { block } = bound;
  if (!block.process) return missing(bound, "process", findings);
  const { process, params } = block.process.value;
  const match = block.param_match?.value;
  // keepalived: parameters can only be compared with the whole command line.
  const byCommand = (block.full_command?.value ?? false) || params.length > 0 || match !== undefined;
  judgeProcessName(bound, process, byCommand, findings);
  const delayMs = block.delay?.value ?? 0;
  return {
    name: bound.value,
    origin: bound.statement.origin,
    process,
    params,
    paramMatch: match === true ? "exact" : (match ?? (params.length > 0 ? "exact" : "none")),
    weight: block.weight?.value.weight ?? 0,
    reverse: block.weight?.value.reverse ?? false,
    quorum: block.quorum?.value ?? VRRP_TRACK_PROCESS.quorum.initial,
    ...(block.quorum_max && { quorumMax: block.quorum_max.value }),
    // `delay` sets both, so of the two words the later one counts.
    terminateDelayMs: laterOf(block.terminate_delay, block.delay)?.value ?? delayMs,
    forkDelayMs: laterOf(block.fork_delay, block.delay)?.value ?? delayMs,
    fullCommand: (block.full_command?.value ?? false) || params.length > 0,
  };
}

/** The kernel's name of a process has 15 bytes and no path; a command line begins with one word. */
function judgeProcessName({ block }: BoundProcess, name: string, byCommand: boolean, findings: Findings): void {
  if (!block.process) return;
  const span = valueSpan(block.process.statement);
  const [first = "", ...others] = name.split(/[ \t]+/);
  if (others.length > 0 && block.process.value.params.length === 0 && first.includes("/"))
    findings.add("warning", span, {
      code: "process-name",
      message: `process "${name}": what is quoted is one name, and hardly a program is called so`,
      hint: `write process ${name} without quotes: further words are parameters`,
    });
  else if (!byCommand && name.includes("/"))
    findings.add("warning", span, {
      code: "process-name",
      message: `process ${name} is a path, and is compared with names of processes, which have none`,
      hint: `write process ${name.split("/").at(-1)}, or add full_command`,
    });
  else if (!byCommand && Buffer.byteLength(name) > COMM_BYTES)
    findings.add("warning", span, {
      code: "intention-wins",
      message: `process ${name} is longer than the ${COMM_BYTES} bytes that the kernel keeps of a name: lbd compares those, for keepalived no process is called so`,
      hint: `write process ${name.slice(0, COMM_BYTES)}`,
    });
}

function missing(bound: BoundScript | BoundFile | BoundProcess, keyword: string, findings: Findings): undefined {
  if (bound.attempted.has(keyword)) return undefined;
  const block = bound.statement.words[0];
  findings.add("error", block.span, {
    code: "missing-keyword",
    message: `${block.text} ${bound.value} lacks ${keyword}: it is left out`,
    about: { kind: "lacks", keywords: [keyword] },
  });
  return undefined;
}

// --- uses

/** Definitions by name, for one kind of tracker. */
export type Definitions = ReadonlyMap<string, { readonly weight: number; readonly reverse: boolean }>;

export interface TrackerDefinitions {
  readonly scripts: Definitions;
  readonly files: Definitions;
  readonly processes: Definitions;
  readonly bfd: Definitions;
  /** Sessions of BFD that say they are for the checkers alone. */
  readonly forCheckers: ReadonlySet<string>;
  /** Names whose definition has a finding of its own already. */
  readonly broken: ReadonlySet<string>;
}

export interface TrackBlocks {
  readonly track_interface?: readonly LinesEntry<true, TrackerUse>[];
  readonly track_script?: readonly LinesEntry<true, TrackerUse>[];
  readonly track_file?: readonly LinesEntry<true, TrackerUse>[];
  readonly track_process?: readonly LinesEntry<true, TrackerUse>[];
  readonly track_bfd?: readonly LinesEntry<true, TrackerUse>[];
}

/** Why weights are not allowed: the user is a member of such a group, or owns the addresses (priority 255). */
export type WeightBan = "group-member" | "owner" | undefined;

type UseKind = "interface" | "script" | "file" | "process" | "bfd";

export function toTracking(
  blocks: TrackBlocks,
  known: TrackerDefinitions,
  ban: WeightBan,
  findings: Findings,
): Tracking {
  const uses = (
    entries: readonly LinesEntry<true, TrackerUse>[] | undefined,
    kind: UseKind,
    definitions?: Definitions,
  ) => {
    if (!entries) return NO_USES;
    return toUses(entries, kind, definitions, known, ban, findings);
  };
  return {
    interfaces: uses(blocks.track_interface, "interface"),
    scripts: uses(blocks.track_script, "script", known.scripts),
    files: uses(blocks.track_file, "file", known.files),
    processes: uses(blocks.track_process, "process", known.processes),
    bfd: uses(blocks.track_bfd, "bfd", known.bfd),
  };
}

const NO_USES: readonly TrackUse[] = [];

function toUses(
  entries: readonly LinesEntry<true, TrackerUse>[],
  kind: UseKind,
  definitions: Definitions | undefined,
  { broken, forCheckers }: TrackerDefinitions,
  ban: WeightBan,
  findings: Findings,
): readonly TrackUse[] {
  const uses = new Map<string, TrackUse>();
  for (const { value: use } of entries.flatMap((entry) => entry.lines)) {
    const definition = definitions?.get(use.name);
    if (definitions && !definition) {
      if (kind === "bfd" && forCheckers.has(use.name)) reportForCheckers(use, findings);
      else if (!broken.has(use.name)) reportUndefined(use, kind, definitions, findings);
      continue;
    }
    if (uses.has(use.name)) {
      findings.add("error", use.word.span, {
        code: "duplicate-tracker",
        message: `${use.name} is tracked twice: the first line counts`,
      });
      continue;
    }
    const allowed = ban ? banWeight(use, kind, definition, ban, findings) : resolved(use, definition);
    if (allowed) uses.set(use.name, { name: use.name, ...allowed, origin: use.word.origin });
  }
  return [...uses.values()];
}

interface Resolved {
  readonly weight?: number;
  readonly reverse: boolean;
}

function resolved(
  use: TrackerUse,
  definition: { readonly weight: number; readonly reverse: boolean } | undefined,
): Resolved {
  const weight = use.weight ?? definition?.weight;
  const reverse = use.reverse ?? definition?.reverse ?? false;
  return weight === undefined ? { reverse } : { weight, reverse };
}

/** What keepalived makes of a weight that is not allowed depends on the kind (language.md §14.2, last paragraph). */
function banWeight(
  use: TrackerUse,
  kind: UseKind,
  definition: { readonly weight: number; readonly reverse: boolean } | undefined,
  ban: NonNullable<WeightBan>,
  findings: Findings,
): Resolved | undefined {
  const meant = resolved(use, definition);
  if (kind === "process" || (meant.weight ?? 0) === 0) return meant;
  const isDefaultFile = kind === "file" && meant.weight === 1;
  const dropped = kind === "interface" ? ban === "owner" : !isDefaultFile;
  const why = ban === "owner" ? "an address owner (priority 255)" : "a member of a sync group";
  findings.add("error", use.word.span, {
    code: "weight-not-allowed",
    message: `${why} may not track ${use.name} with a weight (${meant.weight}): ${dropped ? "the tracker is left out" : "losing it is a fault"}`,
    hint:
      ban === "owner"
        ? "write weight 0, or lower the priority"
        : "write weight 0, or sync_group_tracking_weight in the group",
  });
  return dropped ? undefined : { weight: 0, reverse: meant.reverse };
}

const BLOCK_OF: Readonly<Record<UseKind, string>> = {
  interface: "interface",
  script: "vrrp_script",
  file: "track_file",
  process: "vrrp_track_process",
  bfd: "bfd_instance",
};

function reportForCheckers(use: TrackerUse, findings: Findings): void {
  findings.add("error", use.word.span, {
    code: "undefined-reference",
    message: `bfd_instance ${use.name} has checker and lacks vrrp: it is not tracked`,
    hint: "write vrrp in it as well, or neither of them",
  });
}

function reportUndefined(use: TrackerUse, kind: UseKind, definitions: Definitions, findings: Findings): void {
  const near = nearest(use.name, definitions.keys());
  findings.add("error", use.word.span, {
    code: "undefined-reference",
    message: `there is no ${BLOCK_OF[kind]} ${use.name}: it is not tracked`,
    about: { kind: "undefined", block: BLOCK_OF[kind], name: use.name },
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
