// Roles: the programs and files that a configuration names, for whom, and with which words behind their own. Nothing else is ever started for a
// role: a role that was taken over must not have `curl` write a file, because some check runs curl. Pure.
import type { Command } from "../../config/model/command.ts";
import type { Config } from "../../config/model/config.ts";
import type { Fifo } from "../../config/model/global.ts";
import type { NotifyCommands } from "../../config/model/vrrp.ts";
import { isVrrpStateName } from "../../notify/notification.ts";

/** Roles that have programs started for them, and files read. */
export const PROGRAM_ROLES = ["vrrp", "checker"] as const;
export type ProgramRole = (typeof PROGRAM_ROLES)[number];

export interface NamedProgram {
  readonly role: ProgramRole;
  readonly command: Command;
  /** It runs with no words but its own. */
  readonly alone: boolean;
  /** Or with one of these: the FIFOs that it reads. */
  readonly paths: readonly string[];
  /** Or with one of these, `INSTANCE V1`, a state and a priority. */
  readonly objects: readonly string[];
}

/** A configuration without what only other roles read, and with its programs in one list: what the starter gets. */
export interface ProgramsConfig extends Config {
  readonly programs: readonly NamedProgram[];
  readonly files: readonly NamedFile[];
}

/** A file that the starter reads for a role. */
export interface NamedFile {
  readonly role: ProgramRole;
  readonly path: string;
  /** `watched`: its start, and each change of that; `read`: the whole, when it is asked for. */
  readonly use: "watched" | "read";
  /** What is written to it first, when the role asks. */
  readonly init?: { readonly value: number; readonly overwrite: boolean };
}

export function withPrograms(config: Config): ProgramsConfig {
  const vrrp = { ...config.vrrp, instances: [], syncGroups: [], scripts: [], files: [] };
  // It reads the key of SSL checks, and has no use for the key's password.
  const { ssl: _ofChecks, ...others } = config;
  return { ...others, virtualServers: [], vrrp, bfd: [], programs: programsOf(config), files: filesOf(config) };
}

/** Tracked files that something tracks, those of FILE_CHECK and of the SSL block; each once for each role and use. */
export function filesOf({ vrrp, virtualServers, ssl }: Config): readonly NamedFile[] {
  const found = new Map<string, NamedFile>();
  const add = (file: NamedFile) => {
    const key = JSON.stringify([file.role, file.use, file.path]);
    if (!found.has(key) || file.init) found.set(key, file);
  };
  const tracked = new Set(
    [...vrrp.instances, ...vrrp.syncGroups].flatMap(({ tracking }) => tracking.files.map(({ name }) => name)),
  );
  for (const { name, path, initFile } of vrrp.files)
    if (tracked.has(name)) add({ role: "vrrp", use: "watched", path, ...(initFile && { init: initFile }) });
  const paths = new Map(vrrp.files.map(({ name, path }) => [name, path]));
  for (const { realServers } of virtualServers)
    for (const { checks } of realServers)
      for (const check of checks)
        if (check.kind === "FILE_CHECK")
          add({ role: "checker", use: "watched", path: paths.get(check.file) ?? check.file });
  if (ssl && virtualServers.length > 0)
    for (const path of [ssl.certificate, ssl.key, ssl.ca])
      if (path !== undefined) add({ role: "checker", use: "read", path });
  return [...found.values()];
}

export function hasPrograms(config: Config): config is ProgramsConfig {
  return "programs" in config;
}

/** Each once for each role, in no order that matters. */
export function programsOf(config: Config): readonly NamedProgram[] {
  return [...ofVrrp(config), ...ofChecker(config)];
}

function ofVrrp({ global: { fifo }, vrrp: { instances, syncGroups, scripts } }: Config): readonly NamedProgram[] {
  const found = collect("vrrp");
  for (const one of [fifo.all, fifo.vrrp]) found.reader(one);
  for (const { name, notify } of instances) found.told(notify, `INSTANCE ${name}`);
  for (const { name, notify } of syncGroups) found.told(notify, `GROUP ${name}`);
  for (const { command } of scripts) found.add(command, { alone: true });
  return found.all();
}

function ofChecker({ global: { fifo }, virtualServers }: Config): readonly NamedProgram[] {
  const found = collect("checker");
  for (const one of [fifo.all, fifo.lvs]) found.reader(one);
  for (const { quorumUp, quorumDown, realServers } of virtualServers) {
    found.add(quorumUp, ALONE);
    found.add(quorumDown, ALONE);
    // Of tens of thousands few have one.
    for (const { notifyUp, notifyDown, checks } of realServers) {
      found.add(notifyUp, ALONE);
      found.add(notifyDown, ALONE);
      for (const check of checks) if (check.kind === "MISC_CHECK") found.add(check.command, ALONE);
    }
  }
  return found.all();
}

interface Use {
  readonly alone?: boolean;
  readonly path?: string;
  readonly object?: string;
}

const ALONE: Use = { alone: true };

function collect(role: ProgramRole) {
  const found = new Map<string, { command: Command; alone: boolean; paths: Set<string>; objects: Set<string> }>();

  function add(command: Command | true | undefined, { alone = false, path, object }: Use): void {
    if (command === undefined || command === true) return;
    const key = programKey(command);
    const known = found.get(key) ?? { command, alone: false, paths: new Set(), objects: new Set() };
    found.set(key, known);
    known.alone ||= alone;
    if (path !== undefined) known.paths.add(path);
    if (object !== undefined) known.objects.add(object);
  }

  return {
    add,
    reader(fifo: Fifo | undefined) {
      if (fifo) add(fifo.script, { path: fifo.path });
    },
    told({ any, ...special }: NotifyCommands, object: string) {
      add(any, { object });
      const { master, backup, fault, stop, deleted, masterRxLowerPri } = special;
      for (const command of [master, backup, fault, stop, deleted, masterRxLowerPri]) add(command, { alone: true });
    },
    all: (): NamedProgram[] =>
      [...found.values()].map(({ paths, objects, ...rest }) => ({
        role,
        ...rest,
        paths: [...paths],
        objects: [...objects],
      })),
  };
}

/** May it be started with these words behind its own? */
export function mayFollow({ alone, paths, objects }: NamedProgram, words: readonly string[]): boolean {
  const [first = "", second = "", state = "", priority = ""] = words;
  switch (words.length) {
    case 0:
      return alone;
    case 1:
      return paths.includes(first);
    case 4:
      return objects.includes(`${first} ${second}`) && isVrrpStateName(state) && /^\d{1,3}$/.test(priority);
    default:
      return false;
  }
}

/** What makes two commands the same program: its words and the account. */
export function programKey({ argv, user, group }: Pick<Command, "argv" | "user" | "group">): string {
  return JSON.stringify([argv, user ?? null, group ?? null]);
}
