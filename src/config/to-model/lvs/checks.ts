// Config core: from bound checker blocks to the model. Every check ends up with all its settings resolved
// (checkers.md §1): checker → real server → virtual server → default.
import { familyOf, formatEndpoint, type IpText } from "../../../base/ip.ts";
import type { BlockEntry, Bound, Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import {
  type BFD_CHECK,
  DNS_CHECK,
  type FILE_CHECK,
  HTTP_GET,
  HTTP_URL,
  MISC_CHECK,
  type PING_CHECK,
  SMTP_CHECK,
  type SMTP_HOST,
  SSL_GET,
  type SSL_URL,
  TCP_CHECK,
  UDP_CHECK,
} from "../../keywords/lvs/checkers.ts";
import { VIRTUAL_SERVER } from "../../keywords/lvs/virtual-server.ts";
import type { Check, CheckEndpoint, CheckKind, CheckTiming, HttpCheck, HttpUrl } from "../../model/check.ts";
import type { BoundRealServer, Inherited } from "./bound.ts";

/** What one real server hands down to its checks. */
interface Parent {
  readonly server: BoundRealServer["block"];
  readonly inherited: Inherited;
  readonly ip: IpText;
  readonly port: number;
}

/** Retries and pause where neither checker, real server nor virtual server say anything (checkers.md §1). */
interface KindDefaults {
  readonly retry: number;
  readonly delayBeforeRetryMs: number | "delay_loop";
}

const USUAL: KindDefaults = { retry: 1, delayBeforeRetryMs: 1000 };
const HTTP: KindDefaults = { retry: 1, delayBeforeRetryMs: 3000 };
const MISC: KindDefaults = { retry: 0, delayBeforeRetryMs: 1000 };
const DNS: KindDefaults = { retry: 3, delayBeforeRetryMs: "delay_loop" };

/** All checks of one real server in the order of the file. */
export function toChecks(entry: BoundRealServer, ip: IpText, port: number, inherited: Inherited): readonly Check[] {
  const { block } = entry;
  const parent: Parent = { server: block, inherited, ip, port };
  const found: Found = { checks: [], orders: [] };
  // Most real servers have one or two kinds; asking each kind by its own line keeps the types exact.
  if (block.TCP_CHECK) addAll(found, "TCP_CHECK", block.TCP_CHECK, tcpCheck, parent);
  if (block.HTTP_GET) addAll(found, "HTTP_GET", block.HTTP_GET, httpGet, parent);
  if (block.SSL_GET) addAll(found, "SSL_GET", block.SSL_GET, sslGet, parent);
  if (block.SMTP_CHECK) addAll(found, "SMTP_CHECK", block.SMTP_CHECK, smtpCheck, parent);
  if (block.MISC_CHECK) addAll(found, "MISC_CHECK", block.MISC_CHECK, miscCheck, parent);
  if (block.DNS_CHECK) addAll(found, "DNS_CHECK", block.DNS_CHECK, dnsCheck, parent);
  if (block.UDP_CHECK) addAll(found, "UDP_CHECK", block.UDP_CHECK, udpCheck, parent);
  if (block.PING_CHECK) addAll(found, "PING_CHECK", block.PING_CHECK, pingCheck, parent);
  if (block.FILE_CHECK) addAll(found, "FILE_CHECK", block.FILE_CHECK, fileCheck, parent);
  if (block.BFD_CHECK) addAll(found, "BFD_CHECK", block.BFD_CHECK, bfdCheck, parent);
  return found.checks.length < 2 ? found.checks : inOrder(found);
}

/** Checks, and for each the order of its statement in the file. */
interface Found {
  readonly checks: Check[];
  readonly orders: number[];
}

function inOrder({ checks, orders }: Found): readonly Check[] {
  const indices = [...checks.keys()].sort((a, b) => (orders[a] ?? 0) - (orders[b] ?? 0));
  return indices.flatMap((index) => checks[index] ?? []);
}

/** Adds the checks of one kind as `HTTP_GET`, `HTTP_GET#2` …: stable over reloads as long as their order is. */
function addAll<E extends { readonly order: number }>(
  found: Found,
  kind: CheckKind,
  entries: readonly E[],
  make: (entry: E, parent: Parent, id: string) => Check | undefined,
  parent: Parent,
): void {
  let count = 0;
  for (const entry of entries) {
    const check = make(entry, parent, ++count === 1 ? kind : `${kind}#${count}`);
    if (!check) continue;
    found.checks.push(check);
    found.orders.push(entry.order);
  }
}

// --- one function per kind

function tcpCheck(entry: BlockEntry<true, typeof TCP_CHECK>, parent: Parent, id: string): Check {
  return {
    id,
    kind: "TCP_CHECK",
    endpoint: endpointOf(entry.block, parent),
    timing: timingOf(NO_TIMING, entry.block, parent, USUAL),
    origin: entry.statement.origin,
  };
}

function pingCheck(entry: BlockEntry<true, typeof PING_CHECK>, parent: Parent, id: string): Check {
  return { id, kind: "PING_CHECK", endpoint: endpointOf(entry.block, parent), ...common(entry, parent, USUAL) };
}

function httpGet(entry: BlockEntry<true, typeof HTTP_GET>, parent: Parent, id: string): HttpCheck | undefined {
  return httpCheck("HTTP_GET", entry, entry.block.url ?? [], parent, id);
}

function sslGet(entry: BlockEntry<true, typeof SSL_GET>, parent: Parent, id: string): HttpCheck | undefined {
  const check = httpCheck("SSL_GET", entry, entry.block.url ?? [], parent, id);
  if (!check) return undefined;
  const compliant = entry.block.tls_compliant?.value ?? SSL_GET.tls_compliant.initial;
  const urls = check.urls.map((url, i) => {
    const own = entry.block.url?.[i]?.block.tls_compliant?.value;
    return own === undefined ? url : { ...url, tlsCompliant: own };
  });
  return { ...check, tlsCompliant: compliant, urls };
}

type BoundUrl = BlockEntry<true, typeof HTTP_URL> | BlockEntry<true, typeof SSL_URL>;

/** A checker without a usable url would be up for ever: it is left out, and semantics.ts says so. */
function httpCheck(
  kind: "HTTP_GET" | "SSL_GET",
  entry: BlockEntry<true, Omit<typeof HTTP_GET, "url">>,
  urls: readonly BoundUrl[],
  parent: Parent,
  id: string,
): HttpCheck | undefined {
  const { block } = entry;
  const endpoint = endpointOf(block, parent);
  const virtualHost =
    block.virtualhost?.value ?? parent.server.virtualhost?.value ?? parent.inherited.block.virtualhost?.value;
  const usable = urls.flatMap((url) => httpUrl(url, virtualHost, endpoint));
  if (usable.length === 0) return undefined;
  const sni = block.sni_name?.value;
  const protocol = block.http_protocol?.value ?? HTTP_GET.http_protocol.initial;
  return {
    id,
    kind,
    endpoint,
    httpProtocol: protocol === "1.0c" ? "1.0C" : protocol,
    enableSni: sni !== undefined || (block.enable_sni?.value ?? HTTP_GET.enable_sni.initial),
    ...(typeof sni === "string" && { sniName: sni }),
    tlsCompliant: SSL_GET.tls_compliant.initial,
    fastRecovery: block.fast_recovery?.value ?? HTTP_GET.fast_recovery.initial,
    ...(block.virtualhost && { ownVirtualHost: block.virtualhost.value }),
    urls: usable,
    ...common(entry, parent, HTTP),
  };
}

const DEFAULT_STATUS: readonly (readonly [number, number])[] = [[200, 299]];

function httpUrl(entry: BoundUrl, inheritedHost: string | undefined, endpoint: CheckEndpoint): readonly HttpUrl[] {
  const { block } = entry;
  if (!block.path) return [];
  const virtualHost = block.virtualhost?.value ?? inheritedHost;
  const codes = block.status_code?.flatMap((codesOf) => codesOf.value);
  const regex = regexOf(block);
  return [
    {
      path: block.path.value,
      host: virtualHost ?? formatEndpoint(endpoint.ip, endpoint.port),
      ...(virtualHost !== undefined && { virtualHost }),
      ...(block.virtualhost && { ownVirtualHost: block.virtualhost.value }),
      ...(block.digest && { digest: block.digest.value }),
      statusCodes: codes ?? DEFAULT_STATUS,
      ...(regex && { regex }),
    },
  ];
}

function regexOf(block: Bound<typeof HTTP_URL>): HttpUrl["regex"] {
  if (!block.regex) return undefined;
  return {
    pattern: block.regex.value,
    options: block.regex_options?.flatMap((entry) => entry.value) ?? [],
    noMatch: block.regex_no_match?.value ?? HTTP_URL.regex_no_match.initial,
    minOffset: block.regex_min_offset?.value ?? HTTP_URL.regex_min_offset.initial,
    ...(block.regex_max_offset && { maxOffset: block.regex_max_offset.value }),
    ...(block.regex_stack && { stackBytes: block.regex_stack.value }),
  };
}

function smtpCheck(entry: BlockEntry<true, typeof SMTP_CHECK>, parent: Parent, id: string): Check {
  const { block } = entry;
  const own = endpointOf(block, parent);
  const hosts = (block.host ?? []).map((host) => endpointOf(host.block, parent, own.connectTimeoutMs));
  // keepalived: what a host block says about timing sets the enclosing checker.
  const lastHost = block.host?.at(-1)?.block;
  return {
    id,
    kind: "SMTP_CHECK",
    heloName: block.helo_name?.value ?? SMTP_CHECK.helo_name.initial,
    hosts: hosts.length > 0 ? hosts : [own],
    ...common(entry, parent, USUAL, lastHost),
  };
}

function miscCheck(entry: BlockEntry<true, typeof MISC_CHECK>, parent: Parent, id: string): Check | undefined {
  const { block } = entry;
  if (!block.misc_path) return undefined;
  const delayLoopMs = parent.inherited.block.delay_loop?.value ?? VIRTUAL_SERVER.delay_loop.initial;
  return {
    id,
    kind: "MISC_CHECK",
    command: { ...block.misc_path.value, ...block.user?.value },
    timeoutMs: block.misc_timeout?.value || delayLoopMs,
    dynamic: block.misc_dynamic?.value ?? MISC_CHECK.misc_dynamic.initial,
    ...common(entry, parent, MISC),
  };
}

function dnsCheck(entry: BlockEntry<true, typeof DNS_CHECK>, parent: Parent, id: string): Check {
  const { block } = entry;
  return {
    id,
    kind: "DNS_CHECK",
    endpoint: endpointOf(block, parent),
    type: block.type?.value ?? DNS_CHECK.type.initial,
    name: block.name?.value ?? ".",
    ...common(entry, parent, DNS),
  };
}

function udpCheck(entry: BlockEntry<true, typeof UDP_CHECK>, parent: Parent, id: string): Check {
  const { block } = entry;
  const pattern = block.require_reply?.value;
  return {
    id,
    kind: "UDP_CHECK",
    endpoint: endpointOf(block, parent),
    ...(block.payload && { payload: block.payload.value }),
    requireReply: pattern !== undefined,
    ...(pattern !== undefined && pattern !== "" && { replyPattern: pattern }),
    minReplyLength: block.min_reply_length?.value ?? UDP_CHECK.min_reply_length.initial,
    maxReplyLength: block.max_reply_length?.value ?? UDP_CHECK.max_reply_length.initial,
    ...common(entry, parent, USUAL),
  };
}

function fileCheck(entry: BlockEntry<true, typeof FILE_CHECK>, parent: Parent, id: string): Check | undefined {
  const file = entry.block.track_file?.value;
  const definition = file === undefined ? undefined : parent.inherited.trackFiles.get(file);
  if (file === undefined || !definition) return undefined;
  const own = entry.block.weight?.value;
  return {
    id,
    kind: "FILE_CHECK",
    file,
    weight: own?.weight ?? definition.weight,
    reverse: own?.reverse ?? definition.reverse,
    ...common(entry, parent, USUAL),
  };
}

function bfdCheck(entry: BlockEntry<true, typeof BFD_CHECK>, parent: Parent, id: string): Check | undefined {
  const instance = entry.block.name?.value;
  if (instance === undefined || !parent.inherited.sessions.has(instance)) return undefined;
  return { id, kind: "BFD_CHECK", instance, ...common(entry, parent, USUAL) };
}

// --- what all share

type Timing = Pick<
  Bound<typeof TCP_CHECK>,
  "delay_loop" | "retry" | "delay_before_retry" | "warmup" | "alpha" | "log_all_failures"
>;

const NO_TIMING: Timing = {};

function common(
  entry: BlockEntry<true, unknown> & { readonly block: Timing },
  parent: Parent,
  kind: KindDefaults,
  nearer?: Timing,
): { readonly timing: CheckTiming; readonly origin: Check["origin"] } {
  return {
    timing: timingOf(nearer ?? NO_TIMING, entry.block, parent, kind),
    origin: entry.statement.origin,
  };
}

function timingOf(nearer: Timing, own: Timing, parent: Parent, kind: KindDefaults): CheckTiming {
  if (nearer !== NO_TIMING || saysTiming(own) || saysTiming(parent.server)) return ownTiming(nearer, own, parent, kind);
  // A large file has ten thousands of checks that say nothing of it.
  const { timings } = parent.inherited;
  const known = timings.get(kind);
  if (known) return known;
  const shared = ownTiming(NO_TIMING, own, parent, kind);
  timings.set(kind, shared);
  return shared;
}

function saysTiming(block: Timing): boolean {
  const { delay_loop, retry, delay_before_retry, warmup, alpha, log_all_failures } = block;
  return (delay_loop ?? retry ?? delay_before_retry ?? warmup ?? alpha ?? log_all_failures) !== undefined;
}

function ownTiming(nearer: Timing, own: Timing, parent: Parent, kind: KindDefaults): CheckTiming {
  const { server, inherited } = parent;
  const service = inherited.block;
  const { delay_loop, retry, delay_before_retry: pauseBefore, warmup, alpha, log_all_failures } = nearer;
  const delayLoopMs =
    (delay_loop ?? own.delay_loop ?? server.delay_loop ?? service.delay_loop)?.value ??
    VIRTUAL_SERVER.delay_loop.initial;
  const pause = kind.delayBeforeRetryMs === "delay_loop" ? delayLoopMs : kind.delayBeforeRetryMs;
  return {
    delayLoopMs,
    retry: (retry ?? own.retry ?? server.retry ?? service.retry)?.value ?? kind.retry,
    delayBeforeRetryMs:
      (pauseBefore ?? own.delay_before_retry ?? server.delay_before_retry ?? service.delay_before_retry)?.value ??
      pause,
    warmupMs: (warmup ?? own.warmup ?? server.warmup ?? service.warmup)?.value ?? delayLoopMs,
    alpha: (alpha ?? own.alpha ?? server.alpha ?? service.alpha)?.value ?? false,
    logAllFailures: (log_all_failures ?? own.log_all_failures)?.value ?? inherited.defaults.logAllFailures,
  };
}

/** A source of the other family can't be bound: keepalived reports it and goes without. */
function sourceFor(target: IpText, entry: Entry<IpText>, findings: Findings): IpText | undefined {
  if (familyOf(entry.value) === familyOf(target)) return entry.value;
  findings.add("error", (entry.statement.words[1] ?? entry.statement.words[0]).span, {
    code: "mixed-families",
    message: `bindto ${entry.value} is of another family than ${target}: it is ignored`,
  });
  return undefined;
}

type EndpointKeywords = Pick<
  Bound<typeof SMTP_HOST>,
  "connect_ip" | "connect_port" | "bindto" | "bind_port" | "bind_if" | "connect_timeout" | "fwmark"
>;

function endpointOf(own: EndpointKeywords, parent: Parent, connectTimeoutMs?: number): CheckEndpoint {
  const { server, inherited } = parent;
  const endpoint: CheckEndpoint = {
    ip: own.connect_ip?.value ?? parent.ip,
    port: own.connect_port?.value ?? parent.port,
    fwmark: own.fwmark?.value ?? TCP_CHECK.fwmark.initial,
    connectTimeoutMs:
      own.connect_timeout?.value ??
      connectTimeoutMs ??
      server.connect_timeout?.value ??
      inherited.block.connect_timeout?.value ??
      VIRTUAL_SERVER.connect_timeout.initial,
  };
  if (!own.bindto && !own.bind_port && !own.bind_if) return endpoint;
  const bindIp = own.bindto && sourceFor(endpoint.ip, own.bindto, inherited.findings);
  return {
    ...endpoint,
    ...(bindIp !== undefined && { bindIp }),
    ...(own.bind_port && { bindPort: own.bind_port.value }),
    ...(own.bind_if && { bindInterface: own.bind_if.value }),
  };
}
