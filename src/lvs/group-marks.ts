// LVS core: with `nftables_ipvs` a virtual server of a group of addresses is one service by mark; the packet filter marks what is for
// the addresses (net/nft-ipvs.ts). Pure.
import { familyOf } from "../base/ip.ts";
import type { Config } from "../config/model/config.ts";
import type { VirtualServer } from "../config/model/lvs.ts";
import type { MarkedAddress } from "../net/nft-ipvs.ts";

export interface GroupMarks {
  /** The configuration with services by mark in place of those by address. */
  readonly config: Config;
  /** By id of the virtual server: to be handed in the next time, so that a reload renames no service. */
  readonly marks: ReadonlyMap<string, number>;
  readonly marked: readonly MarkedAddress[];
}

export function markGroups(config: Config, before: ReadonlyMap<string, number>): GroupMarks {
  const groups = config.virtualServers.filter(isOfAddresses);
  const marks = new Map(groups.flatMap(({ id }) => [[id, before.get(id)] as const].filter(hasMark)));
  const taken = new Set([...marks.values(), ...config.virtualServers.flatMap(ownMarks)]);
  let next = config.global.lvs.nftablesIpvsStartFwmark;
  for (const { id } of groups) {
    if (marks.has(id)) continue;
    while (taken.has(next)) next++;
    taken.add(next);
    marks.set(id, next);
  }
  const virtualServers = config.virtualServers.map((virtualServer) => {
    const mark = marks.get(virtualServer.id);
    return mark === undefined ? virtualServer : byMark(virtualServer, mark);
  });
  return { config: { ...config, virtualServers }, marks, marked: markedAddresses(groups, marks) };
}

function hasMark(entry: readonly [string, number | undefined]): entry is readonly [string, number] {
  return entry[1] !== undefined;
}

function isOfAddresses({ name, services }: VirtualServer): boolean {
  return name.kind === "group" && services.some((service) => service.kind === "address");
}

function ownMarks({ services }: VirtualServer): number[] {
  return services.flatMap((service) => (service.kind === "fwmark" ? [service.mark] : []));
}

function byMark(virtualServer: VirtualServer, mark: number): VirtualServer {
  const { services } = virtualServer;
  const families = new Set(services.flatMap((service) => (service.kind === "address" ? [familyOf(service.ip)] : [])));
  const marked = [...families].map((family) => ({ kind: "fwmark", mark, family, ofGroup: true }) as const);
  return { ...virtualServer, services: [...marked, ...services.filter((service) => service.kind === "fwmark")] };
}

/** Where two groups name one address and port, the first of the file has it, as with services. */
function markedAddresses(groups: readonly VirtualServer[], marks: ReadonlyMap<string, number>): MarkedAddress[] {
  const marked = new Map<string, MarkedAddress>();
  for (const { id, protocol, services } of groups) {
    const mark = marks.get(id);
    for (const service of services) {
      if (service.kind !== "address" || mark === undefined) continue;
      const { ip, port } = service;
      const key = `${ip} ${port} ${protocol}`;
      if (!marked.has(key)) marked.set(key, { ip, port, protocol, mark });
    }
  }
  return [...marked.values()];
}
