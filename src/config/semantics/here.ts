// Config core: what a configuration asks for and this machine lacks. What the machine has is handed in.
import type { Diagnostic, Finding } from "../findings/diagnostic.ts";
import type { Config } from "../model/config.ts";
import type { VrrpConfig } from "../model/vrrp.ts";
import { spanAt } from "../text/source-lines.ts";
import type { Origin, SourceFile } from "../text/span.ts";

export interface Machine {
  hasInterface(name: string): boolean;
  /** What has the interfaces, in words; absent: this machine. */
  readonly called?: string;
  /** What to do about an interface that is not there; absent: what happens without it. */
  interfaceHint?(name: string): string;
  /** A module of the running kernel, loaded, built in or there to be loaded. */
  hasModule(name: string): boolean;
}

/** How the message about an interface begins that `linkbeat_interfaces` names. */
export const LINKBEAT = "linkbeat_interfaces:";

/**
 * Interfaces that are not there. A director waits for them, so each is a warning; a network namespace of the configuration's own is not
 * looked into.
 */
export function missingInterfaces(config: Config, machine: Machine, sources: readonly SourceFile[]): Diagnostic[] {
  if (config.global.netNamespace !== undefined) return [];
  const made = new Set(config.vrrp.instances.flatMap(({ vmac }) => vmac?.interface ?? []));
  const missing = (name: string | undefined): name is string =>
    name !== undefined && !made.has(name) && !machine.hasInterface(name);
  const found: Diagnostic[] = [];
  const whose = machine.called ?? "this machine";
  const hint = (name: string, without: string) => machine.interfaceHint?.(name) ?? without;
  const say = (origin: Origin, finding: Finding) => {
    const span = spanAt(origin, sources);
    found.push({ severity: "warning", ...finding, ...(span && { span }) });
  };
  const { vrrp } = config;
  for (const instance of vrrp.instances) {
    if (missing(instance.interface))
      say(instance.origins?.interface ?? instance.origin, {
        code: "unknown-interface",
        message: `vrrp_instance ${instance.name}: ${whose} has no interface ${instance.interface}`,
        hint: hint(instance.interface, "the instance is in FAULT until it comes"),
      });
    for (const { name, origin } of instance.tracking.interfaces)
      if (missing(name))
        say(origin, {
          code: "unknown-interface",
          message: `vrrp_instance ${instance.name} tracks interface ${name}, which ${whose} does not have`,
          hint: hint(name, "it counts as down until it comes"),
        });
  }
  for (const { interface: name, origin } of vrrp.linkbeat)
    if (origin && missing(name))
      say(origin, {
        code: "unknown-interface",
        message: `${LINKBEAT} ${whose} has no interface ${name}`,
        hint: hint(name, "its carrier is asked for when it comes"),
      });
  for (const { interfaces, origin } of vrrp.garpGroups)
    for (const name of interfaces)
      if (origin && missing(name))
        say(origin, {
          code: "unknown-interface",
          message: `garp_group: ${whose} has no interface ${name}`,
          hint: hint(name, "it counts in the group when it comes"),
        });
  for (const [name, { what, origin, more }] of devicesOf(vrrp, missing))
    say(origin, {
      code: "unknown-interface",
      message: `${what}${more > 0 ? ` and ${more} more` : ""}: ${whose} has no interface ${name}`,
      hint: hint(name, "what lies on it waits until it comes"),
    });
  return found;
}

interface Wanting {
  /** The first line that wants it. */
  readonly what: string;
  readonly origin: Origin;
  readonly more: number;
}

/** Interfaces of addresses, routes and rules for which `asked` holds, each once. */
function devicesOf(vrrp: VrrpConfig, asked: (name: string | undefined) => name is string): Map<string, Wanting> {
  const wanted = new Map<string, Wanting>();
  const want = (what: string, origin: Origin, ...names: readonly (string | undefined)[]) => {
    for (const name of new Set(names)) {
      if (!asked(name)) continue;
      const known = wanted.get(name);
      wanted.set(name, known ? { ...known, more: known.more + 1 } : { what, origin, more: 0 });
    }
  };
  const { instances, staticAddresses, staticRoutes, staticRules } = vrrp;
  for (const { ip, device, origin } of [
    ...instances.flatMap(({ virtualAddresses, excludedAddresses }) => [...virtualAddresses, ...excludedAddresses]),
    ...staticAddresses,
  ])
    want(`address ${ip}`, origin, device);
  for (const { destination, device, nextHops, origin } of [
    ...instances.flatMap(({ routes }) => routes),
    ...staticRoutes,
  ])
    want(`route ${destination.ip}/${destination.prefix}`, origin, device, ...nextHops.map((hop) => hop.device));
  for (const { preference, iif, oif, origin } of [...instances.flatMap(({ rules }) => rules), ...staticRules])
    want(`rule with preference ${preference}`, origin, iif, oif);
  return wanted;
}

/** Parts of the kernel that virtual servers need. A run says it when it misses them; a check should before. */
export function missingKernelParts({ virtualServers, vrrp }: Config, machine: Machine): Diagnostic[] {
  const needed = new Map<string, string>();
  if (virtualServers.length > 0) needed.set("ip_vs", "virtual servers");
  for (const { scheduler, id } of virtualServers)
    if (scheduler !== "") needed.set(`ip_vs_${scheduler}`, `lb_algo ${scheduler} of ${id}`);
  if (vrrp.instances.some(({ accept }) => !accept)) needed.set("nf_tables", "no_accept");
  if (vrrp.instances.some(({ vmac }) => vmac?.kind === "macvlan")) needed.set("macvlan", "use_vmac");
  if (vrrp.instances.some(({ vmac }) => vmac?.kind === "ipvlan")) needed.set("ipvlan", "use_ipvlan");
  return [...needed]
    .filter(([module]) => !machine.hasModule(module))
    .map(([module, user]) => ({
      severity: "warning",
      code: "missing-module",
      message: `this kernel has no ${module}, which ${user} need${user.endsWith("s") ? "" : "s"}`,
      hint: "install the kernel's package with all its modules, or another kernel",
    }));
}
