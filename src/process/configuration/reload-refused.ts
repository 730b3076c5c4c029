// Process layer: what refuses a reload as a whole: errors that the running configuration does not have, and what a running
// director can't change (cli-signals.md §3).

import type { Config } from "../../config/model/config.ts";
import { newErrors } from "../../config/semantics/known-errors.ts";
import type { Reading } from "./configuration.ts";
import type { Standing } from "./standing.ts";

/** Errors of `next` that `running` does not have, or not as often, one line each. */
export function newErrorsOf(running: Standing, next: Reading): readonly string[] {
  return newErrors(running.errorKeys(), next.errorKeys()).flatMap((index) => next.errors[index] ?? []);
}

const FIXED: readonly { readonly keyword: string; readonly of: (config: Config) => unknown }[] = [
  { keyword: "net_namespace", of: (config) => config.global.netNamespace },
  { keyword: "net_namespace_ipvs", of: (config) => config.global.netNamespaceIpvs },
  { keyword: "instance", of: (config) => config.global.instanceName },
  { keyword: "nftables", of: (config) => config.vrrp.global.nftables.table },
  { keyword: "nftables_ipvs", of: (config) => config.global.lvs.nftablesIpvsTable },
  { keyword: "disable_local_igmp", of: (config) => config.vrrp.global.disableLocalIgmp },
];

/** One line for each setting that differs and needs a restart; empty when `next` can be taken in place. */
export function needsRestart(running: Config, next: Config): readonly string[] {
  return FIXED.filter(({ of }) => of(running) !== of(next)).map(
    ({ keyword, of }) =>
      `${keyword}: can't change while running, restart lbd (was ${shown(of(running))}, now ${shown(of(next))})`,
  );
}

function shown(value: unknown): string {
  return value === undefined ? "not set" : String(value);
}
