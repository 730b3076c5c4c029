// Roles: what the packet filter of VRRP has to know of virtual servers: what is served on an address that accepts nothing else. Pure.
import type { Config } from "../config/model/config.ts";
import { type VirtualService, virtualServices } from "../net/firewall-wish.ts";

/** A configuration without virtual servers, with their services in one list: what the vrrp process gets. */
export interface ServedConfig extends Config {
  readonly served: readonly VirtualService[];
}

/** Services are listed only for instances that have a packet filter. */
export function withServed(config: Config): ServedConfig {
  const served = needsFirewall(config) ? virtualServices(config.virtualServers) : [];
  return { ...config, virtualServers: [], served };
}

export function servedOf(config: Config): readonly VirtualService[] {
  return isServed(config) ? config.served : virtualServices(config.virtualServers);
}

export function needsFirewall({ vrrp }: Config): boolean {
  return vrrp.instances.some((instance) => !instance.accept || instance.vmac?.kind === "macvlan");
}

export function isServed(config: Config): config is ServedConfig {
  return "served" in config;
}
