// Dump core: health checks in keepalived's shape.
import { unreachable } from "../base/never.ts";
import type { CheckEndpoint, CheckTiming, HttpCheck, HttpUrl, UdpCheck } from "../config/model/check.ts";
import type { CheckShown } from "./services-source.ts";
import { type AccountOf, commandText, onOff, sixDigits, stampAtEnd, wholeSeconds, yesNo } from "./words.ts";

export interface CheckPlace {
  readonly service: string;
  readonly server: string;
  readonly isEnabled: boolean;
  readonly accountOf: AccountOf;
}

export function* checkLines(shown: CheckShown, place: CheckPlace): Generator<string> {
  const { check } = shown;
  yield ` ${place.service} -> ${place.server}`;
  yield `   Enabled = ${yesNo(place.isEnabled)}`;
  yield `   Up = ${yesNo(shown.isUp)}`;
  yield `   Has run = ${yesNo(shown.hasRun)}`;
  yield `   Current weight = ${shown.weight}`;
  if (check.kind === "BFD_CHECK") {
    yield `   Alpha = ${yesNo(check.timing.alpha)}`;
    yield* UNTIMED;
  } else if (check.kind !== "FILE_CHECK") yield* timingLines(shown);
  const isTimed = check.kind !== "BFD_CHECK" && check.kind !== "FILE_CHECK";
  yield `   Log all failures = ${yesNo(isTimed && check.timing.logAllFailures)}`;
  yield* methodLines(shown, place.accountOf);
}

/** Where neither checker, real nor virtual server say anything (checkers.md §1). */
const RETRY_PAUSE_MS: Readonly<Record<string, number>> = { HTTP_GET: 3000, SSL_GET: 3000, DNS_CHECK: 0 };
const USUAL_PAUSE_MS = 1000;

/** keepalived: what nobody has set. */
const UNTIMED = [
  "   Delay loop = 18446744073709551615 us",
  "   Warmup = 18446744073709551615 us",
  "   Retries = 4294967295",
  "   Delay before retry = 18446744073709551615 us",
  "   Retries iterations = 4294967295",
  "   Default delay before retry = 1000000 us",
];

function* timingLines({ check, hasRun, failures }: CheckShown): Generator<string> {
  const { alpha, delayLoopMs, warmupMs, retry, delayBeforeRetryMs }: CheckTiming = check.timing;
  yield `   Alpha = ${yesNo(alpha)}`;
  yield `   Delay loop = ${micros(delayLoopMs)} us`;
  yield `   Warmup = ${micros(warmupMs)} us`;
  yield `   Retries = ${retry}`;
  if (retry > 0) {
    yield `   Delay before retry = ${micros(delayBeforeRetryMs)} us`;
    // keepalived: one that has not run is as near to its end as can be.
    yield `   Retries iterations = ${hasRun ? Math.min(failures, retry) : retry}`;
  }
  const usual = RETRY_PAUSE_MS[check.kind] ?? USUAL_PAUSE_MS;
  yield `   Default delay before retry = ${micros(usual)} us`;
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}

function* methodLines(shown: CheckShown, accountOf: AccountOf): Generator<string> {
  const { check } = shown;
  switch (check.kind) {
    case "TCP_CHECK":
    case "PING_CHECK":
      yield* connectionLines(check.endpoint);
      yield `   Keepalive method = ${check.kind}`;
      return;
    case "HTTP_GET":
    case "SSL_GET":
      yield* connectionLines(check.endpoint);
      yield* httpLines(check);
      return;
    case "SMTP_CHECK":
      for (const host of check.hosts.slice(0, 1)) yield* connectionLines(host);
      yield "   Keepalive method = SMTP_CHECK";
      yield `   helo = ${check.heloName}`;
      return;
    case "MISC_CHECK":
      yield "   Keepalive method = MISC_CHECK";
      yield `   script = ${commandText(check.command)}`;
      yield `   timeout = ${wholeSeconds(check.timeoutMs)}`;
      yield `   dynamic = ${check.dynamic ? "YES" : "NO"}`;
      yield `   uid:gid = ${accountOf(check.command)}`;
      yield `   Last ran = ${stampAtEnd(shown.ranAtMs)}`;
      yield `   Last status = ${shown.lastStatus}`;
      return;
    case "DNS_CHECK":
      yield* connectionLines(check.endpoint);
      yield "   Keepalive method = DNS_CHECK";
      yield `   Type = ${check.type}`;
      yield `   Name = ${check.name}`;
      return;
    case "UDP_CHECK":
      yield* connectionLines(check.endpoint);
      yield* udpLines(check);
      return;
    case "FILE_CHECK":
      yield "   Keepalive method = FILE_CHECK";
      yield `     Tracked file = ${check.file}`;
      yield "     Reloaded = No";
      return;
    case "BFD_CHECK":
      yield "   Keepalive method = BFD_CHECK";
      yield `   Name = ${check.instance}`;
      yield `   Alpha is ${onOff(check.timing.alpha)}`;
      return;
    default:
      unreachable(check);
  }
}

function* connectionLines(endpoint: CheckEndpoint): Generator<string> {
  const { ip, port, bindIp, bindPort, bindInterface, fwmark, connectTimeoutMs } = endpoint;
  yield "   Connection";
  yield `     Dest = [${ip}]:${port}`;
  if (bindIp !== undefined || bindPort !== undefined)
    yield `     Bind to = [${bindIp ?? (ip.includes(":") ? "::" : "0.0.0.0")}]:${bindPort ?? 0}`;
  if (bindInterface !== undefined) yield `     Bind i/f = ${bindInterface}`;
  if (fwmark !== 0) yield `     Mark = ${fwmark}`;
  yield `     Timeout = ${sixDigits(connectTimeoutMs / 1000)}`;
}

function* httpLines(check: HttpCheck): Generator<string> {
  yield `   Keepalive method = ${check.kind}, http protocol ${check.httpProtocol}`;
  if (check.ownVirtualHost !== undefined) yield `   Virtualhost = ${check.ownVirtualHost}`;
  yield `   Enable SNI ${check.enableSni ? "" : "un"}set`;
  yield `   Fast recovery ${check.fastRecovery ? "" : "un"}set`;
  for (const url of check.urls) yield* urlLines(url);
}

function* urlLines({ path, digest, statusCodes, ownVirtualHost, regex }: HttpUrl): Generator<string> {
  yield `   Checked url = ${path}`;
  if (digest !== undefined) yield `     digest = ${digest}`;
  yield "     HTTP Status Code(s)";
  // keepalived: a page that is judged by its digest alone has none.
  for (const [low, high] of merged(statusCodes)) yield low === high ? `       ${low}` : `       ${low}-${high}`;
  if (ownVirtualHost !== undefined) yield `     Virtual host = ${ownVirtualHost}`;
  if (!regex) return;
  yield `     Regex = "${regex.pattern}"`;
  if (regex.noMatch) yield "     Regex no match";
  const { minOffset, maxOffset, options, stackBytes } = regex;
  if (maxOffset !== undefined) yield `     Regex min offset = ${minOffset}, max_offset = ${maxOffset}`;
  else if (minOffset) yield `     Regex min offset = ${minOffset}`;
  yield `     Regex options:${options.map((option) => ` ${option}`).join("")}`;
  yield "     Regex ref count = 1";
  if (stackBytes) yield `     Regex stack start ${stackBytes[0]}, max ${stackBytes[1]}`;
}

/** Ranges in order, those that touch as one. */
function merged(ranges: HttpUrl["statusCodes"]): HttpUrl["statusCodes"] {
  const out: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else out.push([low, high]);
  }
  return out;
}

function* udpLines(check: UdpCheck): Generator<string> {
  const { payload, requireReply, replyPattern, minReplyLength, maxReplyLength } = check;
  yield "   Keepalive method = UDP_CHECK";
  yield payload === undefined ? "   Payload specified = no" : `   Payload len = ${payload.length / 2}`;
  yield `   Require reply = ${yesNo(requireReply)}`;
  if (!requireReply) return;
  yield `     Min reply length = ${minReplyLength}`;
  yield `     Max reply length = ${maxReplyLength}`;
  yield `     Reply data len = ${(replyPattern?.length ?? 0) / 2}`;
  if (replyPattern !== undefined) yield `     Reply data mask = ${yesNo(/x/i.test(replyPattern))}`;
}
