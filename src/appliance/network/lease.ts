// Appliance core: what a DHCP server said (RFC 2131), as BusyBox's udhcpc hands it to its script, and a network with it. What was learned
// becomes part of what is wanted, so that there is one way by which anything gets into the kernel.
import { canonicalIp, familyOf, type IpText } from "../../base/ip.ts";
import type { Network, NetworkLink, NetworkRoute, Prefix } from "./model.ts";

/** netplan: routes learned by DHCP have this metric, so that written ones come first. */
const DHCP_METRIC = 100;
const MAX_SERVERS = 8;
const MAX_ROUTES = 64;

export interface Lease {
  readonly address: Prefix;
  readonly routers: readonly IpText[];
  /** RFC 3442: with these the routers count nothing. */
  readonly routes: readonly { readonly to: Prefix; readonly via: IpText }[];
  readonly nameservers: readonly IpText[];
  readonly searchDomains: readonly string[];
  readonly timeServers: readonly string[];
}

/** What the last call of the script said. */
export type DhcpEvent =
  | { readonly kind: "bound"; readonly lease: Lease }
  /** Nobody answered. */
  | { readonly kind: "silence" }
  /** The address is no longer this machine's, or was never. */
  | { readonly kind: "lost" };

/** @param text variables of the script, NAME=VALUE a line, `event` among them; undefined: it says nothing that could be used */
export function readDhcpEvent(text: string): DhcpEvent | undefined {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0 && !values.has(line.slice(0, at))) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const list = (name: string) => (values.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
  switch (values.get("event")) {
    case "leasefail":
      return { kind: "silence" };
    case "deconfig":
    case "nak":
      return { kind: "lost" };
    case "bound":
    case "renew":
      break;
    default:
      return undefined;
  }
  const ip = canonicalIp(values.get("ip") ?? "");
  const prefix = Number(values.get("mask"));
  if (ip === undefined || familyOf(ip) !== 4 || !Number.isInteger(prefix) || prefix < 1 || prefix > 32)
    return undefined;
  const addresses = (name: string) =>
    list(name)
      .map(canonicalIp)
      .filter((one): one is IpText => one !== undefined && familyOf(one) === 4)
      .slice(0, MAX_SERVERS);
  return {
    kind: "bound",
    lease: {
      address: { ip, family: 4, prefix },
      routers: addresses("router"),
      routes: readRoutes(list("staticroutes")),
      nameservers: addresses("dns"),
      searchDomains: [...list("search"), ...list("domain")].filter(isDomain).slice(0, MAX_SERVERS),
      timeServers: addresses("ntpsrv"),
    },
  };
}

/** RFC 1123; what a server says goes into files. */
function isDomain(word: string): boolean {
  return /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$/i.test(word);
}

/** Destination and gateway in turn: `10.0.0.0/8 192.0.2.1 0.0.0.0/0 192.0.2.1`. */
function readRoutes(words: readonly string[]): Lease["routes"] {
  const routes: Lease["routes"][number][] = [];
  for (let n = 0; n + 1 < words.length && routes.length < MAX_ROUTES; n += 2) {
    const [, address = "", length = ""] = /^(.+)\/(\d{1,2})$/.exec(words[n] ?? "") ?? [];
    const [ip, via] = [canonicalIp(address), canonicalIp(words[n + 1] ?? "")];
    if (ip === undefined || via === undefined || familyOf(ip) !== 4 || familyOf(via) !== 4 || Number(length) > 32)
      continue;
    routes.push({ to: { ip, family: 4, prefix: Number(length) }, via });
  }
  return routes;
}

/** @param leases by the link's id */
export function withLeases(network: Network, leases: ReadonlyMap<string, Lease>): Network {
  return { links: network.links.map((link) => withLease(link, leases.get(link.id))) };
}

function withLease(link: NetworkLink, lease: Lease | undefined): NetworkLink {
  if (!lease || !link.dhcp4) return link;
  const route = (to: Prefix, via: IpText): NetworkRoute => {
    // RFC 3442: a gateway of zeros is the link itself.
    const isLink = via === "0.0.0.0";
    return {
      to,
      type: "unicast",
      metric: DHCP_METRIC,
      // Of a lease of /32 nothing is on the link but what is said to be.
      onLink: !isLink && lease.address.prefix === 32,
      origin: link.origin,
      ...(isLink ? { scope: "link" as const } : { via }),
    };
  };
  const [router] = lease.routers;
  const learned =
    lease.routes.length > 0
      ? lease.routes.map(({ to, via }) => route(to, via))
      : router === undefined
        ? []
        : [route({ ip: "0.0.0.0", family: 4, prefix: 0 }, router)];
  const isWritten = link.addresses.some(({ ip }) => ip === lease.address.ip);
  return {
    ...link,
    addresses: isWritten ? link.addresses : [...link.addresses, lease.address],
    routes: [...link.routes, ...learned],
    nameservers: [...link.nameservers, ...lease.nameservers],
    searchDomains: [...link.searchDomains, ...lease.searchDomains],
  };
}
