// Role checker: how real servers stand that an earlier life of the role had put into the kernel: after a crash the table is adopted by
// its journal, and what is missing there was down. Pure.
import type { VirtualServer } from "../../config/model/lvs.ts";
import { serverDestinationKey, serviceOf } from "../../lvs/desired.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { SeenService } from "../../lvs/model.ts";
import type { Inheritance } from "./journal.ts";

/** How a real server of an earlier life stands in the table. */
export interface Adopted {
  readonly up: boolean;
  /** -1: it is not there. */
  readonly weight: number;
}

/** By id, of those servers that an earlier life had configured; undefined when their service is not there. */
export function adopt(
  virtualServer: VirtualServer,
  inheritance: Inheritance,
  seen: (key: string) => SeenService | undefined,
): ReadonlyMap<string, Adopted> | undefined {
  const [address] = virtualServer.services;
  if (!address) return undefined;
  const key = serviceKey(serviceOf(virtualServer, address));
  const found = inheritance.services.has(key) ? seen(key) : undefined;
  if (!found) return undefined;
  const weights = new Map(found.destinations.map((destination) => [destinationKey(destination), destination.weight]));
  return new Map(
    virtualServer.realServers
      .filter(({ id }) => inheritance.servers.has(`${virtualServer.id}|${id}`))
      .map((realServer) => {
        const weight = weights.get(serverDestinationKey(address, realServer)) ?? -1;
        // Weight 0 is a failed server only where failed ones stay in the table; elsewhere it is quiesced on purpose.
        const up = weight > 0 || (weight === 0 && (realServer.weight === 0 || !realServer.inhibitOnFailure));
        return [realServer.id, { up, weight }];
      }),
  );
}
