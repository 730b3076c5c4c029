// Appliance core: the three files of a configuration folder against each other: what each of them can't see alone. A director that waits for
// an interface which nothing makes, or whose virtual address is another machine's own one, is found out here and not in the rack.
import type { IpText } from "../base/ip.ts";
import type { Diagnostic, Finding, Severity } from "../config/findings/diagnostic.ts";
import type { Config } from "../config/model/config.ts";
import type { Origin, Span } from "../config/text/span.ts";
import type { Network, NetworkLink } from "./network/model.ts";
import type { ApplianceSettings } from "./settings.ts";

export interface CheckedFolder {
  readonly config: Config;
  readonly network: Network;
  readonly settings: ApplianceSettings;
  /** The word at a place of one of the files. */
  spanAt(origin: Origin): Span | undefined;
  /** Whether the folder has a file of this name. */
  hasFile(name: string): boolean;
}

/** Interfaces are judged where those of a running machine are (config/semantics/here.ts). */
export function crossCheck(folder: CheckedFolder): Diagnostic[] {
  const found: Diagnostic[] = [];
  const say = (severity: Severity, origin: Origin, finding: Finding) => {
    const span = folder.spanAt(origin);
    found.push({ severity, ...finding, ...(span && { span }) });
  };
  const own = ownAddresses(folder.network);
  const related = (link: NetworkLink, message: string) => {
    const span = folder.spanAt(link.origin);
    return span ? { related: [{ span, message }] } : {};
  };
  const { instances } = folder.config.vrrp;
  for (const { name, priority, virtualAddresses, excludedAddresses } of instances)
    for (const { ip, origin } of [...virtualAddresses, ...excludedAddresses]) {
      const link = own.get(ip);
      // Who owns the address has it always, and says so by priority 255 (RFC 9568 §6.1).
      if (link && priority !== 255)
        say("error", origin, {
          code: "shared-address",
          message: `${ip} is a virtual address of ${name}, and ${link.id}'s own one in network.yaml: this machine has it also as backup`,
          hint: "take it out of network.yaml",
          ...related(link, "where it is the machine's own"),
        });
    }
  for (const { name, sourceIp, unicast, origin, origins } of instances) {
    if (sourceIp !== undefined && !usesDhcp(folder.network) && !hasAddress(folder, own, sourceIp))
      say("warning", origins?.unicast_src_ip ?? origins?.mcast_src_ip ?? origin, {
        code: "unknown-address",
        message: `${name} sends from ${sourceIp}, which no link of network.yaml has`,
        hint: "it can send nothing until the address comes",
      });
    for (const { ip } of unicast?.peers ?? []) {
      const link = own.get(ip);
      if (link && ip !== sourceIp)
        say("warning", origins?.unicast_peer ?? origin, {
          code: "own-peer",
          message: `the peer ${ip} of ${name} is ${link.id}'s own address in network.yaml`,
          hint: "a peer is another director",
          ...related(link, "where it is the machine's own"),
        });
    }
  }
  checkApi(folder, own, say);
  return found;
}

type Say = (severity: Severity, origin: Origin, finding: Finding) => void;

function checkApi(folder: CheckedFolder, own: ReadonlyMap<IpText, NetworkLink>, say: Say): void {
  const { api } = folder.settings;
  if (!api) return;
  const anywhere = api.address === "0.0.0.0" || api.address === "::";
  if (!anywhere && !usesDhcp(folder.network) && !hasAddress(folder, own, api.address))
    say("warning", api.origin, {
      code: "unknown-address",
      message: `the API is to listen on ${api.address}, which no link of network.yaml has`,
      hint: own.size === 0 ? "write addresses in network.yaml" : `this machine has ${[...own.keys()].join(", ")}`,
    });
  for (const name of [api.certificate, api.key, api.clientAuthority])
    if (name !== undefined && !folder.hasFile(name))
      say("error", api.origin, {
        code: "file-missing",
        message: `the folder has no file ${name}, which api names`,
        hint: "names are relative to the folder",
      });
}

function ownAddresses({ links }: Network): ReadonlyMap<IpText, NetworkLink> {
  return new Map(links.flatMap((link) => link.addresses.map(({ ip }) => [ip, link] as const)));
}

/** An own address, or one that keepalived.conf brings. */
function hasAddress({ config }: CheckedFolder, own: ReadonlyMap<IpText, NetworkLink>, ip: IpText): boolean {
  const { vrrp } = config;
  return (
    own.has(ip) ||
    ip === "127.0.0.1" ||
    ip === "::1" ||
    vrrp.staticAddresses.some((address) => address.ip === ip) ||
    vrrp.instances.some(({ virtualAddresses }) => virtualAddresses.some((address) => address.ip === ip))
  );
}

/** What an address will be is known to its server alone. */
function usesDhcp({ links }: Network): boolean {
  return links.some(({ dhcp4, acceptRa }) => dhcp4 || acceptRa === true);
}
