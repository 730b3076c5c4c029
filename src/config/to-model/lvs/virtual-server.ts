// Config core: from bound virtual_server blocks to the model. Settings are handed down here (language.md §12):
// virtual server → real server → checker, whatever the order of the lines.
import { type Family, familyOf, formatEndpoint, type IpText } from "../../../base/ip.ts";
import type { Entry, LinesEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { REAL_SERVER } from "../../keywords/lvs/real-server.ts";
import {
  type Endpoint,
  type GroupEntry,
  type GroupMark,
  PERSISTENCE_DEFAULT_S,
  type ServiceName,
} from "../../keywords/lvs/service-values.ts";
import { VIRTUAL_SERVER } from "../../keywords/lvs/virtual-server.ts";
import type { Forwarding, Protocol, RealServer, ServiceAddress, SorryServer, VirtualServer } from "../../model/lvs.ts";
import type { Span } from "../../text/span.ts";
import type { FileWeight, ServiceDefaults } from "../defaults.ts";
import type { BoundRealServer, BoundVirtualServer, Inherited } from "./bound.ts";
import { toChecks } from "./checks.ts";

export type BoundGroup = LinesEntry<string, GroupEntry | GroupMark>;

export interface ServiceContext {
  readonly defaults: ServiceDefaults;
  readonly groups: ReadonlyMap<string, BoundGroup>;
  readonly trackFiles: ReadonlyMap<string, FileWeight>;
  readonly findings: Findings;
}

/** IP_VS_SVC_F_* of <linux/ip_vs.h> that keywords switch on. */
const IP_VS_SVC_F_ONEPACKET = 0x0004;
const IP_VS_SVC_F_SCHED1 = 0x0008;
const IP_VS_SVC_F_SCHED2 = 0x0010;
const IP_VS_SVC_F_SCHED3 = 0x0020;

const DEFAULT_SCHEDULER = "wlc";
const DEFAULT_FORWARDING: Forwarding = { method: "NAT" };

/** The model of one virtual server; undefined when nothing of it can be balanced, and a finding says why. */
export function toVirtualServer(bound: BoundVirtualServer, context: ServiceContext): VirtualServer | undefined {
  const { block, value: name } = bound;
  const forwarding = block.lvs_method?.value ?? DEFAULT_FORWARDING;
  const targets = serviceAddresses(bound, context);
  const family = familyOfService(bound, targets, forwarding);
  if (block.ip_family && (block.ip_family.value === "inet6" ? 6 : 4) !== family)
    context.findings.add("warning", wordSpan(block.ip_family), {
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
    findings: context.findings,
  };
  const protocol = protocolOf(bound, marksOnly, context.findings);
  const realServers = toRealServers(bound, inherited, context.findings);
  const origin = bound.statement.origin;
  if (!reportIncomplete(bound, services.length, realServers.length, context)) return undefined;
  reportDefaults(bound, context.findings);
  const { quorum, hysteresis } = quorumOf(bound, realServers, context.findings);
  const sorry = sorryServerOf(bound, inherited, context.findings);
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
  };
}

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

function serviceId(name: ServiceName, family: Family, protocol: Protocol | undefined): string {
  const tail = protocol?.toLowerCase() ?? (family === 6 ? "inet6" : "inet");
  const { kind, text } = serviceText(name);
  return kind === "address" ? `${text}/${tail}` : `${kind}:${text}/${tail}`;
}

type Target = ServiceAddress | { readonly kind: "fwmark"; readonly mark: number; readonly family: Family | undefined };

function serviceAddresses(bound: BoundVirtualServer, context: ServiceContext): readonly Target[] {
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
function servicesOf(
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
function familyOfService(bound: BoundVirtualServer, targets: readonly Target[], forwarding: Forwarding): Family {
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

function protocolOf(bound: BoundVirtualServer, marksOnly: boolean, findings: Findings): Protocol {
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

/** Scheduler flags by the names that one scheduler has for them. */
const NAMED_FLAGS = [
  { keyword: "sh-fallback", bit: IP_VS_SVC_F_SCHED1, owner: "sh" },
  { keyword: "sh-port", bit: IP_VS_SVC_F_SCHED2, owner: "sh" },
  { keyword: "mh-fallback", bit: IP_VS_SVC_F_SCHED1, owner: "mh" },
  { keyword: "mh-port", bit: IP_VS_SVC_F_SCHED2, owner: "mh" },
] as const;

function flagsOf(bound: BoundVirtualServer, protocol: Protocol, marksOnly: boolean, findings: Findings): number {
  const { block } = bound;
  const scheduler = block.lvs_sched?.value ?? DEFAULT_SCHEDULER;
  let flags = 0;
  if (block["flag-1"]?.value) flags |= IP_VS_SVC_F_SCHED1;
  if (block["flag-2"]?.value) flags |= IP_VS_SVC_F_SCHED2;
  if (block["flag-3"]?.value) flags |= IP_VS_SVC_F_SCHED3;
  for (const { keyword, bit, owner } of NAMED_FLAGS) {
    const entry = block[keyword];
    if (!entry?.value) continue;
    if (scheduler === owner) flags |= bit;
    else reportForeignFlag(entry, owner, scheduler, findings);
  }
  if (block.hashed?.value && scheduler !== "sh" && scheduler !== "mh")
    reportForeignFlag(block.hashed, "sh", scheduler, findings);
  if (block.ops?.value) {
    if (protocol === "UDP" || marksOnly) flags |= IP_VS_SVC_F_ONEPACKET;
    else
      findings.add("error", block.ops.statement.words[0].span, {
        code: "without-effect",
        message: `ops needs protocol UDP (${protocol} is set): it is ignored`,
      });
  }
  return flags;
}

function reportForeignFlag(entry: Entry<unknown>, owner: string, scheduler: string, findings: Findings): void {
  const keyword = entry.statement.words[0];
  findings.add("error", keyword.span, {
    code: "without-effect",
    message: `${keyword.text} belongs to the scheduler ${owner} (${scheduler} is set): it is ignored`,
    hint: `write lvs_sched ${owner}, or take ${keyword.text} out`,
  });
}

/** Port 0 means every port, which the kernel has for persistent services only. */
function persistenceOf(
  bound: BoundVirtualServer,
  services: readonly ServiceAddress[],
  family: Family,
  findings: Findings,
): VirtualServer["persistence"] {
  const { persistence_timeout: timeout, persistence_granularity: granularity } = bound.block;
  if (!timeout && !granularity) {
    if (!services.some((service) => service.kind === "address" && service.port === 0)) return undefined;
    if (!bound.attempted.has("persistence_timeout"))
      findings.add("warning", wordSpan(bound), {
        code: "port-needs-persistence",
        message: `port 0 needs persistence: persistence_timeout ${PERSISTENCE_DEFAULT_S} is taken`,
        hint: "name the port, or write persistence_timeout",
      });
    return { timeoutS: PERSISTENCE_DEFAULT_S };
  }
  const timeoutS = timeout?.value ?? PERSISTENCE_DEFAULT_S;
  if (!granularity) return { timeoutS };
  const dotted = granularity.value.includes(".");
  const word = granularity.statement.words[1] ?? granularity.statement.words[0];
  if (family === 4 && !dotted) {
    const length = Number(granularity.value);
    if (length > 32) {
      const mask = `0.0.0.${length}`;
      findings.add("warning", word.span, {
        code: "odd-mask",
        message: `an IPv4 prefix has at most 32 bits (${length}): the mask ${mask} is taken, as by keepalived`,
        hint: "write a mask such as 255.255.255.0",
      });
      return { timeoutS, granularity: mask };
    }
    const mask = maskOf(length);
    if (length === 0) return { timeoutS, granularity: mask };
    findings.add("warning", word.span, {
      code: "intention-wins",
      message: `${length} is taken as the mask ${mask}; keepalived would make 0.0.0.${length} of it`,
      hint: `write ${mask} to say the same to both`,
    });
    return { timeoutS, granularity: mask };
  }
  if (family === 6 && dotted) {
    findings.add("error", word.span, {
      code: "bad-value",
      message: `an IPv6 service takes a prefix length, no mask (${granularity.value})`,
      hint: "expected an integer from 1 to 128",
    });
    return { timeoutS };
  }
  return { timeoutS, granularity: granularity.value };
}

function maskOf(length: number): string {
  const bits = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
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
      findings.add("warning", wordSpan(block.quorum), {
        code: "quorum-too-high",
        message: `quorum ${quorum} is more than all real servers together weigh (${total}): ${total} is taken`,
      });
    quorum = total;
  }
  // keepalived says that it makes the quorum 0, and then no weight is enough for it.
  if (complete && total === 0 && servers.length > 0)
    findings.add("warning", block.quorum ? wordSpan(block.quorum) : bound.statement.first.span, {
      code: "quorum-too-high",
      message: "all real servers have weight 0: none of them gets connections until its weight changes",
    });
  let hysteresis = block.hysteresis?.value ?? VIRTUAL_SERVER.hysteresis.initial;
  if (block.hysteresis && hysteresis >= quorum) {
    if (!attempted.has("quorum") && !attempted.has("hysteresis") && !unsure)
      findings.add("error", wordSpan(block.hysteresis), {
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

function sorryServerOf(bound: BoundVirtualServer, inherited: Inherited, findings: Findings): SorryServer | undefined {
  const { sorry_server: sorry, sorry_server_inhibit: inhibit, sorry_server_lvs_method: method } = bound.block;
  if (!sorry) return undefined;
  const target: Endpoint = sorry.value;
  const forwarding = method?.value ?? inherited.forwarding;
  if (forwarding.method !== "TUN" && familyOf(target.ip) !== inherited.family) {
    findings.add("error", wordSpan(sorry), {
      code: "mixed-families",
      message: `sorry_server ${target.ip} is IPv${familyOf(target.ip)} behind an IPv${inherited.family} virtual server: it is left out`,
      hint: "only lvs_method TUN carries one family to the other",
    });
    return undefined;
  }
  const span = (sorry.statement.words[2] ?? sorry.statement.words[0]).span;
  const unsure = bound.attempted.has("sorry_server_lvs_method");
  return {
    ip: target.ip,
    port: serverPort(
      bound,
      { port: target.port, span, forwarding, unsure, leftFor: "is ignored" },
      inherited,
      findings,
    ),
    weight: 1,
    forwarding,
    inhibit: inhibit?.value ?? false,
    origin: sorry.statement.origin,
  };
}

// --- real servers

function toRealServers(bound: BoundVirtualServer, inherited: Inherited, findings: Findings): readonly RealServer[] {
  const servers: RealServer[] = [];
  const seen = new Map<string, BoundRealServer>();
  for (const entry of bound.block.real_server ?? []) {
    const shared = sharedByRange(bound, entry, inherited, findings);
    if (isForeign(entry, shared.forwarding, inherited.family, findings)) continue;
    if (shared.checkPort === 0) reportPortless(entry, findings);
    const others = servers.length;
    let double: Double | undefined;
    for (const ip of entry.value.ips) {
      const id = formatEndpoint(ip, shared.port);
      const before = seen.get(id);
      if (before) double ??= { id, before };
      else {
        seen.set(id, entry);
        servers.push(toRealServer(id, ip, entry, shared, inherited));
      }
    }
    if (double) reportDoubles(entry, double, entry.value.ips.length - (servers.length - others), findings);
  }
  return servers;
}

/** A server that is there already, and where. */
interface Double {
  readonly id: string;
  readonly before: BoundRealServer;
}

/** One finding for a block, however many servers of its range are there already. */
function reportDoubles(entry: BoundRealServer, { id, before }: Double, count: number, findings: Findings): void {
  const what = count === 1 ? id : `${id} (and ${count - 1} more of the range)`;
  findings.add("error", wordSpan(entry), {
    code: "duplicate-real-server",
    message: `real_server ${what} stands here a second time: it is left out`,
    related: [{ span: wordSpan(before), message: "defined here first" }],
  });
}

/** Only a tunnel carries packets of one family to a server of the other. */
function isForeign(entry: BoundRealServer, forwarding: Forwarding, family: Family, findings: Findings): boolean {
  const ip = entry.value.ips[0];
  if (forwarding.method === "TUN" || ip === undefined || familyOf(ip) === family) return false;
  findings.add("error", wordSpan(entry), {
    code: "mixed-families",
    message: `real_server ${ip} is IPv${familyOf(ip)} behind an IPv${family} virtual server: it is left out`,
    hint: "only lvs_method TUN carries one family to the other",
  });
  return true;
}

/** Port 0 is for a mark or for all ports of an address; who checks such a server has to say where. keepalived says nothing. */
function reportPortless({ block }: BoundRealServer, findings: Findings): void {
  const { TCP_CHECK = [], HTTP_GET = [], SSL_GET = [], DNS_CHECK = [], UDP_CHECK = [] } = block;
  for (const check of [...TCP_CHECK, ...HTTP_GET, ...SSL_GET, ...DNS_CHECK, ...UDP_CHECK]) {
    if (check.block.connect_port || check.attempted.has("connect_port")) continue;
    const keyword = check.statement.words[0];
    findings.add("warning", keyword.span, {
      code: "check-without-port",
      message: `${keyword.text} has no port to connect to: the server will always be down`,
      hint: "write connect_port",
    });
  }
}

/** What the servers of a range share, as far as it takes looking at more than a keyword. */
interface SharedByRange extends Pick<RealServer, "port" | "forwarding" | "lowerThreshold" | "origin"> {
  readonly checkPort: number;
}

function sharedByRange(
  bound: BoundVirtualServer,
  entry: BoundRealServer,
  inherited: Inherited,
  findings: Findings,
): SharedByRange {
  const forwarding = entry.block.lvs_method?.value ?? inherited.forwarding;
  const span = (entry.statement.word(2) ?? entry.statement.first).span;
  const unsure = entry.attempted.has("lvs_method");
  // keepalived: port 0 is the port of the service, as if it were left out.
  const given = bound.value.kind === "address" ? entry.value.port || undefined : entry.value.port;
  const ported = { port: given, span, forwarding, unsure, leftFor: "is for the checks only" };
  const port = serverPort(bound, ported, inherited, findings);
  return {
    port,
    // keepalived: a port that the service's replaces, or that a mark clears, is replaced for the kernel only.
    checkPort: entry.value.port || port,
    forwarding,
    lowerThreshold: lowerThresholdOf(entry, findings),
    origin: entry.statement.origin,
  };
}

function toRealServer(
  id: string,
  ip: IpText,
  entry: BoundRealServer,
  shared: SharedByRange,
  inherited: Inherited,
): RealServer {
  const { block } = entry;
  // Written out, for a hundred thousand servers: spreading takes several times as long.
  const server: RealServer = {
    id,
    ip,
    port: shared.port,
    weight: block.weight?.value ?? inherited.block.weight?.value ?? VIRTUAL_SERVER.weight.initial,
    forwarding: shared.forwarding,
    upperThreshold: block.uthreshold?.value ?? REAL_SERVER.uthreshold.initial,
    lowerThreshold: shared.lowerThreshold,
    inhibitOnFailure: block.inhibit_on_failure?.value ?? inherited.block.inhibit_on_failure?.value ?? false,
    smtpAlert: block.smtp_alert?.value ?? inherited.defaults.smtpAlert ?? true,
    origin: shared.origin,
    checks: toChecks(entry, ip, shared.checkPort, inherited),
  };
  if (!block.notify_up && !block.notify_down && !block.snmp_name) return server;
  return {
    ...server,
    ...(block.notify_up && { notifyUp: block.notify_up.value }),
    ...(block.notify_down && { notifyDown: block.notify_down.value }),
    ...(block.snmp_name && { snmpName: block.snmp_name.value }),
  };
}

/** A real or sorry server as far as its port goes. */
interface Ported {
  readonly port: number | undefined;
  /** The word of the port, or what stands in its place. */
  readonly span: Span;
  readonly forwarding: Forwarding;
  /** Its method has a mistake, which has a finding of its own. */
  readonly unsure: boolean;
  /** What a port is good for that the kernel can't have. */
  readonly leftFor: string;
}

/** The port of the service when none is given; DR and TUN leave the packet's port alone, so another one can't be. */
function serverPort(bound: BoundVirtualServer, server: Ported, inherited: Inherited, findings: Findings): number {
  const { port, span } = server;
  const { method } = server.forwarding;
  if (bound.value.kind === "fwmark") {
    if (method === "NAT") return port ?? 0;
    // keepalived: `-t` exits 5, and a run goes on. Files of old have it, and the packets go where they should.
    if (port !== undefined && port !== 0)
      findings.add("warning", span, {
        code: "port-reset",
        message: `${method} leaves the port of marked packets as it is: ${port} ${server.leftFor}`,
      });
    return 0;
  }
  // keepalived: port 0 is none.
  if (port === undefined || (port === 0 && bound.value.kind === "address")) return inherited.port;
  if (method === "NAT" || bound.value.kind === "group" || port === inherited.port) return port;
  // A service whose port was left out has its own finding.
  if (!server.unsure && !bound.attempted.has("lvs_method") && inherited.port !== 0)
    findings.add("warning", span, {
      code: "port-reset",
      message: `${method} can't change the port: ${port} becomes ${inherited.port}, the port of the virtual server`,
      hint: "leave the port out, or use lvs_method NAT",
    });
  return inherited.port;
}

/** The kernel refuses a lower threshold above the upper one; keepalived does not notice (language.md §16.9). */
function lowerThresholdOf(entry: BoundRealServer, findings: Findings): number {
  const lower = entry.block.lthreshold?.value ?? REAL_SERVER.lthreshold.initial;
  const upper = entry.block.uthreshold?.value ?? REAL_SERVER.uthreshold.initial;
  if (lower <= upper || upper === 0 || !entry.block.lthreshold) return lower;
  findings.add("warning", wordSpan(entry.block.lthreshold), {
    code: "threshold-order",
    message: `lthreshold ${lower} is above uthreshold ${upper}, which the kernel refuses: ${upper} is taken`,
    hint: "lthreshold is where connections resume: set it below uthreshold",
  });
  return upper;
}

/** Where the value of a scalar stands. */
export function wordSpan(entry: Entry<unknown>): Span {
  return (entry.statement.words[1] ?? entry.statement.words[0]).span;
}
