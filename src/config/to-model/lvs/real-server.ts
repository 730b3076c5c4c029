// Config core: the real servers of a virtual server, and the sorry server that stands in for them.
import { type Family, familyOf, formatEndpoint, type IpText } from "../../../base/ip.ts";
import type { Findings } from "../../findings/findings.ts";
import { REAL_SERVER } from "../../keywords/lvs/real-server.ts";
import type { Endpoint } from "../../keywords/lvs/server-names.ts";
import { VIRTUAL_SERVER } from "../../keywords/lvs/virtual-server.ts";
import type { CheckDefaults, Forwarding, RealServer, SorryServer } from "../../model/lvs.ts";
import type { Span } from "../../text/span.ts";
import { type Statement, valueSpan } from "../../text/tree.ts";
import type { BoundRealServer, BoundVirtualServer, Inherited } from "./bound.ts";
import { toChecks } from "./checks.ts";

export function sorryServerOf(
  bound: BoundVirtualServer,
  inherited: Inherited,
  findings: Findings,
): SorryServer | undefined {
  const { sorry_server: sorry, sorry_server_inhibit: inhibit, sorry_server_lvs_method: method } = bound.block;
  if (!sorry) return undefined;
  const target: Endpoint = sorry.value;
  const forwarding = method?.value ?? inherited.forwarding;
  if (forwarding.method !== "TUN" && familyOf(target.ip) !== inherited.family) {
    findings.add("error", valueSpan(sorry.statement), {
      code: "mixed-families",
      message: `sorry_server ${target.ip} is IPv${familyOf(target.ip)} behind an IPv${inherited.family} virtual server: it is left out`,
      hint: "only lvs_method TUN carries one family to the other",
    });
    return undefined;
  }
  const unsure = bound.attempted.has("sorry_server_lvs_method");
  return {
    ip: target.ip,
    port: serverPort(
      bound,
      { port: target.port, statement: sorry.statement, forwarding, unsure, leftFor: "is ignored" },
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

export function toRealServers(
  bound: BoundVirtualServer,
  inherited: Inherited,
  findings: Findings,
): readonly RealServer[] {
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
  findings.add("error", valueSpan(entry.statement), {
    code: "duplicate-real-server",
    message: `real_server ${what} stands here a second time: it is left out`,
    related: [{ span: valueSpan(before.statement), message: "defined here first" }],
  });
}

/** Only a tunnel carries packets of one family to a server of the other. */
function isForeign(entry: BoundRealServer, forwarding: Forwarding, family: Family, findings: Findings): boolean {
  const ip = entry.value.ips[0];
  if (forwarding.method === "TUN" || ip === undefined || familyOf(ip) === family) return false;
  findings.add("error", valueSpan(entry.statement), {
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
  const unsure = entry.attempted.has("lvs_method");
  const ported = {
    port: entry.value.port,
    statement: entry.statement,
    forwarding,
    unsure,
    leftFor: "is for the checks only",
  };
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
  const said = saidOf(block);
  if (!block.notify_up && !block.notify_down && !block.snmp_name && !said) return server;
  return {
    ...server,
    ...(said && { said }),
    ...(block.notify_up && { notifyUp: block.notify_up.value }),
    ...(block.notify_down && { notifyDown: block.notify_down.value }),
    ...(block.snmp_name && { snmpName: block.snmp_name.value }),
  };
}

/** What checks may take from it; undefined where it says nothing, as most do. */
export function saidOf(block: Pick<BoundRealServer["block"], SaidWord>): CheckDefaults | undefined {
  const { connect_timeout, delay_loop, retry, delay_before_retry, warmup, alpha, inhibit_on_failure } = block;
  const any = connect_timeout ?? delay_loop ?? retry ?? delay_before_retry ?? warmup ?? alpha ?? inhibit_on_failure;
  if (!any && !block.virtualhost) return undefined;
  return {
    ...(connect_timeout && { connectTimeoutMs: connect_timeout.value }),
    ...(delay_loop && { delayLoopMs: delay_loop.value }),
    ...(retry && { retry: retry.value }),
    ...(delay_before_retry && { delayBeforeRetryMs: delay_before_retry.value }),
    ...(warmup && { warmupMs: warmup.value }),
    ...(alpha && { alpha: alpha.value }),
    ...(inhibit_on_failure && { inhibitOnFailure: inhibit_on_failure.value }),
    ...(block.virtualhost && { virtualHost: block.virtualhost.value }),
  };
}

type SaidWord =
  | "connect_timeout"
  | "delay_loop"
  | "retry"
  | "delay_before_retry"
  | "warmup"
  | "alpha"
  | "inhibit_on_failure"
  | "virtualhost";

/** A real or sorry server as far as its port goes. */
interface Ported {
  readonly port: number | undefined;
  readonly statement: Statement;
  readonly forwarding: Forwarding;
  /** Its method has a mistake, which has a finding of its own. */
  readonly unsure: boolean;
  /** What a port is good for that the kernel can't have. */
  readonly leftFor: string;
}

/** The port of the service when none is given; DR and TUN leave the packet's port alone, so another one can't be. */
function serverPort(bound: BoundVirtualServer, server: Ported, inherited: Inherited, findings: Findings): number {
  const { port } = server;
  const { method } = server.forwarding;
  if (bound.value.kind === "fwmark") {
    if (method === "NAT") return port ?? 0;
    // keepalived: `-t` exits 5, and a run goes on. Files of old have it, and the packets go where they should.
    if (port !== undefined && port !== 0)
      findings.add("warning", portSpan(server), {
        code: "port-reset",
        message: `${method} leaves the port of marked packets as it is: ${port} ${server.leftFor}`,
      });
    return 0;
  }
  // keepalived: port 0 is the port of the service, as if it were left out.
  if (port === undefined || (port === 0 && bound.value.kind === "address")) return inherited.port;
  if (method === "NAT" || bound.value.kind === "group" || port === inherited.port) return port;
  // A service whose port was left out has its own finding.
  if (!server.unsure && !bound.attempted.has("lvs_method") && inherited.port !== 0)
    findings.add("warning", portSpan(server), {
      code: "port-reset",
      message: `${method} can't change the port: ${port} becomes ${inherited.port}, the port of the virtual server`,
      hint: "leave the port out, or use lvs_method NAT",
      about: { kind: "lacks", keywords: ["lvs_method"] },
    });
  return inherited.port;
}

/** The word of the port, or what stands in its place. */
function portSpan({ statement }: Ported): Span {
  return (statement.word(2) ?? statement.first).span;
}

/** The kernel refuses a lower threshold above the upper one; keepalived does not notice (language.md §16.9). */
function lowerThresholdOf(entry: BoundRealServer, findings: Findings): number {
  const lower = entry.block.lthreshold?.value ?? REAL_SERVER.lthreshold.initial;
  const upper = entry.block.uthreshold?.value ?? REAL_SERVER.uthreshold.initial;
  if (lower <= upper || upper === 0 || !entry.block.lthreshold) return lower;
  findings.add("warning", valueSpan(entry.block.lthreshold.statement), {
    code: "threshold-order",
    message: `lthreshold ${lower} is above uthreshold ${upper}, which the kernel refuses: ${upper} is taken`,
    hint: "lthreshold is where connections resume: set it below uthreshold",
  });
  return upper;
}
