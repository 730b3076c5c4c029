// Process layer: the kernel modules of a configuration. The parent loads them before the roles get it, since these have no right to.
import type { Log } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import { type KernelModules, kernelModules } from "../../kernel/modules.ts";

/** Modules that a configuration needs, the one that the others need first. Pure. */
export function neededModules({ global, virtualServers }: Config): readonly string[] {
  if (virtualServers.length === 0) return global.lvs.syncDaemon ? ["ip_vs"] : [];
  const names = new Set(["ip_vs"]);
  for (const { scheduler, persistenceEngine } of virtualServers) {
    names.add(`ip_vs_${scheduler}`);
    if (persistenceEngine) names.add(`ip_vs_pe_${persistenceEngine}`);
  }
  // A name from a configuration must not become a path or an option.
  return [...names].filter((name) => /^[a-z0-9_]{1,40}$/.test(name));
}

/** Loads what is not there. One that can't be had is said once, and not looked for again. */
export function createModuleLoader(
  log: Log,
  modules: Pick<KernelModules, "load"> = kernelModules(),
): (names: readonly string[]) => void {
  const told = new Set<string>();
  return (names) => {
    for (const name of names) {
      const outcome = modules.load(name);
      if (outcome.kind === "present" || told.has(name)) continue;
      told.add(name);
      const failure = outcome.kind === "failed" ? outcome.reason : undefined;
      if (failure === undefined) log({ level: "info", area: "process", message: `loaded kernel module ${name}` });
      else log({ level: "warning", area: "process", message: `kernel module ${name}: ${failure}` });
      // Without it the others have nothing to work for.
      if (name === "ip_vs" && outcome.kind === "failed") return;
    }
  };
}
