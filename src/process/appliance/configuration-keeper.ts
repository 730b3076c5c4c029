// Process layer, appliance: which configuration is in force. The partition's, part by part, where it can be used; else that part of the last
// folder that was good. What was taken over and has run well for a while becomes the last good one. Nothing here ever ends a start.
import { existsSync, rmSync } from "node:fs";
import { folderTag } from "../../appliance/folder/copy.ts";
import { compose, type Files, type PartName, type PartState, partOf, sameFiles } from "../../appliance/folder/parts.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import type { Code } from "../../config/findings/codes.ts";
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import {
  APPLIANCE_YAML,
  type Folder,
  KEEPALIVED_CONF,
  NETWORK_YAML,
  putFiles,
  readFiles,
  readFolder,
  withDirectorFile,
} from "./configuration.ts";
import type { JudgedFolder } from "./judge-folder.ts";

/** A director that runs so long with a folder, in a network without faults, makes it a good one. */
const GOOD_AFTER_MS = 5000;
const LOOK_AGAIN_MS = 5000;
/** Of one taking over; the rest is counted. */
const MAX_SAID = 50;

export interface ConfigurationPorts {
  readonly clock: Clock;
  say(level: Level, message: string): void;
  /** The copy in memory that everything is read from. */
  readonly folder: string;
  /** What the partition has. @throws Error in words when there is none, or it can't be read */
  readPartition(): Files;
  /** @throws Error */
  replacePartition(files: Files): void;
  /** The last good folder; undefined: there is none. @throws Error when nothing can be read */
  readGood(): Files | undefined;
  /** @throws Error */
  writeGood(files: Files): void;
  /** What is in force runs: the director answers, the network has no faults. */
  isWell(): Promise<{ readonly director: boolean; readonly network: boolean }>;
}

export interface ConfigurationStatus {
  /** Tells one content of the folder from another. */
  readonly tag: string;
  readonly parts: readonly PartState[];
  /** Kept as the last good folder; or why not (yet). */
  readonly kept: true | string;
}

export interface ConfigurationKeeper {
  /** Reads the partition and puts it into force in memory, as far as it can be used. What is in force is what the caller then applies. */
  take(): Promise<Folder>;
  /** Looks from now on whether what is in force runs well. */
  watch(): void;
  /** What is in force. */
  inForce(): Folder;
  /** Content of what is in force, without what is the machine's own. */
  files(): Files;
  /** Everything that is to be said of these files, as `lbd check --appliance` does. */
  judge(files: Files): Promise<readonly Diagnostic[]>;
  /** Writes another folder to the partition; what is the machine's own stays. take() puts it into force. @throws Error ENOSPC, EROFS … */
  replace(files: Files): void;
  status(): ConfigurationStatus;
}

export function createConfigurationKeeper(ports: ConfigurationPorts): ConfigurationKeeper {
  const { clock, say, folder } = ports;
  let files: Files = new Map();
  let parts: readonly PartState[] = [];
  let read: Folder = {
    network: { links: [] },
    settings: readFolder(folder).settings,
    findings: [],
    missing: [],
    sources: [],
  };
  let kept: true | string = "the director has not yet run with it";
  let cancelWatch: Cancel = () => {};
  /** As the loader's partition has it; undefined: not yet looked at. */
  let good: { readonly files: Files | undefined } | undefined;

  /** As the loader's partition has it. */
  function readGood(): Files | undefined {
    if (good === undefined) {
      try {
        good = { files: ports.readGood() };
      } catch (error) {
        say("warning", `the last good configuration can't be read: ${messageOf(error)}`);
        good = { files: undefined };
      }
    }
    return good.files;
  }

  async function take(): Promise<Folder> {
    // What runs is as good as it gets; after a start of this process alone it still lies in memory.
    const before = files.size > 0 ? withOwn(files, folder) : (inMemory(folder) ?? readGood());
    let taken: Files | undefined;
    let reason: string | undefined;
    try {
      taken = ports.readPartition();
    } catch (error) {
      reason = messageOf(error);
      say("error", `the configuration partition: ${reason}`);
    }
    // Judging takes the whole language of keepalived.conf into this process: a start with what was good goes without.
    const found = taken && !sameFiles(taken, before) ? await judgedSafely(taken) : undefined;
    const composed = compose(taken, before, found ? faultsOf(found) : {});
    files = composed.files;
    parts = composed.parts.map((part) => (reason === undefined ? part : { ...part, reason }));
    try {
      putFiles(files, folder);
      withDirectorFile(folder);
    } catch (error) {
      say("error", `the configuration can't be kept in memory: ${messageOf(error)}`);
    }
    read = readFolder(folder);
    kept = "the director has not yet run with it";
    tell(found?.loaded.diagnostics ?? read.findings);
    return read;
  }

  /** What can't be judged is put into force as it is: the director judges it too. */
  async function judgedSafely(taken: Files): Promise<JudgedFolder | undefined> {
    try {
      return await judged(taken, `${folder}.check`);
    } catch (error) {
      say("error", `the configuration can't be judged: ${messageOf(error)}`);
      return undefined;
    }
  }

  function tell(diagnostics: readonly Diagnostic[]): void {
    for (const { name, from, reason } of parts) {
      const what = name === "director" ? KEEPALIVED_CONF : name;
      if (from === "last-good") say("error", `${what} is the last good one: ${reason}`);
      else if (from === "none") say("warning", `the configuration has no ${what}`);
    }
    // The director itself says what it finds in keepalived.conf; what that lacks in the other files nobody else does.
    const told = diagnostics.filter(
      ({ severity, span, code }) =>
        severity !== "note" && span && (!isDirectors(span.file.name) || FOLDER_CODES.includes(code)),
    );
    for (const finding of told.slice(0, MAX_SAID))
      say(finding.severity === "error" ? "error" : "warning", textOf(finding));
    if (told.length > MAX_SAID) say("warning", `${told.length - MAX_SAID} more findings in the configuration folder`);
  }

  function watch(): void {
    cancelWatch();
    const watched = files;
    const look = async () => {
      const { director, network } = await ports.isWell();
      if (watched !== files) return;
      if (director) remember(network ? watched : withNetworkOf(watched, readGood()));
      else kept = "the director does not answer yet";
      if (director && network) return;
      if (director) kept = `${NETWORK_YAML} is not kept while the network has faults`;
      cancelWatch = clock.at(clock.now() + LOOK_AGAIN_MS, () => void look());
    };
    cancelWatch = clock.at(clock.now() + GOOD_AFTER_MS, () => void look());
  }

  function remember(watched: Files): void {
    if (![KEEPALIVED_CONF, NETWORK_YAML, APPLIANCE_YAML].some((name) => watched.has(name))) {
      kept = "it is empty";
      return;
    }
    try {
      if (!sameFiles(readGood(), watched)) ports.writeGood(watched);
      good = { files: watched };
      kept = true;
    } catch (error) {
      const why = messageOf(error);
      if (kept !== why) say("warning", `the configuration is not kept as the last good one: ${why}`);
      kept = why;
    }
  }

  const publicFiles = () => new Map([...files].filter(([path]) => partOf(path) !== "own"));

  return {
    take,
    watch,
    inForce: () => read,
    files: publicFiles,
    judge: async (other) => (await judged(other, `${folder}.judged`)).loaded.diagnostics,
    replace(other) {
      ports.replacePartition(withOwn(other, folder));
    },
    status: () => ({ tag: folderTag(publicFiles()), parts, kept }),
  };
}

/** Of keepalived.conf against the other files (appliance/cross-check.ts). */
const FOLDER_CODES: readonly Code[] = ["unknown-interface", "shared-address", "unknown-address", "program-unusable"];

/** Why a part can't be used as it is. keepalived.conf may have errors: what keepalived would run with it is run (docs/compat-notes.md). */
function faultsOf({ loaded, folder }: JudgedFolder): Partial<Record<PartName, string>> {
  const faults: Partial<Record<PartName, string>> = {};
  const { diagnostics, usable } = loaded;
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  for (const name of [NETWORK_YAML, APPLIANCE_YAML] as const) {
    const first = errors.find(({ span }) => span?.file.name === name);
    if (first) faults[name] = textOf(first);
  }
  const own = diagnostics.filter(({ severity, span }) => severity !== "note" && isDirectors(span?.file.name));
  if (!folder.missing.includes(KEEPALIVED_CONF) && (!usable || (folder.settings.strict && own.length > 0))) {
    const first = own.find(({ severity }) => severity === "error") ?? own[0];
    faults.director = first ? textOf(first) : "nothing of it can be used";
  }
  return faults;
}

function isDirectors(name: string | undefined): boolean {
  return name !== undefined && partOf(name) === "director";
}

/** Judges files in a folder of memory. */
async function judged(files: Files, staging: string): Promise<JudgedFolder> {
  const { judgeFolder } = await import("./judge-folder.ts");
  putFiles(files, staging);
  try {
    return judgeFolder(staging, { named: false });
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The network of the folder before: one with faults is not known to be good. */
function withNetworkOf(files: Files, before: Files | undefined): Files {
  const rest = [...files].filter(([path]) => path !== NETWORK_YAML);
  const network = before?.get(NETWORK_YAML);
  return new Map(network ? [...rest, [NETWORK_YAML, network]] : rest);
}

/** With what the machine has made for itself by now: its certificate comes after the folder was taken. */
function withOwn(files: Files, folder: string): Files {
  const isOwn = (path: string) => partOf(path) === "own";
  const own = [...(inMemory(folder) ?? files)].filter(([path]) => isOwn(path));
  return new Map([...[...files].filter(([path]) => !isOwn(path)), ...own]);
}

function inMemory(folder: string): Files | undefined {
  try {
    return existsSync(folder) ? readFiles(folder) : undefined;
  } catch {
    return undefined;
  }
}

/** `network.yaml:3:5: expected … (hint)`. */
function textOf({ span, message, hint }: Diagnostic): string {
  const place = span === undefined ? "" : `${span.file.name}:${span.line}:${span.column}: `;
  return `${place}${message}${hint === undefined ? "" : ` (${hint})`}`;
}
