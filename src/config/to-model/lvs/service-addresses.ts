// Config core: the addresses and firewall marks that a virtual server serves, their family and protocol.
import { type Family, familyOf, formatEndpoint } from "../../../base/ip.ts";
import type { Findings } from "../../findings/findings.ts";
import type { GroupEntry, GroupMark, ServiceName } from "../../keywords/lvs/server-names.ts";
import type { Forwarding, Protocol, ServiceAddress, VirtualServer } from "../../model/lvs.ts";
import type { BoundVirtualServer } from "./bound.ts";
import type { ServiceContext } from "./service-context.ts";

/** Name of a service in identifiers, messages and the API. */
export function serviceText(name: ServiceName): VirtualServer["name"] {
  switch (name.kind) {
    case "address":
      return { kind: "address", text: formatEndpoint(name.ip, name.port) };
    case "fwmark":
      return { kind: "fwmark", text: String(name.mark) };
    case "group":
      return { kind: "group", text: name.name };
  }
}

export function serviceId(name: ServiceName, family: Family, protocol: Protocol | undefined): string {
  const tail = protocol?.toLowerCase() ?? (family === 6 ? "inet6" : "inet");
  const { kind, text } = serviceText(name);
  return kind === "address" ? `${text}/${tail}` : `${kind}:${text}/${tail}`;
}

type Target = ServiceAddress | { readonly kind: "fwmark"; readonly mark: number; readonly family: Family | undefined };

export function serviceAddresses(bound: BoundVirtualServer, context: ServiceContext): readonly Target[] {
  const name = bound.value;
  switch (name.kind) {
    case "address":
      return [{ kind: "address", ip: name.ip, port: name.port }];
    case "fwmark":
      return [{ kind: "fwmark", mark: name.mark, family: undefined }];
    case "group": {
      const group = context.groups.get(name.name);
      return group ? group.lines.flatMap((line) => targetsOf(line.value)) : [];
    }
  }
}

/**
 * Only tunnels lead a group of both families to its servers: keepalived fails at the others of such a group when it runs, and its table
 * stays empty, without a word from `-t`.
 */
export function servicesOf(
  bound: BoundVirtualServer,
  targets: readonly Target[],
  family: Family,
  forwarding: Forwarding,
  findings: Findings,
): readonly ServiceAddress[] {
  if (isTunnelled(bound, forwarding))
    return targets.map((target) => ("ip" in target ? target : { ...target, family: target.family ?? family }));
  const services: ServiceAddress[] = [];
  let foreign = 0;
  for (const target of targets) {
    const own = "ip" in target ? familyOf(target.ip) : (target.family ?? family);
    if (own !== family) foreign++;
    else services.push("ip" in target ? target : { ...target, family });
  }
  if (foreign > 0)
    findings.add("warning", (bound.statement.words[2] ?? bound.statement.words[0]).span, {
      code: "mixed-families",
      message: `the group mixes IPv4 and IPv6: only its ${services.length} IPv${family} entries are served`,
      hint: "make a group of each family",
    });
  return services;
}

/** Are all its servers reached by tunnels? */
function isTunnelled({ block }: BoundVirtualServer, forwarding: Forwarding): boolean {
  const methods = (block.real_server ?? []).map((server) => server.block.lvs_method?.value ?? forwarding);
  if (block.sorry_server) methods.push(block.sorry_server_lvs_method?.value ?? forwarding);
  return methods.every(({ method }) => method === "TUN");
}

function targetsOf(entry: GroupEntry | GroupMark): readonly Target[] {
  if (entry.kind === "address") return entry.ips.map((ip) => ({ kind: "address", ip, port: entry.port }));
  const family = entry.family && (entry.family === "inet6" ? 6 : 4);
  return [{ kind: "fwmark", mark: entry.mark, family }];
}

/** A mark has no family of its own: `ip_family`, else that of the servers that are not tunnelled, else IPv4. */
export function familyOfService(bound: BoundVirtualServer, targets: readonly Target[], forwarding: Forwarding): Family {
  for (const target of targets) if ("ip" in target) return familyOf(target.ip);
  const configured = bound.block.ip_family?.value;
  if (configured) return configured === "inet6" ? 6 : 4;
  for (const server of bound.block.real_server ?? []) {
    const method = server.block.lvs_method?.value ?? forwarding;
    const ip = server.value.ips[0];
    if (method.method !== "TUN" && ip !== undefined) return familyOf(ip);
  }
  return 4;
}

export function protocolOf(bound: BoundVirtualServer, marksOnly: boolean, findings: Findings): Protocol {
  const entry = bound.block.protocol;
  if (!marksOnly) return entry?.value ?? "UDP";
  if (entry) {
    // keepalived: `-t` exits 5, and a run goes on. Files of old have it, and nothing is lost, so it must not keep them from starting.
    findings.add("warning", entry.statement.words[0].span, {
      code: "without-effect",
      message: "a firewall mark has no protocol of its own: protocol is ignored",
      hint: "the rule of the packet filter that sets the mark decides",
    });
  }
  return "TCP";
}
