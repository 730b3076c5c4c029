// Configurations of one instance for the netns ring, and what a host looks like that runs it.
import type { Daemon } from "./daemon.ts";
import type { Namespace } from "./netns.ts";
import { addressesOf } from "./segment.ts";

export const VIP = "192.0.2.100/32";

export interface Settings {
  readonly priority?: number;
  /** Seconds. */
  readonly advertInt?: number;
  readonly extra?: string;
  readonly global?: string;
  readonly vips?: readonly string[];
  readonly interface?: string;
  readonly vrid?: number;
  readonly name?: string;
}

/** V1 on eth0: version 3, VRID 51, priority 100, ten advertisements a second, 192.0.2.100. */
export function instance(settings: Settings = {}): string {
  return `vrrp_instance ${settings.name ?? "V1"} {
  interface ${settings.interface ?? "eth0"}
  version 3
  virtual_router_id ${settings.vrid ?? 51}
  priority ${settings.priority ?? 100}
  advert_int ${settings.advertInt ?? 0.1}
  garp_master_delay 1
  ${settings.extra ?? ""}
  virtual_ipaddress {
    ${(settings.vips ?? ["192.0.2.100"]).join("\n    ")}
  }
}
`;
}

export function config(settings: Settings = {}): string {
  return `global_defs {\n  router_id test\n  script_user root\n  ${settings.global ?? ""}\n}\n${instance(settings)}`;
}

/** Has the host this address on any interface? */
export function has(host: Namespace, address = VIP): boolean {
  return addressesOf(host).includes(address);
}

/** What the API of a director says of an instance; undefined while it does not answer. */
export function stateOf(host: Namespace, daemon: Daemon, name = "V1"): { state: string; faults: string[] } | undefined {
  const socket = `${daemon.dir}/run/api.sock`;
  const { stdout } = host.run("curl", "-s", "--unix-socket", socket, `http://lbd/v1/vrrp/${name}`);
  return stdout.startsWith("{") ? JSON.parse(stdout) : undefined;
}

/** A link of its own that is up: one end of a veth pair. */
export function addLink(host: Namespace, name: string): void {
  host.ip(`link add ${name} type veth peer name ${name}-peer`);
  host.ip(`link set ${name} up`);
  host.ip(`link set ${name}-peer up`);
}
