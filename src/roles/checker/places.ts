// Role checker: where in the configuration the object of a kernel call stands, for messages about calls that failed.
import type { RealServer, ServiceAddress, SorryServer, VirtualServer } from "../../config/model/lvs.ts";
import { serverDestinationKey } from "../../lvs/desired.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand } from "../../lvs/model.ts";

export interface Places {
  /** `keepalived.conf:12`; undefined when it stands there no more. */
  placeOf(command: IpvsCommand): string | undefined;
  /** There is another configuration. */
  forget(): void;
}

/** @param ownerOf whose a kernel service is, by its key */
export function createPlaces(ownerOf: (key: string) => VirtualServer | undefined): Places {
  /** By key of the kernel's service. Made once for each: where one of its servers is refused, all may be. */
  const servers = new Map<string, ReadonlyMap<string, RealServer | SorryServer>>();
  return {
    placeOf(command) {
      const key = serviceKey(command.service);
      const owner = ownerOf(key);
      if (!owner) return undefined;
      let names = servers.get(key);
      if (!names && "destination" in command) {
        names = serversByDestination(owner, command.service.address);
        servers.set(key, names);
      }
      const server = "destination" in command ? names?.get(destinationKey(command.destination)) : undefined;
      const { file, line } = server?.origin ?? owner.origin;
      return `${file}:${line}`;
    },
    forget: () => servers.clear(),
  };
}

/** The servers of a virtual server by the key of the destination that stands for each; the first of the file has it. */
function serversByDestination(
  { realServers, sorryServer }: VirtualServer,
  address: ServiceAddress,
): ReadonlyMap<string, RealServer | SorryServer> {
  const servers = new Map<string, RealServer | SorryServer>();
  for (const server of [...realServers, ...(sorryServer ? [sorryServer] : [])]) {
    const key = serverDestinationKey(address, server);
    if (!servers.has(key)) servers.set(key, server);
  }
  return servers;
}
