// Config core: from bound virtual_server blocks to the model. Settings are handed down here (language.md §12):
// virtual server → real server → checker, whatever the order of the lines.

import type { Findings } from "../../findings/findings.ts";
import { VIRTUAL_SERVER } from "../../keywords/lvs/virtual-server.ts";
import type { Forwarding, RealServer, VirtualServer } from "../../model/lvs.ts";
import { valueSpan } from "../../text/tree.ts";
import type { BoundVirtualServer, Inherited } from "./bound.ts";
import { saidOf, sorryServerOf, toRealServers } from "./real-server.ts";
import {
  familyOfService,
  protocolOf,
  serviceAddresses,
  serviceId,
  servicesOf,
  serviceText,
} from "./service-addresses.ts";
import type { ServiceContext } from "./service-context.ts";
import { DEFAULT_SCHEDULER, flagsOf, persistenceOf } from "./service-flags.ts";

const DEFAULT_FORWARDING: Forwarding = { method: "NAT" };

/** The model of one virtual server; undefined when nothing of it can be balanced, and a finding says why. */
export function toVirtualServer(bound: BoundVirtualServer, context: ServiceContext): VirtualServer | undefined {
  const { block, value: name } = bound;
  const forwarding = block.lvs_method?.value ?? DEFAULT_FORWARDING;
  const targets = serviceAddresses(bound, context);
  const family = familyOfService(bound, targets, forwarding);
  if (block.ip_family && (block.ip_family.value === "inet6" ? 6 : 4) !== family)
    context.findings.add("warning", valueSpan(block.ip_family.statement), {
      code: "without-effect",
      message: `ip_family ${block.ip_family.value} is another than that of the addresses: it is ignored`,
    });
  const services = servicesOf(bound, targets, family, forwarding, context.findings);
  const marksOnly = services.length > 0 && services.every((service) => service.kind === "fwmark");
  const first = services[0];
  const inherited: Inherited = {
    block,
    forwarding,
    port: first?.kind === "address" ? first.port : 0,
    family,
    defaults: context.defaults,
    trackFiles: context.trackFiles,
    sessions: context.sessions,
    findings: context.findings,
    timings: new Map(),
  };
  const protocol = protocolOf(bound, marksOnly, context.findings);
  const realServers = toRealServers(bound, inherited, context.findings);
  const origin = bound.statement.origin;
  if (!reportIncomplete(bound, services.length, realServers.length, context)) return undefined;
  reportDefaults(bound, context.findings);
  const { quorum, hysteresis } = quorumOf(bound, realServers, context.findings);
  const sorry = sorryServerOf(bound, inherited, context.findings);
  const said = saidOf(block);
  const persistence = persistenceOf(bound, services, family, context.findings);
  return {
    id: serviceId(name, family, marksOnly ? undefined : protocol),
    name: serviceText(name),
    origin,
    services,
    family,
    protocol,
    scheduler: block.lvs_sched?.value ?? DEFAULT_SCHEDULER,
    flags: flagsOf(bound, protocol, marksOnly, context.findings),
    ...(persistence && { persistence }),
    ...(block.persistence_engine && { persistenceEngine: block.persistence_engine.value }),
    quorum,
    hysteresis,
    ...(block.quorum_up && { quorumUp: block.quorum_up.value }),
    ...(block.quorum_down && { quorumDown: block.quorum_down.value }),
    alpha: block.alpha?.value ?? false,
    omega: block.omega?.value ?? false,
    haSuspend: haSuspendOf(bound, context.findings),
    smtpAlert: block.smtp_alert?.value ?? context.defaults.smtpAlert ?? false,
    ...(sorry && { sorryServer: sorry }),
    realServers,
    ...(block.virtualhost && { virtualHost: block.virtualhost.value }),
    ...(block.snmp_name && { snmpName: block.snmp_name.value }),
    ...(said && { said }),
    forwarding,
  };
}

function reportIncomplete(
  bound: BoundVirtualServer,
  services: number,
  servers: number,
  context: ServiceContext,
): boolean {
  const { block, value: name } = bound;
  const keyword = bound.statement.first;
  if (name.kind === "group" && !context.groups.has(name.name)) return false;
  const what = `virtual_server ${name.kind === "address" ? "" : `${name.kind} `}${serviceText(name).text}`;
  if (services === 0) {
    // Entries with a mistake have their own findings.
    const group = name.kind === "group" ? context.groups.get(name.name)?.statement.block : undefined;
    if (!group || group.statements.length === 0)
      context.findings.add("warning", keyword.span, {
        code: "nothing-to-serve",
        message: `${what} has no address: it is left out`,
      });
    return false;
  }
  if (servers === 0) {
    // A real_server with a mistake of its own has its finding already.
    if (!bound.attempted.has("real_server") && !block.real_server)
      // A generated file loses its last server, and the other services have to go on: keepalived says so and leaves it out.
      context.findings.add("warning", keyword.span, {
        code: "no-real-server",
        message: `${what} has no real_server: it is left out`,
        hint: "add at least one real_server block",
        about: { kind: "lacks", keywords: ["real_server"] },
      });
    return false;
  }
  return true;
}

/** keepalived takes a default for these and reports it (`-t` exits 5). */
function reportDefaults(bound: BoundVirtualServer, findings: Findings): void {
  const { block, attempted } = bound;
  const taken: string[] = [];
  if (!block.lvs_sched && !attempted.has("lvs_sched")) taken.push(`lvs_sched ${DEFAULT_SCHEDULER}`);
  const allSay = block.real_server?.every((server) => server.block.lvs_method || server.attempted.has("lvs_method"));
  if (!block.lvs_method && !allSay && !attempted.has("lvs_method")) taken.push("lvs_method NAT");
  if (bound.value.kind === "address" && !block.protocol && !attempted.has("protocol")) taken.push("protocol UDP");
  if (taken.length === 0) return;
  findings.add("warning", bound.statement.words[0].span, {
    code: "default-taken",
    message: `the virtual server does not say all it should: ${taken.join(", ")} ${taken.length === 1 ? "is" : "are"} taken`,
    hint: "write it, or what you mean, into the block",
  });
}

function quorumOf(
  bound: BoundVirtualServer,
  servers: readonly RealServer[],
  findings: Findings,
): { quorum: number; hysteresis: number } {
  const { block, attempted } = bound;
  let total = 0;
  for (const server of servers) total += server.weight;
  let quorum = block.quorum?.value ?? VIRTUAL_SERVER.quorum.initial;
  const unsure = block.real_server?.some((server) => server.attempted.has("weight"));
  const complete = !attempted.has("real_server");
  if (block.quorum && complete && quorum > total && total > 0) {
    // keepalived: `-t` exits 5, and a run goes on with the sum.
    if (!attempted.has("quorum") && !unsure)
      findings.add("warning", valueSpan(block.quorum.statement), {
        code: "quorum-too-high",
        message: `quorum ${quorum} is more than all real servers together weigh (${total}): ${total} is taken`,
      });
    quorum = total;
  }
  // keepalived says that it makes the quorum 0, and then no weight is enough for it.
  if (complete && total === 0 && servers.length > 0)
    findings.add("warning", block.quorum ? valueSpan(block.quorum.statement) : bound.statement.first.span, {
      code: "quorum-too-high",
      message: "all real servers have weight 0: none of them gets connections until its weight changes",
    });
  let hysteresis = block.hysteresis?.value ?? VIRTUAL_SERVER.hysteresis.initial;
  if (block.hysteresis && hysteresis >= quorum) {
    if (!attempted.has("quorum") && !attempted.has("hysteresis") && !unsure)
      findings.add("error", valueSpan(block.hysteresis.statement), {
        code: "hysteresis-too-high",
        message: `hysteresis ${hysteresis} is not below the quorum (${quorum}): ${quorum - 1} is taken`,
      });
    hysteresis = quorum - 1;
  }
  return { quorum, hysteresis };
}

function haSuspendOf(bound: BoundVirtualServer, findings: Findings): boolean {
  const entry = bound.block.ha_suspend;
  if (!entry?.value) return false;
  if (bound.value.kind !== "fwmark") return true;
  findings.add("warning", entry.statement.words[0].span, {
    code: "without-effect",
    message: "ha_suspend needs a virtual address, a firewall mark has none: it is ignored",
  });
  return false;
}
