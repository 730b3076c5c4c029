// Roles: the programs that a configuration names. Nothing else is ever started for a role. Pure.
import type { Command } from "../../config/model/command.ts";
import type { Config } from "../../config/model/config.ts";
import type { NotifyCommands } from "../../config/model/vrrp.ts";

/** A configuration without what only other roles read, and with its programs in one list: what the starter gets. */
export interface ProgramsConfig extends Config {
  readonly programs: readonly Command[];
}

export function withPrograms(config: Config): ProgramsConfig {
  const vrrp = { ...config.vrrp, instances: [], syncGroups: [], scripts: [] };
  return { ...config, virtualServers: [], vrrp, bfd: [], programs: programsOf(config) };
}

export function hasPrograms(config: Config): config is ProgramsConfig {
  return "programs" in config;
}

/** Each once, in no order that matters. */
export function programsOf({ global, vrrp, virtualServers }: Config): readonly Command[] {
  const found = new Map<string, Command>();
  const add = (command: Command | true | undefined) => {
    if (command !== undefined && command !== true) found.set(programKey(command), command);
  };
  const addAll = ({ master, backup, fault, stop, deleted, any, masterRxLowerPri }: NotifyCommands) =>
    [master, backup, fault, stop, deleted, any, masterRxLowerPri].forEach(add);
  for (const fifo of [global.fifo.all, global.fifo.vrrp, global.fifo.lvs]) add(fifo?.script);
  for (const { notify } of [...vrrp.instances, ...vrrp.syncGroups]) addAll(notify);
  for (const { command } of vrrp.scripts) add(command);
  for (const { quorumUp, quorumDown, realServers } of virtualServers) {
    add(quorumUp);
    add(quorumDown);
    for (const { notifyUp, notifyDown, checks } of realServers) {
      add(notifyUp);
      add(notifyDown);
      for (const check of checks) if (check.kind === "MISC_CHECK") add(check.command);
    }
  }
  return [...found.values()];
}

/** What makes two commands the same program: its words and the account. */
export function programKey({ argv, user, group }: Pick<Command, "argv" | "user" | "group">): string {
  return JSON.stringify([argv, user ?? null, group ?? null]);
}
