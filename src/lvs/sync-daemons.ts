// Core: the kernel's connection-sync daemons (`lvs_sync_daemon`, `lvs_sync_daemon_interface`): which a configuration wants while these
// instances are master, and the commands from what runs to that. Bound to an instance the role follows it; bound to none, master and backup
// both run.
import type { Config } from "../config/model/config.ts";
import type { SyncDaemon } from "../config/model/lvs.ts";
import type { SyncDaemonState } from "./model.ts";

export type SyncDaemonCommand =
  | { readonly kind: "stop-daemon"; readonly role: SyncDaemonState["role"] }
  | { readonly kind: "start-daemon"; readonly daemon: SyncDaemonState };

/** The kernel takes no change in place: one with other settings is stopped first. */
export function planSyncDaemons(
  wanted: readonly SyncDaemonState[],
  there: readonly SyncDaemonState[],
): readonly SyncDaemonCommand[] {
  const gone = there.filter((daemon) => !wanted.some((wish) => daemonDoes(wish, daemon)));
  const fresh = wanted.filter((wish) => !there.some((daemon) => daemonDoes(wish, daemon)));
  return [
    ...gone.map(({ role }) => ({ kind: "stop-daemon" as const, role })),
    ...fresh.map((daemon) => ({ kind: "start-daemon" as const, daemon })),
  ];
}

/** The global keyword, else the old one of an instance; its sync id is the VRID of the instance where none is given. */
export function syncDaemonOf(config: Config): SyncDaemon | undefined {
  const global = config.global.lvs.syncDaemon;
  const instances = config.vrrp.instances;
  if (global) {
    const vrid = instances.find((instance) => instance.name === global.instance)?.vrid;
    return { ...global, syncId: global.syncId ?? vrid ?? 0 };
  }
  const old = instances.find((instance) => instance.lvsSyncInterface !== undefined);
  if (old?.lvsSyncInterface === undefined) return undefined;
  return { interface: old.lvsSyncInterface, instance: old.name, syncId: old.vrid, origin: old.origin };
}

/** The instances that are master, by name. */
export interface Masters {
  has(name: string): boolean;
}

/** `masters`: the instances that are master. */
export function wantedSyncDaemons(wish: SyncDaemon, masters: Masters): SyncDaemonState[] {
  const settings = {
    interface: wish.interface,
    syncId: wish.syncId ?? 0,
    ...(wish.maxLen !== undefined ? { maxLen: wish.maxLen } : {}),
    ...(wish.port !== undefined ? { port: wish.port } : {}),
    ...(wish.ttl !== undefined ? { ttl: wish.ttl } : {}),
    ...(wish.group !== undefined ? { group: wish.group } : {}),
  };
  if (wish.instance === undefined)
    return [
      { role: "master", ...settings },
      { role: "backup", ...settings },
    ];
  return [{ role: masters.has(wish.instance) ? "master" : "backup", ...settings }];
}

/** Compares what the wish names and the kernel tells: by socket options that is not everything. */
function daemonDoes(wish: SyncDaemonState, there: SyncDaemonState): boolean {
  const told = new Map<string, unknown>(Object.entries(there));
  return Object.entries(wish).every(([name, value]) => !told.has(name) || told.get(name) === value);
}
