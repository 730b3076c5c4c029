// Appliance core: resolv.conf(5) of a network.
import type { Network } from "./model.ts";

/** glibc: MAXNS; what stands behind is not asked. */
const MAX_SERVERS = 3;
/** glibc before 2.26 had six; more make every unknown name slow. */
const MAX_DOMAINS = 6;

export interface Resolver {
  readonly text: string;
  /** What does not count, in words. */
  readonly faults: readonly string[];
}

/** Servers and domains of all links in their order, each once. */
export function resolverOf({ links }: Network): Resolver {
  const servers = [...new Set(links.flatMap(({ nameservers }) => nameservers))];
  const domains = [...new Set(links.flatMap(({ searchDomains }) => searchDomains))];
  const faults: string[] = [];
  if (servers.length > MAX_SERVERS)
    faults.push(
      `of ${servers.length} name servers ${MAX_SERVERS} are asked: not ${servers.slice(MAX_SERVERS).join(", ")}`,
    );
  if (domains.length > MAX_DOMAINS)
    faults.push(
      `of ${domains.length} search domains ${MAX_DOMAINS} count: not ${domains.slice(MAX_DOMAINS).join(", ")}`,
    );
  const lines = [
    "# By lbd, from network.yaml and DHCP.",
    ...servers.slice(0, MAX_SERVERS).map((server) => `nameserver ${server}`),
    ...(domains.length > 0 ? [`search ${domains.slice(0, MAX_DOMAINS).join(" ")}`] : []),
    // A server that is silent shall not hold up the others for five seconds each.
    ...(servers.length > 1 ? ["options timeout:2 attempts:2"] : []),
  ];
  return { text: `${lines.join("\n")}\n`, faults };
}
