// Dump core: keepalived_check.data, the dump of the health checks, in keepalived's shape.
import type { SslClient } from "../config/model/check.ts";
import type {
  CheckDefaults,
  Forwarding,
  RealServer,
  ServiceGroup,
  SorryServer,
  VirtualServer,
} from "../config/model/lvs.ts";
import { checkLines } from "./checks.ts";
import { globalLines } from "./global.ts";
import type { ServerShown, ServiceShown, ServicesSource } from "./services-source.ts";
import { type AccountOf, commandText, onOff, sixDigits, text, title, yesNo } from "./words.ts";

const IP_VS_SVC_F_HASHED = 0x2;
const IP_VS_SVC_F_ONEPACKET = 0x4;
const IP_VS_SVC_F_SCHED1 = 0x8;
const IP_VS_SVC_F_SCHED2 = 0x10;
const IP_VS_SVC_F_SCHED3 = 0x20;

const CONNECT_TIMEOUT_MS = 5000;
const DELAY_LOOP_MS = 60_000;

export function servicesDump(source: ServicesSource): Iterable<string> {
  return text(servicesLines(source));
}

function* servicesLines(source: ServicesSource): Generator<string> {
  const { config, accountOf, services } = source;
  yield* globalLines("checker", config, accountOf);
  yield* sslLines(source);
  if (services.length > 0) {
    yield title("LVS Topology");
    yield " System is compiled with LVS v1.2.1";
    for (const group of config.serviceGroups ?? []) yield* groupLines(group, services);
    for (const shown of services) yield* serviceLines(shown, accountOf);
  }
  const checked = services.flatMap((service) =>
    service.servers.flatMap((server) => server.checks.map((check) => ({ service, server, check }))),
  );
  if (checked.length > 0) yield title("Health checkers");
  // keepalived: files come into its list when the others are in it.
  const [others, files] = [false, true].map((isFile) =>
    checked.filter(({ check }) => (check.check.kind === "FILE_CHECK") === isFile),
  );
  for (const { service, server, check } of [...(others ?? []), ...(files ?? [])])
    yield* checkLines(check, {
      service: serviceText(service.virtualServer),
      server: serverText(server.realServer, service.virtualServer),
      isEnabled: !service.isSuspended,
      accountOf,
    });
  yield* fileLines(source);
  yield* sessionLines(source);
}

function* sslLines({ config, services }: ServicesSource): Generator<string> {
  const isAsked = services.some(({ servers }) =>
    servers.some(({ checks }) => checks.some(({ check }) => check.kind === "SSL_GET")),
  );
  const { ssl } = config;
  if (!ssl && !isAsked) return;
  yield title("SSL definitions");
  const said = ssl ? [...keyLines(ssl)] : [];
  yield* said.length > 0 ? said : [" Using autogen SSL context"];
}

function* keyLines({ password, ca, certificate, key }: SslClient): Generator<string> {
  if (password !== undefined) yield " Password : ********";
  if (ca !== undefined) yield ` CA-file : ${ca}`;
  if (certificate !== undefined) yield ` Certificate file : ${certificate}`;
  if (key !== undefined) yield ` Key file : ${key}`;
}

// --- names

/** `[192.0.2.1]:tcp:80`, `[GROUP]:0`, `FWM 5`. */
function serviceText({ name, services, protocol }: VirtualServer): string {
  if (name.kind === "group") return `[${name.text}]:0`;
  const [only] = services;
  if (only?.kind === "address") return `[${only.ip}]:${protocol.toLowerCase()}:${only.port}`;
  return `FWM ${name.text}`;
}

function serverText({ ip, port }: Pick<RealServer, "ip" | "port">, service: VirtualServer): string {
  return `[${ip}]:${isMarked(service) ? "none" : service.protocol.toLowerCase()}:${port}`;
}

function isMarked({ services }: VirtualServer): boolean {
  return services.every(({ kind }) => kind === "fwmark");
}

// --- groups

function* groupLines({ name, entries }: ServiceGroup, services: readonly ServiceShown[]): Generator<string> {
  const users = services.filter(({ virtualServer: { name: own } }) => own.kind === "group" && own.text === name);
  const has = (isSix: boolean) => entries.some((one) => one.kind === "address" && one.first.includes(":") === isSix);
  yield " ------< Virtual server group >------";
  yield ` Virtual Server Group = ${name}, IPv4 = ${yesNo(has(false))}, IPv6 = ${yesNo(has(true))}`;
  const alive = (is: (server: VirtualServer) => boolean) => {
    const meant = users.filter(({ virtualServer }) => is(virtualServer));
    return meant.flatMap(({ servers }) => servers).filter(({ isHealthy }) => isHealthy).length;
  };
  const byProtocol = (protocol: string) => alive((server) => server.protocol === protocol);
  for (const entry of entries) {
    if (entry.kind !== "address") continue;
    const { first, last, port } = entry;
    yield first === last ? `   VIP = ${first}, VPORT = ${port}` : `   VIP Range = ${first}-${last}, VPORT = ${port}`;
    yield `     Alive: ${byProtocol("TCP")} tcp, ${byProtocol("UDP")} udp, ${byProtocol("SCTP")} sctp`;
    yield "     reloaded = False";
  }
  for (const entry of entries) {
    if (entry.kind !== "fwmark") continue;
    const { mark, family } = entry;
    const byFamily = (own: 4 | 6) => alive((server) => (family ?? server.family) === own);
    yield `   FWMARK = ${mark}${family === undefined ? "" : ` IPv${family}`}`;
    yield `     Alive: ${byFamily(4)} IPv4, ${byFamily(6)} IPv6`;
    yield "     reloaded = False";
  }
}

// --- services

function* serviceLines({ virtualServer, isUp, servers }: ServiceShown, accountOf: AccountOf): Generator<string> {
  const { name, virtualHost, snmpName, said = {}, sorryServer } = virtualServer;
  yield " ------< Virtual server >------";
  if (name.kind === "group") yield ` VS GROUP = ${serviceText(virtualServer)}`;
  else if (name.kind === "fwmark") yield ` VS FWMARK = ${name.text}`;
  else {
    const [only] = virtualServer.services;
    if (only?.kind === "address") yield ` VS VIP = ${only.ip}, VPORT = ${only.port}`;
  }
  if (virtualHost !== undefined) yield `   VirtualHost = ${virtualHost}`;
  if (snmpName !== undefined) yield `   SNMP name = '${snmpName}'`;
  yield `   Address family = inet${virtualServer.family === 6 ? "6" : ""}`;
  yield `   connection timeout = ${seconds(said.connectTimeoutMs ?? CONNECT_TIMEOUT_MS)}`;
  yield `   delay_loop = ${seconds(said.delayLoopMs ?? DELAY_LOOP_MS)}`;
  yield* schedulerLines(virtualServer);
  yield `   alpha is ${onOff(virtualServer.alpha)}`;
  yield `   omega is ${onOff(virtualServer.omega)}`;
  yield* timingLines(said);
  yield `   Inhibit on failure is ${onOff(said.inhibitOnFailure ?? false)}`;
  yield `   quorum = ${virtualServer.quorum}, hysteresis = ${virtualServer.hysteresis}`;
  const { quorumUp, quorumDown } = virtualServer;
  if (quorumUp) yield `   Quorum up notify script = ${commandText(quorumUp)}, uid:gid ${accountOf(quorumUp)}`;
  if (quorumDown) yield `   Quorum down notify script = ${commandText(quorumDown)}, uid:gid ${accountOf(quorumDown)}`;
  if (virtualServer.haSuspend) yield "   Using HA suspend";
  yield `   Using smtp notification = ${yesNo(virtualServer.smtpAlert)}`;
  yield forwardingLine("default ", virtualServer.forwarding ?? { method: "NAT" });
  if (sorryServer) yield* sorryLines(sorryServer, virtualServer);
  yield `   alive = ${servers.length > 0 ? 1 : 0}`;
  yield `   quorum_state_up = ${isUp ? 1 : 0}`;
  yield "   reloaded = 0";
  for (const server of servers) yield* serverLines(server, virtualServer, accountOf);
}

function seconds(ms: number): string {
  return sixDigits(ms / 1000);
}

function* schedulerLines(virtualServer: VirtualServer): Generator<string> {
  const { scheduler, flags, persistence, protocol } = virtualServer;
  const able = (bit: number) => (flags & bit ? "en" : "dis");
  yield `   lvs_sched = ${scheduler}`;
  yield `   Hashed = ${able(IP_VS_SVC_F_HASHED)}abled`;
  if (scheduler === "sh" || scheduler === "mh") {
    yield `   ${scheduler}-port = ${able(IP_VS_SVC_F_SCHED2)}abled`;
    yield `   ${scheduler}-fallback = ${able(IP_VS_SVC_F_SCHED1)}abled`;
  } else {
    yield `   flag-1 = ${able(IP_VS_SVC_F_SCHED1)}abled`;
    yield `   flag-2 = ${able(IP_VS_SVC_F_SCHED2)}abled`;
    yield `   flag-3 = ${able(IP_VS_SVC_F_SCHED3)}abled`;
  }
  const isOne = (flags & IP_VS_SVC_F_ONEPACKET) !== 0;
  const isIdle = isOne && (protocol !== "UDP" || isMarked(virtualServer));
  yield `   One packet scheduling = ${able(IP_VS_SVC_F_ONEPACKET)}abled${isIdle ? " (inactive due to not UDP)" : ""}`;
  if (persistence?.timeoutS) yield `   persistence timeout = ${persistence.timeoutS}`;
  if (persistence?.granularity !== undefined) yield `   persistence granularity = ${persistence.granularity}`;
  yield `   protocol = ${isMarked(virtualServer) ? "none" : protocol}`;
}

function* timingLines({ retry, delayBeforeRetryMs, warmupMs }: CheckDefaults): Generator<string> {
  if (retry !== undefined) yield `   Retry count = ${retry}`;
  if (delayBeforeRetryMs !== undefined) yield `   Retry delay = ${seconds(delayBeforeRetryMs)}`;
  if (warmupMs !== undefined) yield `   Warmup = ${seconds(warmupMs)}`;
}

const CHECKSUMS = { nocsum: ", no checksum", csum: ", checksum", remcsum: ", remote checksum" } as const;

/** keepalived: with GUE and GRE the words in front are missing. */
function forwardingLine(before: string, { method, tunnel }: Forwarding): string {
  const how = "forwarding method = ";
  if (method !== "TUN") return `   ${before}${how}${method}`;
  if (!tunnel || tunnel.type === "ipip") return `   ${before}${how}TUN, type = IPIP`;
  const checksum = CHECKSUMS[tunnel.checksum ?? "nocsum"];
  if (tunnel.type === "gue") return `   ${how}TUN, type = GUE, port = ${tunnel.port ?? 0}${checksum}`;
  return `   ${how}TUN, type = GRE${checksum}`;
}

function* sorryLines(sorry: SorryServer, service: VirtualServer): Generator<string> {
  const isDouble = service.realServers.some(({ ip, port }) => ip === sorry.ip && port === sorry.port);
  yield `   sorry server ${isDouble ? "(duplicates rs) " : ""}= ${serverText(sorry, service)}`;
  yield forwardingLine("  ", sorry.forwarding);
  yield `     Inhibit on failure is ${onOff(sorry.inhibit)}`;
}

function* serverLines(shown: ServerShown, service: VirtualServer, accountOf: AccountOf): Generator<string> {
  const { realServer, weight, isHealthy } = shown;
  const { notifyUp, notifyDown, snmpName } = realServer;
  const said = { ...service.said, ...realServer.said };
  yield "   ------< Real server >------";
  yield `   RIP = ${realServer.ip}, RPORT = ${realServer.port}, WEIGHT = ${weight} EFF WEIGHT = ${weight}`;
  yield forwardingLine("", realServer.forwarding);
  yield `   Alpha is ${onOff(realServer.said?.alpha ?? service.alpha)}`;
  yield `   connection timeout = ${seconds(said.connectTimeoutMs ?? CONNECT_TIMEOUT_MS)}`;
  yield `   connection limit range = ${realServer.lowerThreshold} -> ${realServer.upperThreshold}`;
  yield `   Delay loop = ${seconds(said.delayLoopMs ?? DELAY_LOOP_MS)}`;
  yield* timingLines(said);
  yield `   Inhibit on failure is ${onOff(realServer.inhibitOnFailure)}`;
  if (notifyUp) yield `     RS up notify script = ${commandText(notifyUp)}, uid:gid ${accountOf(notifyUp)}`;
  if (notifyDown) yield `     RS down notify script = ${commandText(notifyDown)}, uid:gid ${accountOf(notifyDown)}`;
  if (realServer.said?.virtualHost !== undefined) yield `    VirtualHost = '${realServer.said.virtualHost}'`;
  if (snmpName !== undefined) yield `   SNMP name = ${snmpName}`;
  yield `   Using smtp notification = ${yesNo(realServer.smtpAlert)}`;
  yield `   initial weight = ${realServer.weight}`;
  yield `   effective weight = ${weight}`;
  yield "   previous effective_weight = 0";
  yield `   alive = ${isHealthy ? 1 : 0}`;
  yield `   num failed checkers = ${shown.checks.filter(({ isUp }) => !isUp).length}`;
  yield `   RS set = ${shown.isSet ? 1 : 0}`;
  yield "   reloaded = 0";
  yield* trackedLines(shown);
}

function* trackedLines({ checks }: ServerShown): Generator<string> {
  const files = checks.flatMap(({ check }) => (check.kind === "FILE_CHECK" ? [check] : []));
  if (files.length > 0) yield "   Tracked Files";
  for (const { file, weight, reverse } of files) yield `     ${file}, weight ${weight}${reverse ? " reverse" : ""}`;
  const sessions = checks.flatMap(({ check }) => (check.kind === "BFD_CHECK" ? [check.instance] : []));
  if (sessions.length > 0) yield "   Tracked BFDs";
  for (const name of sessions) yield `     ${name}`;
}

// --- what is tracked

function* fileLines({ config, services }: ServicesSource): Generator<string> {
  const users = usersOf(services, (check) => (check.kind === "FILE_CHECK" ? check.file : undefined));
  const files = config.vrrp.files.filter(({ name }) => users.has(name));
  if (files.length > 0) yield title("Checker track files");
  for (const { name, path, weight, reverse } of files) {
    yield ` Track file = ${name}`;
    yield `   File = ${path}`;
    yield `   Status = ${users.get(name)?.[0]?.fileValue ?? 0}`;
    yield `   Weight = ${weight}${reverse ? " reverse" : ""}`;
    yield "   Tracking instances :";
    for (const { service, server, check } of users.get(name) ?? []) {
      const own = check.kind === "FILE_CHECK" ? `${check.weight}${check.reverse ? " reverse" : ""}` : "0";
      yield `     ${serviceText(service)} -> ${serverText(server, service)}, weight ${own}`;
    }
  }
}

function* sessionLines({ services }: ServicesSource): Generator<string> {
  const users = usersOf(services, (check) => (check.kind === "BFD_CHECK" ? check.instance : undefined));
  if (users.size > 0) yield title("Checker track BFDs");
  for (const [name, servers] of users) {
    yield ` Checker Track BFD = ${name}`;
    yield "   Tracking RS :";
    for (const { service, server } of servers) yield `   ${serverText(server, service)}`;
  }
}

interface User {
  readonly service: VirtualServer;
  readonly server: RealServer;
  readonly check: RealServer["checks"][number];
  readonly fileValue: number;
}

function usersOf(
  services: readonly ServiceShown[],
  nameOf: (check: User["check"]) => string | undefined,
): ReadonlyMap<string, readonly User[]> {
  const users = new Map<string, User[]>();
  for (const { virtualServer: service, servers } of services)
    for (const { realServer: server, checks } of servers)
      for (const { check, fileValue } of checks) {
        const name = nameOf(check);
        if (name === undefined) continue;
        const known = users.get(name);
        if (known) known.push({ service, server, check, fileValue });
        else users.set(name, [{ service, server, check, fileValue }]);
      }
  return users;
}
