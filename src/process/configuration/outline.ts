// Process layer: what the parent keeps in mind of a configuration; the rest goes to the roles. Pure.
import type { Config } from "../../config/model/config.ts";
import type { GlobalConfig } from "../../config/model/global.ts";
import { KILL_AFTER_MS } from "../../kernel/script-runner.ts";
import { filesOf, programsOf } from "../../roles/programs/named.ts";
import type { RoleName } from "../../roles/role.ts";
import { neededModules } from "../host/needed-modules.ts";
import type { DumpSettings } from "../host/places.ts";
import { parentName } from "../host/process-names.ts";
import type { UsersFifo } from "../host/users-fifos.ts";

/** keepalived's. */
const DEFAULT_UMASK = 0o177;

export interface Outline {
  /** Roles that have something to do. */
  readonly needs: readonly RoleName[];
  readonly instances: number;
  readonly virtualServers: number;
  readonly parentName: string;
  readonly childWaitMs: number;
  /** Kernel modules, the one that the others need first. */
  readonly modules: readonly string[];
  /** Notify FIFOs of users, of the roles that are needed. */
  readonly fifos: readonly UsersFifo[];
  /** What tells one director from another. */
  readonly netNamespace?: string;
  readonly instanceName?: string;
  readonly usePidDir: boolean;
  readonly reload: GlobalConfig["reload"];
  /** How long `startup_script` and `shutdown_script` take at most, the time between TERM and KILL included; absent: there is none. */
  readonly startupScriptMs?: number;
  readonly shutdownScriptMs?: number;
  readonly dumps: DumpSettings;
  /** For files that are made. */
  readonly umask: number;
}

export function outlineOf(config: Config): Outline {
  const { netNamespace, instanceName, usePidDir, childWaitMs, reload } = config.global;
  return {
    needs: ALL_ROLES.filter((role) => needs(role, config)),
    fifos: usersFifos(config),
    instances: config.vrrp.instances.length,
    virtualServers: config.virtualServers.length,
    parentName: parentName(config.global),
    childWaitMs,
    modules: neededModules(config),
    ...(netNamespace !== undefined && { netNamespace }),
    ...(instanceName !== undefined && { instanceName }),
    usePidDir,
    reload,
    ...(config.global.startupScript && { startupScriptMs: config.global.startupScriptTimeoutMs + KILL_AFTER_MS }),
    ...(config.global.shutdownScript && { shutdownScriptMs: config.global.shutdownScriptTimeoutMs + KILL_AFTER_MS }),
    dumps: dumpSettings(config.global),
    umask: config.global.umask ?? DEFAULT_UMASK,
  };
}

function dumpSettings({ files }: GlobalConfig): DumpSettings {
  const { dataUseInstance = false, stateDump, statsDump, jsonDump } = files ?? {};
  return {
    useInstance: dataUseInstance,
    ...(stateDump !== undefined && { stateFile: stateDump }),
    ...(statsDump !== undefined && { statsFile: statsDump }),
    ...(jsonDump !== undefined && { jsonFile: jsonDump }),
  };
}

function usersFifos(config: Config): UsersFifo[] {
  const { all, vrrp, lvs } = config.global.fifo;
  const [isRouter, isChecker] = [needs("vrrp", config), needs("checker", config)];
  const wanted = [isRouter || isChecker ? all : undefined, isRouter ? vrrp : undefined, isChecker ? lvs : undefined];
  return wanted.flatMap((fifo) => {
    if (fifo?.user === undefined) return [];
    const { path, user, group } = fifo;
    return [{ path, user, ...(group !== undefined && { group }) }];
  });
}

export const ALL_ROLES: readonly RoleName[] = ["starter", "vrrp", "bfd", "api", "checker"];

/** Whether a configuration has something for a role to do. */
function needs(role: RoleName, config: Config): boolean {
  const { vrrp } = config;
  switch (role) {
    case "api":
      return true;
    case "starter":
      return programsOf(config).length > 0 || filesOf(config).length > 0 || hasOwnScripts(config.global);
    case "checker":
      return config.virtualServers.length > 0;
    case "bfd":
      return config.bfd.length > 0;
    case "vrrp":
      return (
        vrrp.instances.length > 0 ||
        vrrp.staticAddresses.length + vrrp.staticRoutes.length + vrrp.staticRules.length > 0 ||
        config.global.lvs.syncDaemon !== undefined
      );
  }
}

function hasOwnScripts({ startupScript, shutdownScript }: GlobalConfig): boolean {
  return startupScript !== undefined || shutdownScript !== undefined;
}
